"""What a call has changed of what it was given: found out when it is over, kept with its outcome, made so again.

Looked at are the arguments and, of a function of the flow, the names around it: into plain collections, and into values
that can be kept. What belongs to the process is left alone: `self` and what hangs on it, a client, a global. It lives
on there, or is made anew, and a call that submits is not made twice for its sake. Where other lanes have seen a change
before the call was over, they would not see it so again: such a call is entered anew.
"""

import gc
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from pathlib import PurePath
from types import CodeType, CoroutineType, FunctionType, MethodType
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.core.registry import ATOMS, KEEPABLE
from lrwf_cli.core.standard import STANDARD
from lrwf_cli.errors import NotEncodable
from lrwf_cli.executors.kept.codes import is_compiled, is_compiled_coroutine
from lrwf_cli.executors.kept.differences import CELL, OBJECT, Way, difference, patched, way_of_collection
from lrwf_cli.executors.kept.runtime import KEEP

__all__ = ["NotRestorable", "Reach"]

_MOST = 100_000
"""Things that can change, in what one call is given. Of more, those that are deeper inside are not looked at."""


class NotRestorable(NotEncodable):
    """What was given to a call has changed to what cannot be made so again."""


class Reach:
    """What a call is given that can change, as it is before the call. `Reach` made of the same again finds the same.

    Things are counted as they are found, those that come new in a difference after them: a number says which one of
    several differences, or of an outcome, is the same thing.
    """

    __slots__ = ("_codec", "_held", "_is_tree", "_numbers", "_states", "_things")

    def __init__(self, codec: Codec, values: Iterable[Any], cells: Iterable[Any] = ()) -> None:
        self._codec = codec
        self._things: list[tuple[Any, Way]] = []
        self._numbers: dict[int, int] = {}
        self._states: list[Any] = []
        self._is_tree = True  # until something is found a second time
        self._held: list[Any] = []  # else another object may get the identity of one that is gone
        for cell in cells:
            self._watch(cell, CELL)
        self._look_at(values)
        for thing, way in self._things:  # grows on the way
            state = way.read(thing)
            self._states.append(state)
            if not isinstance(state, set):
                self._look_at(state.values() if isinstance(state, dict) else state)

    @classmethod
    def of_call(cls, codec: Codec, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "Reach | None":
        """Return what a call can reach; `None` if that is nothing that changes.

        Of a foreign one these are the collections that it is given, and what is around coroutines and functions of the
        flow that it is given.
        """
        while isinstance(function, partial):
            function, args, kwargs = function.func, (*function.args, *args), {**function.keywords, **kwargs}
        given = [value for value in (*args, *kwargs.values()) if type(value) not in ATOMS]
        code = getattr(function, "__code__", None)
        if isinstance(code, CodeType) and is_compiled(code):
            values, cells = _not_of_the_process(function, given), _around(function)
        else:
            values, cells = [value for value in given if way_of_collection(type(value)) is not None], _around(function)
        for value in given:
            if is_compiled_coroutine(value):
                more, around = _reach_of(value)
                values += more
                cells += around
            else:
                cells += _around(value)
        return cls(codec, values, cells) if values or cells else None

    @classmethod
    def of_coroutine(cls, codec: Codec, coroutine: "CoroutineType[Any, Any, Any]") -> "Reach":
        """Return what a coroutine of the flow that has not begun can reach."""
        return cls(codec, *_reach_of(coroutine))

    def is_left_alone(self, value: Any) -> bool:
        """Whether nothing has changed, and `value`, which is returned, is none of what was given."""
        if id(value) in self._numbers:
            return False
        return not any(self._differences(lambda _: 0))

    def changes(self, value: Any) -> Json:
        """Return what has changed until `value` is returned, as JSON; `None`: nothing.

        Raises NotRestorable.
        """
        try:
            made = [[number, changed] for number, changed in self._differences(self._put)]
        except NotEncodable as problem:
            raise NotRestorable(problem.message, hint=problem.hint) from problem
        number = self._numbers.get(id(value))
        if number is not None:
            return {"made": made, "returns": number}
        return {"made": made} if made else None

    def make(self, changes: Json) -> None:
        """Change what was given as it was changed then, and give `returned` what it was. Raises NotDecodable."""
        for number, changed in changes["made"]:
            thing, way = self._things[number]
            way.write(thing, patched(self._states[number], changed, self._take))

    def returned(self, changes: Json) -> Any:
        """Return which of the things was returned, after `make`."""
        return self._things[changes["returns"]][0]

    def _differences(self, put: Any) -> Iterator[tuple[int, Json]]:
        for number, state in enumerate(self._states):
            thing, way = self._things[number]
            changed = difference(state, way.read(thing), put)
            if changed is not None:
                yield number, changed

    def _look_at(self, values: Iterable[Any]) -> None:
        for value in values:
            kind = type(value)
            if kind in ATOMS:
                continue
            way = _ways.get(kind) or _way_of(kind, self._codec)
            if way is _ITEMS:
                self._look_at(value)
            elif id(value) in self._numbers:
                self._is_tree = False
            elif way is not _NONE and len(self._things) < _MOST:
                self._watch(value, way)

    def _watch(self, thing: Any, way: Way) -> None:
        self._numbers[id(thing)] = len(self._things)
        self._things.append((thing, way))

    def _put(self, value: Any) -> Json:
        """Return a value in a difference as JSON: by its number if it is known, else as it is."""
        if type(value) in ATOMS:
            return value
        number = self._numbers.get(id(value))
        if number is not None:
            return {"same": number}
        encoded = self._codec.encode(value, "value")
        self._note(value)
        return {"new": encoded}

    def _take(self, kept: Json) -> Any:
        if not isinstance(kept, dict):
            return kept
        if "same" in kept:
            return self._things[kept["same"]][0]
        value = self._codec.decode(kept["new"])
        self._note(value)
        return value

    def _note(self, value: Any) -> None:
        """Count the things in a value that is new. On the way back it is made of what is kept, and has as many."""
        self._held.append(value)
        inside = Reach(self._codec, [value])
        if not inside._is_tree or inside._numbers.keys() & self._numbers.keys():
            raise NotEncodable("a part of it is elsewhere too", hint=KEEPABLE)
        for thing, way in inside._things:
            self._watch(thing, way)


def _reach_of(coroutine: "CoroutineType[Any, Any, Any]") -> tuple[list[Any], list[Any]]:
    """Return the values that a coroutine which has not begun was given, and the cells around its function."""
    code, known = coroutine.cr_code, coroutine.cr_frame.f_locals if coroutine.cr_frame is not None else {}
    around = (each for each in gc.get_referents(coroutine) if type(each) is FunctionType and each.__code__ is code)
    function = next(around, None)
    given = [known[name] for name in code.co_varnames if name in known and name != "self"]
    if function is None:
        return given, []
    return _not_of_the_process(function, given), _around(function)


def _around(function: Any) -> list[Any]:
    """Return the cells around a function; none if it is not the flow's, or no function."""
    plain = function.__func__ if isinstance(function, MethodType) else function
    is_ours = isinstance(plain, FunctionType) and KEEP in plain.__globals__
    return list(plain.__closure__ or ()) if is_ours else []


def _not_of_the_process(function: Any, given: list[Any]) -> list[Any]:
    """Return those arguments that are neither globals of the function nor attributes of the object that it is of."""
    itself = function.__self__ if isinstance(function, MethodType) else None
    known = {id(value) for value in function.__globals__.values()}
    known.update(map(id, getattr(itself, "__dict__", {}).values()))
    return [value for value in given if id(value) not in known]


_NONE, _ITEMS = (Way(list, lambda *_: None) for _ in range(2))
_ways: dict[type, Way] = {}
"""How to look into the objects of a class: `_NONE` is not at all, `_ITEMS` through them. As many as there are classes.

Nobody looks into sets and keys: they have no order that outlasts the process, and what is in them should not change.
"""


def _way_of(kind: type, codec: Codec) -> Way:
    way = _ITEMS if issubclass(kind, tuple) else way_of_collection(kind)
    if way is None:
        is_fixed = kind in ATOMS or kind in STANDARD or issubclass(kind, PurePath | Enum | frozenset)
        way = _NONE if is_fixed or not codec.knows(kind) else OBJECT
    _ways[kind] = way
    return way
