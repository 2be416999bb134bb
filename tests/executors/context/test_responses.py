"""`request_info` and `@response_handler`: who gets an answer, as what, and what is wrong before anybody asks."""

import asyncio
import inspect
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects, Send
from lrwf_cli.core.model import Direct, ExecutorSpec, Json, RetryPolicy, Workflow
from lrwf_cli.core.run import Delivery
from lrwf_cli.core.suspended import Answer, Ask, Request
from lrwf_cli.errors import UsageError
from lrwf_cli.executors.api import Executor, check_executor, handler, handlers_of, response_handler, retries
from lrwf_cli.executors.base import Call, Failed, Result
from lrwf_cli.executors.invoke import PythonInvoker
from lrwf_cli.executors.retrying import retry
from tests.executors.keeping import START, Progress, Stay

Context = WorkflowContext[Any, Any]


@dataclass
class Plan:
    text: str


@dataclass
class Budget(Plan):
    amount: int = 0


@dataclass
class Verdict:
    ok: bool
    why: str = ""


class Reviewer(Executor):
    """Asks for a verdict on plans; and how much for budgets."""

    @handler
    async def take(self, message: dict, ctx: Context) -> None:  # type: ignore[type-arg]  # as authors write it
        await ctx.request_info(Plan(message["text"]), **message.get("how", {}))

    @response_handler
    async def judged(self, original_request: Plan, response: Verdict, ctx: Context) -> None:
        await ctx.send_message(f"{original_request.text}: {response.ok} {response.why}".strip())

    @response_handler
    async def paid(self, original_request: Budget, response: int) -> str:
        return f"{original_request.text}: {response} of {original_request.amount}"

    @response_handler
    async def named(self, original_request: Budget, response: str) -> str:
        return f"{original_request.text}: {response!r}"


def codec() -> Codec:
    made = Codec()
    for cls in (Plan, Budget, Verdict):
        made.register(cls)
    return made


def asks(message: dict[str, Any], made: type[Executor] = Reviewer) -> tuple[Ask, ...]:
    stay = Stay(made(), message=message, codec=codec())
    assert asyncio.run(stay.enter()) == (True, None)
    effects: Effects = stay.ctx.effects(None)
    return effects.asks


def invoke(made: Executor, ask: Ask, answer: Answer, *, own_retry: bool = True) -> Result:
    """Have an answer handled, as the engine does once it is there."""
    delivery = Delivery("d2", "a", 2, answer.value, source="a", answers="a")
    call = Call(
        run_id="run-1",
        workflow="flow",
        delivery=delivery,
        attempt=1,
        maybe_done=False,
        idempotency_key="key",
        started_at=START,
        input={},
        state={},
        requests=(Request("a", "a", "d", ask, START, answer=answer),),
    )
    kept = codec()
    spec = ExecutorSpec("a", retry_for=retries(made, kept) if own_retry else None)
    workflow = Workflow("flow", {"a": spec, "b": ExecutorSpec("b")}, "a", (Direct("a", "b"),))
    return asyncio.run(PythonInvoker({"a": made}, workflow, kept).invoke(call, Progress()))


def sent(ask: Ask, value: Json = None, *, data: Json = None, made: Executor | None = None, **more: Any) -> Any:
    result = invoke(made or Reviewer(), ask, Answer(START, value, data, **more))
    assert isinstance(result, Effects), result
    return [send.value for send in result.sends]


def failure(ask: Ask, value: Json = None, **more: Any) -> Any:
    result = invoke(Reviewer(), ask, Answer(START, value, **more))
    assert isinstance(result, Failed)
    return result.error


def test_a_request_is_an_effect() -> None:
    """Design 6: the handler does not wait; what it asks is opened when it ends."""
    (ask,) = asks({"text": "more tea"})
    assert (ask.prompt, ask.calls, ask.lane, ask.path) == ("Plan(text='more tea')", True, "", "1")
    assert codec().decode(ask.data) == Plan("more tea")
    assert ask.response_type == "tests.executors.context.test_responses:Verdict"
    assert ask.schema == {
        "ok": {"type": "boolean", "required": True},
        "why": {"type": "string", "default": ""},
    }


