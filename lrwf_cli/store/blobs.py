"""Large values: taken out of events before they are journaled, and put back when they are read.

What is kept in place of a value is `{"$blob": <SHA-256 of its JSON>, "size": <bytes>}`. No value of a user looks so: a
dict with a key that begins with `$` is the codec's. The core adds to a large value without reading it, as
`{"$cat": [value, [more]]}` for lists and `{"$merge": [value, {more}]}` for dicts; both are understood here, nested
too. Where the bytes are is not known here: a function reads them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from lrwf_cli.core.events import Event, RunStarted, StateChange
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Delivery, Dropped, Joined, Output, Run
from lrwf_cli.core.suspended import Answer, Ask, Kept, Wait
from lrwf_cli.store.base import LARGE
from lrwf_cli.store.journal import encode_events
from lrwf_cli.store.names import is_digest

__all__ = ["Keep", "Look", "Read", "digest_of", "lighten", "references", "replaced", "resolve", "unpacked", "weighed"]

Keep = Callable[[str, bytes], None]
"""Takes a blob: its name and its bytes."""

Read = Callable[[str], bytes]
"""Returns the bytes of a blob, checked; raises JournalCorrupt if there are none."""

Look = Callable[[str], Json]
"""Returns the value in a blob, with the references in it replaced; raises as `Read`. Nobody changes that value."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def digest_of(data: bytes) -> str:
    """Return the name of a blob with that content."""
    return sha256(data).hexdigest()


def lighten(events: Sequence[Event], keep: Keep) -> tuple[Event, ...]:
    """Return `events` with each value over `LARGE` bytes replaced by a reference; `keep` gets the values.

    A fork's and a rewind's copy of a run stay as they are: its large values are references already.
    """
    return weighed(events, keep)[0]


def weighed(events: Sequence[Event], keep: Keep) -> tuple[tuple[Event, ...], int]:
    """Return `events` as `lighten` does, and the bytes that they take in a frame."""
    events = tuple(events)
    size = len(encode_events(events))
    if size <= LARGE:
        return events, size
    light = tuple(_lightened(event, lambda value: _light(value, keep)) for event in events)
    return light, len(encode_events(light))


_VALUES: Mapping[type, frozenset[str]] = {
    RunStarted: frozenset({"input"}),
    Delivery: frozenset({"message"}),
    Joined: frozenset({"message"}),
    Output: frozenset({"value"}),
    Dropped: frozenset({"message"}),
    StateChange: frozenset({"value"}),
    Kept: frozenset({"value", "error", "acts", "changes"}),
    Wait: frozenset({"data"}),
    Ask: frozenset({"default", "data"}),
    Answer: frozenset({"value", "data"}),
}
"""Where in events, and in what events are made of, values of users are."""

S = TypeVar("S", bound=msgspec.Struct)


def _lightened(whole: S, light: Callable[[Json], Json]) -> S:
    """Return `whole`, or a copy of it with the values in it, and in its parts, replaced."""
    values = _VALUES.get(type(whole), frozenset())
    changed: dict[str, Any] = {}
    for field in whole.__struct_fields__:
        old = getattr(whole, field)
        new = light(old) if field in values else _lightened_part(old, light)
        if new is not old:
            changed[field] = new
    return replace(whole, **changed) if changed else whole


def _lightened_part(part: Any, light: Callable[[Json], Json]) -> Any:
    if isinstance(part, msgspec.Struct) and not isinstance(part, Run):
        return _lightened(part, light)
    if isinstance(part, tuple):
        items = tuple(_lightened_part(each, light) for each in part)
        return part if all(new is old for new, old in zip(items, part, strict=True)) else items
    if isinstance(part, dict):
        named = {key: _lightened_part(each, light) for key, each in part.items()}
        return part if all(named[key] is part[key] for key in part) else named
    return part


def _light(value: Json, keep: Keep) -> Json:
    if value is None or isinstance(value, bool | int | float) or _name_in(value):
        return value
    data = _encoder.encode(value)
    if len(data) <= LARGE:
        return value
    name = digest_of(data)
    keep(name, data)
    return {"$blob": name, "size": len(data)}


def resolve(value: Json, read: Read) -> Json:
    """Return `value` with its references replaced by what they stand for; the very same object if it has none."""

    def look(name: str) -> Json:
        return unpacked(read(name), look)

    return replaced(value, look)


def unpacked(data: bytes, look: Look) -> Json:
    """Return the value in a blob of that content, with its own references replaced."""
    inner = _decoder.decode(data)
    return replaced(inner, look) if b'"$blob"' in data else inner


def replaced(value: Json, look: Look) -> Json:
    """As `resolve`, for whoever keeps values that were looked up."""
    if isinstance(value, list):
        return _put(value, enumerate(value), look)
    if not isinstance(value, dict):
        return value
    if name := _name_in(value):
        return look(name)
    if parts := _parts_in(value, "$cat"):
        return [item for part in parts for item in replaced(part, look)]
    if parts := _parts_in(value, "$merge"):
        return {key: item for part in parts for key, item in replaced(part, look).items()}
    return _put(value, value.items(), look)


def _put(whole: Json, items: Iterable[tuple[Any, Json]], look: Look) -> Json:
    """Return `whole`, a list or a dict, or a copy of it in which the items that have references are replaced."""
    found = whole
    for place, item in items:
        kind = type(item)  # a long history is looked through at each step: exact types, no calls
        if (kind is dict or kind is list) and (new := replaced(item, look)) is not item:
            if found is whole:
                found = whole.copy()
            found[place] = new
    return found


def references(value: Json) -> Iterator[str]:
    """Yield the names of the blobs that `value` refers to itself; those that blobs refer to are not looked for."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        if name := _name_in(value):
            yield name
        for item in value.values():
            yield from references(item)


def _name_in(value: Json) -> str:
    """Return the name of the blob that `value` stands for; empty if it is not a reference."""
    if not isinstance(value, dict) or len(value) != 2 or "size" not in value:
        return ""
    name = value.get("$blob")
    return name if isinstance(name, str) and len(name) == 64 and is_digest(name) else ""


def _parts_in(value: dict[str, Json], operation: str) -> list[Json]:
    parts = value.get(operation) if len(value) == 1 else None
    return parts if isinstance(parts, list) else []
