"""Ends that somebody asks for, or that time brings, while handlers are at work; and what is done after them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core.commands import Effects, Retry, StateWrite
from lrwf_cli.core.events import InvocationsCutOff, MailTaken
from lrwf_cli.core.model import ExecutorSpec, FanOut, Workflow
from lrwf_cli.core.run import Failure, Run
from lrwf_cli.core.suspended import Kept
from lrwf_cli.core.view import outputs
from lrwf_cli.engine import steer
from lrwf_cli.errors import WrongStatus
from lrwf_cli.executors.base import Call, Failed, Result, Stuck
from lrwf_cli.store.base import Store
from tests.core.scripts import Question, Sleep
from tests.engine.handling import MOMENT, SOON, Handler, Handlers, World, fails, one, plays, sends

HOOKS = {"failed": "failure", "timed_out": "timeout", "cancelled": "cancel", "exit": "exit"}


def hooked(store: Store, a: Handler, **spec: Any) -> World:
    """A run of an executor `a` with all hooks, which note that they were called."""
    specs = {"a": ExecutorSpec("a", **spec)} | {each: ExecutorSpec(each) for each in HOOKS.values()}

    async def hook(call: Call) -> Result:
        return Effects(writes=(StateWrite("told", call.delivery.executor, "append"),))

    handlers = Handlers(a=a, **dict.fromkeys(HOOKS.values(), hook))
    return World(store, Workflow("test", specs, "a", after=HOOKS), handlers)


def told(run: Run) -> list[str]:
    return sorted(run.state["told"].value) if "told" in run.state else []


class AtWork:
    """A handler that waits until it is told to end; `heard` is what it was told, and how it ended."""

    def __init__(self, then: Any = None) -> None:
        self.started = asyncio.Event()
        self.heard: list[str] = []
        self.then = then

    async def __call__(self, call: Call) -> Result:
        self.started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.heard.append("cancelled")
            if self.then is None:
                raise
        return await self.then(call)  # type: ignore[no-any-return]


async def driven(world: World, at_work: AtWork, kind: str, **more: Any) -> Run:
    """Begin the run, leave a letter when the handler is at work, and drive it to its end."""
    engine = world.process(**more)
    driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
    await at_work.started.wait()
    assert steer.send(world.store, world.clock, world.letter(kind)) is None
    engine.look()
    return await driving


def test_a_cancel_reaches_the_handler_at_work(store: Store) -> None:
    """Issue 3.9: by mail, although another process drives: it hears it at its await, then the run has its end."""

    async def main() -> tuple[Run, list[str]]:
        at_work = AtWork()
        return await driven(hooked(store, at_work), at_work, "cancel"), at_work.heard

    run, heard = asyncio.run(main())
    assert (run.status, heard, told(run)) == ("cancelled", ["cancelled"], ["cancel", "exit"])
    assert store.due(run.updated_at + timedelta(days=1)) == []


def test_a_cancelled_handler_is_no_failure_and_comes_again(store: Store) -> None:
    """Conformance 26: it was cut off: a retry calls it again, as the next attempt, and says that it may be done."""

    async def main() -> None:
        at_work = AtWork()
        await driven(hooked(store, at_work), at_work, "cancel")

    asyncio.run(main())
    world = hooked(store, sends(1))
    steer.retry(store, world.clock, "r", Retry())
    assert world.tick() == ["completed"]
    (call,) = (each for each in world.handlers.calls if each.delivery.executor == "a")
    assert (call.attempt, call.maybe_done) == (2, True)
    assert store.load("r").tallies["a"].failed == 0


@pytest.mark.parametrize("then", ["returns", "fails", "is stuck", "suspends"])
def test_what_a_cancelled_handler_comes_back_with_does_not_count(store: Store, then: str) -> None:
    """Conformance 21: the verdict stands, and nothing of an attempt that was cut off is left behind."""
    thens: dict[str, Any] = {"returns": sends("late"), "fails": fails(9), "suspends": plays([Question("?")])}

    async def stuck(_: Call) -> Result:
        return Stuck(Failure("ReplayDiverged", "?"))

    async def main() -> Run:
        at_work = AtWork(thens.get(then, stuck))
        return await driven(hooked(store, at_work), at_work, "cancel")

    run = asyncio.run(main())
    assert (run.status, outputs(run), run.requests, run.waiting) == ("cancelled", [], {}, {})
    assert run.tallies.get("a") is None
    assert run.error
    assert run.error.type == "RunCancelled"


def test_a_handler_that_does_not_heed_a_cancel_is_left_behind(store: Store) -> None:
    """Issue 3.9: after its grace the run has ended, whatever it goes on doing."""

    async def main() -> tuple[Run, list[str]]:
        release = asyncio.Event()

        async def ignores(_: Call) -> Result:
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
            return Effects(outputs=("late",))

        at_work = AtWork(ignores)
        run = await driven(hooked(store, at_work, grace=SOON), at_work, "cancel")
        release.set()
        await asyncio.sleep(0)
        return run, at_work.heard

    run, heard = asyncio.run(main())
    assert (run.status, heard, outputs(store.load("r"))) == ("cancelled", ["cancelled"], [])


def test_a_cancelled_handler_is_told_once_and_may_tidy_up(store: Store) -> None:
    """Issue 3.9: within its grace it ends in peace: neither the verdict nor the end of its process tells it again."""

    async def main() -> list[str]:
        async def tidies_up(_: Call) -> Result:
            is_tidy = asyncio.Event()
            asyncio.get_running_loop().call_later(10 * MOMENT.total_seconds(), is_tidy.set)
            await is_tidy.wait()
            at_work.heard.append("tidied up")
            return Effects()

        at_work = AtWork(tidies_up)
        await driven(hooked(store, at_work), at_work, "cancel")
        return at_work.heard

    assert asyncio.run(main()) == ["cancelled", "tidied up"]


def test_a_cancel_says_how_long_handlers_may_take(store: Store) -> None:
    """Design 8: `--grace`: a letter's own counts for the handlers of that run, whatever their executors say."""

    async def main() -> Run:
        async def ignores(_: Call) -> Result:
            await asyncio.Event().wait()
            return Effects()

        at_work = AtWork(ignores)
        world = hooked(store, at_work, grace=timedelta(hours=1))
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        await at_work.started.wait()
        store.post(world.letter("cancel", {"grace": 0.01}))
        engine.look()
        return await driving

    assert asyncio.run(main()).status == "cancelled"


