"""What was there before a handler began: its executor, the globals of the flow, and what hangs on them.

It lives as long as the process, whatever a handler does, so that nothing of it is changed again when the handler wakes.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.registry import ATOMS
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.kept.ways import ITEMS, NONE, is_tied, way_of

__all__ = ["Before"]

_MOST = 100_000


class Before:
    """Things by identity, found out when somebody asks first. `first` is what the handler is a method of, if it is."""

    def __init__(self, codec: Codec, first: Any) -> None:
        self.codec = codec
        self._known: dict[int, Any] = {}
        self._asked: dict[int, Mapping[str, Any]] = {}
        self._executor = first if isinstance(first, Executor) else None

    def has(self, names: Mapping[str, Any], thing: Any) -> bool:
        """Whether a thing was there before; `names` are the globals of a function that is given it."""
        if not self._asked:
            self._note(getattr(self._executor, "__dict__", {}).values())
        if id(names) not in self._asked:
            self._asked[id(names)] = names
            self._note(names.values())
        return id(thing) in self._known

    def _note(self, things: Iterable[Any]) -> None:
        pending = list(things)
        while pending and len(self._known) < _MOST:
            thing = pending.pop()
            kind = type(thing)
            if kind in ATOMS or id(thing) in self._known:
                continue
            way = way_of(kind, self.codec)
            if way is NONE:
                continue
            self._known[id(thing)] = thing
            if not is_tied(way):
                state = list(thing) if way is ITEMS else way.read(thing)
                pending += state.values() if isinstance(state, dict) else state
