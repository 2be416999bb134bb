"""Handlers at work: plain values in, effects or a failure out, in the loop and in threads."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects, Send
from lrwf_cli.core.model import Direct, ExecutorSpec, Json, RetryPolicy, Workflow
from lrwf_cli.core.retry import is_retryable
from lrwf_cli.core.run import Delivery
from lrwf_cli.core.suspended import Kept
from lrwf_cli.executors.api import Executor, FunctionExecutor, WorkflowContext, executor, handler
from lrwf_cli.executors.base import Call, Failed, Result
from lrwf_cli.executors.invoke import PythonInvoker

WORKFLOW = Workflow("flow", {name: ExecutorSpec(name) for name in "ab"}, "a", (Direct("a", "b"),))
Context = WorkflowContext[Any, Any]


@dataclass
class Note:
    lines: list[str] = field(default_factory=list)


class Desk:
    """Takes what is kept at once, and forgets it."""

    async def keep(self, kept: Sequence[Kept]) -> None: ...

    def progress(self, current: float | None, total: float | None, message: str | None) -> None: ...


class Log(list[tuple[str, str]]):
    """Gathers what handlers print; as a hook, a log."""

    def __call__(self, executor: str, text: str) -> None:
        self.append((executor, text))

    @property
    def text(self) -> str:
        return "".join(text for _, text in self)


def codec() -> Codec:
    made = Codec()
    made.register(Note)
    return made


def call(message: Json = 1, **facts: Any) -> Call:
    defaults: dict[str, Any] = {
        "run_id": "run-1",
        "workflow": "flow",
        "delivery": Delivery("d", "a", 1, message),
        "attempt": 1,
        "maybe_done": False,
        "idempotency_key": "key",
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
        "input": {},
        "state": {},
    }
    return Call(**(defaults | facts))


def invoker(target: Executor | Callable[..., Any], log: Log | None = None) -> PythonInvoker:
    made = target if isinstance(target, Executor) else FunctionExecutor(target)
    return PythonInvoker({"a": made}, WORKFLOW, codec(), log=log)


def invoke(target: Executor | Callable[..., Any], message: Json = 1, log: Log | None = None) -> Result:
    return asyncio.run(invoker(target, log).invoke(call(message), Desk()))


def failure(target: Executor | Callable[..., Any], message: Json = 1, log: Log | None = None) -> Failed:
    result = invoke(target, message, log)
    assert isinstance(result, Failed)
    return result


def test_async_and_plain_handlers_do_the_same() -> None:
    """A plain `def` runs in a thread of its own, an `async def` in the loop; their effects are the same."""
    threads = []

    async def in_loop(n: int, ctx: Context) -> int:
        threads.append(threading.current_thread())
        await ctx.send_message(n + 1)
        ctx.set_state("n", n)
        return n

    def in_thread(n: int, ctx: Context) -> int:
        threads.append(threading.current_thread())
        ctx.send_message(n + 1)
        ctx.set_state("n", n)
        return n

    assert invoke(in_loop) == invoke(in_thread)
    assert threads[0] is threading.main_thread() is not threads[-1]


def test_a_returned_value_is_sent() -> None:
    """Design 9: what a handler returns is sent after what it sent itself; `None` is not."""

    def returns(n: int, ctx: Context) -> str:
        ctx.send_message(n)
        return "last"

    def returns_nothing(n: int) -> None: ...

    assert invoke(returns) == Effects((Send(1), Send("last", ordinal=1)))
    assert invoke(returns_nothing) == Effects()


def test_a_plain_function_may_return_an_awaitable() -> None:
    """A wrapper that hides an `async def` is awaited all the same."""

    async def later(n: int) -> int:
        return n + 1

    def now(n: int) -> Coroutine[Any, Any, int]:
        return later(n)

    assert invoke(now) == Effects((Send(2),))


def test_messages_are_isolated() -> None:
    """Conformance 22: each handler gets its own decoded copy; one that changes it hurts nobody."""
    encoded = codec().encode(Note(["a"]))

    def change(note: Note, ctx: Context) -> Note:
        note.lines.append("b")
        return note

    result = invoke(change, encoded)
    assert isinstance(result, Effects)
    assert codec().decode(result.sends[0].value) == Note(["a", "b"])
    assert codec().decode(encoded) == Note(["a"])


def test_a_large_message_is_resolved() -> None:
    """A message that is kept elsewhere is read from there."""
    made = invoker(executor(lambda_of(int)))
    result = asyncio.run(
        made.invoke(call({"$blob": "x"}, resolve=lambda value: 7 if value == {"$blob": "x"} else value), Desk())
    )
    assert result == Effects((Send(7),))


def lambda_of(kind: type) -> Callable[..., Any]:
    def back(message: Any) -> Any:
        return message

    back.__annotations__ = {"message": kind}
    return back


def raising(error: BaseException, *, is_async: bool = False) -> Callable[..., Any]:
    def plain(n: int, ctx: Context) -> None:
        ctx.send_message(n)
        raise error

    async def coroutine(n: int, ctx: Context) -> None:
        plain(n, ctx)

    return coroutine if is_async else plain


class Stubborn(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize(
    "error",
    [
        ValueError("no"),
        SystemExit(3),
        GeneratorExit(),
        asyncio.CancelledError("mine"),
        BaseExceptionGroup("several", [KeyboardInterrupt()]),
        StopAsyncIteration(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_a_handler_raises_is_its_failure(error: BaseException, is_async: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Conformance 2, 25: nothing that was sent counts; `sys.exit` ends the handler and not lrwf."""
    failed = failure(raising(error, is_async=is_async))
    assert (failed.error.type, failed.error.message) == (type(error).__name__, str(error))
    assert (failed.error.executor, failed.error.attempt) == ("a", 1)
    assert failed.error.mro == tuple(cls.__name__ for cls in type(error).__mro__[:-1])
    assert failed.retryable


