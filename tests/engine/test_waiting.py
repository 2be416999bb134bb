"""Runs that wait: what is waited for in place, what is left to a tick, and what wakes it."""

import asyncio
from datetime import timedelta

import pytest

from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy, Workflow
from lrwf_cli.core.suspended import Suspension
from lrwf_cli.core.view import outputs
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.store.base import Store
from tests.core.scripts import Does, Poll, Question, Sleep
from tests.engine.handling import Handlers, World, chain, fails, graph, one, passes_on, plays, sends


def test_a_handler_that_waits_needs_no_process(store: Store) -> None:
    """Conformance 29, 31: the driver ends, the run wants to be woken at the timer's instant, and a tick goes on."""
    done: list[int] = []
    world = World(store, one(), Handlers(a=plays([Does(lambda: done.append(1)), Sleep(3600), Sleep(3600)])))
    assert world.begin().status == "waiting"
    for status in ("waiting", "completed"):
        world.pass_time(3599)
        assert store.due(world.clock.now()) == []
        world.pass_time(1)
        assert world.tick() == [status]
    assert (outputs(store.load("r")), done) == ([None, "timer", "timer"], [1])
    assert [call.attempt for call in world.handlers.calls] == [1, 1, 1]


@pytest.mark.parametrize(("seconds", "status"), [(1, "completed"), (0.5, "completed"), (1.01, "waiting")])
def test_what_is_due_within_a_second_is_waited_for_in_place(store: Store, seconds: float, status: str) -> None:
    """Design 8: a poll, a retry, a timer: no tick is needed for it, and no second driver."""
    waits = {
        "poll": (one(), plays([Poll(seconds, 3)])),
        "timer": (one(), plays([Sleep(seconds), Sleep(seconds)])),
        "expiry": (one(), plays([Question("ok?", expires=seconds, default=1)])),
        "retry": (one(retry=RetryPolicy(2, initial=timedelta(seconds=seconds), jitter=0)), fails(1)),
    }
    for name, (workflow, handler) in waits.items():
        assert World(store, workflow, Handlers(a=handler)).begin(name).status == status
        assert len({frame.seq for frame in store.frames(name)}) == store.load(name).seq


def test_what_wakes_and_what_it_starts_are_one_frame(store: Store) -> None:
    """Design 4: waking and entering a handler costs one sync, its end another."""
    world = World(store, one(), Handlers(a=plays([Sleep(3600)])))
    before = world.begin().seq
    world.pass_time(3600)
    world.tick()
    assert store.load("r").seq == before + 2


def test_a_branch_that_waits_holds_up_no_other(store: Store) -> None:
    """Conformance 3: the other branch goes on to its end in the same process, and the run waits then."""
    workflow = graph(FanOut("a", ("b", "c")))
    world = World(store, workflow, Handlers(a=sends(1), b=plays([Sleep(86_400)]), c=passes_on()))
    run = world.begin()
    assert (run.status, outputs(run)) == ("waiting", [1])


def test_what_becomes_due_while_another_handler_is_at_work_is_not_waited_for(store: Store) -> None:
    """Conformance 3: a timer fires on time although a handler beside it is at work; no tick is needed for it."""

    async def main() -> list[str]:
        done = asyncio.Event()

        async def slow(_: Call) -> Result:
            await done.wait()
            return await sends("slow")(_)

        async def timed(call: Call) -> Result:
            found = await plays([Sleep(0.02)])(call)
            if not isinstance(found, Suspension):
                done.set()
            world.clock.jump(timedelta(milliseconds=20))
            return found

        world = World(store, graph(FanOut("a", ("b", "c"))), Handlers(a=sends(1), b=slow, c=timed))
        await world.process().begin(world.create(), world.assembly())
        return outputs(store.load("r"))

    assert asyncio.run(main()) == ["slow", "timer"]


def test_a_clock_that_is_set_back_loses_nothing(store: Store) -> None:
    """Conformance 33: the run is due when the clock gets there again, and fires once."""
    world = World(store, one(), Handlers(a=plays([Sleep(3600)])))
    world.begin()
    world.pass_time(-7200)
    assert world.tick() == []
    world.pass_time(7200 + 3600)
    assert world.tick() == ["completed"]
    assert len(world.handlers.calls) == 2


