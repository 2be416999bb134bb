"""Time as a port: what time it is, and waiting. Nobody else in the package reads a clock.

Idea: trio's `Clock` and `MockClock` (https://trio.readthedocs.io/en/stable/reference-testing.html).
"""

from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "ManualClock", "SystemClock"]


class Clock(Protocol):
    """What time it is, and a way to wait."""

    def now(self) -> datetime:
        """Return the instant: aware, UTC, whole milliseconds (the resolution of everything on disk)."""

    async def sleep(self, duration: timedelta) -> None:
        """Return when `duration` has passed."""


class SystemClock:
    """The machine's clock. Sleeping uses the monotonic one, so that a clock step does not stretch it."""

    def now(self) -> datetime:
        """Return the machine's time."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    async def sleep(self, duration: timedelta) -> None:
        """Sleep for real."""
        import asyncio

        await asyncio.sleep(duration.total_seconds())


class ManualClock:
    """A clock that stands still until it is moved, and that jumps instead of sleeping.

    `start` is its first instant. Waiting for something that only time brings costs no real time.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return where the clock stands."""
        return self._now

    def jump(self, duration: timedelta) -> None:
        """Move the clock; a negative duration plays a clock that was set back."""
        self._now += duration

    async def sleep(self, duration: timedelta) -> None:
        """Jump over `duration` at once, after whoever else is ready has had a turn."""
        import asyncio

        await asyncio.sleep(0)
        self.jump(duration)
