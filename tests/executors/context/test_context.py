"""What a handler can ask of its context, and what its effects come to."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects, Send, StateWrite
from lrwf_cli.core.model import Direct, ExecutorSpec, Json, Workflow
from lrwf_cli.core.run import Delivery, StateEntry
from lrwf_cli.core.state import changed, changes_of
from lrwf_cli.errors import HandlerEnded, LrwfError, NotEncodable, UndeclaredType, UnknownTarget, UsageError
from lrwf_cli.executors.api import WorkflowContext, executor, handlers_of
from lrwf_cli.executors.base import Call
from lrwf_cli.executors.context.context import Context
from lrwf_cli.executors.values import teach
from tests.executors.keeping import START, Progress, Stay, Unkept
from tests.executors.keeping import state as state_of

WORKFLOW = Workflow("flow", {name: ExecutorSpec(name) for name in "abc"}, "a", (Direct("a", "b"), Direct("b", "c")))


def context(annotation: Any = WorkflowContext, *, state: dict[str, Json] | None = None, **call: Any) -> Context:
    def take(message: int, ctx: Any) -> None: ...

    take.__annotations__["ctx"] = annotation
    facts: dict[str, Any] = {
        "run_id": "run-1",
        "workflow": "flow",
        "delivery": Delivery("d", "a", 3, 1, source="z"),
        "attempt": 2,
        "maybe_done": True,
        "idempotency_key": "key",
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
        "input": {"n": 1},
        "state": {key: StateEntry(value, 5) for key, value in (state or {}).items()},
    }
    handlers = handlers_of(executor(take))
    return Context(
        Call(**(facts | call)),
        handlers.all[0],
        handlers=handlers,
        workflow=WORKFLOW,
        codec=Codec(),
        keeper=Unkept(ManualClock()),
        desk=Progress(),
    )


def test_effects_happen_at_the_call() -> None:
    """`await` or not, from a thread or a task: what was asked for is done when the call returns, in order."""
    ctx = context()
    ctx.send_message(1)

    async def use() -> None:
        await ctx.send_message({"n": 2}, target_id="b")
        await ctx.yield_output("out")

    asyncio.run(use())
    assert ctx.effects(None) == Effects((Send(1), Send({"n": 2}, "b", ordinal=1)), ("out",))


def test_what_was_sent_is_as_it_was_then() -> None:
    """Conformance 22: a message that is changed after it was sent was sent unchanged."""
    ctx = context()
    message = [1]
    ctx.send_message(message)
    message.append(2)
    assert ctx.effects(None).sends[0].value == [1]


def test_an_unknown_target_is_refused_at_the_call() -> None:
    """Conformance 6: a target that no edge reaches is an error, also one that exists."""
    ctx = context()
    for target in ("nobody", "c"):
        with pytest.raises(UnknownTarget, match=f"no edge leads from `a` to `{target}`") as caught:
            ctx.send_message(1, target)
        assert "`b`" in str(caught.value.hint)
    assert ctx.effects(None).sends == ()


def test_declared_types_are_checked_at_the_call() -> None:
    """Design 9: what the context does not declare is refused with both types; a missing parameter is unchecked."""
    ctx = context(WorkflowContext[int, None])
    ctx.send_message(1)
    with pytest.raises(UndeclaredType, match="sends a `str`, but its context declares `int`"):
        ctx.send_message("a")
    with pytest.raises(TypeError, match="sends a `bool`"):
        ctx.send_message(True)  # noqa: FBT003 - a message
    with pytest.raises(UndeclaredType, match="yields a `int`, but its context declares nothing"):
        ctx.yield_output(1)
    context(WorkflowContext[int]).yield_output("anything")
    context().send_message("anything")


def test_what_cannot_be_kept_is_refused_when_sent() -> None:
    """Conformance 47: the error names the field, and comes where the message is sent."""
    ctx = context()
    with pytest.raises(NotEncodable, match=r"message\.out: "):
        ctx.send_message({"out": sys.stdout})
    with pytest.raises(NotEncodable, match=r"output\[0\]: "):
        ctx.yield_output([sys.stdout])
    with pytest.raises(NotEncodable, match=r"state\['k'\]\.x: "):
        ctx.set_state("k", {"x": sys.stdout})


def test_state_is_read_as_committed_plus_own_writes() -> None:
    """Conformance 20: a handler sees its own writes at once."""
    ctx = context(state={"a": [1], "gone": 1})
    assert (ctx.get_state("a"), ctx.get_state("b"), ctx.get_state("b", 7)) == ([1], None, 7)
    ctx.set_state("b", None)
    ctx.update_state("a", "append", 2)
    ctx.update_state("count", "add", 2)
    ctx.update_state("count", "add", 0.5)
    ctx.update_state("map", "merge", {"x": 1})
    ctx.delete_state("gone")
    found = [ctx.get_state(key, "default") for key in ("a", "b", "count", "map", "gone")]
    assert found == [[1, 2], None, 2.5, {"x": 1}, "default"]


def test_state_is_handed_out_as_a_copy() -> None:
    """Conformance 22: changing what `get_state` returned changes nothing."""
    kept: list[Json] = [{"n": 1}]
    ctx = context(state={"a": kept}, input={"list": []})
    ctx.get_state("a").append(2)
    ctx.get_state("a")[0]["n"] = 3
    ctx.input["list"].append(1)
    assert (ctx.get_state("a"), kept, ctx.input) == ([{"n": 1}], [{"n": 1}], {"list": []})
    assert ctx.effects(None).writes == ()


def test_writes_say_what_they_were_based_on() -> None:
    """A `set` carries the version and the value that were read, so that a conflict can be seen and growth is cheap."""
    ctx = context(state={"read": [1], "unread": 1, "added": [1]})
    ctx.set_state("unread", 2)
    ctx.get_state("new")
    ctx.set_state("new", 1)
    ctx.get_state("read")
    ctx.update_state("read", "append", 2)
    ctx.set_state("read", [*ctx.get_state("read"), 3])
    ctx.update_state("added", "append", 2)
    ctx.delete_state("unread")
    ctx.set_state("unread", 3)
    assert ctx.effects(None).writes == (
        StateWrite("unread", 3),
        StateWrite("new", 1, seen=0),
        StateWrite("read", [1, 2, 3], seen=5, base=[1]),
        StateWrite("added", 2, "append"),
    )


def test_what_is_committed_is_what_the_handler_saw() -> None:
    """The writes, applied in order by the core, give what the handler read last."""
    ctx = context(state={"a": [1], "n": 1, "m": {"x": 1}})
    ctx.update_state("a", "append", 2)
    ctx.set_state("n", 5)
    ctx.update_state("n", "add", 2)
    ctx.delete_state("m")
    ctx.update_state("m", "merge", {"y": 2})
    ctx.update_state("m", "merge", {"z": 3})
    entries = {"a": StateEntry([1], 5), "n": StateEntry(1, 5), "m": StateEntry({"x": 1}, 5)}
    committed: dict[str, Json] = {key: entry.value for key, entry in entries.items()}
    for change in changes_of(entries, ctx.effects(None).writes, lambda value: value):
        committed[change.key] = changed(committed[change.key], change)
    assert committed == {"a": [1, 2], "n": 7, "m": {"y": 2, "z": 3}}


@pytest.mark.parametrize(
    ("op", "key", "value"),
    [
        ("append", "n", 1),
        ("append", "m", 1),
        ("add", "a", 1),
        ("add", "n", "1"),
        ("add", "n", True),
        ("merge", "m", [1]),
        ("merge", "a", {}),
        ("merge", "fresh", {1: 2}),
        ("push", "a", 1),
    ],
)
def test_an_update_that_cannot_be_is_refused_at_the_call(op: Any, key: str, value: Any) -> None:
    """`update_state` says at once, in the line that made the mistake, what does not fit."""
    ctx = context(state={"a": [], "n": 1, "m": {}})
    with pytest.raises(TypeError):
        ctx.update_state(key, op, value)
    assert ctx.effects(None).writes == ()


def test_an_update_after_another_must_fit_it() -> None:
    """A key that this handler makes a list of cannot be added to."""
    ctx = context()
    ctx.update_state("fresh", "append", 1)
    with pytest.raises(TypeError, match="cannot add"):
        ctx.update_state("fresh", "add", 1)


def test_keys_of_state_are_text() -> None:
    """A key that is not text is refused at the call."""
    key: Any = 1
    with pytest.raises(TypeError, match="is text"):
        context().set_state(key, 1)
    with pytest.raises(TypeError, match="is text"):
        context().delete_state(key)


def test_facts_about_the_run() -> None:
    """Conformance 24: every executor can read the run's input; and who it is, which attempt, from where."""
    deadline = datetime(2026, 1, 2, tzinfo=UTC)
    ctx = context(deadline_at=deadline)
    facts = (ctx.run_id, ctx.workflow, ctx.executor_id, ctx.source, ctx.superstep, ctx.input, ctx.attempt)
    assert facts == ("run-1", "flow", "a", "z", 3, {"n": 1}, 2)
    assert (ctx.maybe_done, ctx.idempotency_key, ctx.deadline) == (True, "key", deadline)
    assert ctx.now() == ManualClock().now()


