"""The mode in which nothing is kept in memory: drivers never wait, and someone new goes on with each suspension.

- No driver wakes what it has itself put to sleep: it leaves the run, were it due at once.
- What is due within the moment that a driver would have waited for is gone on with by a process of its own, if a tick
  could do that; else by a new driver, with modules that are loaded and executors that are made again (`anew`).
- A run that this process has driven before, and that waits, goes to another process too, however late it is.

Two things cannot be so. While other handlers of its run are at work, the driver that holds the run is the only one who
may go on: it does so with an assembly made again, in the same process. And a run that lives in the memory of a program,
or on a clock that is no machine's, never leaves its process.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta
from subprocess import DEVNULL, PIPE
from typing import Any

from lrwf_cli.clock import SystemClock
from lrwf_cli.core import decide, waking
from lrwf_cli.core.apply import fold
from lrwf_cli.core.run import Run
from lrwf_cli.engine import driver
from lrwf_cli.engine.driver import Driver
from lrwf_cli.engine.given import Assembly
from lrwf_cli.engine.passes import Engine
from lrwf_cli.errors import LrwfError, RunBusy
from lrwf_cli.store.base import Held
from tests.modes.anew import known
from tests.modes.settings import NEXT, settings

__all__ = ["change_engines"]

_MOMENT = driver.IN_PLACE
_LOOK_EVERY_S = 0.05
_drive, _hold_and_drive = Engine._drive, Engine._hold_and_drive
_drive_to_idle, _decide_what_follows, _start_handler = Driver.drive, Driver._decide_what_follows, Driver._start_handler
_woken = waking.woken

_assemble: ContextVar[Callable[[], Assembly]] = ContextVar("_assemble")
_deciding: ContextVar["_Sleepers | None"] = ContextVar("_deciding", default=None)
_driven: set[tuple[str, str]] = set()
"""The runs that this process has driven, by state directory and id."""


def change_engines() -> None:
    """Change the engines of this process."""
    driver.IN_PLACE = timedelta.min
    decide.woken = _woken_by_strangers  # type: ignore[attr-defined]  # what the mode is about
    Driver.drive = _noting_sleepers  # type: ignore[method-assign]  # the same
    Driver._decide_what_follows = _knowing_sleepers  # type: ignore[method-assign]  # the same
    Driver._start_handler = _with_a_new_assembly  # type: ignore[method-assign]  # the same
    Engine._drive = _drive_by_turns  # type: ignore[method-assign,assignment]  # the same
    Engine._hold_and_drive = _hand_over  # type: ignore[method-assign,assignment]  # the same


class _Sleepers:
    """Who of a run slept before a driver came, and who is woken by the one that put him to sleep."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.found = set(driver._run.waiting)
        self.own: set[str] = set()

    def wake(self, run: Run, due: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `due` whom this driver may wake."""
        at_work = run.in_flight or self.driver._at_work or self.driver._telling
        due = due if at_work else tuple(each for each in due if each in self.found)
        self.own.update(each for each in due if each not in self.found)
        self.found.difference_update(due)
        return due


async def _noting_sleepers(self: Any) -> Run:
    self.sleepers = _Sleepers(self)
    return await _drive_to_idle(self)


def _knowing_sleepers(self: Any, now: datetime) -> bool:
    token = _deciding.set(self.sleepers)
    try:
        return _decide_what_follows(self, now)
    finally:
        _deciding.reset(token)


def _woken_by_strangers(run: Run, now: datetime) -> tuple[str, ...]:
    due, sleepers = _woken(run, now), _deciding.get()
    return due if sleepers is None else sleepers.wake(run, due)


def _with_a_new_assembly(self: Any, delivery: str) -> None:
    if delivery in self.sleepers.own:
        self.sleepers.own.discard(delivery)
        self._at_work.invoker = _assemble.get()().invoker
    _start_handler(self, delivery)


async def _drive_by_turns(engine: Engine, held: Held, assembly: Assembly) -> Run:
    run = await _drive_once(engine, held, assembly)
    while NEXT not in os.environ and not engine.is_stopping and (at := _soon(engine, run)) is not None:
        await engine.clock.sleep(max(at - engine.clock.now(), timedelta()))
        held.release()
        before, run = run, await _gone_on_with(engine, run)
        if run.seq == before.seq:  # somebody else has it, or nobody can
            break
    return run


async def _drive_once(engine: Engine, held: Held, assembly: Assembly) -> Run:
    _driven.add(_key(engine, held.run.id))
    known.add((held.run.id, held.run.origin.folder))
    _assemble.set(lambda: engine._assemble(held, engine.store.definition(held.run.id)))
    return await _drive(engine, held, assembly)


def _key(engine: Engine, run_id: str) -> tuple[str, str]:
    return getattr(engine.store, "path", str(id(engine.store))), run_id


def _soon(engine: Engine, run: Run) -> datetime | None:
    """Return when a run is due that waits, if a driver would have waited for that."""
    at = waking.wake_at(run)
    return at if at is not None and run.waiting and at - engine.clock.now() <= _MOMENT else None


async def _gone_on_with(engine: Engine, run: Run) -> Run:
    if _is_for_a_tick(engine, run):
        return await _by_another_process(engine, run)
    try:
        held = engine.store.hold(run.id)
    except RunBusy:
        return engine.store.load(run.id)
    try:
        return await _drive_once(engine, held, engine._assemble(held, engine.store.definition(run.id)))
    finally:
        held.release()


async def _hand_over(engine: Engine, held: Held) -> Run:
    """Drive a held run; one that waits and was driven here before is left to another process."""
    run = held.run
    if not (run.waiting and _key(engine, run.id) in _driven and engine._needs_driving(held)):
        return await _hold_and_drive(engine, held)
    if NEXT in os.environ:
        held.release()
        return run
    if not (_is_for_a_tick(engine, run) and _can_be_driven(engine, held)):
        return await _hold_and_drive(engine, held)
    held.release()
    return await _by_another_process(engine, run)


def _can_be_driven(engine: Engine, held: Held) -> bool:
    """Whether its code is there; if not, that is told where somebody asks for it."""
    try:
        engine._assemble(held, engine.store.definition(held.run.id))
    except LrwfError:
        return False
    return True


def _is_for_a_tick(engine: Engine, run: Run) -> bool:
    """Whether a tick on this machine would find the same run, at the same time, with the same code."""
    owner = getattr(engine._assemble, "__self__", engine._assemble)
    is_ours = type(owner).__module__ in {"lrwf_cli.local.assemble", "lrwf_cli.local.built"}
    on_disk = getattr(engine.store, "path", None) is not None
    here = run.origin.script is None and run.origin.python == sys.executable
    return is_ours and on_disk and here and isinstance(engine.clock, SystemClock)


async def _by_another_process(engine: Engine, run: Run) -> Run:
    store: Any = engine.store
    tick = ["-P", "-m", "lrwf_cli", "tick", "--these", "--json", "--state-dir", store.path]
    around = {**os.environ, **settings(fresh=True), NEXT: "1"}
    process = await asyncio.create_subprocess_exec(sys.executable, *tick, stdin=PIPE, stdout=DEVNULL, env=around)
    talk = asyncio.ensure_future(process.communicate(run.id.encode()))
    while not (await asyncio.wait([talk], timeout=_LOOK_EVERY_S))[0]:
        if engine.is_stopping and process.returncode is None:
            process.terminate()
            break
    await talk
    if engine._observe is not None:
        _show(engine, run)
    after: Run = store.load(run.id)
    return after


def _show(engine: Engine, before: Run) -> None:
    """Show whoever looks on what the other process has committed."""
    seen: Run | None = None
    observe: Any = engine._observe
    for frame in engine.store.frames(before.id):
        seen = fold(seen, [frame])
        if frame.seq > before.seq:
            observe(frame, seen)