@pytest.mark.parametrize("error", [TypeError("x"), UnboundLocalError("x"), AttributeError("x")], ids=repr)
def test_mistakes_in_the_code_are_for_the_policy_to_judge(error: Exception) -> None:
    """Conformance 28: a usage error is not tried again in vain, but it is if a policy names it."""
    failed = failure(raising(error))
    assert failed.retryable
    assert not is_retryable(RetryPolicy(), failed.error)
    assert is_retryable(RetryPolicy(retry_on=(type(error).__name__,)), failed.error)


def test_our_refusals_are_not_retried() -> None:
    """A refusal carries its remedy, and trying again cannot help."""

    def sends(n: int, ctx: WorkflowContext[str]) -> None:
        ctx.send_message("x", target_id="nobody")

    failed = failure(sends)
    assert (failed.error.type, failed.retryable) == ("UnknownTarget", False)
    assert failed.error.hint


def test_a_message_that_nobody_handles_names_both_types() -> None:
    """Conformance 7: a message of a type that the executor cannot handle is an error that names both."""
    failed = failure(lambda_of(int), "text")
    assert "`a` cannot handle a `str`: it handles `int`" in failed.error.message
    assert failure(lambda_of(int), {"$type": "x:Y", "value": 1}).error.type == "NotDecodable"


def test_a_message_of_an_error_that_cannot_be_kept_is_mended() -> None:
    """The journal takes any failure: text that raises, has no UTF-8 form or is endless."""
    assert failure(raising(Stubborn())).error.message == "(its text cannot be read: RuntimeError)"
    assert failure(raising(ValueError("\udcff"))).error.message == "\\udcff"
    assert len(failure(raising(ValueError("x" * 100_000))).error.message) == 10_000


def test_the_traceback_goes_to_the_log() -> None:
    """A person sees their own lines, from the handler on, and none of lrwf's."""
    log = Log()
    failure(raising(ValueError("no")), log=log)
    assert log.text.startswith("Traceback (most recent call last):\n")
    assert f'File "{__file__}"' in log.text
    assert "lrwf_cli/" not in log.text
    assert log.text.endswith("ValueError: no\n")
    assert {who for who, _ in log} == {"a"}


def test_what_handlers_print_goes_to_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """Design 5: prints land in the run's log, whole lines, from the loop and from threads; never on stdout."""
    log = Log()

    async def prints(n: int) -> None:
        print("in", "loop")  # noqa: T201 - what is tested
        await asyncio.to_thread(print, "in thread")
        print("no end", end="")  # noqa: T201 - what is tested

    def prints_too(n: int) -> None:
        print("plain")  # noqa: T201 - what is tested

    invoke(prints, log=log)
    invoke(prints_too, log=log)
    assert [text for _, text in log] == ["in loop\n", "in thread\n", "no end\n", "plain\n"]
    assert capsys.readouterr() == ("", "")


def test_without_a_log_prints_go_where_they_always_do(capsys: pytest.CaptureFixture[str]) -> None:
    """In a program or a notebook, prints stay where the author looks for them."""

    def prints(n: int) -> None:
        print("here")  # noqa: T201 - what is tested

    invoke(prints)
    assert capsys.readouterr().out == "here\n"


