"""How far a handler is, as others see it: at most some times a second, however often it says so."""

import asyncio
from collections.abc import Callable

from lrwf_cli.core.model import Json

__all__ = ["EVERY_S", "Shown"]

EVERY_S = 0.2
"""Real seconds between two writes."""


class Shown:
    """Passes on the newest of what it is told, now or a little later. For one event loop."""

    def __init__(self, write: Callable[[Json], None]) -> None:
        self._write = write
        self._newest: Json = None
        self._later: asyncio.TimerHandle | None = None
        self._not_before = 0.0

    def show(self, progress: Json) -> None:
        """Take news; what was told shortly before may never be shown."""
        self._newest = progress
        if self._later is None:
            loop = asyncio.get_running_loop()
            self._later = loop.call_at(max(self._not_before, loop.time()), self.flush)

    def flush(self) -> None:
        """Write what is yet to be shown."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
            self._not_before = asyncio.get_running_loop().time() + EVERY_S
            self._write(self._newest)
