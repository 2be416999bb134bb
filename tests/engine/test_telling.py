"""News: told beside everything else, at least once, and never a reason for a run to wait."""

import asyncio
from datetime import timedelta

import pytest

from lrwf_cli.core.events import NoticeDelivered, NoticeFailed
from lrwf_cli.core.model import Direct, ExecutorSpec, Workflow
from lrwf_cli.core.run import Failure, Notice, Run
from lrwf_cli.core.suspended import Suspension
from lrwf_cli.core.view import outputs
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.store.base import Store
from tests.core.scripts import Question, Sleep
from tests.engine.handling import Handler, Handlers, World, fails, passes_on, plays, sends

EVENTS = frozenset({"request", "completed", "failed", "timed_out", "cancelled", "blocked"})
DOWN = Failure("CommandFailed", "no network")


class Killed(BaseException):
    """The process is gone."""


class Teller:
    """Tells news. `failures` are what comes of the first times, and `gate` holds it up until it is set."""

    def __init__(self, *failures: Failure | BaseException | None) -> None:
        self.failures = list(failures)
        self.told: list[tuple[str, str]] = []
        self.gate: asyncio.Event | None = None

    async def __call__(self, run: Run, notice: Notice) -> Failure | None:
        self.told.append((notice.event, notice.id))
        if self.gate is not None:
            await self.gate.wait()
        failure = self.failures.pop(0) if self.failures else None
        if isinstance(failure, BaseException):
            raise failure
        return failure

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.told]


def noticed(store: Store, teller: Teller | None, a: Handler, **more: object) -> World:
    specs = {"a": ExecutorSpec("a"), "b": ExecutorSpec("b")}
    workflow = Workflow("test", specs, "a", (Direct("a", "b"),), notify=EVENTS, **more)  # type: ignore[arg-type]
    return World(store, workflow, Handlers(a=a, b=passes_on()), teller)


def count(store: Store, event: type) -> int:
    return sum(isinstance(each, event) for frame in store.frames("r") for each in frame.events)


def test_news_are_told_once_their_frame_is_durable(store: Store) -> None:
    """Design 1.1: nobody hears of what a power loss may take back."""
    seen: list[bool] = []

    async def tell(run: Run, notice: Notice) -> None:
        events = [event for frame in store.frames("r") for event in frame.events]
        seen.append(any(notice in getattr(event, "notices", ()) for event in events))

    world = noticed(store, None, sends(1))
    world.tell = tell
    assert world.begin().status == "completed"
    assert (seen, count(store, NoticeDelivered)) == ([True], 1)
    assert store.due(world.clock.now() + timedelta(days=1)) == []


def test_who_is_slow_to_be_told_holds_up_nothing(store: Store) -> None:
    """Design 9: while somebody is told of a question, it is answered, and the run goes on to its end."""

    async def main() -> list[object]:
        teller = Teller()
        teller.gate = asyncio.Event()
        world = noticed(store, teller, plays([Question("ok?")]))
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        while not teller.told:  # noqa: ASYNC110 - the driver says nothing by itself
            await asyncio.sleep(0)
        world.answer("a", "yes")
        engine.look()
        while not store.load("r").is_final:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0)
        assert not driving.done()
        teller.gate.set()
        await driving
        assert sorted(teller.events) == ["completed", "request"]
        return outputs(store.load("r"))

    assert asyncio.run(main()) == ["yes"]


def test_who_cannot_be_told_is_tried_again(store: Store) -> None:
    """Design 9: later, by a tick, although the run has ended; with the same id."""
    teller = Teller(DOWN, DOWN)
    world = noticed(store, teller, sends(1))
    assert world.begin().status == "completed"
    for _ in range(2):
        assert store.due(world.clock.now()) == []
        world.pass_time(60)
        assert world.tick() == ["completed"]
    assert (teller.events, len(set(teller.told))) == (["completed"] * 3, 1)
    assert (count(store, NoticeFailed), count(store, NoticeDelivered)) == (2, 1)
    assert store.due(world.clock.now() + timedelta(days=9)) == []


