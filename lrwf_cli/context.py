"""What a handler is given: `WorkflowContext`, as the author of an executor sees it.

A port, which says what may be done and what that means; who does it is in `executors`.
"""

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar
from uuid import UUID

from msgspec import UNSET

from lrwf_cli.core.background import OnRunEnd
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.spans import Span

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultingTypeVar

    Out_contra = DefaultingTypeVar("Out_contra", contravariant=True, default=Any)
    Result_contra = DefaultingTypeVar("Result_contra", contravariant=True, default=Any)
else:
    Out_contra = TypeVar("Out_contra", contravariant=True)
    Result_contra = TypeVar("Result_contra", contravariant=True)

__all__ = ["POLL_BACKOFF", "TOLERATED", "Tracked", "WorkflowContext"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

POLL_BACKOFF = ExponentialBackoff(initial=10, max=300)
"""The pauses of a poll that does not say otherwise: 10 s, 20 s, and so on up to 5 minutes."""

TOLERATED: tuple[type[BaseException] | str, ...] = (ConnectionError, TimeoutError)
"""What a poll's check may raise now and then."""


class Tracked(Protocol[T_co]):
    """Items that are counted as they are gone through, once: with `async for`, or with `for` in a plain `def`."""

    def __aiter__(self) -> AsyncIterator[T_co]: ...

    def __iter__(self) -> Iterator[T_co]: ...


class WorkflowContext(Protocol[Out_contra, Result_contra]):
    """What a handler may know and do. `WorkflowContext[Out, Result]`: what it sends, what it yields.

    `None` is nothing, a missing parameter is unchecked. Effects (`send_message`, `yield_output`, state) happen at the
    call, `await` or not, and count when the handler ends; a failed attempt leaves none. They may be had from the
    handler's thread or loop; what waits, from an `async def` only.
    """

    if not TYPE_CHECKING:

        def __class_getitem__(cls, parameters: Any) -> GenericAlias:
            """Take one parameter or two: before Python 3.13 type variables have no defaults."""
            return GenericAlias(cls, parameters)

    def send_message(self, message: Out_contra, target_id: str | None = None) -> Awaitable[None]:
        """Send a message along the executor's edges, or to `target_id` only.

        Raises UndeclaredType, NotEncodable (with the field), UnknownTarget if no edge leads there.
        """

    def yield_output(self, output: Result_contra) -> Awaitable[None]:
        """Add to the run's outputs. Raises UndeclaredType, NotEncodable."""

    def get_state(self, key: str, default: Any = None) -> Any:
        """Return a copy of the run's shared state as this handler first saw it, plus its own writes.

        What it sees is what was committed when it started; a handler that has suspended sees again what it saw, and
        of a key that it had not looked at, what was committed when it woke.
        """

    def set_state(self, key: str, value: Any) -> None:
        """Write shared state. Others see it after the commit; the last commit wins. Raises NotEncodable."""

    def update_state(self, key: str, op: Literal["append", "add", "merge"], value: Any) -> None:
        """Change shared state at commit: a list by an item, a number by another, a dict by another.

        Loses nothing, whoever else writes meanwhile. A key that is not there counts as empty. Raises TypeError if
        the value cannot be changed so.
        """

    def delete_state(self, key: str) -> None:
        """Remove a key of shared state; one that is not there is no error."""

    def poll_until_complete(
        self,
        *,
        check: Callable[[], Any],
        is_complete: Callable[[Any], Any] = bool,
        max_duration: Span | None = None,
        backoff: ExponentialBackoff = POLL_BACKOFF,
        tolerate: Sequence[type[BaseException] | str] = TOLERATED,
    ) -> Coroutine[Any, Any, Any]:
        """Return the first status of `check()` for which `is_complete(status)` is true; suspend between the checks.

        Durable: checks at once, then once whenever the next check is due, each time in whatever process is there; in
        between none is needed. `check` is async or plain (one that takes long returns an awaitable:
        `lambda: asyncio.to_thread(ask, job)`), and nothing that it awaits is kept. Errors of the classes (or names) in
        `tolerate` count as not complete; the fifth in a row is raised. `max_duration` after the first check there is a
        last one, then it raises PollTimeoutError; `None`: no limit. Raises UsageError for a duration or a pause that
        is absurd.
        """

    def schedule_resume(
        self, *, after: Span | None = None, at: datetime | None = None
    ) -> Coroutine[Any, Any, Literal["timer", "response"]]:
        """Suspend for a time, or until an instant. Durable. Returns at once if that is past.

        Returns why it woke: `"response"` if a request that this handler has opened (with `request_info`, or in another
        task of it) was answered first, else `"timer"`. A naive `at` is in the flow's `timezone`, the machine's if it
        has none; a time that a change to summer time skips is the end of the gap, one that comes twice is the first
        (`fold=1`: the second). Where the handler comes by again, the first instant stands. Raises UsageError for
        neither, both, or an absurd one.
        """

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
        """Ask a person or a program outside; suspend until there is an answer. Durable.

        Returns the answer as a `response_type`: `str` (the default), `int`, `float`, `bool`, `list`, `dict`, an enum, a
        `Literal`, a dataclass, pydantic model or msgspec struct. With `choices` it is one of these. After `timeout`
        (`None`: never) it is `default`, as it is given here; without one it raises RequestExpired. `allowed_users` may
        answer, by name; empty: anyone. Raises ResponseRefused if an answer cannot be made a `response_type`; for what
        cannot be asked so, UsageError or NotEncodable.
        """

    def request_info(
        self,
        data: Any,
        response_type: Any = None,
        *,
        prompt: str | None = None,
        choices: Sequence[str] | None = None,
        timeout: Span | None = None,
        default: Any = UNSET,
        allowed_users: Sequence[str] = (),
    ) -> Awaitable[None]:
        """Ask without waiting: the answer is a call of the `@response_handler` for `data` and the response.

        An effect: the request is opened when the handler ends, or suspends. `prompt` is what people read, by default
        `data`. `response_type`: by default what the `@response_handler` takes. Else as `ask`; a request that expires
        without a default fails. Raises UsageError if no `@response_handler` takes it, NotEncodable.
        """

    def step(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Any]:
        """Call `function(*args, **kwargs)` once, and keep what it returns or raises for as long as the message lasts.

        Durable on return, whatever class the executor is of, and not called again by later attempts either. A plain
        function runs in a thread. Raises NotKeepable for what cannot be kept.
        """

    def start_background(
        self,
        what: Any,
        *args: Any,
        on_run_end: OnRunEnd = "wait",
        restart: bool = False,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Awaitable[Any]:
        """Have something done beside the run, in a process of its own that outlives this one; return a handle for it.

        `what` is a command (a list of texts, or one for the shell), or a function of the flow's modules, which is given
        `args` and `kwargs`. An effect: it begins when the handler suspends or ends, once, whatever crashes.
        `on_run_end`: what becomes of it when nothing else is left to do. `restart`: it may be begun anew if nobody
        knows how it ended, as after a reboot. Raises UsageError, NotEncodable.
        """

    def wait_background(self, task: Any) -> Coroutine[Any, Any, Any]:
        """Suspend until background work has ended; return its result, as that of a command, or what it returned.

        Raises CommandFailed with the exit code, BackgroundLost if nobody knows how it ended, BackgroundCancelled.
        """

    def cancel_background(self, task: Any) -> Coroutine[Any, Any, None]:
        """Have background work end, and suspend until it has; nothing happens if it has ended already."""

    def report_progress(
        self, current: float, total: float | None = None, message: str | None = None
    ) -> Awaitable[None]:
        """Show how far the work is; cheap, and as often as you like: it is written at most 5 times a second.

        Not durable, and no effect: it is seen at once. Counts as a sign of life for `idle_timeout`. Raises UsageError
        for what is no number.
        """

    def track(
        self, items: Iterable[T] | AsyncIterable[T], *, total: float | None = None, message: str | None = None
    ) -> "Tracked[T]":
        """Go through items with `async for`, or in a plain `def` with `for`, and show how many are done.

        What is awaited for each is kept as everywhere: a handler that wakes goes through the items again, and reads it.
        A list, tuple, range or mapping is taken as it is; anything else is gathered first, which is kept: it must end.
        `total`: their number, where that is not what counts. Raises UsageError, NotEncodable.
        """

    @property
    def run_id(self) -> str:
        """The run's id."""

    @property
    def workflow(self) -> str:
        """The workflow's name."""

    @property
    def executor_id(self) -> str:
        """The id under which this executor stands in the workflow."""

    @property
    def source(self) -> str | None:
        """The executor that sent the message (a fan-in's: joined by `+`); `None` for the run's input."""

    @property
    def superstep(self) -> int:
        """How deep the message is: 1 for the run's input, else one more than what caused it."""

    @property
    def input(self) -> Any:
        """A copy of the run's input."""

    @property
    def attempt(self) -> int:
        """Counts entries after a failure, a timeout, a crash or a `retry`, from 1. A wake is none."""

    @property
    def maybe_done(self) -> bool:
        """Whether a crash cut an attempt off, so that what comes next may have happened. Of kept awaits: as it was."""

    @property
    def idempotency_key(self) -> str:
        """What is the same for all attempts at this message, and for nothing else: 32 hexadecimal digits."""

    @property
    def deadline(self) -> datetime | None:
        """When the run's time is up (aware, UTC); `None`: never."""

    def now(self) -> datetime:
        """Return the time: aware, UTC, whole milliseconds. A handler that has suspended sees again what it saw."""

    def uuid4(self) -> UUID:
        """Return a random UUID; the one of this place in the handler is the same in every attempt."""

    def random(self) -> float:
        """Return a number in [0, 1); the one of this place in the handler is the same in every attempt."""
