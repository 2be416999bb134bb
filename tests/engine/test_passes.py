"""Taking runs up and letting them go: crashes, mail, busy runs, broken runs, and looks that leave no trace."""

import asyncio
import errno
import os
from contextlib import suppress
from pathlib import Path

import pytest

from lrwf_cli.core.commands import Effects, Retry
from lrwf_cli.core.view import outputs
from lrwf_cli.engine import steer
from lrwf_cli.engine.passes import Engine
from lrwf_cli.errors import FlowError, RunBusy, StateFull, UsageError, WrongStatus
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.store.base import Letter, Store
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.files import FileStore
from tests.engine.handling import Handler, Handlers, World, chain, fails, passes_on, sends, waits_for


class Killed(BaseException):
    """Stands for the end of the process."""


def killed_once(then: Handler) -> Handler:
    """A handler during whose first call the process ends."""
    calls = []

    async def handler(call: Call) -> Result:
        calls.append(call)
        if len(calls) == 1:
            raise Killed
        return await then(call)

    return handler


def letter(kind: str, run_id: str = "r", *, number: int = 1, epoch: int = 0) -> Letter:
    return Letter(f"letter{number}", run_id, kind, World_CLOCK, epoch)


from lrwf_cli.clock import ManualClock  # noqa: E402 - beside what uses it

World_CLOCK = ManualClock().now()


def crash(world: World) -> None:
    """Begin the run in a process that dies in a handler."""
    with pytest.raises(Killed):
        world.begin()


def test_after_a_crash_the_next_tick_goes_on(store: Store) -> None:
    """Conformance 42: no committed invocation runs again; the attempt in flight is repeated, and told so."""
    handlers = Handlers(a=passes_on(), b=killed_once(passes_on()), c=passes_on())
    world = World(store, chain("a", "b", "c"), handlers)
    crash(world)
    assert world.tick() == ["completed"]
    assert handlers.names() == ["a", "b", "b", "c"]
    again = handlers.calls[2]
    assert (again.attempt, again.maybe_done, again.idempotency_key) == (2, True, handlers.calls[1].idempotency_key)


def test_a_reboot_convicts_nobody(store: Store) -> None:
    """Design 4: a crash counts against the handlers in flight, a reboot does not."""
    handlers = Handlers(a=killed_once(passes_on()))
    world = World(store, chain("a"), handlers)
    crash(world)
    world.boot_id = "boot-2"
    assert world.tick() == ["completed"]
    assert not any(getattr(e, "counted", False) for frame in store.frames("r") for e in frame.events)


def test_a_handler_that_kills_its_process_is_found(store: Store) -> None:
    """Design 4: after the third crash the run fails and names the handler."""

    async def deadly(_: Call) -> Effects:
        raise Killed

    world = World(store, chain("a", "b"), Handlers(a=passes_on(), b=deadly))
    crash(world)
    for _ in range(2):
        with pytest.raises(Killed):
            world.tick()
    assert world.tick() == ["failed"]
    error = store.load("r").error
    assert error is not None
    assert (error.type, error.executor) == ("ExecutorCrashed", "b")


def test_a_polite_end_leaves_the_run_due_at_once(store: Store) -> None:
    """Conformance 57: a driver that is asked to stop cuts its handlers off; the next tick goes on."""

    async def main() -> str:
        started = asyncio.Event()

        async def slow(_: Call) -> Effects:
            started.set()
            await asyncio.Event().wait()
            return Effects()

        world = World(store, chain("a"), Handlers(a=slow))
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        await started.wait()
        engine.stop()
        return (await driving).status

    assert asyncio.run(main()) == "running"
    world = World(store, chain("a"), Handlers(a=passes_on()))
    assert world.tick() == ["completed"]
    assert world.handlers.calls[0].attempt == 2
    assert not any(getattr(e, "counted", False) for frame in store.frames("r") for e in frame.events)


