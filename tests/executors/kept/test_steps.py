"""`ctx.step`: done once, whatever becomes of the attempts; and what is found again of it."""

import pytest

from lrwf_cli.core.suspended import Suspension
from lrwf_cli.executors.base import Failed
from tests.executors.kept import outside
from tests.executors.kept.stage import Stage
from tests.executors.kept.test_lanes import KINDS, stage


@KINDS
def test_a_step_is_kept_at_once(kind: str) -> None:
    """Design 6: a step is kept whatever the class, and with it all that came before."""
    made = stage("a = await do('a')\nb = await ctx.step(do, 'b')\nc = await do('c')\nreturn [a, b, c]", kind)
    made.kill_after = lambda frame: len(made.steps) == 1 and frame == made.frames
    assert made.enter() is None
    made.kill_after = lambda _: False
    assert made.value() == ["a", "b", "c"]
    assert outside.done == ["a", "b", "c"]


@KINDS
def test_steps_outlast_a_failure(kind: str) -> None:
    """After a failure a handler begins anew, but for its steps, which are found by what they are and how often."""
    body = (
        "got = [await ctx.step(outside.counted) for _ in range(3)]\nawait do('between')\n"
        "if len(outside.done) < 6:\n    raise OSError\nreturn got"
    )
    made = stage(body, kind)
    for _ in range(2):
        assert isinstance(made.enter(), Failed)
        made.fail_and_retry()
    assert made.value() == [1, 2, 3]
    assert outside.done == ["counted", "counted", "counted", "between", "between", "between"]


@KINDS
def test_steps_in_helpers_are_counted_although_those_are_skipped(kind: str) -> None:
    """A loop over a helper with the same step: each comes by once, before a suspension and after it."""
    more = "async def look(ctx):\n    return await ctx.step(outside.counted)\n"
    body = "got = []\nfor i in range(5):\n    got.append(await look(ctx))\n    await pause(ctx)\nreturn got"
    made = stage(body, kind, more)
    assert made.value() == [1, 2, 3, 4, 5]


@KINDS
def test_a_failed_attempt_that_suspended_finds_its_steps(kind: str) -> None:
    """Starts, suspensions and failures together: the n-th is the n-th."""
    more = "async def look(ctx):\n    return await ctx.step(outside.counted)\n"
    body = (
        "got = []\nfor i in range(4):\n    got.append(await look(ctx))\n    await pause(ctx)\n"
        "    if ctx.attempt <= i:\n        raise OSError\nreturn got"
    )
    made = stage(body, kind, more)
    for _ in range(3):
        assert isinstance(made.play(), Failed)
        made.fail_and_retry()
    assert made.value() == [1, 2, 3, 4]


def test_a_step_that_fails_is_tried_again_by_the_next_attempt() -> None:
    """What a step raised is kept for as long as this attempt, and no longer."""
    body = (
        "try:\n    await ctx.step(fail, 'no')\nexcept ValueError as error:\n    await pause(ctx)\n"
        "    raise OSError(str(error)) from error"
    )
    made = stage(body)
    assert made.failure().message == "no"
    made.fail_and_retry()
    assert made.failure().message == "no"
    assert outside.done == ["no", "no"]


def test_plain_functions_run_in_threads() -> None:
    """A plain function may block; what it returns is kept the same."""
    body = "a = await ctx.step(outside.blocking, 1)\nawait pause(ctx)\nreturn [a, await ctx.step(lambda: 2)]"
    assert stage(body).value() == [1, 2]
    assert outside.done == [1]


def test_a_step_inside_something_foreign_is_kept_too() -> None:
    """A step in `wait_for` cannot be entered again with it, but is not done twice."""
    body = (
        "got = await asyncio.wait_for(ctx.step(do, 'x'), 5)\nawait do('y')\n"
        "if len(outside.done) < 3:\n    raise OSError\nawait pause(ctx)\nreturn got"
    )
    made = stage(body)
    assert isinstance(made.enter(), Failed)
    made.fail_and_retry()
    assert made.value() == "x"
    assert outside.done == ["x", "y", "y"]


def test_what_a_step_returns_must_be_keepable() -> None:
    """A step that returns a client is refused at once: it could not be kept."""
    failure = stage("await ctx.step(connect)").stuck()
    assert failure.type == "NotKeepable"
    assert (
        "what `step connect` returned cannot be kept (value: a value of type `Client` cannot be kept)"
        in failure.message
    )


@KINDS
def test_a_step_is_not_begun_while_it_waits_for_its_turn(kind: str) -> None:
    """Steps in several lanes: each is done once, in whatever order, and all suspend together."""
    body = "return await asyncio.gather(*(one(ctx, n) for n in 'abc'))"
    more = (
        "async def one(ctx, n):\n    first = await ctx.step(do, n)\n    await pause(ctx)\n"
        "    return first + await ctx.step(do, n * 2)\n"
    )
    made = stage(body, kind, more)
    assert isinstance(made.enter(), Suspension)
    made = stage(body, kind, more)
    assert made.value() == ["aaa", "bbb", "ccc"]
    assert sorted(outside.done) == ["a", "aa", "b", "bb", "c", "cc"]


@pytest.mark.parametrize("function", ["ctx.schedule_resume(after=1)", "ctx.ask('?')", "ctx.step(do, 1)"])
def test_a_plain_handler_cannot_wait(function: str) -> None:
    """A plain `def` has no place to come back to: it is told so at the call, and the run is blocked."""
    source = f"class Handler(Executor):\n    @handler\n    def handle(self, n: None, ctx: WorkflowContext):\n        {function}\n"
    failure = Stage(source, "flow:Handler").stuck()
    assert failure.type == "SuspensionRefused"
    name = function.partition("(")[0].removeprefix("ctx.")
    assert failure.message == f"`ctx.{name}` cannot wait in `Handler.handle`, which is no `async def`"