def test_a_request_of_a_handler_that_suspends_stays_the_same() -> None:
    """Design 6: it is opened at the suspension, and the same place is the same request, with the same expiry."""

    class Patient(Reviewer):
        @handler
        async def take(self, message: dict, ctx: Context) -> None:  # type: ignore[type-arg]  # as above
            await ctx.request_info(Plan("wait"), prompt="Well?", timeout=timedelta(days=2))
            await ctx.schedule_resume(after=timedelta(days=1))
            await ctx.request_info(Plan("again"), prompt="And now?")

    stay = Stay(Patient(), message={}, codec=codec())
    asyncio.run(stay.enter())
    (first,) = stay.ctx.asks
    stay.jump()
    assert asyncio.run(stay.enter()) == (True, None)
    assert [ask.prompt for ask in stay.ctx.asks] == ["Well?", "And now?"]
    assert stay.ctx.asks[0] == first
    assert first.expires_at == START + timedelta(days=2)
    assert len({(ask.lane, ask.path) for ask in stay.ctx.asks}) == 2


def test_the_answer_is_a_call() -> None:
    """Design 6: it comes by the types of what was asked and of the response, as a delivery of its own."""
    (ask,) = asks({"text": "tea"})
    assert sent(ask, data={"ok": True, "why": "hot"}) == ["tea: True hot"]
    assert sent(ask, {"ok": False}) == ["tea: False"]


@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [(int, 7, "b: 7 of 9"), (str, "seven", "b: 'seven'"), (Literal[7], 7, "b: 7 of 9")],
)
def test_the_nearest_response_handler_gets_it(kind: Any, value: Any, result: str) -> None:
    """Conformance 9: the most specific type of the request, then that of the response."""

    class Asks(Reviewer):
        @handler
        async def take(self, message: dict, ctx: Context) -> None:  # type: ignore[type-arg]  # as above
            await ctx.request_info(Budget("b", 9), kind)

    (ask,) = asks({}, Asks)
    assert sent(ask, value, made=Asks()) == [result]


def test_what_is_asked_must_have_somebody_to_answer_to() -> None:
    """Design 6: a request whose answer nobody would take is refused at the call, with the types."""
    for data, kind, said in (
        (7, None, "no response handler takes the answer to a `int`"),
        (Plan("x"), str, "no response handler takes a `str` as the answer to a `Plan`"),
        (Budget("x"), None, "several response handlers take answers to a `Budget`"),
        (Plan("x"), "Verdict | None | x[", "`response_type` of a request is no type"),
    ):
        ctx: Any = Stay(Reviewer(), codec=codec()).context()
        with pytest.raises(UsageError) as caught:
            ctx.request_info(data, kind)
        assert said in caught.value.message
        assert caught.value.hint


def test_a_plain_handler_may_ask() -> None:
    """Design 6: it does not suspend, so a thread may do it; each request has a place of its own."""

    class Plain(Executor):
        @handler
        def take(self, message: dict, ctx: Context) -> None:  # type: ignore[type-arg]  # as above
            for text in ("a", "b"):
                ctx.request_info(Plan(text))

        @response_handler
        def judged(self, original_request: Plan, response: Verdict) -> None: ...

    made = Plain()
    call = Stay(made, message={}, codec=codec()).context().call
    workflow = Workflow("flow", {"a": ExecutorSpec("a")}, "a")
    result = asyncio.run(PythonInvoker({"a": made}, workflow, codec()).invoke(call, Progress()))
    assert isinstance(result, Effects)
    assert [ask.prompt for ask in result.asks] == ["Plan(text='a')", "Plan(text='b')"]
    assert len({(ask.lane, ask.path) for ask in result.asks}) == 2


