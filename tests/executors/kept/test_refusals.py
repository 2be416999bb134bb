"""Where a handler must not suspend, and what cannot be kept: said before it suspends, by name and line, with the remedy."""

import re

import pytest

from lrwf_cli.core.run import Failure
from tests.executors.kept import outside
from tests.executors.kept.stage import Stage
from tests.executors.kept.test_suspending import handler

WRAPPER = "await it in the handler, or in an `async def` of the flow's own modules"
TIMEOUT = "use `timeout=` or `max_duration=` of what is awaited, or of the executor"
CLIENT = "await it in `ctx.step(...)` or in an `async def` that returns plain data; make clients in `async with`"
SURVIVED = "put `asyncio.wait_for` around the one call that may take too long, or use `timeout=`"
ITERATOR = "gather it into a list first, in an `async def` of its own, or use `ctx.track`"
ONE_CALL = "await it in the handler, or in a task that the handler makes itself"
HERE = "flow.py:L"

REFUSED = {
    "an uncompiled coroutine": (
        "await wrapped(pause, ctx)",
        f"{HERE}1:1: `Handler.handle` cannot suspend at `schedule_resume` inside"
        " `tests.executors.kept.outside:wrapped`, which is not compiled by lrwf",
        WRAPPER,
    ),
    "wait_for": (
        "await asyncio.wait_for(pause(ctx), 5)",
        f"{HERE}1:1: `Handler.handle` cannot suspend at `schedule_resume` inside `asyncio.tasks:wait_for`,"
        " which is not compiled by lrwf",
        TIMEOUT,
    ),
    "wait_for around ctx itself": (
        "x = 1\nawait asyncio.wait_for(ctx.schedule_resume(after=60), timeout=None)",
        f"{HERE}2:1: `Handler.handle` cannot suspend at `schedule_resume` inside `asyncio.tasks:wait_for`,"
        " which is not compiled by lrwf",
        TIMEOUT,
    ),
    "an uncompiled coroutine in a lane": (
        "await asyncio.gather(do(1), wrapped(pause, ctx))",
        f"{HERE}1:1: `Handler.handle` cannot suspend at `schedule_resume` inside"
        " `tests.executors.kept.outside:wrapped`, which is not compiled by lrwf",
        WRAPPER,
    ),
    "asyncio.timeout": (
        "async with asyncio.timeout(60):\n    await pause(ctx)",
        "flow.py:10:12: `pause` cannot suspend at `schedule_resume` inside `asyncio.timeout`, which would begin anew at each wake",
        TIMEOUT,
    ),
    "a context manager of the flow": (
        "class M:\n    async def __aenter__(self):\n        await pause(ctx)\n    async def __aexit__(self, *_): ...\nasync with M():\n    pass",
        f"{HERE}5: `Handler.handle` cannot suspend at `schedule_resume` inside `M.__aenter__`, which belongs to the process and is entered anew",
        WRAPPER,
    ),
    "a foreign task": (
        "await outside.in_task(pause(ctx))",
        f"{HERE}1:1: `Handler.handle` cannot suspend at `schedule_resume` inside `tests.executors.kept.outside:in_task`, which is not compiled by lrwf",
        WRAPPER,
    ),
    "after a value that cannot be kept": (
        "client = await connect()\nawait pause(ctx)",
        "flow.py:10:12: `pause` cannot suspend at `schedule_resume`: what `tests.executors.kept.outside:connect` returned on line L1"
        " cannot be kept (value: a value of type `Client` cannot be kept)",
        CLIENT,
    ),
    "after an exception that cannot be kept": (
        "try:\n    await fail(1, ValueError(object()))\nexcept Exception:\n    pass\nawait ctx.schedule_resume(after=60)",
        f"{HERE}5:1: `Handler.handle` cannot suspend at `schedule_resume`: what `tests.executors.kept.outside:fail` raised on line L2"
        " cannot be kept (ValueError[0]: a value of type `object` cannot be kept)",
        CLIENT,
    ),
    "after a value of a lane that cannot be kept": (
        "a, b = await asyncio.gather(connect(), do(1))\nawait ctx.schedule_resume(after=60)",
        f"{HERE}2:1: `Handler.handle` cannot suspend at `schedule_resume`: what `tests.executors.kept.outside:connect` returned on line L1"
        " cannot be kept (value: a value of type `Client` cannot be kept)",
        CLIENT,
    ),
    "in a lane, with what its parent holds": (
        "client = await connect()\nawait asyncio.gather(pause(ctx))",
        "flow.py:10:12: `pause` cannot suspend at `schedule_resume`: what `tests.executors.kept.outside:connect` returned on line L1"
        " cannot be kept (value: a value of type `Client` cannot be kept)",
        CLIENT,
    ),
    "after a list that was changed": (
        "got = []\nawait outside.extend(got, object())\nawait ctx.schedule_resume(after=60)",
        f"{HERE}3:1: `Handler.handle` cannot suspend at `schedule_resume`: `tests.executors.kept.outside:extend` on line L2 has changed"
        " what it was given, which cannot be kept (value: a value of type `object` cannot be kept)",
        "have it return what is new, or call it in an `async def` of the flow's own modules that does",
    ),
    "after a timeout": (
        "try:\n    async with asyncio.timeout(0):\n        await do(1, turns=9)\nexcept TimeoutError:\n    pass\nawait ctx.schedule_resume(after=60)",
        f"{HERE}6:1: `Handler.handle` cannot suspend at `schedule_resume`: `tests.executors.kept.outside:do` on line L3 was cancelled"
        " and survived, as in `asyncio.timeout`",
        SURVIVED,
    ),
    "after a cancellation": (
        "async def lane():\n    try:\n        await do(1, turns=9)\n    except asyncio.CancelledError:\n        await pause(ctx)\n"
        "task = asyncio.create_task(lane())\nawait do(2)\ntask.cancel()\nawait task",
        "flow.py:10:12: `pause` cannot suspend at `schedule_resume`: `tests.executors.kept.outside:do` on line L3 was cancelled"
        " and survived, as in `asyncio.timeout`",
        SURVIVED,
    ),
    "after a foreign async for": (
        "async for x in outside.stream():\n    await do(x)\nawait ctx.schedule_resume(after=60)",
        f"{HERE}3:1: `Handler.handle` cannot suspend at `schedule_resume`: what it iterates over with `async for` on line L1"
        " is no generator of the flow's own, and would begin anew",
        ITERATOR,
    ),
    "after a foreign comprehension": (
        "got = [x async for x in outside.stream()]\nawait ctx.schedule_resume(after=60)",
        f"{HERE}2:1: `Handler.handle` cannot suspend at `schedule_resume`: what it iterates over with `async for` on line L1"
        " is no generator of the flow's own, and would begin anew",
        ITERATOR,
    ),
    "in a task of somebody else": (
        "outside.later.append(lambda: pause(ctx))\nawait outside.spawned()",
        "`schedule_resume` is awaited in a task or a thread that is none of the handler's own",
        ONE_CALL,
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_names_the_place_and_the_remedy(case: str) -> None:
    """Design 6: refused before suspending, by name and line, with the remedy; nobody catches it, and the run is blocked."""
    body, message, hint = REFUSED[case]
    guarded = (
        "try:\n"
        + "".join(f"    {line}\n" for line in body.splitlines())
        + "except BaseException:\n    see('caught')\nfinally:\n    see('finally')"
    )
    for text, shift in ((body, 0), (guarded, 1)):
        made = Stage(handler(text), "flow:Handler")
        failure = made.stuck()
        assert said(failure, made, shift) == message
        assert failure.type in ("SuspensionRefused", "NotKeepable")
        if hint:
            assert failure.hint == hint
        assert outside.seen == []


def said(failure: Failure, made: Stage, shift: int) -> str:
    """What was said, with lines and columns counted from the body of the handler, however deep it is indented."""
    first = made.text().splitlines().index(LINE) + 1 + shift

    def line(found: re.Match[str]) -> str:
        number, column = int(found[2]), found[3]
        if number <= first:
            return found[0]
        return f"{found[1]}L{number - first}" + (f":{int(column) - 8 - 4 * shift}" if column else "")

    message = re.sub(r"<pinned \w+>/", "", failure.message)
    return re.sub(r"(flow\.py:|on line )(\d+)(?::(\d+))?", line, message)


LINE = "    async def handle(self, n: None, ctx: WorkflowContext):"
