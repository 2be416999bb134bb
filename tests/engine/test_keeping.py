"""Awaits that are kept as they return: durable before the handler goes on, and read by whoever comes next."""

import asyncio
from datetime import datetime

import pytest

from lrwf_cli.core.events import AwaitsKept, Event, InvocationCompleted
from lrwf_cli.core.model import RetryPolicy
from lrwf_cli.core.suspended import Kept
from lrwf_cli.core.view import outputs
from lrwf_cli.errors import StateDirectoryError, StateFull
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.store.base import Store
from tests.core.scripts import Sleep
from tests.engine.handling import Handler, Handlers, World, one, plays, sends


class Killed(BaseException):
    """The process is gone."""


def kept_in(store: Store) -> list[str]:
    """The paths of what is kept on disk, in order."""
    events = [event for frame in store.frames("r") for event in frame.events]
    return [entry.path for event in events if isinstance(event, AwaitsKept) for entry in event.kept]


def working(store: Store, handlers: Handlers, awaits: int, *, dies_at: int | None = None) -> Handler:
    """A handler that keeps each of its awaits at once; what it saw on disk when it went on must be all of them."""
    deaths = [] if dies_at is None else [dies_at]

    async def handler(call: Call) -> Result:
        before = [entry.path for entry in call.kept.get("", ())]
        for number in range(len(before), awaits):
            if deaths == [number]:
                deaths.clear()
                raise Killed
            await handlers.desks["a"].keep([Kept("", str(number), "work", value=number)])
            assert kept_in(store) == [str(n) for n in range(number + 1)]
        return await sends(before)(call)

    return handler


def test_an_await_is_durable_before_the_handler_goes_on(store: Store) -> None:
    """Design 1.3: one frame each, while nothing else happens."""
    handlers = Handlers()
    world = World(store, one(), handlers)
    handlers.handlers["a"] = working(store, handlers, 5)
    run = world.begin()
    assert (run.status, outputs(run), run.seq) == ("completed", [[]], 1 + 1 + 5 + 1)


@pytest.mark.parametrize("dies_at", range(5))
def test_a_crash_goes_on_from_the_last_one(store: Store, dies_at: int) -> None:
    """Conformance 42: none of those that were kept is run again, in whatever process."""
    handlers = Handlers()
    world = World(store, one(), handlers)
    handlers.handlers["a"] = working(store, handlers, 5, dies_at=dies_at)
    with pytest.raises(Killed):
        world.begin()
    assert world.tick() == ["completed"]
    assert outputs(store.load("r")) == [[str(number) for number in range(dies_at)]]
    assert kept_in(store) == [str(number) for number in range(5)]
    assert [call.attempt for call in handlers.calls] == [1, 2]


def test_concurrent_ones_share_a_frame(store: Store) -> None:
    """Design 6: lanes of one handler that return at the same time cost one sync."""
    handlers = Handlers()

    async def handler(call: Call) -> Result:
        desk = handlers.desks["a"]
        await asyncio.gather(*(desk.keep([Kept(f"/1~{lane}", "1", "work")]) for lane in range(20)))
        return await sends(1)(call)

    handlers.handlers["a"] = handler
    run = World(store, one(), handlers).begin()
    assert (run.status, run.seq, len(kept_in(store))) == ("completed", 4, 20)


def test_what_was_kept_and_then_suspended_is_handed_to_the_next_entry(store: Store) -> None:
    """Design 6: in its order, lane by lane, together with what was kept at the suspension."""
    handlers = Handlers()

    async def handler(call: Call) -> Result:
        if not call.waits:
            await handlers.desks["a"].keep([Kept("", "0", "eager")])
        return await plays([Sleep(60), Sleep(60)])(call)

    handlers.handlers["a"] = handler
    world = World(store, one(), handlers)
    world.begin()
    for _ in range(2):
        world.pass_time(60)
        world.tick()
    seen = [[entry.path for entry in call.kept.get("", ())] for call in handlers.calls]
    assert seen == [[], ["0"], ["0", "1"]]


