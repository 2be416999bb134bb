"""Virtual time: a clock that stands still while something happens, and jumps over the time when nothing does.

`VirtualClock` is what the engine asks for the time; `play` runs a coroutine in a loop whose timers, timeouts and
sleeps are that clock's. What is simulated is not known here.

Work that is done outside of the loop (threads, processes, connections) takes no time on the clock, unless it really
takes as long as it is to the next timer: then that one is due, as it would be.
Idea: trio's autojump clock (https://trio.readthedocs.io/en/stable/reference-testing.html).
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from lrwf_cli.errors import UsageError
from lrwf_cli.testing.loop import VirtualLoop

__all__ = ["VirtualClock", "VirtualRunner", "play"]

T = TypeVar("T")


class VirtualClock:
    """A `Clock` for `play`. `start` is its first instant, to the millisecond. For one thread."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self.start = start.astimezone(UTC)
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        """Return where the clock stands."""
        return self.start + timedelta(milliseconds=round(self.elapsed_s * 1000))

    def jump_to(self, at: datetime) -> None:
        """Move the clock on to `at`; an instant that is past moves nothing."""
        self.elapsed_s = max(self.elapsed_s, (at - self.start).total_seconds())

    async def sleep(self, duration: timedelta) -> None:
        """Return when `duration` has passed on this clock. Only in a coroutine that `play` runs with it."""
        await asyncio.sleep(duration.total_seconds())


class VirtualRunner:
    """Runs one coroutine after the other on `clock`, as `play` does; to be closed.

    Each finds a loop in which nothing is left of those before it, as if in a process of its own.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._loop: VirtualLoop | None = None

    def run(self, work: Coroutine[Any, Any, T], *, on_stall: Callable[[], None] | None = None) -> T:
        """Run `work` to its end and return what it returns. As `play`."""
        if asyncio._get_running_loop() is not None:  # noqa: SLF001 - the public one raises where there is none
            work.close()
            hint = "call it from plain code, or in a thread: `await asyncio.to_thread(...)`"
            raise UsageError("virtual time cannot be played where an event loop runs already", hint=hint)
        if self._loop is None or not self._loop.is_empty:
            self.close()
            self._loop = VirtualLoop(self._clock, time.monotonic)
        self._loop.on_stall = on_stall
        return self._loop.run_until_complete(work)

    def close(self) -> None:
        """Leave tasks that do not heed their cancellation to themselves. Idempotent."""
        if self._loop is not None:
            self._loop.leave()
            self._loop = None


def play(clock: VirtualClock, work: Coroutine[Any, Any, T], *, on_stall: Callable[[], None] | None = None) -> T:
    """Run `work` to its end and return what it returns; its timers, timeouts and sleeps are the clock's.

    `on_stall` is called, once, when nothing is left that could ever happen; what it does may help. If nothing does,
    Stalled is raised. Raises UsageError where a loop runs already.
    """
    runner = VirtualRunner(clock)
    try:
        return runner.run(work, on_stall=on_stall)
    finally:
        runner.close()
