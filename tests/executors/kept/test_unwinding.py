"""How a handler is left when it suspends: no `finally`, no `except`; context managers are left and entered anew."""

import gc
import warnings

import pytest

from lrwf_cli.core.suspended import Suspension
from tests.executors.kept import outside
from tests.executors.kept.stage import Stage
from tests.executors.kept.test_lanes import KINDS, stage
from tests.executors.kept.test_suspending import handler

COUNTS = pytest.mark.not_twice("it counts what stands between two awaits")

SWALLOWERS = {
    "except": "try:\n    await pause(ctx)\nexcept {}:\n    see('caught')\n",
    "except and go on": "while True:\n    try:\n        await pause(ctx)\n        break\n    except {}:\n        see('caught')\n        continue\n",
    "except around a helper": "try:\n    await twice(ctx, 1)\nexcept {} as error:\n    see('caught')\n",
    "except star": "try:\n    await pause(ctx)\nexcept* {}:\n    see('caught')\n",
    "except in a generator": "async def g():\n    try:\n        yield await pause(ctx)\n    except {}:\n        see('caught')\nasync for _ in g():\n    pass\n",
    "except around a gather": "try:\n    await asyncio.gather(pause(ctx), pause(ctx))\nexcept {}:\n    see('caught')\n",
    "except in a lane": "async def lane():\n    try:\n        await pause(ctx)\n    except {}:\n        see('caught')\nawait asyncio.gather(lane(), lane())\n",
    "except around a group": "try:\n    async with asyncio.TaskGroup() as g:\n        g.create_task(pause(ctx))\nexcept {}:\n    see('caught')\n",
}


@pytest.mark.parametrize("caught", ["BaseException", "asyncio.CancelledError", "(ValueError, BaseException)"])
@pytest.mark.parametrize("form", SWALLOWERS)
def test_a_suspension_enters_no_except(form: str, caught: str) -> None:
    """Design 6: nobody catches a suspension, whatever he catches else."""
    made = stage(SWALLOWERS[form].format(caught) + "return await do('end')")
    assert made.value() == "end"
    assert outside.seen == []


@COUNTS
def test_a_bare_except_is_not_entered() -> None:
    """A bare `except:` is no place to catch a suspension either; a real error it catches."""
    body = "try:\n    await pause(ctx)\n    raise ValueError\nexcept:\n    see('caught')\nreturn 1"
    assert stage(body).value() == 1
    assert outside.seen == ["caught"]


FINALLIES = {
    "plain": "try:\n    await pause(ctx)\nfinally:\n    see('finally')\nreturn 1",
    "that returns": "try:\n    await pause(ctx)\nfinally:\n    see('finally')\n    return 1",
    "that breaks": "while True:\n    try:\n        await pause(ctx)\n    finally:\n        see('finally')\n        break\nreturn 1",
    "that awaits": "try:\n    await pause(ctx)\nfinally:\n    await do('cleaned')\n    see('finally')\nreturn 1",
    "in a helper": "async def help():\n    try:\n        await pause(ctx)\n    finally:\n        see('finally')\nawait help()\nreturn 1",
    "in a lane": "async def lane():\n    try:\n        await pause(ctx)\n    finally:\n        see('finally')\nawait asyncio.gather(lane())\nreturn 1",
    "around a gather": "try:\n    await asyncio.gather(pause(ctx), pause(ctx))\nfinally:\n    see('finally')\nreturn 1",
    "around a lock": "lock = asyncio.Lock()\nasync def one():\n    async with lock:\n        await pause(ctx)\nasync def two():\n    try:\n        async with lock:\n            await pause(ctx)\n    finally:\n        see('finally')\nawait asyncio.gather(one(), two())\nreturn 1",
    "in a generator": "async def g():\n    try:\n        yield 1\n        await pause(ctx)\n    finally:\n        see('finally')\nreturn [x async for x in g()][0]",
    "in a generator at its yield": "async def g():\n    try:\n        yield 1\n        yield 2\n    finally:\n        see('finally')\nasync for x in g():\n    await pause(ctx)\nreturn 1",
    "after a return": "async def f():\n    try:\n        return await do(1)\n    finally:\n        await pause(ctx)\n        see('finally')\nreturn await f()",
}


@COUNTS
@pytest.mark.parametrize("form", FINALLIES)
def test_a_suspension_runs_no_finally(form: str) -> None:
    """Design 6: a `finally` belongs to an end, and a suspension is none; it runs once, when its `try` is over."""
    made = stage(FINALLIES[form])
    assert made.value() == 1
    assert made.entries > 1
    assert outside.seen == ["finally"]
    assert outside.done in ([], [1], ["cleaned"])


