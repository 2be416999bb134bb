"""Places: a handler takes one and gives it back once, however it ends, and so does whatever comes to nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrwf_cli.core.commands import Effects, Send
from lrwf_cli.core.events import Event
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy, Workflow
from lrwf_cli.core.run import Failure
from lrwf_cli.core.suspended import Kept
from lrwf_cli.engine.passes import Engine
from lrwf_cli.engine.slots import Slots
from lrwf_cli.errors import StateDirectoryError, StateFull
from lrwf_cli.executors.base import Call, Failed, Result, Stuck
from lrwf_cli.store.base import Store
from lrwf_cli.store.memory import MemoryStore
from tests.core.scripts import Sleep
from tests.engine.handling import MOMENT, SOON, Handlers, World, one, plays, sends

JOBS = 3


class Killed(BaseException):
    """The process is gone."""


def free(engine: Engine) -> int:
    return engine._slots.free


async def _killed(_: Call) -> Result:
    raise Killed


async def _hang(_: Call) -> Result:
    await asyncio.Event().wait()
    return Effects()


async def _fail(call: Call) -> Result:
    return Failed(Failure("OSError", "boom", call.delivery.executor, call.attempt))


async def _block(call: Call) -> Result:
    return Stuck(Failure("ReplayDiverged", "?", call.delivery.executor))


async def _ignore(_: Call) -> Result:
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()
    return Effects()


async def _cancel_itself(_: Call) -> Result:
    raise asyncio.CancelledError


async def _too_large(_: Call) -> Result:
    return Effects(sends=tuple(Send("x" * 60_000, ordinal=n) for n in range(300)))


ENDS: dict[str, Callable[[Call], Awaitable[Result]]] = {
    "returns": sends(1),
    "fails": _fail,
    "suspends": plays([Sleep(0), Sleep(0.001), Sleep(3600)]),
    "is stuck": _block,
    "times out": _hang,
    "is given up on": _ignore,
    "cancels itself": _cancel_itself,
    "is too large": _too_large,
    "is killed": _killed,
}
LIMITED = {"times out", "is given up on"}


def spec(name: str, end: str) -> ExecutorSpec:
    timeout = MOMENT if end in LIMITED else None
    return ExecutorSpec(name, timeout=timeout, grace=SOON, retry=RetryPolicy(max_attempts=2), max_parallel=2)


@pytest.mark.parametrize("end", ENDS)
def test_a_place_is_given_back_once(store: Store, end: str) -> None:
    """Conformance 5, 30: whatever a handler does in the end."""

    async def main() -> int:
        world = World(store, Workflow("test", {"a": spec("a", end)}, "a"), Handlers(a=ENDS[end]))
        engine = world.process(jobs=JOBS)
        with suppress(Killed):
            await engine.begin(world.create(), world.assembly())
        return free(engine)

    assert asyncio.run(main()) == JOBS


@settings(max_examples=40)
@given(st.lists(st.sampled_from([each for each in ENDS if each != "is killed"]), min_size=1, max_size=6), st.booleans())
def test_all_places_are_free_when_all_is_done(ends: list[str], stops: bool) -> None:  # noqa: FBT001 - hypothesis
    """Conformance 5: of however many handlers, however they end, and also if the process is told to stop meanwhile."""
    names = [f"e{number}" for number in range(len(ends))]
    specs = {"s": ExecutorSpec("s")} | {name: spec(name, end) for name, end in zip(names, ends, strict=True)}
    workflow = Workflow("test", specs, "s", (FanOut("s", tuple(names)),))
    handlers = Handlers(s=sends(1, 2), **{name: ENDS[end] for name, end in zip(names, ends, strict=True)})
    world = World(MemoryStore(), workflow, handlers)

    async def main() -> int:
        engine = world.process(jobs=JOBS)
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        if stops:
            while len(handlers.calls) < 1 + len(ends) // 2:  # noqa: ASYNC110 - handlers say nothing by themselves
                await asyncio.sleep(0)
            engine.stop()
        await driving
        return free(engine)

    assert asyncio.run(main()) == JOBS


@pytest.mark.parametrize("error", [StateFull("full"), StateDirectoryError("broken")])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_disk_that_fails_keeps_no_places(store: Store, error: Exception, at: int) -> None:
    """Conformance 44, 59: a run whose start could not be written leaves all places to the others of the same tick."""
    specs = {each: ExecutorSpec(each, max_parallel=2) for each in ("a", "b", "c")}
    workflow = Workflow("test", specs, "a", (FanOut("a", ("b", "c")), Direct("b", "c")))

    async def main() -> int:
        world = World(store, workflow, Handlers(a=sends(1, 2), b=sends(1), c=sends(1)))
        engine = world.process(jobs=JOBS)
        held = world.create()
        append, appended = held.append, []

        def broken(events: tuple[Event, ...], when: datetime) -> object:
            appended.append(events)
            if len(appended) == at:
                raise error
            return append(events, when)

        held.append = broken  # type: ignore[method-assign,assignment]
        with suppress(type(error)):
            await engine.begin(held, world.assembly())
        return free(engine)

    assert asyncio.run(main()) == JOBS


def test_a_handler_that_does_not_end_gives_its_place_back_with_its_driver(store: Store) -> None:
    """Conformance 30: what swallows the stop of its run does not take a place from other runs of the process."""

    async def main() -> int:
        release = asyncio.Event()

        async def stubborn(_: Call) -> Result:
            while not release.is_set():
                with suppress(asyncio.CancelledError):
                    await release.wait()
            return Effects()

        world = World(store, one(grace=SOON), Handlers(a=stubborn))
        engine = world.process(jobs=JOBS)
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        while not world.handlers.calls:  # noqa: ASYNC110 - the handler says nothing by itself
            await asyncio.sleep(0)
        engine.stop()
        await driving
        was = free(engine)
        release.set()
        for _ in range(3):
            await asyncio.sleep(0)
        assert free(engine) == was
        return was

    assert asyncio.run(main()) == JOBS


def test_keeping_takes_no_place(store: Store) -> None:
    """Design 6: a handler has one place, however many awaits it keeps at once."""
    handlers = Handlers()

    async def main() -> int:
        async def handler(_: Call) -> Result:
            await asyncio.gather(*(handlers.desks["a"].keep([Kept(f"/{n}", "1", "w")]) for n in range(9)))
            return Effects()

        handlers.handlers["a"] = handler
        world = World(store, one(), handlers)
        engine = world.process(jobs=JOBS)
        await engine.begin(world.create(), world.assembly())
        return free(engine)

    assert asyncio.run(main()) == JOBS


@given(st.lists(st.integers(-3, 3), max_size=30))
def test_who_waits_for_a_place_is_called_once(changes: list[int]) -> None:
    """Conformance 5: by the next place that is free, and not by those after it."""
    slots, called = Slots(100), []
    for number, change in enumerate(changes):
        if change > 0:
            slots.take(change)
        elif change < 0:
            slots.give(-change)
            assert not slots._waiting
        slots.when_free(lambda number=number: called.append(number))  # type: ignore[misc]
    slots.give()
    assert sorted(called) == list(range(len(changes)))


def test_places_are_shared_by_the_runs_of_a_process(store: Store) -> None:
    """Conformance 5: one that suspends makes room for another; two runs with one place both end."""

    async def main() -> tuple[list[str], int]:
        world = World(store, one(), Handlers(a=plays([Sleep(0.5), Sleep(0.5)])))
        for name in ("one", "two", "three"):
            world.create(name).release()
        engine = world.process(jobs=1)
        outcomes = await engine.tick(["one", "two", "three"])
        return [each.run.status for each in outcomes if each.run], free(engine)

    assert asyncio.run(main()) == (["completed"] * 3, 1)