def test_runs_that_are_being_taken_up_at_a_stop_are_let_go(store: Store) -> None:
    """Conformance 57: what was asked to stop begins nothing new; the runs are due as before, and in nobody's hands."""

    async def main() -> int:
        world = World(store, chain("a"), Handlers(a=passes_on()))
        for name in ("one", "two"):
            world.create(name).release()
        engine = world.process()
        ticking = asyncio.ensure_future(engine.tick(["one", "two"]))
        await asyncio.sleep(0)
        engine.stop()
        await ticking
        return len(world.handlers.calls)

    before = asyncio.run(main())
    assert before == 0
    world = World(store, chain("a"), Handlers(a=passes_on()))
    assert sorted(due.run_id for due in store.due(world.clock.now())) == ["one", "two"]
    assert world.tick() == ["completed", "completed"]
    assert [call.attempt for call in world.handlers.calls] == [1, 1]


def test_two_processes_on_one_run_one_drives(store: Store) -> None:
    """Conformance 46: the other says busy, and nothing is done twice."""

    async def main() -> tuple[list[str], bool]:
        go, started = asyncio.Event(), asyncio.Event()

        async def slow(_: Call) -> Effects:
            started.set()
            await go.wait()
            return Effects()

        world = World(store, chain("a"), Handlers(a=slow))
        first = asyncio.ensure_future(world.process().begin(world.create(), world.assembly()))
        await started.wait()
        with pytest.raises(RunBusy):
            await world.process().advance("r")
        busy = (await world.process().tick(["r"]))[0].busy
        go.set()
        await first
        return world.handlers.names(), busy

    assert asyncio.run(main()) == (["a"], True)


def test_a_look_at_a_waiting_run_leaves_no_trace(store: Store) -> None:
    """Conformance 58: taking up a run of which nothing is due writes no event."""
    from lrwf_cli.core.model import RetryPolicy

    world = World(store, chain("a", retry=RetryPolicy(max_attempts=2, initial=RetryPolicy().max)), Handlers(a=fails(1)))
    before = world.begin().seq
    for _ in range(3):
        asyncio.run(world.process().advance("r"))
    assert store.load("r").seq == before
    assert store.due(world.clock.now()) == []


def test_one_broken_run_does_not_stop_a_tick(store: Store) -> None:
    """Conformance 59: it is reported and blocked, the others go on."""
    world = World(store, chain("a"), Handlers(a=passes_on()))
    world.create("good").release()
    world.create("bad").release()

    def assemble(held: object, _: str) -> object:
        if held.run.id == "bad":  # type: ignore[attr-defined]
            raise FlowError(("flow.yaml:1:1: no module `gone`", "install it"))
        return world.assembly()

    engine = world.process()
    engine._assemble = assemble  # type: ignore[assignment]
    outcomes = {o.run_id: o for o in asyncio.run(engine.tick(["bad", "good"]))}
    assert outcomes["good"].run is not None
    assert outcomes["good"].run.status == "completed"
    assert isinstance(outcomes["bad"].error, FlowError)
    assert store.load("bad").status == "blocked"
    assert store.due(world.clock.now()) == []


def test_a_letter_reaches_the_driver_at_work(store: Store) -> None:
    """Design 5: a pause that is asked for while a process drives is taken up by it; what is at work ends."""

    async def main() -> tuple[str, list[str]]:
        started, go = asyncio.Event(), asyncio.Event()

        async def first(_: Call) -> Effects:
            started.set()
            await go.wait()
            return await sends(1)(_)  # type: ignore[return-value]

        world = World(store, chain("a", "b"), Handlers(a=first, b=passes_on()))
        driving = asyncio.ensure_future(world.process().begin(world.create(), world.assembly()))
        await started.wait()
        assert steer.send(store, world.clock, letter("pause")) is None
        while store.load("r").status != "paused":  # noqa: ASYNC110 - the driver looks at real intervals
            await asyncio.sleep(0)
        go.set()
        return (await driving).status, world.handlers.names()

    assert asyncio.run(main()) == ("paused", ["a"])
    assert store.due(World_CLOCK) == []