@pytest.mark.parametrize("error", [RuntimeError("broken"), asyncio.CancelledError()])
def test_a_teller_that_is_broken_is_no_fault_of_the_run(store: Store, error: BaseException) -> None:
    """Design 9: what it raises is a failure to tell, and comes again as any other."""
    teller = Teller(error)
    world = noticed(store, teller, sends(1))
    assert world.begin().status == "completed"
    assert count(store, NoticeFailed) == 1
    world.pass_time(60)
    world.tick()
    assert count(store, NoticeDelivered) == 1


def test_a_kill_before_it_is_known_tells_again(store: Store) -> None:
    """Design 9: at least once; whoever is told may know the id."""
    teller = Teller()
    world = noticed(store, teller, sends(1))
    held = world.create()
    append = held.append

    def broken(events: tuple[object, ...], at: object) -> object:
        if any(isinstance(event, NoticeDelivered) for event in events):
            raise Killed
        return append(events, at)  # type: ignore[arg-type]

    held.append = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        asyncio.run(world.process().begin(held, world.assembly()))
    assert store.load("r").status == "completed"
    assert world.tick() == ["completed"]
    assert (teller.events, len(set(teller.told)), count(store, NoticeDelivered)) == (["completed"] * 2, 1, 1)


def test_a_stop_leaves_news_to_the_next_process(store: Store) -> None:
    """Conformance 57: whoever is being told when the process has to end is told again."""

    async def main() -> None:
        teller = Teller()
        teller.gate = asyncio.Event()
        world = noticed(store, teller, plays([Question("ok?")]))
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        while not teller.told:  # noqa: ASYNC110 - the driver says nothing by itself
            await asyncio.sleep(0)
        engine.stop()
        await driving

    asyncio.run(main())
    teller = Teller()
    world = noticed(store, teller, plays([Question("ok?")]))
    assert [due.run_id for due in store.due(world.clock.now())] == ["r"]
    assert world.tick() == ["waiting"]
    assert teller.events == ["request"]


def test_news_of_a_failing_run_and_of_its_questions(store: Store) -> None:
    """Design 9: each piece by itself: one that cannot be told does not keep back another."""

    async def handler(call: Call) -> Result:
        found = await plays([Question("ok?", 60, "stop"), Sleep(3600)])(call)
        return found if isinstance(found, Suspension) else await fails(9)(call)

    teller = Teller(DOWN)
    world = noticed(store, teller, handler)
    world.begin()
    world.pass_time(3600)
    world.tick()
    world.pass_time(3600)
    assert world.tick() == ["failed"]
    assert sorted(set(teller.events)) == ["failed", "request"]
    assert count(store, NoticeDelivered) == 2


def test_a_run_that_nobody_can_tell_of_ends_all_the_same(store: Store) -> None:
    """Design 9: without a teller it is as if nobody could be told: tried again for a while, then given up."""
    world = noticed(store, None, sends(1))
    assert world.begin().status == "completed"
    for _ in range(10):
        world.pass_time(7200)
        world.tick()
    assert (count(store, NoticeFailed), store.load("r").notices) == (10, {})
    assert store.due(world.clock.now() + timedelta(days=9)) == []


def test_telling_does_not_keep_the_machine_busy(store: Store) -> None:
    """Design 9: a driver that waits for somebody to be told waits, and does not ask again and again."""

    async def main() -> int:
        teller = Teller()
        teller.gate = asyncio.Event()
        world = noticed(store, teller, sends(1))
        looks = 0
        now = world.clock.now

        def counted() -> object:
            nonlocal looks
            looks += 1
            return now()

        driving = asyncio.ensure_future(world.process().begin(world.create(), world.assembly()))
        while not teller.told:  # noqa: ASYNC110 - the driver says nothing by itself
            await asyncio.sleep(0)
        world.clock.now = counted  # type: ignore[method-assign,assignment]
        await asyncio.sleep(0.05)
        was = looks
        teller.gate.set()
        await driving
        return was

    assert asyncio.run(main()) < 10
