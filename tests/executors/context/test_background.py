"""Background work as a handler has it: asked for as an effect, waited for, told to end; the same at each wake."""

import asyncio
from typing import Any

import msgspec
import pytest

from lrwf_cli import WorkflowContext
from lrwf_cli.core.background import Background, Begin, Outcome, State
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.failure import Failure
from lrwf_cli.errors import BackgroundCancelled, BackgroundLost, CommandFailed, UsageError
from lrwf_cli.executors.context.background import BackgroundTask
from lrwf_cli.executors.values import teach
from tests.executors.keeping import START, Stay


def train(*_: Any, **__: Any) -> str:
    return "never called here"


async def waits(_: Any, ctx: WorkflowContext) -> Any:
    task = await ctx.start_background(["./train.sh", "--fast"], env={"A": "1"})
    return await ctx.wait_background(task)


async def cancels(_: Any, ctx: WorkflowContext) -> Any:
    task = await ctx.start_background("sleep 9", on_run_end="leave", restart=True, name="nap")
    return await ctx.cancel_background(task)


def over(begin: Begin, state: State, **outcome: Any) -> dict[str, Any]:
    work = Background("a", "a", "d", 1, begin, START, state=state, outcome=Outcome(**outcome))
    return {"background": (work,)}


def ended(handler: Any, state: State = "ended", **outcome: Any) -> Any:
    """Return what a handler comes to when its work has ended so."""
    stay = Stay(handler)
    assert asyncio.run(stay.enter()) == (False, None)
    stay.call = over(stay.ctx.begins[0], state, **outcome)
    return asyncio.run(stay.end())


def test_it_is_asked_for_when_the_handler_suspends() -> None:
    """An effect: what it is goes as plain JSON to whoever begins it, from the place where it was asked for."""
    stay = Stay(waits)
    asyncio.run(stay.enter())
    asked = Begin("", "1", {"argv": ["./train.sh", "--fast"], "env": {"A": "1"}}, "./train.sh")
    assert stay.ctx.begins == (asked,)
    assert stay.waiting is not None
    wait = stay.waiting.wait
    assert (wait.kind, wait.begun_at, wait.due_at, wait.detail) == ("background", ("", "1"), None, "./train.sh")
    asyncio.run(stay.enter())
    assert stay.ctx.begins == (asked,), "asked for again from the same place: it is the same"


def test_what_it_came_to() -> None:
    """Its result is what the wait returns; what is wrong with it is raised."""
    assert ended(waits, value={"auc": 0.9}, exit_code=0) == {"auc": 0.9}
    failure = Failure("CommandFailed", "`train` ended with exit code 3", hint="look")
    with pytest.raises(CommandFailed, match="exit code 3") as caught:
        ended(waits, error=failure, exit_code=3)
    assert (caught.value.exit_code, caught.value.hint) == (3, "look")
    with pytest.raises(BackgroundLost, match="nobody knows"):
        ended(waits, "lost", error=Failure("BackgroundLost", "nobody knows"), lost=True)
    with pytest.raises(BackgroundCancelled, match=r"`./train.sh` was ended before it was done"):
        ended(waits, "cancelled", exit_code=-15)


def test_it_can_be_told_to_end() -> None:
    """The handler goes on when it has; one that has ended by itself needs no telling."""
    stay = Stay(cancels)
    asyncio.run(stay.enter())
    assert stay.ctx.tells == (("", "1"),)
    assert stay.ctx.begins == (Begin("", "1", {"shell": "sleep 9"}, "nap", "leave", restart=True),)
    assert ended(cancels, "cancelled", exit_code=-15) is None
    assert ended(cancels, "ended", value=1) is None


def test_a_function_of_the_flow() -> None:
    """It is named by its module, so that another process finds it; its arguments are kept as values are."""

    async def handler(_: Any, ctx: WorkflowContext) -> None:
        await ctx.start_background(train, (1, 2), fast=True)

    stay = Stay(handler)
    asyncio.run(stay.enter())
    (begin,) = stay.ctx.begins
    assert begin.work["function"] == f"{__name__}:train"
    assert Codec().decode(begin.work["args"]) == [(1, 2)]
    assert (Codec().decode(begin.work["kwargs"]), begin.name) == ({"fast": True}, "train")


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((7,), {}, "no command and no function: 7"),
        (([],), {}, "no command and no function"),
        ((["x", 1],), {}, "no command and no function"),
        ((" ",), {}, "no command and no function"),
        ((["x"], "more"), {}, "was given arguments"),
        ((lambda: 1,), {}, "cannot be done in the background"),
        ((["x"],), {"on_run_end": "never"}, "`on_run_end` is 'never'"),
        ((["x"],), {"env": {"A": 1}}, "values that are no texts"),
    ],
)
def test_what_cannot_be_begun_is_refused(args: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    """Bad input gets a clear error at the call, before anything is written."""

    async def handler(_: Any, ctx: WorkflowContext) -> None:
        ctx.start_background(*args, **options)

    with pytest.raises(UsageError, match=message):
        asyncio.run(Stay(handler).enter())


def test_what_stands_for_it_can_be_kept() -> None:
    """The handle may be in a list, a message, a value that a helper returns."""
    codec = teach(Codec())
    task = BackgroundTask("/1~0", "2.1", "train")
    assert codec.decode(msgspec.json.decode(msgspec.json.encode(codec.encode([task])))) == [task]


def test_only_a_handle_is_waited_for() -> None:
    """Bad input gets a clear error at the call."""

    async def handler(_: Any, ctx: WorkflowContext) -> None:
        await ctx.wait_background("train")

    with pytest.raises(UsageError, match="`wait_background` was given 'train'"):
        asyncio.run(Stay(handler).enter())