def test_a_request_that_expires_brings_its_default_or_fails() -> None:
    """Conformance 40: the default comes as the answer; without one the call fails, and its retry policy is asked."""
    (ask,) = asks({"text": "tea", "how": {"timeout": 60, "default": Verdict(ok=False, why="late")}})
    assert sent(ask, ask.default, expired=True) == ["tea: False late"]
    (ask,) = asks({"text": "tea", "how": {"timeout": 60}})
    assert failure(ask, expired=True).type == "RequestExpired"


def test_an_answer_that_nobody_can_take_fails() -> None:
    """Conformance 7, 37: what is wrong with it, and where."""
    (ask,) = asks({"text": "tea"})
    assert "the answer.ok: expected `bool`, got `str`" in failure(ask, {"ok": "perhaps"}).message
    (late,) = asks({"text": "tea", "how": {"timeout": 60, "default": 7}})
    error = failure(late, 7, expired=True)
    assert (error.type, "takes a `int` as the answer to a `Plan`" in error.message) == ("MessageTypeError", True)


def test_response_handlers_are_checked_with_their_lines() -> None:
    """Conformance 10: one of the wrong shape is an error when the flow is checked, with file and line."""

    class Wrong(Executor):
        @handler
        async def take(self, message: int) -> None: ...

        @response_handler
        async def short(self, original_request: Plan) -> None: ...

        @response_handler
        async def unsaid(self, original_request: Plan, response) -> None: ...  # type: ignore[no-untyped-def]

        @response_handler
        async def long(self, original_request: Plan, response: int, ctx: int) -> None: ...

        @response_handler
        async def one(self, original_request: Budget, response: int) -> None: ...

        @response_handler
        async def other(self, original_request: Budget, response: int) -> None: ...

    problems = check_executor(Wrong)
    line = inspect.getsourcelines(Wrong)[1]
    where = [int(message.removeprefix(f"{__file__}:").partition(":")[0]) - line for message, _ in problems]
    assert where == [4, 7, 10, 16]
    said = [message.partition(": ")[2] for message, _ in problems]
    assert said == [
        "response handler `Wrong.short` does not take what was asked, the response and a context",
        "response handler `Wrong.unsaid` does not say which messages it takes: `response` has no annotation",
        "response handler `Wrong.long` has a third parameter that is no context: `ctx`",
        "handler `Wrong.other` takes `Budget` and `int`, and so does `Wrong.one`",
    ]
    assert all(hint for _, hint in problems)


def test_what_response_handlers_send_counts() -> None:
    """Conformance 19: what an executor sends includes what its response handlers send."""

    class Typed(Executor):
        @handler
        async def take(self, message: int, ctx: WorkflowContext[int]) -> None: ...

        @response_handler
        async def heard(self, original_request: int, response: int, ctx: WorkflowContext[str]) -> None: ...

    sends = handlers_of(Typed).sends
    assert sends is not None
    assert [form.name for form in sends] == ["int", "str"]


@pytest.mark.parametrize("own", [True, False])
def test_a_response_handler_may_be_retried(own: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Conformance 25: its `@retry` comes with its failure, unless the flow file has a `retry:` of its own."""

    class Flaky(Reviewer):
        @response_handler
        @retry(max_attempts=7, backoff=ExponentialBackoff(jitter=0))
        async def judged(self, original_request: Plan, response: Verdict, ctx: Context) -> None:
            raise ConnectionError

    (ask,) = asks({"text": "tea"})
    result = invoke(Flaky(), ask, Answer(datetime(2026, 1, 1, tzinfo=UTC), {"ok": True}), own_retry=own)
    assert isinstance(result, Failed)
    assert result.policy == (RetryPolicy(max_attempts=7, jitter=0) if own else None)
    assert invoke(Reviewer(), ask, Answer(START, {"ok": True})) == Effects((Send("tea: True"),))
