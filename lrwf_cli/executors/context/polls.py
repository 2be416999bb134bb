"""Polls: a check is made again and again, with pauses in which no process is needed, until it says what is hoped for.

All that a poll knows stands in its `Wait`: since when, how many checks, the last status, failures in a row. However
many checks there are, that is one entry.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.spans import Span, span_of
from lrwf_cli.core.suspended import Wait
from lrwf_cli.errors import PollTimeoutError, UsageError
from lrwf_cli.executors.context.keeper import Place, Waiting
from lrwf_cli.executors.retrying import ErrorName, names_of
from lrwf_cli.executors.seat import settled
from lrwf_cli.executors.words import shown

__all__ = ["IN_A_ROW", "STAND_IN", "Poll"]

IN_A_ROW = 5
"""How many errors that are tolerated may come in a row: this one is raised."""

STAND_IN: ContextVar[Callable[[int], Any] | None] = ContextVar("STAND_IN", default=None)
"""What is found instead of asking, given the number of the check, from 1: where a run is only played."""

_WHAT = "poll_until_complete"


class Poll:
    """What `ctx.poll_until_complete` does when it is reached. `seed` is the delivery's id: the jitter comes from it."""

    def __init__(
        self,
        check: Any,
        is_complete: Any,
        *,
        max_duration: Span | None,
        backoff: Any,
        tolerate: Sequence[ErrorName],
        seed: str,
        now: Callable[[], datetime],
    ) -> None:
        for name, function in (("check", check), ("is_complete", is_complete)):
            if not callable(function):
                hint = f"give a function, as in `{name}=lambda: ...`"
                raise UsageError(f"`{name}` of a poll cannot be called: {function!r:.60}", hint=hint)
        if not isinstance(backoff, ExponentialBackoff):
            hint = "give an `ExponentialBackoff(...)`"
            raise UsageError(f"`backoff` of a poll is {backoff!r:.60}", hint=hint)
        if not backoff.policy.initial:
            raise UsageError("a poll without pauses: `initial` of its backoff is 0", hint="give it a second or more")
        self._check = check
        self._is_complete = is_complete
        self._longest = None if max_duration is None else span_of(max_duration, "`max_duration` of a poll")
        self._backoff = backoff
        self._tolerated = frozenset(names_of(tolerate, "`tolerate` of a poll"))
        self._seed = seed
        self._now = now

    async def step(self, place: Place, wait: Wait | None) -> Any:
        """Check, if it is time to; return the status that is complete, or how it is waited for. A `keeper.Step`."""
        began = self._now()
        if wait is None:
            wait = Wait("poll", place.lane, place.path, _WHAT, since=began, data={"failures": 0, "status": None})
        elif wait.due_at is not None and began < wait.due_at:
            return Waiting(wait)
        wait = replace(wait, count=wait.count + 1)
        try:
            status = await settled(self._found(wait.count))
        except Exception as error:  # noqa: BLE001 - what an author's check raises is judged here
            wait = self._failed(wait, error)
        else:
            if await settled(self._is_complete(status)):
                return status
            text = shown(status)
            wait = replace(wait, detail=text, data={"failures": 0, "status": text})
        return Waiting(self._paused(place, wait, began))

    def _found(self, number: int) -> Any:
        stand_in = STAND_IN.get()
        return self._check() if stand_in is None else stand_in(number)

    def _failed(self, wait: Wait, error: Exception) -> Wait:
        """Return the wait after an error that is tolerated; raise it if it is not, or not any more."""
        failures = wait.data["failures"] + 1
        names = {cls.__name__ for cls in type(error).__mro__}
        if failures >= IN_A_ROW or not names & self._tolerated:
            raise error
        detail = shown(f"{type(error).__name__}: {error}")
        return replace(wait, detail=detail, data={**wait.data, "failures": failures})

    def _paused(self, place: Place, wait: Wait, began: datetime) -> Wait:
        """Return the wait until the next check: the last one is at the end of `max_duration`, and after it no other."""
        pause = self._backoff.delay(wait.count, f"{self._seed}\0{place.lane}\0{place.path}")
        due = self._now() + pause
        if self._longest is None:
            return replace(wait, due_at=due)
        end = wait.since + self._longest
        if began >= end:
            raise self._too_late(wait, began)
        return replace(wait, due_at=min(due, end))

    def _too_late(self, wait: Wait, now: datetime) -> PollTimeoutError:
        elapsed, status = now - wait.since, wait.data["status"]
        checks = f"{wait.count} checks" if wait.count > 1 else "1 check"
        last = f"the last status is `{status}`" if status is not None else "there was no status"
        if wait.data["failures"]:
            last += f", and the last check failed: {wait.detail}"
        return PollTimeoutError(
            f"not complete after {checks} in {elapsed}: {last}",
            hint="give it a longer `max_duration`, or look what it waits for",
            status=status,
            checks=wait.count,
            elapsed_s=elapsed.total_seconds(),
        )
