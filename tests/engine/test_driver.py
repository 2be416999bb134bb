"""One driver: what it starts when, what is in a frame, and what may leave before it is synced."""

import asyncio
from datetime import datetime

import pytest

from lrwf_cli.core.commands import Effects, Send, StateWrite
from lrwf_cli.core.model import Direct, ExecutorSpec, FanIn, FanOut, RetryPolicy, Workflow
from lrwf_cli.core.run import Failure
from lrwf_cli.core.view import outputs
from lrwf_cli.errors import StateDirectoryError
from lrwf_cli.executors.base import Call, Failed
from lrwf_cli.store.base import Store
from tests.engine.handling import Handlers, World, chain, fails, graph, passes_on, sends, waits_for


def test_a_run_delivers_its_input_to_the_start_executor(store: Store) -> None:
    """Conformance 1: the first delivery is the run's input, for the start executor."""
    handlers = Handlers(a=passes_on())
    run = World(store, chain("a"), handlers).begin(message={"n": 1})
    assert (run.status, outputs(run)) == ("completed", [{"n": 1}])
    assert handlers.calls[0].delivery.message == {"n": 1}


def test_a_message_is_delivered_only_after_its_frame_is_durable(store: Store) -> None:
    """Conformance 2: when a handler is called, the frame with its delivery and its start can be read back."""
    seen: list[bool] = []

    async def check(call: Call) -> Effects:
        events = [event for frame in store.frames("r") for event in frame.events]
        seen.append(any(call.delivery.id in getattr(event, "deliveries", ()) for event in events))
        return Effects(sends=(Send(None),))

    World(store, chain("a", "b", "c"), Handlers(a=check, b=check, c=check)).begin()
    assert seen == [True, True, True]


def test_a_slow_branch_holds_up_no_other(store: Store) -> None:
    """Conformance 3: `slow` ends only after the other branch has gone three steps further."""
    workflow = graph(FanOut("a", ("slow", "b")), Direct("b", "c"), Direct("c", "d"))

    async def main() -> list[str]:
        done = asyncio.Event()

        async def last(_: Call) -> Effects:
            done.set()
            return Effects(outputs=("d",))

        handlers = Handlers(a=sends(1), slow=waits_for(done, sends("slow")), b=passes_on(), c=passes_on(), d=last)
        world = World(store, workflow, handlers)
        await world.process().begin(world.create(), world.assembly())
        return handlers.names()

    assert asyncio.run(main()) == ["a", "slow", "b", "c", "d"]


def test_messages_on_one_edge_arrive_in_order_one_call_each(store: Store) -> None:
    """Conformance 4: several messages on one edge arrive in the order they were sent, one handler call each."""
    handlers = Handlers(a=sends(*range(20)), b=passes_on())
    run = World(store, chain("a", "b"), handlers).begin()
    assert [call.delivery.message for call in handlers.calls[1:]] == list(range(20))
    assert outputs(run) == list(range(20))


@pytest.mark.parametrize(("max_parallel", "most"), [(1, 1), (3, 3)])
def test_one_executor_runs_one_handler_at_a_time_unless_it_says_more(
    store: Store, max_parallel: int, most: int
) -> None:
    """Conformance 5: one handler of an executor at a time, unless it declares `max_parallel`."""
    at_work = peak = 0

    async def busy(_: Call) -> Effects:
        nonlocal at_work, peak
        at_work += 1
        peak = max(peak, at_work)
        await asyncio.sleep(0)
        at_work -= 1
        return Effects()

    specs = {"a": ExecutorSpec("a"), "b": ExecutorSpec("b", max_parallel=max_parallel)}
    World(store, Workflow("test", specs, "a", (Direct("a", "b"),)), Handlers(a=sends(*range(9)), b=busy)).begin()
    assert peak == most


def test_different_executors_run_concurrently_up_to_the_number_of_jobs(store: Store) -> None:
    """Conformance 5: different executors run concurrently; `--jobs` bounds how many."""
    peaks = {}
    for jobs in (1, 2, 8):
        at_work = peak = 0

        async def busy(_: Call) -> Effects:
            nonlocal at_work, peak
            at_work += 1
            peak = max(peak, at_work)
            await asyncio.sleep(0)
            at_work -= 1
            return Effects()

        names = ("b", "c", "d")
        handlers = Handlers(a=sends(1), b=busy, c=busy, d=busy)
        World(store, graph(FanOut("a", names)), handlers).begin(f"r{jobs}", jobs=jobs)
        peaks[jobs] = peak
    assert peaks == {1: 1, 2: 2, 8: 3}


