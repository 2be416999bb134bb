"""Executors that a flow file describes and that wait: `wait` for a time, `poll` until something is so, `ask` a person.

They are written on top of what any executor has: `ctx.schedule_resume`, `ctx.poll_until_complete`, `ctx.ask`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Protocol

from lrwf_cli.context import TOLERATED, WorkflowContext
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.executors.api import Executor, handler
from lrwf_cli.executors.scene import Given, kept, seen

__all__ = ["CheckFunction", "PollExecutor", "Polled", "WaitExecutor"]


class WaitExecutor(Executor):
    """Lets time pass and passes its message on. `pause` gives a timedelta, or an instant."""

    def __init__(self, id: str, pause: Given) -> None:  # noqa: A002 - as in Executor
        super().__init__(id)
        self._pause = pause

    @handler
    async def handle(self, message: Any, ctx: WorkflowContext) -> None:
        """Suspend; how long is settled when the message is first looked at."""
        pause = kept("wait", self._pause, message, ctx)
        await (ctx.schedule_resume(after=pause) if isinstance(pause, timedelta) else ctx.schedule_resume(at=pause))
        await ctx.send_message(message)


class Polled(Protocol):
    """What a poll asks, again and again."""

    async def ask(self, message: Any, ctx: WorkflowContext) -> Any:
        """Ask once, and return the status, which can be kept."""

    def names(self, status: Any) -> Mapping[str, Any] | None:
        """Return what an expression sees of a status, by name; `None`: not yet, whatever the expression says."""

    def result(self, status: Any) -> Any:
        """Return what is sent when the status is the one that was hoped for."""


class PollExecutor(Executor):
    """Asks until something is so, and sends what was found then; between two checks no process is needed."""

    def __init__(
        self,
        id: str,  # noqa: A002 - as in Executor
        polled: Polled,
        until: Given,
        *,
        backoff: ExponentialBackoff,
        max_duration: timedelta | None = None,
        tolerate: Sequence[type[BaseException] | str] = TOLERATED,
    ) -> None:
        super().__init__(id)
        self._polled = polled
        self._until = until
        self._backoff = backoff
        self._max_duration = max_duration
        self._tolerate = tolerate

    @handler
    async def handle(self, message: Any, ctx: WorkflowContext) -> None:
        """Suspend between the checks; the state that `until` sees is as committed when this one was begun."""

        def is_complete(status: Any) -> bool:
            names = self._polled.names(status)
            return names is not None and bool(self._until({**seen(message, ctx), **names}))

        status = await ctx.poll_until_complete(
            check=lambda: self._polled.ask(message, ctx),
            is_complete=is_complete,
            max_duration=self._max_duration,
            backoff=self._backoff,
            tolerate=self._tolerate,
        )
        await ctx.send_message(self._polled.result(status))


class CheckFunction:
    """A function as what a poll asks: of the message, and the context if it takes two. A plain one runs in a thread."""

    def __init__(self, function: Callable[..., Any], *, wants_context: bool) -> None:
        self._function = function
        self._wants_context = wants_context

    async def ask(self, message: Any, ctx: WorkflowContext) -> Any:
        """As `Polled` says."""
        from lrwf_cli.executors.seat import settled  # these bring asyncio, which whoever looks at a flow does without
        from lrwf_cli.executors.threads import in_thread

        call = partial(self._function, message, ctx) if self._wants_context else partial(self._function, message)
        return await (call() if iscoroutinefunction(self._function) else settled(await in_thread(call)))

    def names(self, status: Any) -> Mapping[str, Any]:
        """As `Polled` says."""
        return {"result": status}

    def result(self, status: Any) -> Any:
        """As `Polled` says."""
        return status