def test_chance_is_the_same_in_every_attempt() -> None:
    """`uuid4` and `random` come from the delivery: a retry draws what the first attempt drew."""
    first, again, other = context(attempt=1), context(attempt=2), context(idempotency_key="other")
    drawn = [(ctx.uuid4(), ctx.random(), ctx.uuid4()) for ctx in (first, again, other)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] != drawn[0][2]
    assert drawn[0][0].version == 4
    assert 0 <= drawn[0][1] < 1


def test_large_values_are_resolved_when_read() -> None:
    """State and input that are kept elsewhere are read from there, when the handler asks."""

    def resolve(value: Json) -> Json:
        return [1, 2] if value == {"$blob": "x"} else value

    ctx = context(state={"a": {"$blob": "x"}}, input={"$blob": "x"}, resolve=resolve)
    assert (ctx.get_state("a"), ctx.input) == ([1, 2], [1, 2])
    ctx.set_state("a", [1, 2, 3])
    assert ctx.effects(None).writes == (StateWrite("a", [1, 2, 3], seen=5, base=[1, 2]),)


def test_nothing_counts_after_the_end() -> None:
    """A task or thread that a handler left behind cannot change what was committed."""
    ctx = context()
    effects = ctx.effects(None)
    uses: list[Any] = [
        lambda: ctx.send_message(1),
        lambda: ctx.yield_output(1),
        lambda: ctx.set_state("a", 1),
        lambda: ctx.update_state("a", "add", 1),
        lambda: ctx.delete_state("a"),
        lambda: ctx.get_state("a"),
    ]
    for use in uses:
        with pytest.raises(HandlerEnded):
            use()
    assert effects == Effects()
    assert issubclass(HandlerEnded, LrwfError)


