"""Whether a function of the flow has changed something that outlives it: an argument, an object, a name around it.

Such a function is not kept as a whole: when it is skipped on the way back, its list stays empty and its object stays as
it was. It is entered again instead, and reads what was kept inside. Looked at are its arguments and the names that it
takes from around it, a few levels into plain collections and into values that can be kept; of collections with more
than a thousand items only the ends and the length. What a service notes of itself (`self`, a client) is no reason: that
belongs to the process, and a call that submits is not made twice. A global that is changed is seen by nobody.
"""

import dis
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from pathlib import PurePath
from types import CellType, CodeType, CoroutineType
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.registry import ATOMS
from lrwf_cli.core.standard import STANDARD

__all__ = ["Reach"]

_MOST, _ENDS, _DEEPEST = 1000, 32, 4
_COLLECTIONS = (list, dict, set, deque, bytearray)

_binds: dict[int, bool] = {}
"""Whether a code gives a name around it another value, by the code's identity. They live as long as the process."""


class Reach:
    """What a function can reach, as it is before it begins."""

    __slots__ = ("_before", "_binds", "_codec", "_held", "_values")

    def __init__(self, codec: Codec, values: Iterable[Any], code: CodeType | None = None) -> None:
        """Take the values that are reached, and the function's code if that is the flow's own."""
        self._codec = codec
        self._binds = code is not None and bool(code.co_freevars) and _binds_outside(code)
        self._values = list(values)
        self._held: list[Any] = []  # else another object may get the identity of one that is gone
        self._before = self._marks()

    @classmethod
    def of_function(
        cls, codec: Codec, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> "Reach | None":
        """Return what a call of a function of the flow can reach; `None` if that is nothing that changes."""
        cells = function.__closure__
        if not cells and not kwargs and ATOMS.issuperset(map(type, args)):
            return None
        around = [cell.cell_contents for cell in cells if not _is_empty(cell)] if cells else ()
        return cls(codec, (*args, *kwargs.values(), *around), function.__code__)

    @classmethod
    def of(cls, codec: Codec, coroutine: "CoroutineType[Any, Any, Any]") -> "Reach":
        """Return what a coroutine that has not begun can reach."""
        values = coroutine.cr_frame.f_locals if coroutine.cr_frame is not None else {}
        return cls(codec, [value for name, value in values.items() if name != "self"], coroutine.cr_code)

    @classmethod
    def of_call(cls, codec: Codec, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "Reach | None":
        """Return the plain collections that a call of something foreign is given."""
        given = [each for each in (*args, *kwargs.values()) if isinstance(each, _COLLECTIONS)]
        return cls(codec, given) if given else None

    def has_changed(self) -> bool:
        """Whether it is otherwise now."""
        return self._binds or self._marks() != self._before

    def _marks(self) -> list[Any]:
        """Return what is another when something that is reached has changed: values, identities and lengths."""
        marks: list[Any] = []
        for value in self._values:
            if type(value) not in ATOMS:
                self._mark(value, marks, _DEEPEST)
        return marks

    def _mark(self, value: Any, marks: list[Any], depth: int) -> None:
        kind = type(value)
        look = _LOOKS.get(kind) or _look_into(kind, self._codec)
        if look is _nothing or not depth:
            marks.append(id(value))
            return
        inside = look(value)
        if len(inside) > 2 * _ENDS:
            marks.extend(map(id, inside))
            self._held.append(inside)
            inside = inside[:_ENDS] + inside[-_ENDS:]
        for each in inside:
            if type(each) in ATOMS:
                marks.append(each)
            else:
                self._held.append(each)
                self._mark(each, marks, depth - 1)


_Look = Callable[[Any], list[Any]]
"""Returns what is in a value: its size first, then all of it, or the ends of what is large."""


def _nothing(_: Any) -> list[Any]:
    return []


def _attributes(value: Any) -> list[Any]:
    return list(getattr(value, "__dict__", {}).values())


def _items(value: Any) -> list[Any]:
    size = len(value)
    if size <= _MOST:
        return [size, *value]
    back = () if isinstance(value, set) else islice(reversed(value), _ENDS)
    return [size, *islice(value, _ENDS), *back]


def _pairs(value: dict[Any, Any]) -> list[Any]:
    return [*_items(value), *(value.values() if len(value) <= _MOST else _items(value.values()))]


_LOOKS: dict[type, _Look] = {list: _items, tuple: _items, set: _items, deque: _items, bytearray: _items, dict: _pairs}
"""How to look into what may change. There are as many as there are classes."""


def _look_into(kind: type, codec: Codec) -> _Look:
    """Return how to look into the objects of a class: not at all, if it is somebody else's."""
    look: _Look = _nothing
    if issubclass(kind, dict):
        look = _pairs
    elif issubclass(kind, _COLLECTIONS):
        look = _items
    elif codec.knows(kind) and kind not in STANDARD and not issubclass(kind, PurePath):
        slots = _slots_of(kind)
        look = _attributes if not slots else (lambda value: _slotted(value, slots))
    _LOOKS[kind] = look
    return look


def _slots_of(kind: type) -> list[str]:
    found = [vars(cls).get("__slots__", ()) for cls in kind.__mro__]
    names = [name for each in found for name in ((each,) if isinstance(each, str) else each)]
    return [name for name in names if name not in ("__dict__", "__weakref__")]


def _slotted(value: Any, slots: list[str]) -> list[Any]:
    return [*_attributes(value), *(getattr(value, name, None) for name in slots)]


def _is_empty(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - asking is how one knows
    except ValueError:
        return True
    return False


def _binds_outside(code: CodeType) -> bool:
    known = _binds.get(id(code))
    if known is None:
        known = _binds[id(code)] = any(_bound_outside(code))
    return known


def _bound_outside(code: CodeType) -> Iterable[str]:
    """Yield the names around a function that it, or a function in it, gives another value."""
    free = frozenset(code.co_freevars)
    for each in dis.get_instructions(code):
        if each.opname in ("STORE_DEREF", "DELETE_DEREF") and each.argval in free:
            yield str(each.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from (name for name in _bound_outside(constant) if name in free)