def test_a_cancel_of_a_run_that_nobody_drives_waits_for_its_driver(store: Store) -> None:
    """Issue 3.9: it is left by mail, because `on_cancel` has to be called; a tick does it."""
    world = hooked(store, plays([Sleep(3600)]))
    assert world.begin().status == "waiting"
    assert steer.send(store, world.clock, world.letter("cancel")) is None
    assert store.load("r").status == "waiting"
    assert world.tick() == ["cancelled"]
    run = store.load("r")
    assert (told(run), len(run.waiting)) == (["cancel", "exit"], 1)
    with pytest.raises(WrongStatus):
        steer.send(store, world.clock, world.letter("cancel"))


def test_hooks_are_called_while_the_cancelled_one_still_ends(store: Store) -> None:
    """Conformance 32: `on_cancel` gets its chance at once, not after the grace of a handler that is slow to end."""

    async def main() -> list[str]:
        order: list[str] = []
        called = asyncio.Event()

        async def slow_to_end(_: Call) -> Result:
            await called.wait()
            order.append("a ended")
            raise asyncio.CancelledError

        async def cancel(_: Call) -> Result:
            order.append("cancel")
            called.set()
            return Effects()

        at_work = AtWork(slow_to_end)
        world = hooked(store, at_work, grace=timedelta(seconds=30))
        world.handlers.handlers["cancel"] = cancel
        await driven(world, at_work, "cancel")
        return order

    assert asyncio.run(main())[:2] == ["cancel", "a ended"]


def test_a_second_cancel_ends_the_hooks(store: Store) -> None:
    """Design 4: whoever cancels a run that is being ended does not want to wait for what is done after it."""

    async def main() -> tuple[Run, list[str]]:
        at_work, hook = AtWork(), AtWork()
        world = hooked(store, at_work)
        world.handlers.handlers["cancel"] = hook
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        for each in (at_work, hook):
            await each.started.wait()
            store.post(world.letter("cancel"))
            engine.look()
        return await driving, hook.heard

    run, heard = asyncio.run(main())
    assert (run.status, heard) == ("cancelled", ["cancelled"])


def test_a_hook_that_hangs_has_its_time(store: Store) -> None:
    """Design 4: ten minutes, or less if its own executor says so; then the run has its end."""

    async def main() -> Run:
        hook = AtWork()
        world = hooked(store, fails(1))
        world.workflow.executors["failure"] = ExecutorSpec("failure", timeout=MOMENT)  # type: ignore[index]
        world.handlers.handlers["failure"] = hook
        return await world.process().begin(world.create(), world.assembly())

    run = asyncio.run(main())
    assert (run.status, run.error and run.error.type, told(run)) == ("failed", "OSError", ["exit"])