def test_what_ends_and_what_starts_next_are_one_frame(store: Store) -> None:
    """A superstep costs one sync: a chain of 50 has a frame for its start, one per step, and no more."""
    names = [f"e{n}" for n in range(50)]
    run = World(store, chain(*names), Handlers(**dict.fromkeys(names, passes_on()))).begin()
    assert run.seq == 1 + 1 + 50


def test_a_handler_sees_the_state_as_it_was_when_it_started(store: Store) -> None:
    """Conformance 20: what a sibling commits later is not seen by a handler that has started."""

    async def main() -> list[object]:
        committed = asyncio.Event()
        seen: list[object] = []

        async def writer(_: Call) -> Effects:
            return Effects(sends=(Send(1),), writes=(StateWrite("k", ["new"]),))

        async def reader(call: Call) -> Effects:
            await committed.wait()
            seen.append(call.state.get("k"))
            return Effects()

        async def after(call: Call) -> Effects:
            committed.set()
            seen.append(call.state["k"].value)
            return Effects()

        workflow = graph(FanOut("a", ("writer", "reader")), Direct("writer", "after"))
        world = World(store, workflow, Handlers(a=sends(1), writer=writer, reader=reader, after=after))
        await world.process().begin(world.create(), world.assembly())
        return seen

    assert asyncio.run(main()) == [["new"], None]


def test_a_failed_attempt_leaves_nothing_and_comes_again_in_place(store: Store) -> None:
    """Conformance 25: the same delivery, after the backoff, with the same idempotency key."""
    handlers = Handlers(a=fails(2))
    workflow = chain("a", retry=RetryPolicy(max_attempts=3, jitter=0, multiplier=1))
    run = World(store, workflow, handlers).begin()
    assert (run.status, outputs(run)) == ("completed", [3])
    assert [call.attempt for call in handlers.calls] == [1, 2, 3]
    assert len({call.idempotency_key for call in handlers.calls}) == 1


def test_a_long_backoff_is_left_to_a_tick(store: Store) -> None:
    """Conformance 29: nobody's memory holds a retry that is due later; the tick after its instant makes it."""
    handlers = Handlers(a=fails(1))
    world = World(store, chain("a", retry=RetryPolicy(max_attempts=2, initial=RetryPolicy().max, jitter=0)), handlers)
    assert world.begin().status == "waiting"
    world.pass_time(299)
    assert world.tick() == []
    world.pass_time(1)
    assert world.tick() == ["completed"]


def test_when_a_branch_fails_the_others_go_on_to_their_end(store: Store) -> None:
    """Conformance 26: finished work is kept, and a retry runs again only what failed."""
    workflow = graph(FanOut("a", ("bad", "b")), Direct("b", "c"))
    broken = [True]

    async def bad(call: Call) -> Effects | Failed:
        if broken[0]:
            return Failed(Failure("ValueError", "no", "bad", call.attempt))
        return Effects(outputs=("mended",))

    handlers = Handlers(a=sends(1), bad=bad, b=passes_on(), c=passes_on())
    world = World(store, workflow, handlers)
    run = world.begin()
    assert (run.status, outputs(run), handlers.names()) == ("failed", [1], ["a", "bad", "b", "c"])


def test_with_stop_a_failure_cancels_what_is_at_work(store: Store) -> None:
    """Conformance 26: `when_failed: stop` cancels the other handlers at once."""

    async def main() -> tuple[str, bool]:
        cancelled = False
        started = asyncio.Event()

        async def slow(_: Call) -> Effects:
            nonlocal cancelled
            started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled = True
                raise
            return Effects()

        bad = waits_for(started, fails(9))
        world = World(
            store, graph(FanOut("a", ("slow", "bad")), when_failed="stop"), Handlers(a=sends(1), slow=slow, bad=bad)
        )
        run = await world.process().begin(world.create(), world.assembly())
        return run.status, cancelled

    assert asyncio.run(main()) == ("failed", True)


