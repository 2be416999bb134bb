"""What makes a timer suspend that is over when it is reached: one of no length, or at an instant that is past."""

from typing import Any, Literal

from lrwf_cli.core.suspended import Wait
from lrwf_cli.executors.context import timers
from lrwf_cli.executors.context.keeper import Place, Waiting

__all__ = ["change_timers"]

_step = timers.Timer.step


def change_timers() -> None:
    """Have every timer of this process waited for."""
    timers.Timer.step = _waited_for  # type: ignore[method-assign]  # what the mode is about


async def _waited_for(self: Any, place: Place, wait: Wait | None) -> Waiting | Literal["timer", "response"]:
    if wait is not None:
        return await _step(self, place, wait)
    now = self._now()
    return Waiting(Wait("timer", place.lane, place.path, timers._WHAT, since=now, due_at=self._due(now)))
