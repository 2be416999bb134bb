"""Shared state: how a write becomes a change, and how a change is made.

A change is as small as what was added, so that a growing history costs what it grows by. A value that is
kept beside the journal stays there when something is appended: `$cat` and `$merge` say 'that, and these'.
"""

from collections.abc import Callable, Mapping

from lrwf_cli.core.commands import StateWrite
from lrwf_cli.core.events import StateChange
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import StateEntry

__all__ = ["change_of", "changed", "extension", "is_kept_elsewhere"]


def is_kept_elsewhere(value: Json) -> bool:
    """Whether `value` stands for a large one (see `store.base`), in whole or in part."""
    return isinstance(value, dict) and ("$blob" in value or "$cat" in value or "$merge" in value)


def changed(old: Json, change: StateChange) -> Json:
    """Return the value after `change`. Never changes `old` in place: a handler may be reading it."""
    match change.op:
        case "set":
            return change.value
        case "append":
            return _concatenated(old, [change.value])
        case "extend":
            return _concatenated(old, change.value)
        case "merge":
            return _merged(old, change.value)
        case "add":
            return change.value if old is None else old + change.value
        case _:
            return None


def _concatenated(old: Json, more: list[Json]) -> Json:
    if not is_kept_elsewhere(old):
        return [*(old or ()), *more]
    if "$cat" in old:
        base, tail = old["$cat"]
        return {"$cat": [base, [*tail, *more]]}
    return {"$cat": [old, more]}


def _merged(old: Json, more: Mapping[str, Json]) -> Json:
    if not is_kept_elsewhere(old):
        return {**(old or {}), **more}
    if "$merge" in old:
        base, over = old["$merge"]
        return {"$merge": [base, {**over, **more}]}
    return {"$merge": [old, more]}


def extension(old: Json, new: Json) -> StateChange | None:
    """Return the change that turns `old` into `new` by adding only, or `None`. The key is left empty."""
    if type(old) is not type(new) or not old:
        return None
    if isinstance(old, list) and len(new) > len(old) and new[: len(old)] == old:
        return StateChange(key="", op="extend", value=new[len(old) :])
    if _is_plain_dict(old) and _is_plain_dict(new) and len(new) >= len(old):
        return _dict_extension(old, new)
    return None


def _is_plain_dict(value: Json) -> bool:
    """Whether `value` is an encoded dict and not a tagged value of another type."""
    return isinstance(value, dict) and not any(key.startswith("$") for key in value)


def _dict_extension(old: dict[str, Json], new: dict[str, Json]) -> StateChange | None:
    if list(new)[: len(old)] != list(old):
        return None
    more = {key: value for key, value in new.items() if key not in old or not _same(old[key], value)}
    return StateChange(key="", op="merge", value=more) if len(more) * 2 <= len(new) else None


def _same(old: Json, new: Json) -> bool:
    """Whether two encoded values are the same; 1, 1.0 and True are three values."""
    if type(old) is not type(new):
        return False
    if isinstance(old, list):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, dict):
        return list(old) == list(new) and all(_same(old[key], new[key]) for key in old)
    return bool(old == new)


def change_of(entry: StateEntry | None, write: StateWrite, resolve: Callable[[Json], Json]) -> StateChange | None:
    """Return the change that `write` makes to `entry`, as small as it can be; `None` if it makes none.

    Raises TypeError if the value cannot be appended to, added to or merged with.
    """
    if write.op == "set":
        return _set_change(entry, write)
    if write.op == "delete":
        return StateChange(key=write.key, op="delete") if entry else None
    old = resolve(entry.value) if entry else None
    if old is not None and not _fits(write.op, old, write.value):
        raise TypeError(f"cannot {write.op} a {type(write.value).__name__} to the state `{write.key}`: {old!r:.60}")
    return StateChange(key=write.key, op=write.op, value=write.value)


def _fits(op: str, old: Json, value: Json) -> bool:
    if op == "append":
        return isinstance(old, list)
    if op == "merge":
        return _is_plain_dict(old) and _is_plain_dict(value)
    return all(isinstance(each, int | float) and not isinstance(each, bool) for each in (old, value))


def _set_change(entry: StateEntry | None, write: StateWrite) -> StateChange | None:
    version = entry.version if entry else 0
    untouched = write.seen == version
    if untouched and entry is not None:
        if _same(write.base, write.value):
            return None
        if smaller := extension(write.base, write.value):
            return StateChange(key=write.key, op=smaller.op, value=smaller.value)
    conflict = write.seen is not None and not untouched
    return StateChange(key=write.key, value=write.value, conflict=conflict)
