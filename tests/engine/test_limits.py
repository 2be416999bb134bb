"""Limits of time while a handler is at work: it is cancelled, and given up on if it does not heed that."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from lrwf_cli.core.commands import Effects
from lrwf_cli.core.model import Direct, FanOut, RetryPolicy
from lrwf_cli.core.run import Failure
from lrwf_cli.core.suspended import Kept
from lrwf_cli.core.view import outputs
from lrwf_cli.executors.base import Call, Failed, Result, Stuck
from lrwf_cli.store.base import Store
from tests.core.scripts import Sleep
from tests.engine.handling import MOMENT, SOON, Handler, Handlers, World, fails, graph, one, passes_on, plays, sends

TWICE = RetryPolicy(max_attempts=2, initial=timedelta(seconds=1), jitter=0)


def hangs(heard: list[str]) -> Handler:
    """A handler that waits for ever, and notes that it was told to end."""

    async def handler(_: Call) -> Result:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
        return Effects()

    return handler


def stubborn(release: asyncio.Event, then: Callable[[], Result] = Effects) -> Handler:
    """A handler that swallows what cancels it until it is released."""

    async def handler(call: Call) -> Result:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return then()

    return handler


@pytest.mark.parametrize("limit", ["timeout", "idle_timeout"])
def test_a_handler_past_its_limit_is_cancelled(store: Store, limit: str) -> None:
    """Conformance 30: it hears CancelledError; the failure names the executor and the limit, and follows its policy."""
    heard: list[str] = []
    world = World(store, one(retry=TWICE, **{limit: MOMENT}), Handlers(a=hangs(heard)))
    run = world.begin()
    assert (run.status, heard) == ("failed", ["cancelled", "cancelled"])
    assert run.error
    assert (run.error.type, run.error.executor, run.error.attempt) == ("ExecutorTimeoutError", "a", 2)
    assert "TimeoutError" in run.error.mro
    assert run.error.hint


def test_a_deadline_cancels_and_is_not_retried(store: Store) -> None:
    """Conformance 31: all attempts together have had their time."""
    heard: list[str] = []
    world = World(store, one(retry=TWICE, deadline=MOMENT), Handlers(a=hangs(heard)))
    run = world.begin()
    assert (run.status, heard, run.error and run.error.type) == ("failed", ["cancelled"], "ExecutorTimeoutError")
    assert len(world.handlers.calls) == 1


def test_a_deadline_that_passed_in_a_suspension_is_past_at_the_wake(store: Store) -> None:
    """Conformance 31: a handler that is entered after its deadline is not left to work."""
    heard: list[str] = []

    async def handler(call: Call) -> Result:
        return await (hangs(heard) if call.waits else plays([Sleep(60)]))(call)

    world = World(store, one(deadline=timedelta(seconds=60)), Handlers(a=handler))
    assert world.begin().status == "waiting"
    world.pass_time(60)
    assert world.tick() == ["failed"]
    assert len(world.handlers.calls) == 1


def test_a_timeout_is_of_one_stretch(store: Store) -> None:
    """Conformance 31: each entry has all of it; what lies between them does not count."""
    stretches: list[float] = []

    async def handler(call: Call) -> Result:
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(0.02)
        stretches.append(asyncio.get_running_loop().time() - began)
        return await plays([Sleep(60), Sleep(60), Sleep(60)])(call)

    world = World(store, one(timeout=timedelta(seconds=30)), Handlers(a=handler))
    world.begin()
    for _ in range(3):
        world.pass_time(60)
        world.tick()
    assert store.load("r").status == "completed"
    assert len(stretches) == 4


def test_signs_of_life_keep_an_idle_timeout_off(store: Store) -> None:
    """Conformance 30: the time counts from the last report of progress; what was reported is shown."""
    handlers = Handlers()

    async def lively(call: Call) -> Result:
        for number in range(12):
            await asyncio.sleep(0.01)
            handlers.desks["a"].progress(number, 12, "on it")
        return await hangs([])(call)

    handlers.handlers["a"] = lively
    run = World(store, one(idle_timeout=timedelta(milliseconds=60)), handlers).begin()
    assert (run.status, run.error and run.error.type) == ("failed", "ExecutorTimeoutError")
    assert run.error
    assert "idle_timeout" in run.error.message
    shown = store.progress_of("r", "a")
    assert shown
    assert (shown["current"], shown["total"], shown["message"]) == (11, 12, "on it")


def test_a_handler_that_ends_in_time_is_left_alone(store: Store) -> None:
    """Conformance 30: its limits are called off with it, and cancel nobody who comes after."""
    limits = {"timeout": timedelta(seconds=30), "idle_timeout": timedelta(seconds=30), "deadline": timedelta(hours=1)}
    world = World(store, one(**limits), Handlers(a=sends(1)))

    async def main() -> int:
        await world.process().begin(world.create(), world.assembly())
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1
    assert outputs(store.load("r")) == [1]


@pytest.mark.parametrize("then", ["returns", "raises", "is stuck", "suspends"])
def test_what_a_handler_comes_back_with_past_its_limit_does_not_count(store: Store, then: str) -> None:
    """Conformance 21, 30: whatever it makes of the cancellation within its grace, it has timed out."""
    results: dict[str, Callable[[], Result]] = {
        "returns": lambda: Effects(outputs=("late",)),
        "raises": lambda: Failed(Failure("ValueError", "oops", "a", 1)),
        "is stuck": lambda: Stuck(Failure("ReplayDiverged", "?")),
    }

    async def handler(call: Call) -> Result:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return results[then]() if then in results else await plays([Sleep(60)])(call)

    run = World(store, one(timeout=MOMENT), Handlers(a=handler)).begin()
    assert (run.status, run.error and run.error.type, outputs(run)) == ("failed", "ExecutorTimeoutError", [])


def test_a_handler_that_swallows_its_cancellation_is_given_up_on(store: Store) -> None:
    """Conformance 30: after its grace the run goes on without it."""

    async def main() -> list[object]:
        release = asyncio.Event()
        workflow = graph(FanOut("s", ("a", "b")), start="s")
        workflow.executors["a"] = one(timeout=MOMENT, grace=SOON, on_error="h").executors["a"]  # type: ignore[index]
        workflow.executors["h"] = one("h").executors["h"]  # type: ignore[index]
        world = World(store, workflow, Handlers(s=sends(1), a=stubborn(release), b=passes_on(), h=sends("handled")))
        run = await world.process().begin(world.create(), world.assembly())
        release.set()
        return outputs(run)

    assert asyncio.run(main()) == [1, "handled"]


def test_what_it_comes_back_with_later_is_ignored(store: Store) -> None:
    """Conformance 21, 30: even though the delivery has been started again, and is at work, by then."""

    async def main() -> list[object]:
        release, second = asyncio.Event(), asyncio.Event()
        zombie = stubborn(release, lambda: Effects(outputs=("late",)))

        async def handler(call: Call) -> Result:
            if call.attempt == 1:
                return await zombie(call)
            release.set()
            for _ in range(5):
                await asyncio.sleep(0)
            second.set()
            return Effects(outputs=("in time",))

        retry = RetryPolicy(max_attempts=2, initial=timedelta(), jitter=0)
        world = World(store, one(timeout=MOMENT, grace=SOON, retry=retry), Handlers(a=handler))
        run = await world.process().begin(world.create(), world.assembly())
        assert second.is_set()
        return outputs(run)

    assert asyncio.run(main()) == ["in time"]


def test_nothing_that_it_keeps_or_shows_later_is_taken(store: Store) -> None:
    """Conformance 30: a handler that was given up on cannot keep awaits for the attempt that came after it."""
    handlers = Handlers()
    heard: list[str] = []

    async def main() -> list[object]:
        release, done = asyncio.Event(), asyncio.Event()

        async def handler(call: Call) -> Result:
            desk = handlers.desks["a"]
            if call.attempt > 1:
                desk.progress(2, 2, "second")
                release.set()
                await done.wait()
                return Effects(outputs=("in time",))
            await stubborn(release)(call)
            desk.progress(1, 2, "first")
            try:
                await desk.keep([Kept("", "1", "late")])
                heard.append("kept")
            except asyncio.CancelledError:
                heard.append("cancelled")
            done.set()
            return Effects()

        handlers.handlers["a"] = handler
        retry = RetryPolicy(max_attempts=2, initial=timedelta(), jitter=0)
        world = World(store, one(timeout=MOMENT * 4, grace=SOON, retry=retry), handlers)
        return outputs(await world.process().begin(world.create(), world.assembly()))

    assert (asyncio.run(main()), heard) == (["in time"], ["cancelled"])
    shown = store.progress_of("r", "a")
    assert shown
    assert shown["message"] == "second"


def test_a_limit_in_the_midst_of_keeping_leaves_no_doubt(store: Store) -> None:
    """Design 6: an await that was on its way to the disk is kept or not, and the attempt has timed out."""
    handlers = Handlers()

    async def handler(call: Call) -> Result:
        await handlers.desks["a"].keep([Kept("", "1", "work")])
        await asyncio.Event().wait()
        return Effects()

    handlers.handlers["a"] = handler
    run = World(store, one(timeout=MOMENT), handlers).begin()
    assert (run.status, run.kept, run.error and run.error.type) == ("failed", {}, "ExecutorTimeoutError")


def test_a_handler_that_cancels_itself_fails(store: Store) -> None:
    """Conformance 25: a CancelledError that nobody sent is a failure, and the run does not wait for it."""

    async def handler(_: Call) -> Result:
        raise asyncio.CancelledError("by myself")

    run = World(store, one(), Handlers(a=handler)).begin()
    assert (run.status, run.error and run.error.type) == ("failed", "CancelledError")


def test_a_timed_out_handler_holds_up_no_other(store: Store) -> None:
    """Conformance 3, 30: what comes after it begins when it has ended, and others go on meanwhile."""
    workflow = graph(FanOut("s", ("a", "b")), Direct("b", "c"), start="s")
    workflow.executors["a"] = one(timeout=MOMENT, retry=TWICE).executors["a"]  # type: ignore[index]

    async def first_hangs(call: Call) -> Result:
        return await (hangs([]) if call.attempt == 1 else sends("second"))(call)

    handlers = Handlers(s=sends(1), a=first_hangs, b=passes_on(), c=passes_on())
    assert outputs(World(store, workflow, handlers).begin()) == ["second", 1]


def test_a_failure_of_another_kind_keeps_its_own_error(store: Store) -> None:
    """Conformance 25: limits that are not reached change nothing about a failure."""
    run = World(store, one(timeout=timedelta(seconds=30)), Handlers(a=fails(1))).begin()
    assert run.error
    assert run.error.type == "OSError"
