"""What a call has changed of what it was given: found out when it is over, kept with its outcome, made so again.

Looked at are the arguments, the object that a method is of and, of a function of the flow, the names around it: into
plain collections, into values that can be kept, and into objects of the flow's own classes. What was there before the
handler began (see `before`) is left alone: the executor and what hangs on it, a global. It lives on, or is made anew,
and so is what cannot be kept of an object, as a client: a call that submits is not made twice for its sake. Where other
lanes have seen a change before the call was over, they would not see it so again: such a call is entered anew, and so
is one that has used a queue, an event or the like of its caller's.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import BuiltinMethodType, CellType, CodeType, CoroutineType, FunctionType, MethodType
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.core.registry import ATOMS, KEEPABLE
from lrwf_cli.errors import NotDecodable, NotEncodable
from lrwf_cli.executors.kept.before import Before
from lrwf_cli.executors.kept.codes import is_compiled, is_compiled_coroutine
from lrwf_cli.executors.kept.differences import CELL, Way, difference, patched, way_of_collection
from lrwf_cli.executors.kept.runtime import KEEP
from lrwf_cli.executors.kept.ways import ITEMS, NONE, PLAIN, is_tied, way_of

__all__ = ["NotRestorable", "Reach"]

IsBefore = Callable[[Any], bool] | None
"""Whether a thing was there before the handler began; `None`: nobody knows of any."""

_MOST = 100_000
"""Things that can change, in what one call is given. Of more, those that are deeper inside are not looked at."""


class NotRestorable(NotEncodable):
    """What was given to a call has changed to what cannot be made so again."""


class Reach:
    """What a call is given that can change, as it is before the call. `Reach` made of the same again finds the same.

    Things are counted as they are found, those that come new in a difference after them: a number says which one of
    several differences, or of an outcome, is the same thing.
    """

    __slots__ = ("_before", "_codec", "_given", "_held", "_is_tree", "_numbers", "_plain", "_states", "_things")

    def __init__(self, codec: Codec, values: Sequence[Any], cells: Sequence[Any] = (), before: IsBefore = None) -> None:
        self._codec = codec
        self._given = (values, cells)
        self._before = before
        self._plain: set[int] = set()  # the numbers of plain objects, and of what was found in them
        self._things: list[tuple[Any, Way]] = []
        self._numbers: dict[int, int] = {}
        self._states: list[Any] = []
        self._is_tree = True  # until something is found a second time
        self._held: list[Any] = []  # else another object may get the identity of one that is gone
        for cell in cells:
            self._watch(cell, CELL)
        self._look_at(values)
        for number, (thing, way) in enumerate(self._things):  # grows on the way
            state = way.read(thing)
            self._states.append(state)
            known = len(self._things)
            inside = state.values() if isinstance(state, dict) else state
            if not isinstance(state, set) and not ATOMS.issuperset(map(type, inside)):
                self._look_at(inside)
            if way is PLAIN or number in self._plain:
                self._plain.update((number, *range(known, len(self._things))))

    @classmethod
    def of_call(cls, before: Before, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "Reach | None":
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
            values, cells = (
                [value for value in given if _can_be_changed_outside(value, before.codec)],
                _around(function),
            )
        for value in given:
            if is_compiled_coroutine(value):
                more, around = _reach_of(value)
                values += more
                cells += around
            else:
                cells += _around(value)
        names = getattr(function, "__globals__", {})
        return cls(before.codec, values, cells, partial(before.has, names)) if values or cells else None

    @classmethod
    def of_coroutine(cls, before: Before, coroutine: "CoroutineType[Any, Any, Any]") -> "Reach":
        """Return what a coroutine of the flow that has not begun can reach."""
        names = coroutine.cr_frame.f_globals if coroutine.cr_frame is not None else {}
        return cls(before.codec, *_reach_of(coroutine), partial(before.has, names))

    def now(self) -> "Reach":
        """Return what can be reached by now: others have gone on since."""
        return Reach(self._codec, *self._given, self._before)

    def is_left_alone(self, value: Any) -> bool:
        """Whether nothing has changed, and `value`, which is returned, is none of what was given."""
        if id(value) in self._numbers:
            return False
        return not any(self._differences(lambda _: 0))

    def changes(self, value: Any, is_alone: Callable[[], bool] = lambda: True) -> Json:
        """Return what has changed until `value` is returned, as JSON; `None`: nothing.

        `is_alone`: nobody else can have seen it in between. Raises NotRestorable.
        """
        try:
            made = self._made(in_plain=False)
        except NotEncodable as problem:
            raise NotRestorable(problem.message, hint=problem.hint) from problem
        if made and not is_alone():
            raise NotRestorable("others have seen it in between")
        if self._plain and is_alone():
            made += self._made_in_plain()
        number = self._numbers.get(id(value))
        if number is not None and number not in self._plain and not self._was_before(value):
            return {"made": made, "returns": number}
        return {"made": made} if made else None

    def make(self, changes: Json) -> None:
        """Change what was given as it was changed then, and give `returned` what it was. Raises NotDecodable."""
        for number, changed in changes["made"]:
            if number >= len(self._things):
                raise NotDecodable("it has changed what it was given, and is given less now")
            thing, way = self._things[number]
            state = patched(self._states[number], changed, self._take)
            if not self._was_before(thing):
                way.write(thing, state)

    def returned(self, changes: Json) -> Any:
        """Return which of the things was returned, after `make`."""
        return self._things[changes["returns"]][0]

    def _differences(self, put: Any) -> Iterator[tuple[int, Json]]:
        for number, state in enumerate(self._states):
            thing, way = self._things[number]
            changed = difference(state, way.read(thing), put)
            if changed is not None and not self._was_before(thing):
                yield number, changed

    def _was_before(self, thing: Any) -> bool:
        return self._before is not None and self._before(thing)

    def _made(self, *, in_plain: bool) -> list[Json]:
        """Return the differences in plain objects, or in all else."""
        made: list[Json] = []
        for number, state in enumerate(self._states):
            thing, way = self._things[number]
            if (number in self._plain) is not in_plain or self._was_before(thing):
                continue
            changed = difference(state, way.read(thing), (lambda _: 0) if is_tied(way) else self._put)
            if changed is not None and is_tied(way):
                raise NotEncodable(f"a `{type(thing).__name__}` belongs to the process", hint=KEEPABLE)
            if changed is not None:
                made.append([number, changed])
        return made

    def _made_in_plain(self) -> list[Json]:
        """Return what has changed in plain objects, if all of it can be kept; else none of it."""
        known, numbers = len(self._things), dict(self._numbers)
        try:
            return self._made(in_plain=True)
        except NotEncodable:
            del self._things[known:]
            self._numbers = numbers
            return []

    def _look_at(self, values: Iterable[Any]) -> None:
        for value in values:
            kind = type(value)
            if kind in ATOMS:
                continue
            if kind in _CALLABLES:
                self._look_at(_inside(value))
                continue
            way = CELL if kind is CellType else way_of(kind, self._codec)
            if way is ITEMS:
                self._look_at(value)
            elif id(value) in self._numbers:
                self._is_tree = False
            elif way is not NONE and len(self._things) < _MOST:
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
    given = [known[name] for name in code.co_varnames if name in known]
    if function is None:
        return given, []
    return _not_of_the_process(function, given), _around(function)


def _can_be_changed_outside(value: Any, codec: Codec) -> bool:
    """Whether what is foreign changes a value, as far as we know: collections, queues and the like."""
    kind = type(value)
    return kind in _CALLABLES or way_of_collection(kind) is not None or is_tied(way_of(kind, codec))


def _inside(called: Any) -> list[Any]:
    """Return what a function, a method or a partial one has hold of."""
    if isinstance(called, partial):
        return [called.func, *called.args, *called.keywords.values()]
    return [*_around(called), *([] if isinstance(called, FunctionType) else [called.__self__])]


_CALLABLES = (FunctionType, MethodType, BuiltinMethodType, partial)


def _around(function: Any) -> list[Any]:
    """Return the cells around a function; none if it is not the flow's, or no function."""
    plain = function.__func__ if isinstance(function, MethodType) else function
    is_ours = isinstance(plain, FunctionType) and KEEP in plain.__globals__
    return list(plain.__closure__ or ()) if is_ours else []


def _not_of_the_process(function: Any, given: list[Any]) -> list[Any]:
    """Return what a function is given, its own object too, less its globals: these may be large."""
    known = {id(value) for value in function.__globals__.values()}
    itself = [function.__self__] if isinstance(function, MethodType) else []
    return [value for value in (*itself, *given) if id(value) not in known]