def test_a_letter_left_at_the_last_moment_is_found(store: Store) -> None:
    """Design 5: after letting go of the lock a driver looks at the mail once more."""
    world = World(store, chain("a", "b"), Handlers(a=passes_on(), b=passes_on()))
    held = world.create()
    release = held.release

    def late() -> None:
        release()
        if store.load("r").mail == {}:
            store.post(letter("pause"))

    held.release = late  # type: ignore[method-assign]
    run = asyncio.run(world.process().begin(held, world.assembly()))
    assert list(run.mail) == ["letter1"]
    assert store.due(world.clock.now()) == []


def test_mail_is_acted_upon_once_and_old_mail_never(store: Store) -> None:
    """I7: a letter that is in the journal does nothing again; one of an older epoch is discarded."""
    world = World(store, chain("a"), Handlers(a=killed_once(passes_on())))
    crash(world)
    steer.send(store, world.clock, letter("pause", number=1))
    steer.rewind(store, world.clock, "r", 1)
    store.post(letter("pause", number=2, epoch=0))
    assert world.tick() == ["completed"]
    assert store.load("r").mail == {}


def test_pause_holds_and_resume_lets_go(store: Store) -> None:
    """Design 8: a paused run is not due; a resumed one is, at once."""
    world = World(store, chain("a"), Handlers(a=killed_once(passes_on())))
    crash(world)
    paused = steer.send(store, world.clock, letter("pause"))
    assert paused is not None
    assert paused.status == "paused"
    assert world.tick() == []
    steer.send(store, world.clock, letter("resume", number=2))
    assert world.tick() == ["completed"]
    with pytest.raises(WrongStatus, match="completed"):
        steer.send(store, world.clock, letter("pause", number=3))


def test_retry_runs_again_only_what_failed(store: Store) -> None:
    """Conformance 26: `retry` takes up the failed delivery with a new count of attempts."""
    handlers = Handlers(a=passes_on(), b=fails(1), c=passes_on())
    world = World(store, chain("a", "b", "c"), handlers)
    assert world.begin().status == "failed"
    steer.retry(store, world.clock, "r", Retry())
    assert world.tick() == ["completed"]
    assert handlers.names() == ["a", "b", "b", "c"]


@pytest.mark.parametrize("to", range(1, 6))
def test_rewind_to_any_checkpoint_gives_the_same_outputs(store: Store, to: int) -> None:
    """Conformance 51: and the journal keeps what was undone."""
    handlers = Handlers(a=sends(1), b=passes_on(), c=passes_on())
    world = World(store, chain("a", "b", "c"), handlers)
    run = world.begin()
    before, frames, keys = outputs(run), list(store.frames("r")), {c.idempotency_key for c in handlers.calls}
    handlers.calls.clear()
    rewound = steer.rewind(store, world.clock, "r", to)
    assert rewound.epoch == 1
    if to < run.seq:
        assert world.tick() == ["completed"]
        assert not keys & {call.idempotency_key for call in handlers.calls}
    assert outputs(store.load("r")) == before
    assert list(store.frames("r"))[: len(frames)] == frames


def test_a_fork_leaves_the_original_alone(store: Store) -> None:
    """Conformance 51: the copy goes on from the checkpoint under its own id."""
    world = World(store, chain("a", "b"), Handlers(a=sends("x" * 70_000), b=passes_on()))
    world.begin()
    frames = list(store.frames("r"))
    steer.fork(store, world.clock, "r", "copy", at=2)
    assert world.tick() == ["completed"]
    assert list(store.frames("r")) == frames
    copy = store.load("copy")
    assert (copy.forked_from, outputs(copy)) == (("r", 2), outputs(store.load("r")))
    assert store.resolve("copy", outputs(copy)) == ["x" * 70_000]


def test_a_checkpoint_that_does_not_exist_is_refused(store: Store) -> None:
    """A frame number beyond the journal is a usage error, and nothing changes."""
    world = World(store, chain("a"), Handlers(a=passes_on()))
    world.begin()
    with pytest.raises(UsageError, match="no checkpoint 99"):
        steer.rewind(store, world.clock, "r", 99)
    assert store.load("r").epoch == 0


