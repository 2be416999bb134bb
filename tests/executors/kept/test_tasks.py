"""Tasks of a handler on the way back: they begin, are cancelled and are gathered as they were."""

import pytest

from tests.executors.kept import outside
from tests.executors.kept.test_lanes import KINDS, played, stage

POOL = """
queue, found = asyncio.Queue(), {}
async def work():
    while True:
        job = await queue.get()
        found[job] = await do(job)
        queue.task_done()
for job in 'abcde':
    await queue.put(job)
workers = [asyncio.create_task(work()) for _ in range(2)]
await queue.join()
for worker in workers:
    worker.cancel()
ends = await asyncio.gather(*workers, return_exceptions=True)
await pause(ctx)
return [sorted(found), [type(end).__name__ for end in ends], await do('end')]
"""


@KINDS
def test_a_task_begins_when_it_began(kind: str) -> None:
    """What a task does before its first await has happened by the time it had happened then, and sees what it saw."""
    body = (
        "begun, seen = [], []\nasync def one():\n    begun.append('one')\n    mine = list(seen)\n    await pause(ctx)\n"
        "    return mine\n"
        "task = asyncio.create_task(one())\nawait do('x')\nthen = list(begun)\nseen.append('late')\nawait pause(ctx)\n"
        "return [then, await task]"
    )
    assert played(body, kind) == [["one"], []]


@KINDS
def test_a_task_is_cancelled_again(kind: str) -> None:
    """One that had begun when it was cancelled ends as it ended, although it is cancelled sooner on the way back."""
    body = (
        "task = asyncio.create_task(asyncio.Event().wait())\nawait do('x')\ntask.cancel()\n"
        "try:\n    await task\nexcept asyncio.CancelledError:\n    await do('cancelled')\n"
        "await pause(ctx)\nreturn task.cancelled()"
    )
    assert played(body, kind) is True


@KINDS
def test_what_a_task_makes_of_its_cancellation_is_kept(kind: str) -> None:
    """One that survives its cancellation and returns does so again."""
    body = (
        "async def stubborn():\n    try:\n        await asyncio.get_running_loop().create_future()\n    except asyncio.CancelledError:\n"
        "        return await do('survived')\n"
        "task = asyncio.create_task(stubborn())\nawait do('x')\ntask.cancel()\ngot = await task\nawait pause(ctx)\n"
        "return [got, await do('y')]"
    )
    assert played(body, kind) == ["survived", "y"]


@KINDS
def test_workers_that_are_cancelled_when_the_queue_is_empty(kind: str) -> None:
    """The pool of workers of Python's own documentation: each job is done once, and the handler may suspend after it."""
    assert played(POOL, kind) == [list("abcde"), ["CancelledError"] * 2, "end"]


@pytest.mark.parametrize("frame", range(1, 8))
def test_workers_that_are_killed(frame: int) -> None:
    """What is put into a queue before there is any task is put there again at once."""
    made = stage(POOL, "LongRunningExecutor")
    made.kill_after = lambda each: each == frame
    assert made.value() == [list("abcde"), ["CancelledError"] * 2, "end"]
    assert sorted(outside.done) == [*"abcde", "end"]


@KINDS
def test_a_lane_that_has_survived_is_not_brought_back(kind: str) -> None:
    """A worker that was cancelled, went on, and was cancelled for good cannot be cancelled again at the same moments."""
    body = (
        "queue, seen = asyncio.Queue(), []\nasync def one():\n    try:\n        await queue.get()\n"
        "    except asyncio.CancelledError:\n        seen.append(await do('again'))\n    await queue.get()\n"
        "task = asyncio.create_task(one())\nfor n in range(2):\n    await do(n, 3)\n    seen.append(n)\n    task.cancel()\n"
        "await asyncio.gather(task, return_exceptions=True)\nawait pause(ctx)"
    )
    failure = stage(body, kind).stuck()
    assert failure.type == "SuspensionRefused"
    assert "`asyncio.queues:Queue.get` on line" in failure.message
    assert "was cancelled and survived" in failure.message


@KINDS
def test_coroutines_as_they_are_completed(kind: str) -> None:
    """`as_completed` makes tasks of what is in a set, which has another order each time: they are told apart all the same."""
    body = (
        "got = []\nfor each in asyncio.as_completed([branch(ctx, n) for n in 'abcdefgh']):\n"
        "    got.append((await each)[0])\n    await pause(ctx)\nreturn sorted(got)"
    )
    assert played(body, kind) == [f"{n}0" for n in "abcdefgh"]


@KINDS
def test_tasks_that_are_made_in_another_order_are_refused(kind: str) -> None:
    """A task that is made of the same function with other arguments is another one."""
    body = "see('entered')\ntask = asyncio.create_task(branch(ctx, str(len(outside.seen))))\nawait task\nreturn 1"
    failure = stage(body, kind).stuck()
    assert failure.type == "ReplayDiverged"
    assert "awaited `flow:branch` with other arguments than were kept, at its start of lane /0+0" in failure.message


@KINDS
def test_a_queue_that_is_waited_for_with_a_time(kind: str) -> None:
    """`wait_for` around what belongs to the process is run again, as that is; that its time was up is kept."""
    body = (
        "queue, got = asyncio.Queue(), []\nfor item in 'ab':\n    queue.put_nowait(item)\n"
        "for _ in range(3):\n    try:\n        got.append(await asyncio.wait_for(queue.get(), 0.001))\n"
        "    except TimeoutError:\n        got.append('late')\n        await queue.put('c')\n    await pause(ctx)\n"
        "return [*got, await asyncio.wait_for(queue.get(), 9), queue.empty()]"
    )
    assert played(body, kind) == ["a", "b", "late", "c", True]
