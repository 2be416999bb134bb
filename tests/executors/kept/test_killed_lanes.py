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
    "a barrier that both have to come to": (
        "barrier = asyncio.Barrier(2)\n"
        "async def early():\n    await pause(ctx)\n    await barrier.wait()\n    return await do('early')\n"
        "async def late():\n    await barrier.wait()\n    await pause(ctx)\n    return await do('late')\n"
        "return await asyncio.gather(early(), late())"
    ),
    "a condition that one notifies, and the other waits for": (
        "condition, ready = asyncio.Condition(), []\n"
        "async def giver():\n    await pause(ctx)\n    async with condition:\n        ready.append(1)\n"
        "        condition.notify_all()\n    return await do('given')\n"
        "async def taker():\n    async with condition:\n        await condition.wait()\n"
        "    await pause(ctx)\n    return await do('taken')\n"
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
