"""Alarms: what reaches a handler that keeps the loop to itself, and that it reaches nobody else."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from lrwf_cli.core.commands import Command, Effects
from lrwf_cli.core.events import InvocationsCutOff
from lrwf_cli.core.model import ExecutorSpec, FanOut, Workflow
from lrwf_cli.engine.limits import Overrunning
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.store.base import Store
from tests.core.scripts import Sleep
from tests.engine.handling import MOMENT, SOON, Handlers, World, one, plays, sends

HOUR = timedelta(hours=1)


class Alarms:
    """An alarm that never rings by itself: what was armed, until it was called off."""

    def __init__(self) -> None:
        self.armed: list[tuple[float, Overrunning]] = []
        self.spans: list[float] = []
        self.kept: Callable[[Command], None] | None = None

    def __call__(self, seconds: float, overrun: Overrunning, *, kept: Callable[[Command], None]) -> Callable[[], None]:
        entry = seconds, overrun
        self.armed.append(entry)
        self.spans.append(seconds)
        self.kept = kept

        def call_off() -> None:
            if entry in self.armed:
                self.armed.remove(entry)

        return call_off


@pytest.mark.parametrize(
    ("limits", "span"),
    [
        ({"timeout": HOUR}, HOUR),
        ({"deadline": HOUR}, HOUR),
        ({"timeout": 2 * HOUR, "deadline": HOUR}, HOUR),
        ({"idle_timeout": HOUR}, HOUR),
        ({}, None),
    ],
)
def test_each_limit_has_its_alarm(store: Store, limits: dict[str, timedelta], span: timedelta | None) -> None:
    """Conformance 30: a handler that blocks the loop is past its timeout, deadline or idle_timeout all the same."""
    alarms, seen = Alarms(), []

    async def handler(call: Call) -> Result:
        seen.append(len(alarms.armed))
        return await sends(1)(call)

    world = World(store, one(grace=timedelta(seconds=5), **limits), Handlers(a=handler))
    asyncio.run(world.process(alarm=alarms).begin(world.create(), world.assembly()))
    assert (seen, alarms.armed) == ([int(span is not None)], [])
    if span:
        assert span.total_seconds() + 4 < alarms.spans[0] < span.total_seconds() + 7


def test_each_entry_has_its_own(store: Store) -> None:
    """Conformance 31: the alarm is called off at a suspension, and armed anew for what is left at the wake."""
    alarms = Alarms()
    world = World(store, one(deadline=HOUR), Handlers(a=plays([Sleep(1800), Sleep(900)])))
    for _ in range(3):
        asyncio.run(world.process(alarm=alarms).tick(["r"]) if alarms.spans else _began(world, alarms))
        assert alarms.armed == []
        world.pass_time(1800 if len(alarms.spans) == 1 else 900)
    assert [round(span / 60) for span in alarms.spans] == [60, 30, 15]


async def _began(world: World, alarms: Alarms) -> None:
    await world.process(alarm=alarms).begin(world.create(), world.assembly())


def test_a_handler_that_is_given_up_on_has_no_alarm(store: Store) -> None:
    """Conformance 30: what swallows its cancellation, and does not block the loop, does not end the process."""
    alarms = Alarms()
    seen: list[int] = []

    async def handler(call: Call) -> Result:
        if call.delivery.executor == "h":
            seen.append(len(alarms.armed))
            return Effects()
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()
        return Effects()

    specs = {"a": ExecutorSpec("a", timeout=MOMENT, grace=SOON, on_error="h"), "h": ExecutorSpec("h")}
    world = World(store, Workflow("test", specs, "a"), Handlers(a=handler, h=handler))
    asyncio.run(world.process(alarm=alarms).begin(world.create(), world.assembly()))
    assert (store.load("r").status, seen) == ("completed", [0])


def test_a_handler_that_gives_signs_of_life_keeps_its_alarm_off(store: Store) -> None:
    """Conformance 30: an `idle_timeout` counts from the last sign of life for the alarm too."""
    alarms, handlers = Alarms(), Handlers()
    left: list[float] = []
    idle = timedelta(seconds=60)

    async def handler(_: Call) -> Result:
        loop = asyncio.get_running_loop()
        began, time = loop.time(), loop.time
        for number in range(300):
            loop.time = lambda number=number: began + number  # type: ignore[method-assign,misc]
            handlers.desks["a"].progress(number, 300, None)
            left.append(min(alarms.armed)[0])
        loop.time = time  # type: ignore[method-assign]
        return Effects()

    handlers.handlers["a"] = handler
    world = World(store, one(idle_timeout=idle), handlers)
    asyncio.run(world.process(alarm=alarms).begin(world.create(), world.assembly()))
    assert len(alarms.spans) > 200
    assert min(left) >= 60
    assert alarms.armed == []


def test_signs_of_life_are_cheap(store: Store) -> None:
    """Conformance 55: a hundred thousand reports arm no hundred thousand alarms."""
    alarms, handlers = Alarms(), Handlers()

    async def handler(_: Call) -> Result:
        for number in range(10_000):
            handlers.desks["a"].progress(number, None, None)
        return Effects()

    handlers.handlers["a"] = handler
    world = World(store, one(idle_timeout=HOUR), handlers)
    asyncio.run(world.process(alarm=alarms).begin(world.create(), world.assembly()))
    assert len(alarms.spans) < 10


def test_what_an_alarm_keeps_finds_the_disk_free(store: Store) -> None:
    """Conformance 30: although a frame was on its way there when the loop was lost; others are cut off, uncounted.

    The driver cannot hear that its frame is written while a handler keeps the loop to itself.
    """
    alarms = Alarms()
    appending, blocking, finished = threading.Event(), threading.Event(), threading.Event()
    kept: list[bool] = []

    def keep(overrun: Overrunning) -> None:
        assert alarms.kept
        alarms.kept(overrun.given_up)
        kept.append(True)
        finished.set()

    async def blocks(_: Call) -> Result:
        while not appending.is_set():  # noqa: ASYNC110 - it is set by a thread
            await asyncio.sleep(0)
        blocking.set()
        (entry,) = alarms.armed
        threading.Thread(target=keep, args=(entry[1],), daemon=True).start()
        finished.wait(5)
        raise Killed

    async def waits(_: Call) -> Result:
        await asyncio.Event().wait()
        return Effects()

    specs = {each: ExecutorSpec(each) for each in ("s", "b", "w")} | {"a": ExecutorSpec("a", timeout=HOUR)}
    workflow = Workflow("test", specs, "s", (FanOut("s", ("a", "b", "w")),))
    world = World(store, workflow, Handlers(s=sends(1), a=blocks, b=sends(2), w=waits))
    held = world.create()
    append = held.append

    def slow(events: Any, at: datetime) -> object:
        if threading.current_thread() is not threading.main_thread() and not kept and not appending.is_set():
            appending.set()
            blocking.wait(5)
        return append(events, at)

    held.append = slow  # type: ignore[method-assign,assignment]
    with pytest.raises(Killed):
        asyncio.run(world.process(alarm=alarms).begin(held, world.assembly()))
    assert kept == [True]
    run = store.load("r")
    (failed,) = run.failed.values()
    assert (failed.delivery.executor, failed.error and failed.error.type) == ("a", "ExecutorTimeoutError")
    cuts = [e for frame in store.frames("r") for e in frame.events if isinstance(e, InvocationsCutOff)]
    assert [each.counted for each in cuts] == [False]
    assert run.started == {}


class Killed(BaseException):
    """The process is gone."""
