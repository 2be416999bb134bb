"""The limits of time of one handler at work: past one it is cancelled, and given up on if it does not heed that.

`timeout` counts from this entry, `deadline` from the first one of all, `idle_timeout` from the last sign of life.
A handler that keeps the loop to itself is beyond a loop's timers: an `Alarm` reaches it, where there is one.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Protocol

from lrwf_cli.core.commands import Command, Fail
from lrwf_cli.core.model import ExecutorSpec
from lrwf_cli.core.run import Failure, Invocation
from lrwf_cli.executors.base import Failed

__all__ = ["MARGIN", "Alarm", "Limits", "Overrun", "Overrunning"]

MARGIN = timedelta(seconds=2)
"""What a handler has beyond its grace before it is given up on: whoever ends a command needs the grace itself."""

_MRO = ("ExecutorTimeoutError", "TimeoutError", "OSError", "Exception", "BaseException")


_current: ContextVar["Limits | None"] = ContextVar("lrwf_limits", default=None)
"""The limits of whoever runs now: of the handler, of its tasks, of its threads."""


class Overrun(BaseException):
    """Raised by an alarm in a handler that keeps the loop to itself past its limit."""


class Alarm(Protocol):
    """Reaches a handler that does not return to the loop; it takes signals and threads, so the engine is given one."""

    def __call__(
        self, seconds: float, overrun: "Overrunning", *, kept: Callable[[Command], None]
    ) -> Callable[[], None]:
        """Have `overrun.interrupt` called where the loop runs, in `seconds` and each second after.

        If that is of no use, have `kept` commit `overrun.given_up` from another thread, and end the process. Returns
        what calls all of that off.
        """


class Overrunning(Protocol):
    """What an alarm is about."""

    def interrupt(self) -> None:
        """Raise Overrun if the handler is what runs here and now."""

    @property
    def given_up(self) -> Command:
        """What is to be committed if the handler cannot be interrupted."""

    @property
    def patience_s(self) -> float:
        """For how long to interrupt it before that."""


class Limits:
    """Watches one handler. `past` says which limit it is past, `None` none; for one event loop."""

    def __init__(
        self,
        spec: ExecutorSpec,
        invocation: Invocation,
        *,
        cancel: Callable[[], None],
        give_up: Callable[[], None],
    ) -> None:
        self.past: Failed | None = None
        self._spec = spec
        self._invocation = invocation
        self._cancel = cancel
        self._give_up = give_up
        self._timers: list[asyncio.TimerHandle] = []
        self._idle: asyncio.TimerHandle | None = None

    def begin(self, now: datetime) -> None:
        """Start to watch; `now` is the clock's."""
        if self._spec.timeout is not None:
            self._arm(self._spec.timeout, "was not done within its timeout")
        if (deadline := self._invocation.deadline_at) is not None:
            self._arm(max(deadline - now, timedelta()), "was not done by its deadline", again=False)
        self.alive()

    def alive(self) -> None:
        """Take a sign of life."""
        if self._spec.idle_timeout is not None and self.past is None:
            if self._idle is not None:
                self._idle.cancel()
            self._idle = self._later(self._spec.idle_timeout, "gave no sign of life within its idle_timeout")

    def end(self) -> None:
        """Stop to watch; idempotent."""
        for timer in (*self._timers, *([self._idle] if self._idle else [])):
            timer.cancel()
        self._timers.clear()

    def soonest(self) -> timedelta | None:
        """Return in how long the handler is past its first limit, and its grace; `None`: never."""
        watching = (*self._timers, *([self._idle] if self._idle else []))
        first = min((timer.when() for timer in watching), default=None)
        if first is None:
            return None
        return timedelta(seconds=max(first - asyncio.get_running_loop().time(), 0)) + self._spec.grace

    def enter(self) -> None:
        """Say that the current context is the handler's."""
        _current.set(self)

    def interrupt(self) -> None:
        """As `Overrunning` says."""
        if _current.get() is self:
            self.past = self.past or self._blocking()
            raise Overrun

    @property
    def given_up(self) -> Command:
        """As `Overrunning` says."""
        past = self.past or self._blocking()
        return Fail(self._invocation.delivery.id, past.error, past.retryable)

    @property
    def patience_s(self) -> float:
        """As `Overrunning` says."""
        return (self._spec.grace + MARGIN).total_seconds()

    def _blocking(self) -> Failed:
        return self._failed("kept the process to itself, past its timeout", self._spec.timeout)

    def _arm(self, span: timedelta, what: str, *, again: bool = True) -> None:
        self._timers.append(self._later(span, what, again=again))

    def _later(self, span: timedelta, what: str, *, again: bool = True) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(span.total_seconds(), self._fire, span, what, again)

    def _fire(self, span: timedelta, what: str, again: bool) -> None:  # noqa: FBT001 - a loop passes no keywords
        if self.past is not None:
            return
        self.past = self._failed(what, span, again=again)
        self._cancel()
        patience = (self._spec.grace + MARGIN).total_seconds()
        self._timers.append(asyncio.get_running_loop().call_later(patience, self._give_up))

    def _failed(self, what: str, span: timedelta | None, *, again: bool = True) -> Failed:
        executor = self._invocation.delivery.executor
        long = f" of {span.total_seconds():g} s" if span else ""
        error = Failure(
            "ExecutorTimeoutError",
            f"`{executor}` {what}{long}",
            executor,
            self._invocation.attempt,
            hint="give it more time, or look in its log what it waits for",
            mro=_MRO,
        )
        return Failed(error, retryable=again)