def test_one_too_large_for_a_frame_fails_the_handler(store: Store) -> None:
    """Design 5: it is not retried in vain; and the handler does not go on after an await that is not kept."""
    handlers = Handlers()
    went_on: list[str] = []

    async def handler(call: Call) -> Result:
        entries = [Kept("", str(n), "work", value="x" * 60_000) for n in range(300)]
        await handlers.desks["a"].keep(entries)
        went_on.append("on")
        return await sends(1)(call)

    handlers.handlers["a"] = handler
    run = World(store, one(retry=RetryPolicy(max_attempts=3)), handlers).begin()
    assert (run.status, run.error and run.error.type, went_on, len(handlers.calls)) == (
        "failed",
        "FrameTooLarge",
        [],
        1,
    )


def test_many_that_fit_into_no_one_frame_are_kept_in_several(store: Store) -> None:
    """Design 5: what has no room in this frame is kept with the next, and everybody goes on."""
    handlers = Handlers()

    async def handler(call: Call) -> Result:
        desk = handlers.desks["a"]
        entries = [[Kept(f"/1~{lane}", str(n), "work", value="x" * 60_000) for n in range(60)] for lane in range(10)]
        await asyncio.gather(*(desk.keep(each) for each in entries))
        return await sends(1)(call)

    handlers.handlers["a"] = handler
    run = World(store, one(), handlers).begin()
    assert (run.status, len(kept_in(store))) == ("completed", 600)


@pytest.mark.parametrize("error", [StateDirectoryError("the disk is gone"), StateFull("the disk is full")])
@pytest.mark.parametrize("at", ["keep", "suspend"])
def test_a_failure_to_write_stops_the_handler(store: Store, error: Exception, at: str) -> None:
    """Conformance 44: it does not go on as if the await were kept, nor suspend; the next one has what is on disk."""
    handlers = Handlers()
    went_on: list[str] = []

    async def handler(call: Call) -> Result:
        if at == "keep" and not call.kept:
            await handlers.desks["a"].keep([Kept("", "1", "Sleep", value="timer")])
            went_on.append("on")
        return await plays([Sleep(0), Sleep(60)])(call)

    handlers.handlers["a"] = handler
    world = World(store, one(), handlers)
    held = world.create()
    append, appended = held.append, []

    def broken(events: tuple[Event, ...], when: datetime) -> object:
        appended.append(events)
        if len(appended) == 2:
            raise error
        return append(events, when)

    held.append = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(type(error)):
        asyncio.run(world.process().begin(held, world.assembly()))
    assert went_on == []
    assert kept_in(store) == []
    assert world.tick() == ["waiting"]
    world.pass_time(60)
    assert world.tick() == ["completed"]
    assert outputs(store.load("r")) == ["timer", "timer"]


def test_nothing_is_kept_for_a_handler_that_was_cut_off(store: Store) -> None:
    """Design 4: what a cancelled handler still tries to keep is nobody's; it does not come back from it."""
    handlers = Handlers()
    heard: list[str] = []

    async def handler(call: Call) -> Result:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            await handlers.desks["a"].keep([Kept("", "1", "late")])
            heard.append("kept")
        return await sends(1)(call)

    async def main() -> str:
        world = World(store, one(), handlers)
        engine = world.process(grace_s=0.01)
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        await started.wait()
        store.post(world.letter("cancel"))
        engine.look()
        return (await driving).status

    started = asyncio.Event()
    handlers.handlers["a"] = handler
    assert (asyncio.run(main()), heard, kept_in(store)) == ("cancelled", ["cancelled"], [])


def test_kept_awaits_go_with_the_end_of_the_handler(store: Store) -> None:
    """Design 5: a run that has done its work does not carry what its handlers had kept."""
    handlers = Handlers()
    world = World(store, one(), handlers)
    handlers.handlers["a"] = working(store, handlers, 50)
    run = world.begin()
    assert (run.kept, run.steps) == ({}, {})
    assert any(isinstance(event, InvocationCompleted) for frame in store.frames("r") for event in frame.events)
