"""The mode itself: drivers never wait, and someone new goes on with each run that is due soon."""

import asyncio
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from lrwf_cli.core.apply import fold
from lrwf_cli.core.run import Run
from lrwf_cli.core.waking import wake_at
from lrwf_cli.engine import driver
from lrwf_cli.engine.given import Assembly
from lrwf_cli.engine.passes import Engine
from lrwf_cli.errors import RunBusy
from lrwf_cli.executors.loading import modules
from lrwf_cli.store.base import Held
from lrwf_cli.store.files import FileStore
from tests.fresh.settings import ALONE, settings

__all__ = ["switch_on"]

_MOMENT = driver.IN_PLACE
_drive = Engine._drive


def switch_on() -> None:
    """Change this process; idempotent."""
    driver.IN_PLACE = timedelta(days=-1)
    if ALONE not in os.environ:
        Engine._drive = _drive_by_turns  # type: ignore[method-assign,assignment]  # what the mode is about


async def _drive_by_turns(engine: Engine, held: Held, assembly: Assembly) -> Run:
    run = await _drive(engine, held, assembly)
    while not engine.is_stopping and _is_due_soon(engine, run):
        at = wake_at(run)
        if at is not None:
            await engine.clock.sleep(max(at - engine.clock.now(), timedelta()))
        held.release()
        run = await _gone_on_with(engine, run)
    return run


def _is_due_soon(engine: Engine, run: Run) -> bool:
    at = wake_at(run)
    return at is not None and run.status == "waiting" and at - engine.clock.now() <= _MOMENT


async def _gone_on_with(engine: Engine, run: Run) -> Run:
    if isinstance(engine.store, FileStore) and run.origin.built is None and Path(run.origin.flow).is_file():
        return await _by_another_process(engine, engine.store, run)
    try:
        held = engine.store.hold(run.id)
    except RunBusy:
        return engine.store.load(run.id)
    try:
        _forget_modules()
        assembly = engine._assemble(held, engine.store.definition(run.id))
        return await _drive(engine, held, assembly)
    finally:
        held.release()


async def _by_another_process(engine: Engine, store: FileStore, run: Run) -> Run:
    command = [sys.executable, "-m", "lrwf_cli", "tick", "--these", "--json", "--state-dir", store.path]
    surroundings = {**os.environ, **settings(), ALONE: "1"}
    await asyncio.to_thread(
        subprocess.run, command, input=run.id, env=surroundings, text=True, stdout=subprocess.DEVNULL, check=False
    )
    if engine._observe is not None:
        _shown(engine, run)
    return store.load(run.id)


def _shown(engine: Engine, before: Run) -> None:
    """Show whoever looks on what the other process has committed."""
    seen: Run | None = None
    observe: Any = engine._observe
    for frame in engine.store.frames(before.id):
        seen = fold(seen, [frame])
        if frame.seq > before.seq:
            observe(frame, seen)


def _forget_modules() -> None:
    """Have every module of a flow loaded anew."""
    for name in [name for name in sys.modules if name.partition(".")[0] in modules._flows]:
        del sys.modules[name]
    modules._flows.clear()