def test_a_crash_in_a_hook_calls_it_again(store: Store) -> None:
    """Conformance 42: in the next process, and the verdict that stands is the one that was told."""

    class Killed(BaseException):
        """The process is gone."""

    died: list[Call] = []

    async def deadly(call: Call) -> Result:
        died.append(call)
        if len(died) == 1:
            raise Killed
        return Effects()

    world = hooked(store, fails(1))
    world.handlers.handlers["failure"] = deadly
    with pytest.raises(Killed):
        world.begin()
    assert store.load("r").status == "running"
    assert world.tick() == ["failed"]
    assert [call.attempt for call in died] == [1, 2]
    assert died[0].idempotency_key == died[1].idempotency_key


def test_a_stop_in_the_midst_of_hooks_leaves_them_to_the_next(store: Store) -> None:
    """Conformance 57: a polite end of the process cuts them off; the tick goes on with them."""

    async def main() -> Run:
        hook = AtWork()
        world = hooked(store, fails(1))
        world.handlers.handlers["failure"] = hook
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        await hook.started.wait()
        engine.stop()
        return await driving

    assert asyncio.run(main()).status == "running"
    world = hooked(store, fails(99))
    assert world.tick() == ["failed"]
    assert told(store.load("r")) == ["exit", "failure"]


@pytest.mark.parametrize("made", ["returns", "fails", "is stuck", "keeps"])
def test_what_a_stopped_handler_makes_of_it(store: Store, made: str) -> None:
    """Conformance 57: what it has done counts, what it has kept too; what the stop made it raise is no failure."""
    handlers = Handlers()

    async def keeps(_: Call) -> Result:
        await handlers.desks["a"].keep([Kept("", "1", "work", value="done")])
        raise asyncio.CancelledError

    async def stuck(_: Call) -> Result:
        return Stuck(Failure("NotKeepable", "an await that was cancelled and survived"))

    async def raises(call: Call) -> Result:
        return Failed(Failure("RuntimeError", "interrupted", "a", call.attempt))

    async def main() -> Run:
        at_work = AtWork({"returns": sends("done"), "fails": raises, "is stuck": stuck, "keeps": keeps}[made])
        handlers.handlers["a"] = at_work
        world = World(store, one(grace=timedelta(seconds=60)), handlers)
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        await at_work.started.wait()
        engine.stop()
        return await driving

    run = asyncio.run(main())
    cut = [e for frame in store.frames("r") for e in frame.events if isinstance(e, InvocationsCutOff)]
    if made == "returns":
        assert (outputs(run), cut) == (["done"], [])
    else:
        assert (run.status, [each.counted for each in cut]) == ("running", [False])
        assert run.error is None
    assert bool(run.kept) == (made == "keeps")
    world = World(store, one(), Handlers(a=sends("done")))
    assert world.tick() == ["completed"]
    assert outputs(store.load("r")) == ["done"]


def test_a_stop_while_a_run_waits_in_place(store: Store) -> None:
    """Conformance 57: the driver leaves it as it is, due when it is due."""

    async def main() -> Run:
        world = World(store, one(), Handlers(a=plays([Sleep(1), Sleep(1), Sleep(1)])))
        engine = world.process()
        world.observers.append(lambda frame, run: engine.stop() if run.waiting else None)
        return await engine.begin(world.create(), world.assembly())

    assert asyncio.run(main()).status == "waiting"
    world = World(store, one(), Handlers(a=plays([Sleep(1), Sleep(1), Sleep(1)])))
    world.pass_time(60)
    assert world.tick() == ["completed"]
    assert outputs(store.load("r")) == ["timer"] * 3


def test_a_letter_of_an_older_epoch_cancels_nothing(store: Store) -> None:
    """I7: it is burned, and that is all."""
    world = World(store, one(), Handlers(a=plays([Sleep(3600)])))
    seq = world.begin().seq
    letter = world.letter("cancel", {"grace": 0})
    steer.rewind(store, world.clock, "r", seq)
    store.post(letter)
    assert world.tick() == ["waiting"]
    taken = [e for frame in store.frames("r") for e in frame.events if isinstance(e, MailTaken)]
    assert (taken, store.due(world.clock.now())) == ([], [])


def test_a_failure_with_stop_cuts_off_what_waits_too(store: Store) -> None:
    """Conformance 26: `when_failed: stop`: the hooks are called, suspended handlers are frozen."""
    specs = {each: ExecutorSpec(each) for each in ("s", "a", "b", "failure")}
    workflow = Workflow("test", specs, "s", (FanOut("s", ("a", "b")),), when_failed="stop", after={"failed": "failure"})

    async def hook(_: Call) -> Result:
        return Effects(writes=(StateWrite("told", "failure", "append"),))

    world = World(store, workflow, Handlers(s=sends(1), a=plays([Sleep(9)]), b=fails(9), failure=hook))
    run = world.begin()
    assert (run.status, told(run), len(run.waiting)) == ("failed", ["failure"], 1)
    assert store.due(world.clock.now() + timedelta(days=1)) == []
