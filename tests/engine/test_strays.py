"""Commands of earlier drivers: those that nobody waits for any more are ended, before anything takes their place."""

import asyncio
from collections.abc import Collection
from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.commands import Effects
from lrwf_cli.core.lineage import idempotency_key, work_name
from lrwf_cli.core.model import ExecutorSpec, Workflow
from lrwf_cli.engine.given import Process
from lrwf_cli.engine.passes import Engine, commit
from lrwf_cli.engine.steer import rewind
from lrwf_cli.errors import FlowError
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.store.base import Held, Store
from tests.engine.handling import Handlers, World


class Commands:
    """Implements `Sweep` over a set of names. `seen` says what was ended, and what had been called by then."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.seen: list[tuple[str, float | None, int]] = []
        self.handlers: Handlers

    def found(self, held: Held) -> Collection[str]:
        return set(self.names)

    async def end(self, held: Held, names: Collection[str], grace_s: float | None) -> None:
        self.seen += [(name, grace_s, len(self.handlers.calls)) for name in sorted(names)]
        self.names -= set(names)


def begun(store: Store, **workflow: Any) -> tuple[World, Commands, str]:
    """Return a run whose driver was killed, with a command at work: its name is that of its only delivery."""
    commands = Commands()

    async def attends(_: Call) -> Result:
        return Effects()

    specs = {name: ExecutorSpec(name) for name in ("a", "tidy")}
    world = World(store, Workflow("test", specs, "a", **workflow), Handlers(a=attends, tidy=attends))
    commands.handlers = world.handlers
    held = world.create()
    commit(held, world.clock, c.Take(1, world.boot_id))
    (invocation,) = held.run.open_invocations()
    held.release()
    name = work_name(idempotency_key("r", 0, invocation.delivery.id), invocation.start)
    commands.names |= {name, f"{name}.2"}
    return world, commands, name


def engine(world: World, commands: Commands) -> Engine:
    process = Process(world.boot_id, sweep=commands)
    return Engine(world.store, world.clock, lambda *_: world.assembly(), process=process, jobs=1)


def test_what_is_waited_for_is_left_to_its_handler(store: Store) -> None:
    """Conformance 42: the next driver takes up what goes on, under whatever number; at the end nothing is left."""
    world, commands, name = begun(store)
    run = asyncio.run(engine(world, commands).advance("r"))
    assert (run.status, commands.seen) == ("completed", [(name, None, 1), (f"{name}.2", None, 1)])


def test_a_run_that_went_back_has_one_command(store: Store) -> None:
    """A rewind begins a command anew: the one of before is ended before that, and not beside it."""
    world, commands, name = begun(store)
    rewind(store, world.clock, "r", 1)
    asyncio.run(engine(world, commands).advance("r"))
    assert commands.seen == [(name, None, 0), (f"{name}.2", None, 0)]


@pytest.mark.parametrize("grace", [None, timedelta(seconds=3)])
def test_a_cancel_ends_what_no_driver_attends_to(store: Store, grace: timedelta | None) -> None:
    """Issue 3.9: whether or not a process drives the run, in the time that the cancel grants."""
    world, commands, name = begun(store)
    store.post(world.letter("cancel", {"grace": grace.total_seconds()} if grace else None))
    run = asyncio.run(engine(world, commands).advance("r"))
    grace_s = grace.total_seconds() if grace else None
    assert (run.status, commands.seen) == ("cancelled", [(name, grace_s, 0), (f"{name}.2", grace_s, 0)])


def test_what_comes_after_a_verdict_finds_nobody_at_work(store: Store) -> None:
    """Issue 3.6: `on_cancel` tidies up after a command that has ended, not beside one that goes on."""
    world, commands, name = begun(store, after={"cancelled": "tidy"})
    store.post(world.letter("cancel"))
    asyncio.run(engine(world, commands).advance("r"))
    assert world.handlers.names() == ["tidy"]
    assert commands.seen == [(name, None, 0), (f"{name}.2", None, 0)]


def test_what_a_handler_was_given_no_time_to_end_is_ended(store: Store) -> None:
    """Issue 3.9: `cancel --grace 0s` leaves the handler to itself; what it had begun is ended with the run."""
    world, commands, _ = begun(store)
    commands.names.clear()

    async def begins(_: Call) -> Result:
        commands.names.add("begun")
        return Effects()

    world.handlers.handlers["a"] = begins
    asyncio.run(engine(world, commands).advance("r"))
    assert commands.seen == [("begun", None, 1)]


def test_a_driver_that_died_after_the_verdict_left_nothing(store: Store) -> None:
    """Killed between the end of a run and that of its commands: whoever comes by next sees to it."""
    world, commands, name = begun(store)
    held = store.hold("r")
    commit(held, world.clock, c.Cancel())
    held.release()
    asyncio.run(engine(world, commands).advance("r"))
    assert [each for each, *_ in commands.seen] == [name, f"{name}.2"]


def test_a_run_that_cannot_be_driven_is_cancelled_with_its_commands(store: Store) -> None:
    """Conformance 59: its code is gone, and what it had started goes too."""
    world, commands, name = begun(store)
    store.post(world.letter("cancel"))

    def missing(*_: object) -> None:
        raise FlowError(("no code", None))

    driving = Engine(store, world.clock, missing, process=Process(world.boot_id, sweep=commands), jobs=1)  # type: ignore[arg-type]  # it makes nothing
    with pytest.raises(FlowError):
        asyncio.run(driving.advance("r"))
    assert store.load("r").status == "cancelled"
    assert [each for each, *_ in commands.seen] == [name, f"{name}.2"]
