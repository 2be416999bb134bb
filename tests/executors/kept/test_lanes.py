"""Several lines of execution in one handler: each keeps for itself, and all come by again in the same order."""

from typing import Any

import pytest

from lrwf_cli.core.suspended import Suspension
from tests.executors.kept import outside
from tests.executors.kept.stage import Stage
from tests.executors.kept.test_suspending import handler

KINDS = pytest.mark.parametrize("kind", ["Executor", "LongRunningExecutor"])

BRANCH = """
async def branch(ctx, name, waits=1):
    got = [await do(f"{name}0")]
    for i in range(waits):
        await pause(ctx)
        got.append(await do(f"{name}{i + 1}"))
    return got
"""


def stage(body: str, kind: str = "Executor", more: str = "") -> Stage:
    return Stage(BRANCH + more + handler(body, kind), "flow:Handler")


def played(body: str, kind: str, more: str = "") -> Any:
    made = stage(body, kind, more)
    value = made.value()
    assert len(outside.done) == len(set(map(str, outside.done))), "something was done twice"
    return value


@KINDS
def test_branches_of_a_gather_suspend_together(kind: str) -> None:
    """Design 6: several lanes may suspend; the invocation suspends when none of them can run, with all their waits."""
    made = stage("return await asyncio.gather(branch(ctx, 'a'), branch(ctx, 'b', 2), do('c'))", kind)
    result = made.enter()
    assert isinstance(result, Suspension)
    assert [(wait.lane, wait.path) for wait in result.waits] == [("/1~0", "2.1"), ("/1~1", "2.1")]
    made.suspended(result)
    assert made.value() == [["a0", "a1"], ["b0", "b1", "b2"], "c"]
    assert sorted(outside.done) == ["a0", "a1", "b0", "b1", "b2", "c"]


@KINDS
def test_a_gather_that_is_over_is_one_entry(kind: str) -> None:
    """What was kept inside a `gather` is not needed once it has returned."""
    made = stage("await asyncio.gather(branch(ctx, 'a'), branch(ctx, 'b'))\nawait pause(ctx)\nreturn 1", kind)
    for _ in range(2):
        made.suspended(made.enter())
        made.clock.jump(made.waits[0].due_at - made.clock.now())  # type: ignore[operator]  # a timer is due
    assert [(lane, [entry.path for entry in entries]) for lane, entries in made.kept.items()] == [("", ["1"])]
    assert made.value() == 1


@KINDS
def test_task_groups(kind: str) -> None:
    """A `TaskGroup` is entered anew, and its tasks go on where they were."""
    body = (
        "async with asyncio.TaskGroup() as group:\n    one = group.create_task(branch(ctx, 'a'))\n"
        "    await do('between')\n    two = group.create_task(branch(ctx, 'b', 2))\n    await branch(ctx, 'c')\n"
        "await pause(ctx)\nreturn [one.result(), await two]"
    )
    assert played(body, kind) == [["a0", "a1"], ["b0", "b1", "b2"]]


@KINDS
def test_tasks_in_plain_code(kind: str) -> None:
    """A task is named after the await before it, so that a later one is not renumbered when that is read."""
    body = (
        "first = asyncio.create_task(branch(ctx, 'a', 3))\nawait do('x')\nsecond = asyncio.create_task(branch(ctx, 'b'))\n"
        "third = asyncio.ensure_future(branch(ctx, 'c'))\nawait pause(ctx)\ngot = [await second, await third]\n"
        "await pause(ctx)\nreturn [*got, await first]"
    )
    assert played(body, kind) == [["b0", "b1"], ["c0", "c1"], ["a0", "a1", "a2", "a3"]]


@KINDS
def test_lanes_in_lanes(kind: str) -> None:
    """A lane may make lanes of its own, in helpers too."""
    more = (
        "async def both(ctx, name):\n    await pause(ctx)\n"
        "    return await asyncio.gather(branch(ctx, name + 'l'), branch(ctx, name + 'r', 2))\n"
    )
    value = played("return await asyncio.gather(both(ctx, 'x'), both(ctx, 'y'))", kind, more)
    assert value == [[[f"{n}l0", f"{n}l1"], [f"{n}r0", f"{n}r1", f"{n}r2"]] for n in "xy"]


@KINDS
def test_what_lanes_share_is_as_it_was(kind: str) -> None:
    """Lanes come by again in the order in which they went on, so that what they write together is the same."""
    body = (
        "got = []\nasync def one(name, turns):\n    got.append(await do(name, turns))\n    await pause(ctx)\n"
        "    got.append(await do(name * 2, turns))\n"
        "await asyncio.gather(one('slow', 5), one('fast', 1), one('mid', 3))\n"
        "await do(f'{got}')\nawait pause(ctx)\nawait do(f'{got}!')\nreturn got"
    )
    value = played(body, kind)
    assert value[:3] == ["fast", "mid", "slow"]
    assert outside.done[-2:] == [f"{value}", f"{value}!"]


@KINDS
def test_the_first_of_several_wins(kind: str) -> None:
    """`asyncio.wait` is run again, and finds on the way back what it found first; what lost is cancelled again."""
    body = (
        "slow = asyncio.create_task(branch(ctx, 'slow', 5))\nfast = asyncio.create_task(branch(ctx, 'fast'))\n"
        "done, rest = await asyncio.wait([slow, fast], return_when=asyncio.FIRST_COMPLETED)\n"
        "for task in rest:\n    task.cancel()\nawait pause(ctx)\n"
        "return [len(done), len(rest), done.pop().result(), slow.cancelled()]"
    )
    assert played(body, kind) == [1, 1, ["fast0", "fast1"], True]