WITHS = {
    "with": "with Manager('m'):\n    await pause(ctx)\nreturn 1",
    "async with": "async with Client('m'):\n    await pause(ctx)\nreturn 1",
    "a generator of contextlib": "@contextlib.contextmanager\ndef m():\n    see('entered m')\n    try:\n        yield\n    finally:\n        see('left m')\nwith m():\n    await pause(ctx)\nreturn 1",
    "an async generator of contextlib": "@contextlib.asynccontextmanager\nasync def m():\n    await asyncio.sleep(0)\n    see('entered m')\n    try:\n        yield\n    finally:\n        await asyncio.sleep(0)\n        see('left m')\nasync with m():\n    await pause(ctx)\nreturn 1",
    "a class of the flow": "async with Conn():\n    await pause(ctx)\nreturn 1",
    "an exit stack": "async with contextlib.AsyncExitStack() as stack:\n    await stack.enter_async_context(Conn())\n    await pause(ctx)\nreturn 1",
    "one that swallows": "with Manager('m', swallows=True):\n    await pause(ctx)\nreturn 1",
    "suppress": "with Manager('m'), contextlib.suppress(BaseException):\n    await pause(ctx)\nreturn 1",
    "in a lane": "async def lane():\n    async with Client('m'):\n        await pause(ctx)\nawait asyncio.gather(lane())\nreturn 1",
    "in a generator": "async def g():\n    async with Client('m'):\n        yield await pause(ctx)\nasync for _ in g():\n    pass\nreturn 1",
    "in a generator at its yield": "async def g():\n    async with Client('m'):\n        yield 1\nasync for _ in g():\n    await pause(ctx)\nreturn 1",
}
CONN = (
    "class Conn:\n    async def __aenter__(self):\n        await do('open')\n        see('entered m')\n"
    "    async def __aexit__(self, *_):\n        try:\n            await asyncio.sleep(0)\n        finally:\n"
    "            see('left m')\n"
)


@COUNTS
@pytest.mark.parametrize("form", WITHS)
def test_context_managers_are_left_and_entered_anew(form: str) -> None:
    """Design 6: context managers belong to the process, and what they await is not kept."""
    made = stage(WITHS[form], more=CONN)
    assert isinstance(made.enter(), Suspension)
    assert outside.seen == ["entered m", "left m"]
    made = stage(WITHS[form], more=CONN)
    assert made.value() == 1
    assert outside.seen == ["entered m", "left m"] * 2
    assert outside.done in ([], ["open", "open"])


def test_what_a_manager_raises_when_it_is_left_is_told_and_changes_nothing() -> None:
    """Nothing is swallowed: it is in the log, and the handler suspends all the same."""
    body = "class M:\n    def __enter__(self): ...\n    def __exit__(self, *_):\n        if not outside.seen:\n            see('x')\n            raise OSError('in exit')\nwith M():\n    await pause(ctx)\nreturn 1"
    made = stage(body)
    assert made.value() == 1
    assert "OSError: in exit" in "".join(made.log)


@KINDS
def test_nothing_is_left_to_the_garbage(kind: str) -> None:
    """No coroutine that is never awaited, no task that is destroyed: warnings are errors, and none comes."""
    body = (
        "later = twice(ctx, 1)\nmany = [do(i) for i in range(3)]\nnamed = {'a': do('a')}\n"
        "await asyncio.gather(do('x'), twice(ctx, await pause(ctx) and 2), pause(ctx))\n"
        "await pause(ctx)\nawait later\nfor each in many:\n    await each\nawait named['a']\nreturn 1"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = stage(body, kind)
        assert made.value() == 1
        gc.collect()
    assert sorted(map(str, outside.done)) == ["0", "1", "1", "1", "2", "2", "2", "a", "x"]


def test_a_handler_that_ends_leaves_its_suspended_tasks() -> None:
    """A task that nobody waits for does not hold the handler up: it is unwound when that ends, and counts for nothing."""
    body = "asyncio.create_task(twice(ctx, 1))\nawait do('x')\nreturn await do('end')"
    made = stage(body)
    assert made.value() == "end"
    assert made.entries == 1


def test_the_own_attributes_are_set_back() -> None:
    """Conformance 21, 23: what a handler that suspends has changed in its executor is undone, as after a failure."""
    source = (
        "class Handler(Executor):\n    count = 0\n"
        "    def on_checkpoint_save(self):\n        return {'count': self.count}\n"
        "    def on_checkpoint_restore(self, state):\n        self.count = state['count']\n"
        "    @handler\n    async def handle(self, n: None, ctx: WorkflowContext):\n"
        "        self.count += 1\n        await pause(ctx)\n        self.count += 1\n        return self.count\n"
    )
    made = Stage(source, "flow:Handler", same_process=True)
    assert made.value() == 2


def test_a_traceback_shows_the_authors_lines() -> None:
    """A person sees their own lines, from the handler to where it was raised, and none of lrwf's between them."""
    made = Stage(
        handler(
            "await pause(ctx)\nawait asyncio.gather(deep(1))",
            more="async def deep(n):\n    await do(n)\n    raise KeyError(n)\n",
        ),
        "flow:Handler",
    )
    made.failure()
    log = "".join(made.log)
    assert log.index("await asyncio.gather(deep(1))") < log.index("raise KeyError(n)")
    assert "lrwf_cli" not in log