def test_a_deadline_wakes_a_run_that_nobody_drives(store: Store) -> None:
    """Conformance 29, 31: by the tick, although the handler waits for a person who may take as long as they like."""
    world = World(store, one(deadline=timedelta(hours=1)), Handlers(a=plays([Question("ok?")])))
    assert world.begin().status == "waiting"
    world.pass_time(3600)
    assert world.tick() == ["failed"]
    error = store.load("r").error
    assert error
    assert (error.type, error.executor) == ("ExecutorTimeoutError", "a")


def test_the_runs_timeout_wakes_it(store: Store) -> None:
    """Conformance 32: on time, with nothing running but the tick."""
    world = World(store, chain("a", timeout=timedelta(hours=1)), Handlers(a=plays([Sleep(86_400)])))
    world.begin()
    world.pass_time(3599)
    assert world.tick() == []
    world.pass_time(1)
    assert world.tick() == ["timed_out"]
    assert store.due(world.clock.now() + timedelta(days=9)) == []


def test_the_runs_timeout_ends_a_handler_at_work(store: Store) -> None:
    """Conformance 32: it is cancelled when the run's time is up, and nothing of it counts."""
    heard: list[str] = []

    async def endless(_: Call) -> Result:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            raise
        return await sends(1)(_)

    async def main() -> str:
        world = World(store, chain("a", timeout=timedelta(seconds=60)), Handlers(a=endless))
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        while not world.handlers.calls:  # noqa: ASYNC110 - the handler says nothing by itself
            await asyncio.sleep(0)
        world.pass_time(60)
        engine.look()
        return (await driving).status

    assert (asyncio.run(main()), heard) == ("timed_out", ["cancelled"])


def test_ordered_deliveries_wait_for_each_other_without_a_process(store: Store) -> None:
    """Design 4: what stands behind a suspended delivery does not keep the driver, nor make the run due."""
    specs = {"s": ExecutorSpec("s"), "a": ExecutorSpec("a", ordered=True)}
    workflow = Workflow("test", specs, "s", (Direct("s", "a"),))
    world = World(store, workflow, Handlers(s=sends(1, 2), a=plays([Sleep(3600)])))
    assert world.begin().status == "waiting"
    assert store.due(world.clock.now()) == []
    for status in ("waiting", "completed"):
        world.pass_time(3600)
        assert world.tick() == [status]


def test_a_fork_of_a_waiting_run_waits_too(store: Store) -> None:
    """Conformance 51: with timers and questions of its own; an answer to the one is none to the other."""
    from lrwf_cli.engine import steer

    world = World(store, one(), Handlers(a=plays([Question("ok?"), Sleep(3600)])))
    seq = world.begin().seq
    steer.fork(store, world.clock, "r", "copy", at=seq)
    world.answer("a", "yes", run_id="copy")
    assert world.tick() == ["waiting"]
    assert (list(store.load("r").waiting) == list(store.load("copy").waiting)) is True
    assert store.load("r").requests["a"].answer is None
    world.pass_time(3600)
    assert world.tick() == ["completed"]
    assert outputs(store.load("copy")) == ["yes", "timer"]


@pytest.mark.parametrize("back", [0, 1])
def test_a_rewind_asks_anew(store: Store, back: int) -> None:
    """Conformance 51: an answer of the epoch before is none, and does not stand in the way of a new one."""
    from lrwf_cli.engine import steer

    world = World(store, one(), Handlers(a=plays([Question("ok?"), Sleep(3600)])))
    seq = world.begin().seq
    world.answer("a", "yes")
    world.tick()
    if back:
        world.pass_time(3600)
        assert world.tick() == ["completed"]
    steer.rewind(store, world.clock, "r", seq)
    assert world.tick() == []
    assert world.answer("a", "no").value == "no"
    world.tick()
    world.pass_time(3600)
    assert world.tick() == ["completed"]
    assert outputs(store.load("r")) == ["no", "timer"]