def test_many_due_runs_are_driven_in_the_order_of_their_instants(store: Store) -> None:
    """Conformance 34: worked off in order of their due time."""
    handlers = Handlers(a=passes_on())
    world = World(store, chain("a"), handlers)
    for number in (3, 1, 2):
        held = world.create(f"r{number}")
        held.wake_at(world.clock.now().replace(second=number))
        held.release()
    world.pass_time(10)
    due = [each.run_id for each in store.due(world.clock.now())]
    asyncio.run(Engine.tick(world.process(jobs=1), due))
    assert [call.run_id for call in handlers.calls] == ["r1", "r2", "r3"]


def test_a_run_waits_for_a_free_place(store: Store) -> None:
    """With one job two runs take turns and both end."""

    async def main() -> list[str]:
        go = asyncio.Event()
        world = World(store, chain("a"), Handlers(a=waits_for(go, passes_on())))
        world.create("one").release()
        world.create("two").release()
        engine = world.process(jobs=1)
        ticking = asyncio.ensure_future(engine.tick(["one", "two"]))
        await asyncio.sleep(0)
        go.set()
        return [o.run.status for o in await ticking if o.run]

    assert asyncio.run(main()) == ["completed", "completed"]


class AlmostFull(Disk):
    """Has room for small frames, and for large values only when there is `room`."""

    room = False

    def write(self, fd: int, path: str, data: bytes | memoryview) -> int:
        if len(data) > 50_000 and not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        return super().write(fd, path, data)


def test_a_full_disk_is_held_against_no_handler(tmp_path: Path) -> None:
    """Design 5: however often the disk is full, the run goes on when there is room; `max_crashes` does not count it."""
    disk = AlmostFull()
    store = FileStore.open(tmp_path / "state", create=True, disk=disk)
    world = World(store, chain("a"), Handlers(a=sends("x" * 100_000)))
    with pytest.raises(StateFull):
        world.begin()
    for _ in range(5):
        assert world.tick() == ["StateFull"]
    disk.room = True
    assert world.tick() == ["completed"]


def test_a_run_that_kills_its_process_convicts_no_other_run(store: Store) -> None:
    """Conformance 59: of runs that were driven together when the process died, only the one that kills it fails."""

    async def handler(call: Call) -> Effects:
        if call.run_id == "killer":
            raise Killed
        at_work.append(call.run_id)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return Effects(outputs=(call.run_id,))

    at_work: list[str] = []
    world = World(store, chain("a"), Handlers(a=handler))
    names = ("innocent", "killer", "bystander")
    for run_id in names:
        world.create(run_id).release()
    for _ in range(3 * len(names)):
        with suppress(Killed):
            world.tick()
    assert {run_id: store.load(run_id).status for run_id in names} == {
        "innocent": "completed",
        "killer": "failed",
        "bystander": "completed",
    }


def test_a_wake_up_that_leads_nowhere_does_not_keep_a_tick(store: Store) -> None:
    """Conformance 58: a run that stays due although nothing comes of it is left to the next tick."""
    world = World(store, chain("a"), Handlers(a=passes_on()))
    run = world.begin()
    engine = world.process()
    engine._due_again = list  # type: ignore[method-assign,assignment]  # as if a timer could not be taken away
    assert [outcome.run for outcome in asyncio.run(engine.tick(["r"]))] == [run]
    assert asyncio.run(engine.advance("r")) == run


def test_a_definition_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    """Conformance 45, 59: a state directory in trouble is told of, not written down: with the file back it goes on."""
    store = FileStore.open(tmp_path / "state", create=True)
    world = World(store, chain("a"), Handlers(a=passes_on()))
    world.create("r").release()
    flow = tmp_path / "state/runs/r/flow.yaml"
    text = flow.read_bytes()
    flow.unlink()
    assert world.tick() == ["StateDirectoryError"]
    flow.write_bytes(text)
    assert world.tick() == ["completed"]
