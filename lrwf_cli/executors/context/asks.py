"""Questions to people and programs outside: what is asked, how it is waited for, what is made of the answer."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json, identity
from lrwf_cli.core.spans import Span, span_of
from lrwf_cli.core.suspended import Answer, Ask, Request, Wait
from lrwf_cli.errors import ReplayDiverged, RequestExpired, UsageError
from lrwf_cli.executors.context.answers import Form, tag_of
from lrwf_cli.executors.context.keeper import Place, Waiting

__all__ = ["Asking", "Question", "unanswered"]


class Question:
    """What is asked, checked. `form` is that of the answer; `timeout` and `default` are as in `ctx.ask`."""

    def __init__(
        self,
        prompt: str,
        form: Form,
        codec: Codec,
        *,
        timeout: Span | None,
        default: Any,
        allowed_users: Sequence[str],
    ) -> None:
        self.prompt = _text(prompt)
        self.form = form
        self._codec = codec
        self._timeout = None if timeout is None else span_of(timeout, "`timeout` of a request")
        self._has_default = default is not UNSET
        self._default = codec.encode(default, "default") if self._has_default else None
        self._allowed = _users(allowed_users)

    def ask(self, place: Place, expires_at: datetime | None, *, calls: bool = False, data: Json = None) -> Ask:
        """Return it as the core knows it, asked from `place`."""
        return Ask(
            place.lane,
            place.path,
            self.prompt,
            choices=self.form.choices,
            schema=self.form.schema,
            response_type=tag_of(self.form.type, self._codec),
            expires_at=expires_at,
            has_default=self._has_default,
            default=self._default,
            calls=calls,
            data=data,
            allowed_users=self._allowed,
        )

    def is_that_of(self, ask: Ask) -> bool:
        """Whether it is the same question, in the same words."""
        return (ask.prompt, ask.choices) == (self.prompt, self.form.choices)

    def expires_at(self, now: datetime) -> datetime | None:
        """Return until when it may be answered if it is asked now; `None`: for ever."""
        return None if self._timeout is None else now + self._timeout


def _text(prompt: Any) -> str:
    if not isinstance(prompt, str) or not prompt.strip():
        raise UsageError(f"a request without a prompt: {prompt!r:.60}", hint="say in a text what is asked")
    return prompt


def _users(allowed: Any) -> tuple[str, ...]:
    users = () if isinstance(allowed, str) else tuple(allowed)
    if isinstance(allowed, str) or not all(isinstance(user, str) and user for user in users):
        raise UsageError(f"`allowed_users` of a request are none: {allowed!r:.60}", hint="give a list of names")
    return users


class Asking:
    """What a question does when it is reached: it is put, waited for, and `shape` makes a value of its answer.

    `found` returns what was asked from a place before, oldest first.
    """

    def __init__(
        self,
        question: Question,
        shape: Callable[[Request, Answer], Any],
        *,
        found: Callable[[Place], Sequence[Request]],
        now: Callable[[], datetime],
    ) -> None:
        self._question = question
        self._shape = shape
        self._found = found
        self._now = now

    async def step(self, place: Place, wait: Wait | None) -> Any:
        """Return what is made of the answer, or how it is waited for. A `keeper.Step`."""
        request = self._asked(place, wait)
        if request is not None and request.answer is not None:
            return self._shape(request, request.answer)
        now = self._now()
        ask = request.ask if request is not None else self._question.ask(place, self._question.expires_at(now))
        since = request.opened_at if request is not None else now
        return Waiting(wait or Wait("request", place.lane, place.path, "ask", since, ask.expires_at), ask)

    def _asked(self, place: Place, wait: Wait | None) -> Request | None:
        """Return the same question as it was put before: by this start of the handler, or by one that failed."""
        same: Request | None = None
        for request in self._found(place):
            is_same = self._question.is_that_of(request.ask)
            if wait is not None and wait.request == request.id and not is_same:
                before, after = request.ask.prompt, self._question.prompt
                hint = "ask the same when the handler comes by again: take the time and the like from `ctx`"
                raise ReplayDiverged(f"it asked {before!r:.200} when it suspended, and now {after!r:.200}", hint=hint)
            same = request if is_same else same
        return same


def unanswered(request: Request, codec: Codec, resolve: Callable[[Json], Json] = identity) -> Any:
    """Return the default of a request that nobody answered in time. Raises RequestExpired if there is none."""
    if request.ask.has_default:
        return codec.decode(resolve(request.ask.default))
    asked = request.ask.prompt if len(request.ask.prompt) <= 200 else f"{request.ask.prompt[:199]}…"
    hint = "give it a longer `timeout`, or a `default`, or catch `RequestExpired`"
    raise RequestExpired(f"nobody answered `{request.id}` in time: {asked}", hint=hint)
