"""Whether a function of the flow has changed something that outlives it: an argument, an object, a name around it.

Such a function is not kept as a whole: when it is skipped on the way back, its list stays empty and its object stays as
it was. It is entered again instead, and reads what was kept inside. Looked at are its arguments and the names that it
takes from around it, one level into objects and a few into plain collections; of collections with more than a thousand
items only the ends and the length. What it changes by other ways (a global) is seen by nobody.
"""

import dis
from collections import deque
from collections.abc import Iterable, Mapping
from types import BuiltinFunctionType, CellType, CodeType, CoroutineType, FunctionType, MethodType, ModuleType
from typing import Any

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.registry import ATOMS

__all__ = ["Reach"]

_MOST, _ENDS, _DEEPEST = 1000, 32, 3
_COLLECTIONS = (list, dict, set, deque, bytearray)
_NEVER_CHANGED = (FunctionType, MethodType, BuiltinFunctionType, ModuleType, CoroutineType, type)

_binds: dict[int, bool] = {}
"""Whether a code gives a name around it another value, by the code's identity. They live as long as the process."""


class Reach:
    """What a function can reach, as it is before it begins."""

    __slots__ = ("_binds", "_held", "_marks")

    def __init__(self, values: Iterable[Any], code: CodeType | None = None) -> None:
        """Take the values that are reached, and the function's code if that is the flow's own."""
        self._binds = code is not None and bool(code.co_freevars) and _binds_outside(code)
        self._held: list[Any] = []
        self._marks = [(value, self._mark(value, 0)) for value in values if type(value) not in ATOMS]

    @classmethod
    def of_function(cls, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "Reach | None":
        """Return what a call of a function of the flow can reach; `None` if that is nothing that changes."""
        cells = getattr(function, "__closure__", None) or ()
        itself = getattr(function, "__self__", None)
        if itself is None and not cells and not kwargs and ATOMS.issuperset(map(type, args)):
            return None
        around = [cell.cell_contents for cell in cells if not _is_empty(cell)]
        return cls((itself, *args, *kwargs.values(), *around), function.__code__)

    @classmethod
    def of(cls, coroutine: "CoroutineType[Any, Any, Any]") -> "Reach":
        """Return what a coroutine that has not begun can reach."""
        values = coroutine.cr_frame.f_locals.values() if coroutine.cr_frame is not None else ()
        return cls(values, coroutine.cr_code)

    @classmethod
    def of_call(cls, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> "Reach | None":
        """Return the plain collections that a call is given; objects of somebody else may change as they like."""
        given = [each for each in (*args, *kwargs.values()) if isinstance(each, _COLLECTIONS)]
        return cls(given) if given else None

    def has_changed(self) -> bool:
        """Whether it is otherwise now."""
        return self._binds or any(self._mark(value, 0) != mark for value, mark in self._marks)

    def _mark(self, value: Any, depth: int) -> Any:
        """Return what is another when something in `value` has changed."""
        kind = type(value)
        if kind in ATOMS or kind is bytes:
            return value if kind is not str or len(value) < _MOST else id(value)
        if depth > _DEEPEST:
            return id(value)
        if isinstance(value, _COLLECTIONS):
            return self._mark_collection(value, depth)
        if kind is tuple:
            return [self._mark(item, depth + 1) for item in value[:_ENDS]]
        if depth or isinstance(value, _NEVER_CHANGED) or WorkflowContext in kind.__mro__:
            return id(value)
        attributes = list(_attributes(value))
        self._held.append(attributes)
        return [self._mark(each, 1) for each in attributes]

    def _mark_collection(self, value: Any, depth: int) -> Any:
        size = len(value)
        items = [*value, *value.values()] if isinstance(value, dict) else list(value)
        shown = items if size <= _MOST else _ends(items)
        self._held.append(shown)  # else another object may get the identity of one that is gone
        inner = [self._mark(item, depth + 1) for item in _ends(shown) if isinstance(item, (*_COLLECTIONS, tuple))]
        return [size, [*map(id, shown)], inner]


def _is_empty(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - asking is how one knows
    except ValueError:
        return True
    return False


def _ends(items: list[Any]) -> list[Any]:
    return items if len(items) <= 2 * _ENDS else items[:_ENDS] + items[-_ENDS:]


def _attributes(value: Any) -> Iterable[Any]:
    yield from (getattr(value, "__dict__", None) or {}).values()
    for cls in type(value).__mro__:
        slots = vars(cls).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__"):
                yield getattr(value, name, None)


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
