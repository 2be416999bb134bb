"""Shared state: how a write becomes a change, and how a change is made.

A change is as small as what was added, so that a growing history costs what it grows by. A value that is
kept beside the journal, old or added, stays there: `$cat` and `$merge` say 'that, and that, and these'.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from math import isfinite
from typing import TypeGuard

from lrwf_cli.core.commands import StateWrite
from lrwf_cli.core.events import StateChange
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import StateEntry

__all__ = ["changed", "changes_of", "extension", "is_kept_elsewhere", "same"]


def is_kept_elsewhere(value: Json) -> TypeGuard[dict[str, Json]]:
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


def _parts(old: Json, more: Json, join: str) -> list[Json]:
    """Return what the new value is made of, with `more` last. Plain parts side by side are for the caller to unite."""
    before = old[join] if is_kept_elsewhere(old) and join in old else [old] if old else []
    return [*before, more]


def _concatenated(old: Json, more: Json) -> Json:
    *parts, last = _parts(old, more, "$cat")
    if parts and isinstance(parts[-1], list) and isinstance(last, list):
        last = [*parts.pop(), *last]
    return {"$cat": [*parts, last]} if parts else last


def _merged(old: Json, more: Json) -> Json:
    *parts, last = _parts(old, more, "$merge")
    if parts and not is_kept_elsewhere(parts[-1]) and not is_kept_elsewhere(last):
        last = {**parts.pop(), **last}
    return {"$merge": [*parts, last]} if parts else last


def extension(old: Json, new: Json) -> StateChange | None:
    """Return the change that turns `old` into `new` by adding only, or `None`. The key is left empty."""
    if type(old) is not type(new) or not old:
        return None
    if isinstance(old, list) and len(new) > len(old) and same(old, new[: len(old)]):
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
    more = {key: value for key, value in new.items() if key not in old or not same(old[key], value)}
    return StateChange(key="", op="merge", value=more) if len(more) * 2 <= len(new) else None


def same(old: Json, new: Json) -> bool:
    """Whether two encoded values are the same, to the order of keys; 1, 1.0 and True are three values."""
    if type(old) is not type(new):
        return False
    if isinstance(old, list):
        # what was not touched is the very same object: a long history is compared at each step
        return len(old) == len(new) and all(a is b or same(a, b) for a, b in zip(old, new, strict=True))
    if isinstance(old, dict):
        return list(old) == list(new) and all(same(old[key], new[key]) for key in old)
    return bool(old == new) and (not isinstance(old, float) or str(old) == str(new))  # 0.0 and -0.0 are two values


def changes_of(
    state: Mapping[str, StateEntry], writes: Iterable[StateWrite], resolve: Callable[[Json], Json]
) -> tuple[StateChange, ...]:
    """Return the changes that the writes of one handler make to `state`, as few and as small as they can be.

    Each write sees the handler's own earlier ones. Raises TypeError if a value cannot be appended to, added to
    or merged with; so a change that is returned can be made.
    """
    by_key: dict[str, list[StateWrite]] = {}
    for write in writes:
        by_key.setdefault(write.key, []).append(write)
    return tuple(chain.from_iterable(_changes(state.get(key), own, resolve) for key, own in by_key.items()))


def _changes(
    entry: StateEntry | None, writes: list[StateWrite], resolve: Callable[[Json], Json]
) -> Iterator[StateChange]:
    """Yield the changes of one key: what its last `set` or `delete` makes of it, then what is added to that."""
    overwriting = [number for number, write in enumerate(writes, 1) if write.op in {"set", "delete"}]
    begin = overwriting[-1] if overwriting else 0
    if begin:
        if change := _overwritten(entry, writes[0], writes[begin - 1]):
            yield change
        standing = writes[begin - 1].value if writes[begin - 1].op == "set" else None
    else:
        standing = _standing(entry, resolve)
    for write in writes[begin:]:
        standing = _added(standing, write)
        yield StateChange(key=write.key, op=write.op, value=write.value)


def _overwritten(entry: StateEntry | None, first: StateWrite, last: StateWrite) -> StateChange | None:
    """Return the change that `last` makes, when the handler's first write of the key was `first`.

    What `first` says of the value before is what was committed; later ones have read the handler's own writes.
    """
    version = entry.version if entry else 0
    if last.op == "delete":
        return StateChange(key=last.key, op="delete") if entry else None
    if entry is not None and first.op == "set" and first.seen == version:
        if same(first.base, last.value):
            return None
        if smaller := extension(first.base, last.value):
            return StateChange(key=last.key, op=smaller.op, value=smaller.value)
    seen = first.seen if first.op == "set" else last.seen
    return StateChange(key=last.key, value=last.value, conflict=seen is not None and seen != version)


def _standing(entry: StateEntry | None, resolve: Callable[[Json], Json]) -> Json:
    """Return the value of `entry`, or an empty one of its type if that needs no reading of what is kept elsewhere."""
    value = entry.value if entry else None
    if not is_kept_elsewhere(value):
        return value
    if "$cat" in value:
        return []
    return {} if "$merge" in value else resolve(value)


def _added(old: Json, write: StateWrite) -> Json:
    """Return the value, or an empty one of its type, after something was added to `old`. Raises TypeError."""
    value = write.value
    if write.op == "append" and (old is None or isinstance(old, list)):
        return []
    if write.op == "merge" and _is_plain_dict(value) and (old is None or _is_plain_dict(old)):
        return {}
    if write.op == "add" and _is_number(value) and (old is None or _is_number(old)):
        total = value if old is None else old + value
        if isfinite(total):
            return total
    raise _misfit(old, write)


def _misfit(old: Json, write: StateWrite) -> TypeError:
    from lrwf_cli.core.codec import type_name  # whoever only looks at runs comes by here and needs no codec

    value, state = type_name(write.value), f"the state `{write.key}`, which is a `{type_name(old)}`"
    words = {"append": f"append a `{value}` to", "merge": f"merge a `{value}` into", "add": f"add a `{value}` to"}
    return TypeError(f"cannot {words[write.op]} {state}")


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
