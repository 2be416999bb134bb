"""`@retry`: what it leaves on a handler, and how it and the flow file agree."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Fail
from lrwf_cli.core.complete import failed
from lrwf_cli.core.events import InvocationFailed
from lrwf_cli.core.model import ExecutorSpec, RetryPolicy, Workflow
from lrwf_cli.core.run import Delivery, Failure, Invocation, Origin, Run
from lrwf_cli.errors import (
    CommandFailed,
    CommandLost,
    ExecutorTimeoutError,
    PollTimeoutError,
    RequestExpired,
    UndeclaredType,
    UsageError,
)
from lrwf_cli.executors import failures
from lrwf_cli.executors.api import Executor, executor, handler, handlers_of, retries
from lrwf_cli.executors.retrying import retry

NOW = datetime(2026, 1, 1, tzinfo=UTC)
THREE = RetryPolicy(max_attempts=3)
Context = WorkflowContext[Any, Any]


@dataclass
class Note:
    text: str


def policies(made: Executor | type[Executor]) -> dict[str, RetryPolicy | None]:
    return {each.attribute: each.retry for each in handlers_of(made).all}


def over(function: Any) -> Any:
    return retry()(handler(function))


def under(function: Any) -> Any:
    return handler(retry()(function))


def bare(function: Any) -> Any:
    return handler(retry(function))


def wrapped(function: Any) -> Any:
    @functools.wraps(function)
    async def outer(*args: Any) -> Any:
        return await function(*args)

    return handler(outer)


@pytest.mark.parametrize("decorate", [over, under, bare, lambda f: wrapped(retry(f)), lambda f: retry(wrapped(f))])
def test_over_or_under_a_handler(decorate: Callable[[Any], Any]) -> None:
    """Design 6: `@handler` over `@retry`, or under it, with parentheses or without, behind another decorator too."""

    class Made(Executor):
        @decorate
        async def take(self, message: int) -> None: ...

        @handler
        async def other(self, message: str) -> None: ...

    assert policies(Made) == {"take": THREE, "other": None}


def test_a_function_may_have_one() -> None:
    """Design 6: over `@executor` and under it; another node of the same function has it too."""

    @retry(max_attempts=4)
    @executor
    def one(message: int) -> None: ...

    @executor(id="second")
    @retry(max_attempts=4)
    def two(message: int) -> None: ...

    for made in (one, two, one.with_id("again")):
        assert list(policies(made).values()) == [RetryPolicy(max_attempts=4)]


def test_an_override_has_its_own() -> None:
    """What a method of the base says holds for that method only."""

    class Base(Executor):
        @handler
        @retry
        async def take(self, message: int) -> None: ...

    class Other(Base):
        async def take(self, message: int) -> None: ...

    assert policies(Base) == {"take": THREE}
    assert policies(Other) == {"take": None}


def test_what_it_says_becomes_the_policy() -> None:
    """Conformance 27 and 28: attempts, pauses, and errors by class or name."""
    backoff = ExponentialBackoff(initial=timedelta(seconds=2), multiplier=3, max=60, jitter=0)

    @retry(5, backoff, retry_on=(ConnectionError, "HTTPError"), give_up_on=TimeoutError)
    def function() -> None: ...

    assert vars(function) == {
        "__lrwf_retry__": RetryPolicy(
            max_attempts=5,
            initial=timedelta(seconds=2),
            multiplier=3.0,
            max=timedelta(seconds=60),
            jitter=0.0,
            retry_on=("ConnectionError", "HTTPError"),
            give_up_on=("TimeoutError",),
        )
    }


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_attempts": 0}, "`max_attempts` of `@retry` is 0"),
        ({"max_attempts": -1}, "`max_attempts` of `@retry` is -1"),
        ({"max_attempts": 2.5}, "`max_attempts` of `@retry` is 2.5"),
        ({"max_attempts": True}, "`max_attempts` of `@retry` is True"),
        ({"backoff": 3}, "`backoff` of `@retry` is 3"),
        ({"retry_on": [3]}, "`retry_on` of `@retry` has what is no error: 3"),
        ({"retry_on": [int]}, "`retry_on` of `@retry` has what is no error: <class 'int'>"),
        ({"give_up_on": [""]}, "`give_up_on` of `@retry` has what is no error: ''"),
    ],
)
def test_an_absurd_policy_is_refused(wrong: dict[str, Any], said: str) -> None:
    """What cannot be meant is told when the module is loaded."""
    with pytest.raises(UsageError) as caught:
        retry(**wrong)
    assert said in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("thing", [Executor, 3, print])
def test_it_belongs_on_a_function(thing: Any) -> None:
    """On a class it would say nothing."""
    with pytest.raises(UsageError, match="`@retry` cannot be on"):
        retry(max_attempts=2)(thing)


class Several(Executor):
    @handler
    @retry(max_attempts=2)
    async def number(self, message: int) -> None: ...

    @handler
    @retry(max_attempts=9, retry_on=ExecutorTimeoutError)
    async def text(self, message: str) -> None: ...

    @handler
    async def note(self, message: Note) -> None: ...


def failing(spec: ExecutorSpec, message: Any, failures: int, error: Failure, **more: Any) -> datetime | None:
    """Return when an attempt comes again that failed after `failures` others."""
    run = Run("run-1", "flow", Origin("f", "/", "/", "python"), ("a",), NOW, NOW)
    invocation = Invocation(Delivery("d", "a", 1, message), attempt=failures + 1, failures=failures)
    event = failed(Workflow("flow", {"a": spec}, "a"), run, invocation, Fail("d", error, **more), NOW)
    assert isinstance(event, InvocationFailed)
    return event.retry_at


def test_each_handler_has_its_own_policy() -> None:
    """Conformance 25 and 28: by the type of the message; a handler without one has the executor's."""
    codec = Codec()
    codec.register(Note, "Note")
    spec = ExecutorSpec("a", retry=RetryPolicy(max_attempts=4), retry_for=retries(Several, codec))
    error = Failure("ValueError", "no", mro=("ValueError", "Exception"))
    note = codec.encode(Note("x"))
    again = {
        message: [failing(spec, value, n, error) is not None for n in range(5)]
        for message, value in {"number": 1, "text": "a", "note": note, "unknown": {"$type": "gone", "value": 1}}.items()
    }
    assert again == {
        "number": [True, False, False, False, False],
        "text": [False] * 5,
        "note": [True, True, True, False, False],
        "unknown": [True, True, True, False, False],
    }


