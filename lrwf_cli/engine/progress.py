"""How far an executor's handlers are, as others see it: at most some times a second, however often they say so."""

import asyncio
from collections.abc import Callable

from lrwf_cli.core.model import Json
from lrwf_cli.core.progress import Part, further, parts_of, shown

__all__ = ["EVERY_S", "Shown"]

EVERY_S = 0.2
"""Real seconds between two writes."""


class Shown:
    """The progress of one executor. `read` returns what an earlier process has shown, `write` shows. For one loop."""

    def __init__(self, read: Callable[[], Json], write: Callable[[Json], None]) -> None:
        self._write = write
        self._parts = parts_of(read())
        self._said: set[str] = set()
        self._later: asyncio.TimerHandle | None = None
        self._not_before = 0.0

    def say(self, delivery: str, said: Part) -> None:
        """Take news of a handler: shown now, or a little later; what was told shortly before may never be."""
        self._parts[delivery] = further(self._parts.get(delivery), said, is_first=delivery not in self._said)
        self._said.add(delivery)
        if self._later is None:
            loop = asyncio.get_running_loop()
            self._later = loop.call_at(max(self._not_before, loop.time()), self.flush)

    def flush(self) -> None:
        """Show what is yet to be shown."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
            self._not_before = asyncio.get_running_loop().time() + EVERY_S
            self._write(shown(self._parts))

    def over(self, delivery: str) -> None:
        """Show what is yet to be shown, and forget a handler whose message nobody will go on with."""
        self.flush()
        self._parts.pop(delivery, None)