@KINDS
def test_as_completed(kind: str) -> None:
    """`as_completed` over tasks gives the same order on the way back."""
    body = (
        "tasks = [asyncio.create_task(branch(ctx, n, w)) for n, w in (('a', 3), ('b', 1), ('c', 2))]\ngot = []\n"
        "for each in asyncio.as_completed(tasks):\n    got.append((await each)[0])\n    await pause(ctx)\nreturn got"
    )
    assert played(body, kind) == ["b0", "c0", "a0"]


@KINDS
def test_queues_between_lanes(kind: str) -> None:
    """What is in a queue is there again after a suspension: puts and gets are done again, in the same order."""
    body = (
        "queue = asyncio.Queue()\nasync def produce(name, n):\n    for i in range(n):\n"
        "        await queue.put(await do(f'{name}{i}', turns=n))\n        await pause(ctx)\n"
        "async def consume():\n    got = []\n    for _ in range(5):\n        got.append(await do('got ' + await queue.get()))\n"
        "    return got\n"
        "made = await asyncio.gather(produce('a', 2), produce('b', 3), consume())\nreturn made[-1]"
    )
    assert played(body, kind) == ["got a0", "got b0", "got a1", "got b1", "got b2"]


@KINDS
def test_locks_between_lanes(kind: str) -> None:
    """A lane that waits for a lock which a suspended one holds cannot run; the lock is held again on the way back."""
    body = (
        "lock = asyncio.Lock()\nasync def one(name):\n    async with lock:\n        await do(f'{name} in')\n"
        "        await pause(ctx)\n        await do(f'{name} out')\n"
        "async def other(name):\n    await lock.acquire()\n    try:\n        return await branch(ctx, name)\n"
        "    finally:\n        lock.release()\n"
        "await asyncio.gather(one('a'), one('b'), other('c'))\nawait pause(ctx)\nreturn lock.locked()"
    )
    assert played(body, kind) is False
    assert outside.done == ["a in", "a out", "b in", "b out", "c0", "c1"]


@KINDS
def test_events_conditions_semaphores_and_barriers(kind: str) -> None:
    """Whatever asyncio has for tasks to wait for one another is done again."""
    body = (
        "event, condition, semaphore = asyncio.Event(), asyncio.Condition(), asyncio.Semaphore(1)\n"
        "barrier, ready = asyncio.Barrier(2), []\n"
        "async def giver():\n    await pause(ctx)\n    event.set()\n    async with condition:\n        ready.append(1)\n"
        "        condition.notify_all()\n    await barrier.wait()\n    await pause(ctx)\n    return await do('given')\n"
        "async def taker():\n    await event.wait()\n    async with condition:\n"
        "        await condition.wait_for(lambda: ready)\n    async with semaphore:\n        await barrier.wait()\n"
        "        await pause(ctx)\n        return await do('taken')\n"
        "return await asyncio.gather(giver(), taker())"
    )
    assert played(body, kind) == ["given", "taken"]


@KINDS
def test_a_failing_branch(kind: str) -> None:
    """A `gather` that fails leaves its other branches at work: they go on after the suspension."""
    body = (
        "try:\n    await asyncio.gather(branch(ctx, 'a', 2), fail('b'))\nexcept ValueError:\n    await do('caught')\n"
        "await pause(ctx)\nawait pause(ctx)\nawait pause(ctx)\nreturn 1"
    )
    assert played(body, kind) == 1
    assert sorted(outside.done) == ["a0", "a1", "a2", "b", "caught"]


@KINDS
def test_a_failing_task_group(kind: str) -> None:
    """A `TaskGroup` that fails cancels the others, and raises the same group on the way back."""
    body = (
        "try:\n    async with asyncio.TaskGroup() as group:\n        group.create_task(branch(ctx, 'a', 9))\n"
        "        group.create_task(fail('b'))\n"
        "except* ValueError as errors:\n    await do(str(errors.exceptions[0]) + '!')\nawait pause(ctx)\nreturn await do(1)"
    )
    assert played(body, kind) == 1
    assert outside.done == ["a0", "b", "b!", 1]


@KINDS
def test_errors_as_results(kind: str) -> None:
    """`return_exceptions=True` gives the same exceptions on the way back."""
    body = (
        "got = await asyncio.gather(branch(ctx, 'a'), fail('b'), return_exceptions=True)\nawait pause(ctx)\n"
        "return [got[0], repr(got[1])]"
    )
    assert played(body, kind) == [["a0", "a1"], "ValueError('b')"]


@KINDS
def test_a_shield(kind: str) -> None:
    """A shielded lane suspends like any other."""
    assert played("return await asyncio.shield(branch(ctx, 'a'))", kind) == ["a0", "a1"]


@KINDS
def test_a_helper_that_leaves_a_task_behind(kind: str) -> None:
    """A helper whose task still runs when it returns is entered again, so that the task is there again."""
    more = (
        "class Job:\n    async def start(self, ctx):\n        await do('start')\n"
        "        self.task = asyncio.create_task(branch(ctx, 'a', 2))\n"
    )
    assert played("job = Job()\nawait job.start(ctx)\nawait pause(ctx)\nreturn await job.task", kind, more) == [
        "a0",
        "a1",
        "a2",
    ]


def test_a_thousand_branches() -> None:
    """A gather of a thousand suspends and comes by again without anything that grows with its square."""
    made = stage(
        "return sum(await asyncio.gather(*(one(ctx, i) for i in range(1000))))",
        more=("async def one(ctx, i):\n    await do(i)\n    await pause(ctx)\n    return i + 0 * await do(-i)\n"),
    )
    assert made.value() == sum(range(1000))
    assert len(outside.done) == 2000
