"""Timers: a handler that goes on after a time, at an instant, or when what it has asked is answered."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Literal

from lrwf_cli.core.spans import LONGEST, Span, span_of
from lrwf_cli.core.suspended import Request, Wait
from lrwf_cli.core.zones import instant_of, zone_of
from lrwf_cli.errors import UsageError
from lrwf_cli.executors.context.keeper import Place, Waiting

__all__ = ["Timer"]

_WHAT = "schedule_resume"


class Timer:
    """What `ctx.schedule_resume` does when it is reached.

    `timezone` is the zone of an `at` without one. `requests` are those that the handler has opened, by id.
    """

    def __init__(
        self,
        *,
        after: Span | None,
        at: datetime | None,
        timezone: str | None,
        requests: Mapping[str, Request],
        now: Callable[[], datetime],
    ) -> None:
        if (after is None) == (at is None):
            said = "neither `after` nor `at`" if after is None else "both `after` and `at`"
            raise UsageError(f"`schedule_resume` was given {said}", hint="give one of them")
        if at is not None and not isinstance(at, datetime):
            raise UsageError(f"`at` of a timer is no datetime: {at!r:.60}", hint="give a `datetime`")
        self._after = None if after is None else span_of(after, "`after` of a timer")
        self._at = None if at is None else instant_of(at, zone_of(timezone))
        self._requests = requests
        self._now = now

    async def step(self, place: Place, wait: Wait | None) -> Waiting | Literal["timer", "response"]:
        """Return why it is over, or how it is waited for. A `keeper.Step`."""
        now = self._now()
        if wait is None:
            wait = Wait("timer", place.lane, place.path, _WHAT, since=now, due_at=self._due(now))
        if self._was_answered(wait):
            return "response"
        return "timer" if wait.due_at is None or wait.due_at <= now else Waiting(wait)

    def _due(self, now: datetime) -> datetime:
        if self._after is not None:
            return now + self._after
        assert self._at is not None  # noqa: S101 - one of both was given
        if self._at - now > LONGEST:
            raise UsageError(f"`at` of a timer is more than ten years ahead: {self._at}", hint="give a nearer instant")
        return self._at + timedelta(microseconds=-self._at.microsecond % 1000)  # never before its time

    def _was_answered(self, wait: Wait) -> bool:
        """Whether one of the requests that were open then was answered, and not after the time was up."""
        heard = [self._requests[name] for name in wait.hears if name in self._requests]
        closed = [request for request in heard if not request.is_open]
        return any(_is_in_time(request, wait.due_at) for request in closed)


def _is_in_time(request: Request, due: datetime | None) -> bool:
    return request.answer is None or due is None or request.answer.at <= due
