"""Lanes that have to do with one another, killed after each frame: whoever comes next finds what they had done."""

import pytest

from tests.executors.kept import outside
from tests.executors.kept.stage import Stage
from tests.executors.kept.test_suspending import handler

BODIES = {
    "a list that one changes in a function of its own, and the other looks at": (
        "got = []\nasync def slow():\n    got.append('begun')\n    await do('slow', 3)\n    got.append('over')\n"
        "async def watch():\n    await do(f'{got}')\n    await pause(ctx)\n    await do(f'{got}!')\n"
        "async def work():\n    await slow()\n    await pause(ctx)\n"
        "await asyncio.gather(work(), watch())\nreturn got"
    ),
    "an event that one sets, and the other waits for": (
        "event, ready = asyncio.Event(), []\n"
        "async def giver():\n    await pause(ctx)\n    ready.append(1)\n    event.set()\n    await pause(ctx)\n"
        "    return await do('given')\n"
        "async def taker():\n    await event.wait()\n    await do(f'{ready}')\n    await pause(ctx)\n"
        "    return await do('taken')\n"
        "return await asyncio.gather(giver(), taker())"
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_kill_after_any_frame_changes_nothing(case: str) -> None:
    """Design 6: in a LongRunningExecutor nothing is done twice, and nobody misses what another one has done."""
    whole = Stage(handler(BODIES[case], "LongRunningExecutor"), "flow:Handler")
    value, done = whole.value(), sorted(map(str, outside.done))
    assert whole.frames > 3
    for frame in range(1, whole.frames + 1):
        killed = Stage(handler(BODIES[case], "LongRunningExecutor"), "flow:Handler", kill_after=frame.__eq__)
        assert (killed.value(), sorted(map(str, outside.done))) == (value, done), f"killed after frame {frame}"
