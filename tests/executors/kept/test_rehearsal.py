"""The mode that runs every stretch twice: it finds what depends on anything but what was awaited."""

import pytest

from tests.executors.kept import outside
from tests.executors.kept.stage import Stage
from tests.executors.kept.test_lanes import BRANCH
from tests.executors.kept.test_suspending import BODIES, handler


@pytest.mark.parametrize("body", BODIES, ids=str)
@pytest.mark.parametrize("kind", ["Executor", "LongRunningExecutor"])
def test_what_depends_on_awaits_only_passes(kind: str, body: str) -> None:
    """A handler as it should be does the same twice, and does nothing outside a second time."""
    text, value, done = BODIES[body]
    stage = Stage(handler(text, kind), "flow:Handler", check=True)
    assert stage.value() == value
    assert outside.done == done


@pytest.mark.parametrize(
    "body",
    [
        "a, b = await asyncio.gather(branch(ctx, 'a'), branch(ctx, 'b', 2))\nawait ctx.send_message(a)\nreturn b",
        "async with asyncio.TaskGroup() as g:\n    g.create_task(branch(ctx, 'a'))\nctx.set_state('x', await do(1))",
        "await ctx.step(do, 1)\nawait pause(ctx)\nreturn str(ctx.now())",
        "asyncio.create_task(do('a', 9))\nreturn await do(1)",
        "try:\n    await fail(1)\nexcept ValueError:\n    await connect()\nreturn 1",
    ],
)
def test_lanes_steps_and_effects_pass(body: str) -> None:
    """So do lanes, steps, state, tasks that are left behind, and what cannot be kept where nothing suspends after it."""
    Stage(BRANCH + handler(body), "flow:Handler", check=True).value()
    assert len(outside.done) == len(set(map(str, outside.done)))


WRONG = {
    "a count that lives in the process": (
        "see(1)\nawait ctx.send_message(len(outside.seen))\nawait pause(ctx)",
        "sent (Send(value=2, target=None, lane='', ordinal=0),) instead of (Send(value=1, ",
    ),
    "another way": ("see(1)\nif len(outside.seen) > 1:\n    await do(1)\nawait pause(ctx)", "came to ReplayDiverged: "),
    "another end": ("see(1)\nreturn len(outside.seen)", "came to 2 instead of 1"),
    "an error the second time": (
        "see(1)\nif len(outside.seen) > 1:\n    raise OSError('no')",
        "came to OSError: no instead of None",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_depends_on_something_else_is_found(case: str) -> None:
    """Whatever differs is said with both sides, and blocks the run: nobody goes on with it."""
    body, said = WRONG[case]
    failure = Stage(handler(body), "flow:Handler", check=True).stuck()
    assert failure.type == "ReplayDiverged"
    assert "`Handler.handle` was run twice from the same kept awaits, and " in failure.message
    assert said in failure.message
    assert failure.hint == "what happens between two awaits must depend on nothing but what was awaited"
