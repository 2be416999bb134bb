"""Large values: taken out of events before they are journaled, and put back when they are read.

What is kept in place of a value is `{"$blob": <SHA-256 of its JSON>, "size": <bytes>}`. No value of a user looks so: a
dict with a key that begins with `$` is the codec's. The core adds to a large value without reading it, as
`{"$cat": [value, [more]]}` for lists and `{"$merge": [value, {more}]}` for dicts; both are understood here, nested
too. Where the bytes are is not known here: a function reads them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from msgspec.structs import replace

from lrwf_cli.core.events import Event, InvocationCompleted, RunStarted, StateChange
from lrwf_cli.core.model import Json
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


def _lightened(event: Event, light: Callable[[Json], Json]) -> Event:
    match event:
        case RunStarted():
            delivery = replace(event.delivery, message=light(event.delivery.message))
            return replace(event, input=light(event.input), delivery=delivery)
        case InvocationCompleted():
            return replace(
                event,
                deliveries=tuple(replace(each, message=light(each.message)) for each in event.deliveries),
                joined=tuple(replace(each, message=light(each.message)) for each in event.joined),
                outputs=tuple(replace(each, value=light(each.value)) for each in event.outputs),
                dropped=tuple(replace(each, message=light(each.message)) for each in event.dropped),
                state=tuple(_lighter(each, light) for each in event.state),
                saved=_lighter(event.saved, light) if event.saved else None,
            )
        case _:
            return event


def _lighter(change: StateChange, light: Callable[[Json], Json]) -> StateChange:
    return replace(change, value=light(change.value))


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
