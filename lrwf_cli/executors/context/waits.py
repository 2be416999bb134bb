"""What a handler may wait for: time, a status, an answer, a step. Each is kept by itself, under its place."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Coroutine, Generator, Iterable, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, Literal, TypeVar

from msgspec import UNSET

from lrwf_cli.context import POLL_BACKOFF, TOLERATED
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.model import Json
from lrwf_cli.core.spans import Span
from lrwf_cli.core.suspended import Answer, Request
from lrwf_cli.errors import SuspensionRefused, UsageError
from lrwf_cli.executors.context.answers import form_of
from lrwf_cli.executors.context.asks import Asking, Question, unanswered
from lrwf_cli.executors.context.background import BackgroundTask, Ending
from lrwf_cli.executors.context.facts import Facts, running_loop
from lrwf_cli.executors.context.keeper import Place
from lrwf_cli.executors.context.polls import Poll
from lrwf_cli.executors.context.timers import Timer
from lrwf_cli.executors.context.track import Track

__all__ = ["DONE", "Done", "Waits"]

T = TypeVar("T")


class Done(Awaitable[T]):
    """What was asked for has happened: it may be awaited, which returns `value`, and need not be."""

    def __init__(self, value: T) -> None:
        self._value = value

    def __await__(self) -> Generator[Any, None, T]:
        yield from ()
        return self._value


DONE = Done(None)


class Waits(Facts):
    """The part of a context that waits. What is wrong with a call is told at the call, whether it is awaited or not."""

    def __init__(self, *args: Any, **facts: Any) -> None:
        """Take what `Facts` takes."""
        super().__init__(*args, **facts)
        self._tells: list[BackgroundTask] = []

    def poll_until_complete(
        self,
        *,
        check: Callable[[], Any],
        is_complete: Callable[[Any], Any] = bool,
        max_duration: Span | None = None,
        backoff: ExponentialBackoff = POLL_BACKOFF,
        tolerate: Sequence[type[BaseException] | str] = TOLERATED,
    ) -> Coroutine[Any, Any, Any]:
        """As `WorkflowContext` says."""
        self._check_waits("poll_until_complete")
        poll = Poll(
            check,
            is_complete,
            max_duration=max_duration,
            backoff=backoff,
            tolerate=tolerate,
            seed=self.call.delivery.id,
            now=self._clock,
        )
        return self.keeper.own("poll_until_complete", (), poll.step)

    def schedule_resume(
        self, *, after: Span | None = None, at: datetime | None = None
    ) -> Coroutine[Any, Any, Literal["timer", "response"]]:
        """As `WorkflowContext` says."""
        self._check_waits("schedule_resume")
        requests = {request.id: request for request in self.call.requests}
        timer = Timer(after=after, at=at, timezone=self.call.timezone, requests=requests, now=self._clock)
        return self.keeper.own("schedule_resume", (), timer.step)

    def ask(
        self,
        prompt: str,
        *,
        response_type: Any = None,
        choices: Sequence[str] | None = None,
        timeout: Span | None = None,
        default: Any = UNSET,
        allowed_users: Sequence[str] = (),
    ) -> Coroutine[Any, Any, Any]:
        """As `WorkflowContext` says."""
        form = form_of(response_type, choices)
        question = Question(prompt, form, self.codec, timeout=timeout, default=default, allowed_users=allowed_users)

        def value(request: Request, answer: Answer) -> Any:
            if answer.expired:
                return unanswered(request, self.codec, self.call.resolve)
            return form.value(self.call.resolve(answer.value), self.call.resolve(answer.data))

        return self.put(question, value)

    def put(self, question: Question, shape: Callable[[Request, Answer], Any]) -> Coroutine[Any, Any, Any]:
        """Put a question and suspend until there is an answer; return what `shape` makes of it, which is kept."""
        self._check_waits("ask")
        asking = Asking(question, shape, found=self._asked_from, now=self._clock)
        return self.keeper.own("ask", (question.prompt, list(question.form.choices)), asking.step)

    def step(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """As `WorkflowContext` says."""
        _check_function(function)
        self._check_waits("step")
        return self.keeper.once(f"step {_name(function)}", function, args, kwargs)

    def wait_background(self, task: BackgroundTask) -> Coroutine[Any, Any, Any]:
        """As `WorkflowContext` says."""
        return self._until_over(task, "wait_background")

    def cancel_background(self, task: BackgroundTask) -> Coroutine[Any, Any, None]:
        """As `WorkflowContext` says."""
        return self._until_over(task, "cancel_background", self._tells.append)

    def _until_over(
        self, task: BackgroundTask, what: str, tell: Callable[[BackgroundTask], None] | None = None
    ) -> Coroutine[Any, Any, Any]:
        self._check_waits(what)

        def value(encoded: Json) -> Any:
            return self.codec.decode(self.call.resolve(encoded))

        ending = Ending(task, what, works=self.call.background, value=value, now=self._clock, tell=tell)
        return self.keeper.own(what, (task,), ending.step)

    @property
    def tells(self) -> tuple[tuple[str, str], ...]:
        """The places of the background work that is to end."""
        return tuple((task.lane, task.path) for task in self._tells)

    def report_progress(
        self, current: float, total: float | None = None, message: str | None = None
    ) -> Awaitable[None]:
        """As `WorkflowContext` says."""
        self.check_open()
        for value, what in ((current, "current"), (total, "total")):
            if value is not None and (isinstance(value, bool) or not isfinite(value)):
                raise UsageError(f"`{what}` of a progress is {value!r:.60}", hint="give a number")
        if running_loop() is not None or self.loop is None:
            self.desk.progress(current, total, message)
        else:
            self.loop.call_soon_threadsafe(self.desk.progress, current, total, message)
        return DONE

    def track(
        self, items: Iterable[T] | AsyncIterable[T], *, total: float | None = None, message: str | None = None
    ) -> Track[T]:
        """As `WorkflowContext` says."""
        self.check_open()
        report = self.report_progress
        return Track(items, total=total, message=message, keeper=self.keeper, codec=self.codec, report=report)

    def _clock(self) -> datetime:
        return self.keeper.now

    def _asked_from(self, place: Place) -> list[Request]:
        """Return what this delivery has asked from a place, oldest first."""
        return [
            request
            for request in self.call.requests
            if request.delivery == self.call.delivery.id
            and (request.ask.lane, request.ask.path) == (place.lane, place.path)
        ]

    def _check_waits(self, what: str) -> None:
        """Refuse to wait in a thread, and after the end."""
        self.check_open()
        if running_loop() is None:
            raise SuspensionRefused(
                f"`ctx.{what}` cannot wait in `{self.handler.name}`, which is no `async def`",
                hint=f"make it `async def`, and write `await ctx.{what}(...)`",
            )


def _check_function(function: Any) -> None:
    if asyncio.iscoroutine(function):
        function.close()
        hint = "give the function and its arguments apart: `ctx.step(f, a, b)`"
        raise UsageError(f"`ctx.step` was given a call of `{_name(function)}`", hint=hint)
    if not callable(function):
        raise UsageError(f"`ctx.step` was given what cannot be called: {function!r:.60}", hint="give a function")


def _name(function: Any) -> str:
    """Return what a function is called, wherever its module is loaded."""
    inner = getattr(function, "func", function)
    return getattr(inner, "__qualname__", type(inner).__qualname__)