def test_cancelling_cancels_the_handler() -> None:
    """Conformance 21: a cancelled attempt is no failure and leaves nothing."""
    cleaned = []

    async def scenario() -> None:
        begun = asyncio.Event()

        async def hangs(n: int, ctx: Context) -> None:
            try:
                begun.set()
                await asyncio.Event().wait()
            finally:
                cleaned.append(n)

        task = asyncio.create_task(invoker(hangs).invoke(call(), Desk()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert cleaned == [1]


def test_a_thread_that_is_left_behind_can_do_no_more() -> None:
    """Cancelling leaves a plain handler's thread to itself; its context refuses it, and its result is nobody's."""
    outcome: list[str] = []
    go, ended = threading.Event(), threading.Event()

    async def scenario() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hangs(n: int, ctx: Context) -> None:
            loop.call_soon_threadsafe(begun.set)
            go.wait(10)
            try:
                ctx.send_message(n)
            except Exception as error:
                outcome.append(type(error).__name__)
                raise
            finally:
                ended.set()

        task = asyncio.create_task(invoker(hangs).invoke(call(), Desk()))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    go.set()
    assert ended.wait(10)
    assert outcome == ["HandlerEnded"]


def test_ctrl_c_is_not_a_failure() -> None:
    """Conformance 57: Ctrl-C ends the driver, it is not blamed on a handler."""

    async def scenario() -> None:
        await invoker(raising(KeyboardInterrupt(), is_async=True)).invoke(call(), Desk())

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(scenario())


class Counter(Executor):
    """Counts what it has seen, in an attribute of its own; fails when it is told to."""

    def __init__(self, *, counts_in_vain: bool = False) -> None:
        super().__init__("a")
        self.count = 0
        self.counts_in_vain = counts_in_vain
        self.restored: list[Any] = []

    def on_checkpoint_save(self) -> dict[str, Any] | None:
        return None if self.counts_in_vain else {"count": self.count}

    async def on_checkpoint_restore(self, state: dict[str, Any]) -> None:
        self.restored.append(state)
        self.count = state["count"]

    @handler
    async def handle(self, message: str) -> int:
        self.count += 1
        if message == "fail":
            raise ValueError
        return self.count


async def series(made: PythonInvoker, *messages: str, saved: Json = None) -> list[Any]:
    """Invoke with each message as the engine would: what was saved last goes into the next call."""
    seen: list[Any] = []
    for message in messages:
        result = await made.invoke(call(message, saved=saved), Desk())
        if isinstance(result, Effects):
            saved = result.saved if result.saved is not None else saved
            seen.append(result.sends[0].value)
        else:
            assert isinstance(result, Failed)
            seen.append(result.error.type)
    return seen


def test_an_executors_own_attributes_are_kept_with_its_completions() -> None:
    """Conformance 23: `on_checkpoint_save` is committed with the handler's end; restored once in a new process."""
    counter = Counter()
    assert asyncio.run(series(invoker(counter), "x", "x", saved={"count": 10})) == [11, 12]
    assert counter.restored == [{"count": 10}]


def test_a_failed_attempt_leaves_nothing_in_the_executor() -> None:
    """Conformance 21: after a failure the attributes are those that were committed last, or those of the beginning."""
    assert asyncio.run(series(invoker(Counter()), "fail", "fail", "x", "fail", "x")) == [
        "ValueError",
        "ValueError",
        1,
        "ValueError",
        2,
    ]
    assert asyncio.run(series(invoker(Counter()), "fail", "x", saved={"count": 5})) == ["ValueError", 6]


def test_what_the_engine_did_not_commit_is_taken_back() -> None:
    """A completion that was refused (a message that nobody takes) leaves nothing in the executor either."""

    async def scenario() -> list[Any]:
        made = invoker(Counter())
        return [await series(made, "x", saved=saved) for saved in (None, None, {"count": 7}, {"count": 7})]

    assert asyncio.run(scenario()) == [[1], [1], [8], [8]]


@pytest.mark.not_twice("its executor counts in an attribute that it does not keep")
def test_keeping_nothing_is_allowed() -> None:
    """`None` from `on_checkpoint_save` keeps nothing, and nothing is restored."""
    counter = Counter(counts_in_vain=True)
    assert asyncio.run(series(invoker(counter), "x", "fail", "x")) == [1, "ValueError", 3]
    assert counter.restored == []


def test_what_is_kept_must_be_a_dict_of_what_can_be_kept() -> None:
    """An executor that saves what cannot be kept fails its handler, with the field's name."""

    class Odd(Executor):
        kept: Any = None

        def on_checkpoint_save(self) -> Any:
            return self.kept

        def on_checkpoint_restore(self, state: Any) -> None: ...

        @handler
        def handle(self, message: int) -> None:
            self.kept = [] if message else {"client": object()}

    assert "returned a `list`, no dict" in failure(Odd("a"), 1).error.message
    assert "on_checkpoint_save().client: " in failure(Odd("a"), 0).error.message


def test_handlers_run_at_the_same_time() -> None:
    """Conformance 5: handlers of one invoker do not wait for one another, async or plain."""

    async def scenario() -> list[Result]:
        meeting = threading.Barrier(3, timeout=10)

        def plain(n: int) -> int:
            meeting.wait()
            return n

        async def coroutine(n: int) -> int:
            await asyncio.to_thread(meeting.wait)
            return n

        made = PythonInvoker({"a": executor(plain), "b": executor(coroutine)}, WORKFLOW, codec(), log=Log())
        calls = [call(), call(2), call(delivery=Delivery("e", "b", 1, 3))]
        return await asyncio.gather(*(made.invoke(each, Desk()) for each in calls))

    assert asyncio.run(scenario()) == [Effects((Send(n),)) for n in (1, 2, 3)]
