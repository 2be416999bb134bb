"""Shared state as one handler sees and changes it: what was committed when it started, plus its own writes.

What it has read is kept, so that a handler which has suspended sees again what it saw.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from msgspec.structs import replace

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import StateWrite
from lrwf_cli.core.events import StateChange
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import StateEntry
from lrwf_cli.core.state import changed, changes_of
from lrwf_cli.executors.context.keeper import Place

__all__ = ["StateView"]

Note = Callable[[str, Callable[[Place | None], Json]], Json]


class StateView:
    """Hands out copies, gathers writes; touches nothing that is committed. `note` is the keeper's."""

    def __init__(
        self, state: Mapping[str, StateEntry], resolve: Callable[[Json], Json], codec: Codec, note: Note
    ) -> None:
        self._state = state
        self._resolve = resolve
        self._codec = codec
        self._note = note
        self._seen: dict[str, tuple[int, Json]] = {}
        self._writes: dict[str, list[StateWrite]] = {}

    def get(self, key: str, default: Any) -> Any:
        """Return a decoded copy of the value of `key`."""
        name = _checked(key)
        version, value = self._note(f"state[{name!r}]", lambda _: list(self._look(name)))
        self._seen.setdefault(key, (version, value))
        exists, value = self._current(key)
        return self._codec.decode(value) if exists else default

    def _look(self, key: str) -> tuple[int, Json]:
        """Return the version and the value of `key` as it was first seen; version 0: there was none."""
        if key in self._seen:
            return self._seen[key]
        entry = self._state.get(key)
        return (entry.version, self._resolve(entry.value)) if entry else (0, None)

    def write(self, write: StateWrite) -> None:
        """Note a write. One that is in full, or removes the key, makes earlier ones superfluous."""
        seen, base = self._seen.get(write.key, (None, None))
        if write.op in ("set", "delete"):
            self._writes[write.key] = [replace(write, base=base) if write.seen == seen else write]
        else:
            self._writes.setdefault(write.key, []).append(write)

    def set(self, key: str, value: Any) -> StateWrite:
        """Return the write of a value in full."""
        seen, _ = self._seen.get(_checked(key), (None, None))
        return StateWrite(key, self._codec.encode(value, name=_named(key)), seen=seen)

    def update(self, key: str, op: Literal["append", "add", "merge"], value: Any) -> StateWrite:
        """Return the write that changes a value at commit. Raises TypeError if it cannot be changed so."""
        if op not in ("append", "add", "merge"):
            raise TypeError(f"state is updated by `append`, `add` or `merge`, not by `{op}`")
        write = StateWrite(key, self._codec.encode(value, name=_named(key)), op)
        writes = self._writes.get(key, ())
        # asked here too, so that the traceback shows the line that made the mistake
        changes_of({} if writes else self._state, [*writes[-1:], write], self._resolve)
        return write

    def delete(self, key: str) -> StateWrite:
        """Return the write that removes a key."""
        seen, _ = self._seen.get(_checked(key), (None, None))
        return StateWrite(key, None, "delete", seen)

    def writes(self) -> tuple[StateWrite, ...]:
        """Return the writes in order of their keys' first write."""
        return tuple(write for writes in self._writes.values() for write in writes)

    def _current(self, key: str) -> tuple[bool, Json]:
        """Return whether `key`, which has been looked at, has a value here, and the value, encoded."""
        version, value = self._seen[key]
        exists = version > 0
        for write in self._writes.get(key, ()):
            exists = write.op != "delete"
            value = changed(value, StateChange(key=key, op=write.op, value=write.value))
        return exists, value


def _checked(key: str) -> str:
    if type(key) is not str:
        raise TypeError(f"a key of the state is text, not a `{type(key).__name__}`")
    return key


def _named(key: str) -> str:
    return f"state[{_checked(key)!r}]"