def test_a_handler_that_has_suspended_sees_again_what_it_saw() -> None:
    """Design 6: what `ctx` hands out is kept too; beyond the kept part it is as it is now."""

    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        seen = []
        for _ in range(2):
            facts = [ctx.attempt, ctx.maybe_done, ctx.deadline, ctx.now(), ctx.uuid4(), ctx.random()]
            seen.append([*facts, ctx.get_state("a"), ctx.get_state("b"), ctx.get_state("c", "none")])
            await ctx.schedule_resume(after=60)
        return seen

    stay = Stay(handle, codec=teach(Codec()), call={"state": state_of(a=[1], b="old")})
    asyncio.run(stay.enter())
    first = dict(stay.kept)
    stay.jump()
    deadline = START + timedelta(days=1)
    changed = {"a": StateEntry([1, 2], 2), "b": StateEntry("old"), "c": StateEntry("new", 3)}
    stay.call |= {"attempt": 2, "maybe_done": True, "deadline_at": deadline, "state": changed}
    asyncio.run(stay.enter())
    assert {place: stay.kept[place] for place in first} == first
    stay.jump()
    ended, (before, after) = asyncio.run(stay.enter())
    assert ended
    assert before[:4] == [1, False, None, START]
    assert after[:4] == [2, True, deadline, START + timedelta(seconds=60)]
    assert before[6:] == [[1], "old", "none"]
    assert after[6:] == [[1], "old", "none"]  # state is as it was first read
    assert len({*before[4:6], *after[4:6]}) == 4