def test_a_failure_to_write_stops_the_driver_with_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Conformance 44: it is never a warning; no handler is called for what could not be kept."""
    handlers = Handlers(a=passes_on(), b=passes_on())
    world = World(store, chain("a", "b"), handlers)
    held = world.create()
    append, appended = held.append, []

    def broken(events: object, at: datetime) -> object:
        appended.append(events)
        if len(appended) == 2:
            raise StateDirectoryError("the disk is gone")
        return append(events, at)  # type: ignore[arg-type]

    monkeypatch.setattr(held, "append", broken)
    with pytest.raises(StateDirectoryError, match="the disk is gone"):
        asyncio.run(world.process().begin(held, world.assembly()))
    assert handlers.names() == ["a"]
    assert [each.run_id for each in store.due(world.clock.now())] == ["r"]
    assert world.tick() == ["completed"]
    assert handlers.names() == ["a", "a", "b"]


def test_outputs_do_not_show_timing(store: Store) -> None:
    """Outputs are listed by superstep, then lineage, whichever branch was faster."""
    workflow = graph(FanOut("a", ("b", "c")))

    async def main() -> list[object]:
        done = asyncio.Event()

        async def fast(_: Call) -> Effects:
            done.set()
            return Effects(outputs=("c",))

        world = World(store, workflow, Handlers(a=sends(1), b=waits_for(done, sends("b")), c=fast))
        return outputs(await world.process().begin(world.create(), world.assembly()))

    assert asyncio.run(main()) == ["b", "c"]


def test_fan_in_joins_in_declared_order_whoever_came_first(store: Store) -> None:
    """Conformance 14: a list in declared source order."""
    workflow = graph(FanOut("a", ("b", "c")), FanIn(("b", "c"), "d"))

    async def main() -> list[object]:
        done = asyncio.Event()

        async def fast(_: Call) -> Effects:
            done.set()
            return Effects(sends=(Send("c"),))

        handlers = Handlers(a=sends(1), b=waits_for(done, sends("b")), c=fast, d=passes_on())
        world = World(store, workflow, handlers)
        return outputs(await world.process().begin(world.create(), world.assembly()))

    assert asyncio.run(main()) == [["b", "c"]]


def test_a_handler_that_sends_more_than_a_frame_holds_fails_and_says_so(store: Store) -> None:
    """Design 5: a frame is at most 16 MiB. What fits into none fails its handler, once, and ends no driver."""
    handlers = Handlers(a=sends(*["x" * 60_000] * 300), b=passes_on())
    run = World(store, chain("a", "b", retry=RetryPolicy(max_attempts=3)), handlers).begin()
    assert run.status == "failed"
    assert run.error is not None
    assert (run.error.type, run.error.executor, run.error.attempt) == ("FrameTooLarge", "a", 1)
    assert handlers.names() == ["a"]


def test_what_has_no_room_in_a_frame_is_committed_with_the_next(store: Store) -> None:
    """Handlers that end at the same time share a frame only as far as it holds them; none is lost or run again."""
    much = sends(*["x" * 60_000] * 150)
    workflow = graph(FanOut("a", ("b", "c", "d")))
    handlers = Handlers(a=sends(1), b=much, c=much, d=much)
    run = World(store, workflow, handlers).begin()
    assert (run.status, len(outputs(run))) == ("completed", 450)
    assert sorted(handlers.names()) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("run_id", ["r", "s", "another-run", "x-7h2k"])
def test_what_a_fan_in_makes_is_listed_in_the_order_of_its_rounds(store: Store, run_id: str) -> None:
    """Conformance 15: whatever the run is called and whoever was faster, also when one source sends more often."""

    async def twice_at_first(call: Call) -> Effects:
        number = call.delivery.message
        more = (Send(f"{number}+", ordinal=1),) if number == 0 else ()
        return Effects(sends=(Send(number), *more))

    handlers = Handlers(a=sends(0, 1, 2), b=passes_on(), c=twice_at_first, d=passes_on())
    workflow = graph(FanOut("a", ("b", "c")), FanIn(("b", "c"), "d"))
    run = World(store, workflow, handlers).begin(run_id)
    assert outputs(run) == [[0, 0], [1, "0+"], [2, 1]]
