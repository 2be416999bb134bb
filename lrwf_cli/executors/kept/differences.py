"""What differs between two states of a thing that can change, and the later state from the earlier one. Pure.

Its state is a list, a dict or a set, and a copy: of its items, of its attributes, of what is in the cell. Things in it
are compared by identity, plain texts and numbers by value. A difference is as large as what has changed.
"""

from collections import deque
from collections.abc import Callable
from itertools import compress, count
from operator import is_not
from types import CellType
from typing import Any, NamedTuple

from lrwf_cli.core.model import Json
from lrwf_cli.core.registry import ATOMS

__all__ = ["CELL", "OBJECT", "Way", "difference", "patched", "way_of_collection"]

Put = Callable[[Any], Json]
"""How a value in a difference is written, and `Take`, how it is read. Both are called in the same order."""
Take = Callable[[Json], Any]


class Way(NamedTuple):
    """How the state of a thing is taken, and how the thing is given another one."""

    read: Callable[[Any], Any]
    write: Callable[[Any, Any], None]


def way_of_collection(kind: type) -> Way | None:
    """Return how the collections of a class are read and written; `None` if they are none that can change."""
    return next((way for base, way in _COLLECTIONS if issubclass(kind, base)), None)


def difference(old: Any, new: Any, put: Put) -> Json:
    """Return what makes `new` of `old`; `None` if they are the same."""
    if isinstance(old, list):
        return _of_lists(old, new, put)
    return _of_dicts(old, new, put) if isinstance(old, dict) else _of_sets(old, new, put)


def patched(old: Any, changed: Json, take: Take) -> Any:
    """Return what `old` has become."""
    if isinstance(old, list):
        start, gone, *come = changed
        return [*old[:start], *map(take, come), *old[start + gone :]]
    gone, come = ([take(each) for each in part] for part in changed)
    if isinstance(old, set):
        return (old - set(gone)) | set(come)
    away = set(gone)
    left = {key: value for key, value in old.items() if key not in away}
    return {**left, **dict(zip(come[::2], come[1::2], strict=True))}


def _of_lists(old: list[Any], new: list[Any], put: Put) -> Json:
    """Return where they begin to differ, how many items are gone there, and those that have come."""
    shorter = min(len(old), len(new))
    start = _alike(old, new, shorter)
    if start == len(old) == len(new):
        return None
    end = _alike(old[::-1], new[::-1], shorter - start)
    return [start, len(old) - end - start, *map(put, new[start : len(new) - end])]


def _alike(one: list[Any], other: list[Any], most: int) -> int:
    """Return how many of the first `most` items are the same."""
    for index in compress(count(), map(is_not, one, other)):  # at the speed of C: a long list is mostly as it was
        if index >= most or not _is_same(one[index], other[index]):
            return min(index, most)
    return most


def _of_dicts(old: dict[Any, Any], new: dict[Any, Any], put: Put) -> Json:
    """Return the keys that are gone, and those that have come or have another value, with that, in turn."""
    gone = [key for key in old if key not in new]
    come = {key: value for key, value in new.items() if key not in old or not _is_same(old[key], value)}
    if not gone and not come and list(old) == list(new):
        return None
    if [*(key for key in old if key in new), *(key for key in come if key not in old)] != list(new):
        gone, come = list(old), new  # a key has moved to the end: it was taken out in between
    return [[put(key) for key in gone], [put(each) for pair in come.items() for each in pair]]


def _of_sets(old: set[Any], new: set[Any], put: Put) -> Json:
    """Return what is gone, and what has come."""
    if old == new:
        return None
    return [[put(each) for each in old - new], [put(each) for each in new - old]]


def _is_same(one: Any, other: Any) -> bool:
    return one is other or (type(one) in ATOMS and type(one) is type(other) and one == other)


def _write_list(thing: Any, state: list[Any]) -> None:
    thing[:] = state


def _write_anew(thing: Any, state: Any) -> None:
    thing.clear()
    thing.update(state)


def _write_deque(thing: "deque[Any]", state: list[Any]) -> None:
    thing.clear()
    thing.extend(state)


_COLLECTIONS = (
    ((list, bytearray), Way(list, _write_list)),
    (dict, Way(dict, _write_anew)),
    (set, Way(set, _write_anew)),
    (deque, Way(list, _write_deque)),
)


def _attributes(thing: Any) -> dict[str, Any]:
    slots = [vars(cls).get("__slots__", ()) for cls in type(thing).__mro__]
    names = [name for each in slots for name in ((each,) if isinstance(each, str) else each)]
    found = {name: getattr(thing, name) for name in names if name != "__dict__" and hasattr(thing, name)}
    found.pop("__weakref__", None)
    return {**found, **getattr(thing, "__dict__", {})}


def _set(thing: Any, name: str, value: Any) -> None:
    try:
        object.__setattr__(thing, name, value)
    except TypeError:  # a class of C that sets its fields itself
        setattr(thing, name, value)


def _write_attributes(thing: Any, state: dict[str, Any]) -> None:
    """Set them past the author's `__setattr__`, as they were set once already."""
    now = _attributes(thing)
    for name in now.keys() - state.keys():
        object.__delattr__(thing, name)
    for name, value in state.items():
        if name not in now or now[name] is not value:
            _set(thing, name, value)


def _content(cell: CellType) -> list[Any]:
    try:
        return [cell.cell_contents]
    except ValueError:
        return []


def _write_cell(cell: CellType, state: list[Any]) -> None:
    if state:
        cell.cell_contents = state[0]
    else:
        del cell.cell_contents


OBJECT = Way(_attributes, _write_attributes)
CELL = Way(_content, _write_cell)
