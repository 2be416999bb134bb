"""Executors that a flow file describes and that wait: `wait` for a time, `poll` until something is so, `ask` a person.

They are written on top of what any executor has: `ctx.schedule_resume`, `ctx.poll_until_complete`, `ctx.ask`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, Protocol

from msgspec import UNSET

from lrwf_cli.context import TOLERATED, WorkflowContext
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.model import Json
from lrwf_cli.core.person import Person
from lrwf_cli.core.suspended import Answer, Ask, Request
from lrwf_cli.core.view import instant
from lrwf_cli.executors.api import Executor, handler
from lrwf_cli.executors.scene import Given, kept, scene_of, seen

__all__ = ["AskExecutor", "CheckFunction", "PollExecutor", "Polled", "WaitExecutor"]


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

    def bind(self, facts: Mapping[str, str]) -> None:
        """Take further variables for what is started; before it is asked."""

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

    def bind(self, facts: Mapping[str, str]) -> None:
        """Say which further variables its command sees (`LRWF_STATE_DIR`); before the first message."""
        self._polled.bind(facts)

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

    def bind(self, facts: Mapping[str, str]) -> None:
        """As `Polled` says: nothing is started."""

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


class AskExecutor(Executor):
    """Asks a person or a program outside, and sends `{choice, data, comment, by, at, expired}`.

    `choices`, `schema` and `allowed_users` are as in `core.suspended.Ask`. After `timeout` the answer is `default`, if
    there is one; else RequestExpired fails the attempt.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - as in Executor
        prompt: Given,
        *,
        choices: Sequence[str] = (),
        schema: Json = None,
        timeout: timedelta | None = None,
        default: Json = UNSET,
        allowed_users: Sequence[str] = (),
    ) -> None:
        super().__init__(id)
        self._prompt = prompt
        self._choices = tuple(choices)
        self._schema = schema
        self._timeout = timeout
        self._default = default
        self._allowed_users = allowed_users

    @handler
    async def handle(self, message: Any, ctx: WorkflowContext[dict[str, Json]]) -> None:
        """Suspend until there is an answer; what is asked is settled when the message is first looked at."""
        from lrwf_cli.executors.context.answers import Form
        from lrwf_cli.executors.context.asks import Question, unanswered

        scene = scene_of(ctx)
        question = Question(
            kept("ask", self._prompt, message, ctx),
            Form(Any, self._choices, self._schema),
            scene.codec,
            timeout=self._timeout,
            default=self._default,
            allowed_users=self._allowed_users,
        )

        def answered(request: Request, answer: Answer) -> dict[str, Json]:
            if answer.expired:
                default = unanswered(request, scene.codec, scene.call.resolve)
                return _message(answer, *_apart(request.ask, default))
            return _message(answer, scene.call.resolve(answer.value), scene.call.resolve(answer.data))

        await ctx.send_message(await scene.put(question, answered))


def _apart(ask: Ask, default: Json) -> tuple[Json, Json]:
    """Return what stands for an answer as the choice or bare value, and the object beside it."""
    return (None, default) if ask.schema is not None and not ask.choices else (default, None)


def _message(answer: Answer, choice: Json, data: Json) -> dict[str, Json]:
    return {
        "choice": choice,
        "data": data,
        "comment": answer.comment,
        "by": _name(answer.by),
        "at": instant(answer.at),
        "expired": answer.expired,
    }


def _name(person: Person | None) -> str | None:
    if person is None:
        return None
    return person.name or person.user or str(person.uid)