def test_luck_is_the_same_in_every_attempt() -> None:
    """Design 6: a UUID comes from the message and the place: a later attempt draws the same, another message others."""

    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        return [ctx.uuid4(), ctx.uuid4(), ctx.random()]

    def drawn(**call: Any) -> Any:
        return asyncio.run(Stay(handle, codec=teach(Codec()), call=call).enter())[1]

    first = drawn()
    assert first == drawn(attempt=3, maybe_done=True)
    assert len(set(first)) == 3
    assert not set(first) & set(drawn(idempotency_key="other"))
    assert first[0].version == 4


def test_a_write_after_a_wake_knows_what_was_read() -> None:
    """Conformance 20: own writes are seen over what was first read; a write says which version it was made from."""

    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        count = ctx.get_state("count")
        ctx.set_state("count", count + 1)
        await ctx.schedule_resume(after=60)
        return ctx.get_state("count")

    stay = Stay(handle, call={"state": {"count": StateEntry(1, 5)}})
    asyncio.run(stay.enter())
    stay.jump()
    stay.call["state"] = {"count": StateEntry(100, 6)}
    assert asyncio.run(stay.enter()) == (True, 2)
    assert stay.ctx.effects(None).writes == (StateWrite("count", 2, seen=5, base=1),)


def test_progress_goes_over_the_desk() -> None:
    """Conformance 55: from the loop and from a thread; what is no number is refused."""

    async def handle(message: Any, ctx: WorkflowContext) -> None:
        await ctx.report_progress(1, 10, "begun")
        await asyncio.to_thread(lambda: ctx.report_progress(2.5))
        for wrong in (float("nan"), True):
            with pytest.raises(UsageError, match="`current` of a progress is"):
                ctx.report_progress(wrong)
        await asyncio.sleep(0)

    stay = Stay(handle)
    asyncio.run(stay.enter())
    assert stay.desk.said == [(1, 10, "begun"), (2.5, None, None)]


def test_a_step_is_a_function_and_its_arguments() -> None:
    """Design 6: `ctx.step(f, a)`; the call itself would have happened before anything could be kept."""

    async def fetch(n: int) -> int:
        return n + 1

    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        with pytest.raises(UsageError, match=r"was given a call of `.*fetch`") as caught:
            ctx.step(fetch(1))  # type: ignore[arg-type, unused-coroutine]  # that is what is wrong
        assert "ctx.step(f, a, b)" in str(caught.value.hint)
        with pytest.raises(UsageError, match="what cannot be called: 3"):
            ctx.step(3)  # type: ignore[arg-type, unused-coroutine]  # as above
        return await ctx.step(fetch, 1), await ctx.step(partial(max, 1), 2)

    stay = Stay(handle)
    assert asyncio.run(stay.enter()) == (True, (2, 2))
    assert [name.rpartition(".")[2] for name in stay.steps] == ["fetch", "step max"]