def test_a_policy_is_asked_of_what_no_handler_raised() -> None:
    """Conformance 25 and 30: a time limit ends the handler from outside, and its `@retry` is asked all the same."""
    spec = ExecutorSpec("a", retry_for=retries(Several, Codec()))
    timeout = Failure("ExecutorTimeoutError", "late", mro=("ExecutorTimeoutError", "LrwfError", "TimeoutError"))
    again = failing(spec, "a", 7, timeout)
    assert again is not None
    assert timedelta(seconds=115) <= again - NOW <= timedelta(seconds=141)
    assert failing(spec, 1, 1, timeout) is None


def test_what_the_code_says_yields_to_the_flow() -> None:
    """Design 7: an executor's `retry:` in the flow file wins; then nobody asks the code."""
    assert retries(Several, Codec()) is not None
    assert retries(Executor, Codec()) is None
    spec = ExecutorSpec("a", retry=RetryPolicy(max_attempts=3))
    error = Failure("ValueError", "no", mro=("ValueError", "Exception"))
    assert [failing(spec, 1, n, error) is not None for n in range(3)] == [True, True, False]
    own = RetryPolicy(max_attempts=9)
    assert failing(spec, 1, 5, error, policy=own) is not None


@pytest.mark.parametrize(
    ("error", "retryable"),
    [
        (ValueError("x"), True),
        (TypeError("x"), True),
        (CommandFailed("x", exit_code=75), True),
        (CommandLost("x"), True),
        (ExecutorTimeoutError("x"), True),
        (PollTimeoutError("x"), True),
        (RequestExpired("x"), True),
        (UndeclaredType("x"), False),
        (UsageError("x"), False),
    ],
)
def test_refusals_of_ours_are_never_retried(error: Exception, *, retryable: bool) -> None:
    """Conformance 28: what lrwf refuses stays refused, whatever a policy says; what happens outside may get better."""
    assert failures.failed(error, "a", 1).retryable is retryable


def test_an_exit_code_is_kept() -> None:
    """Conformance 28: policies go by the exit code of a command that an executor ran."""
    assert failures.failed(CommandFailed("x", exit_code=75), "a", 1).error.exit_code == 75
    assert failures.failed(ValueError("x"), "a", 1).error.exit_code is None


def test_the_line_of_a_decorated_handler_is_its_own() -> None:
    """Conformance 10: what is wrong with a handler is told where it stands, decorated or not."""

    class Wrong(Executor):
        @handler
        @retry
        async def take(self) -> None: ...

    line = inspect.getsourcelines(Wrong.take)[1]
    ((message, _),) = handlers_of(Wrong).problems
    assert message.startswith(f"{__file__}:{line}: ")
