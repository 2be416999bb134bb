"""Workflows built in Python, run from a program: what is behind `Workflow.run` and its like.

A run keeps `module:attribute`, and is pinned to the code in that module's folder, so that a tick can go on with it. A
workflow that no module but the program itself holds can only be driven by that program: begin it again with the same
`run_id`, and it goes on.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from lrwf_cli.clock import SystemClock
from lrwf_cli.core.events import Event
from lrwf_cli.core.run import Run
from lrwf_cli.core.waking import wake_at
from lrwf_cli.engine import steer
from lrwf_cli.engine.given import Assembly
from lrwf_cli.engine.passes import Engine
from lrwf_cli.errors import UsageError
from lrwf_cli.executors.loading.modules import read_code, snapshot_of
from lrwf_cli.flow.built import BuiltWorkflow
from lrwf_cli.local.begin import Prepared, assembly, begin, new_run_id, same_run
from lrwf_cli.local.built_parts import prepared
from lrwf_cli.local.drive import engine as make_engine
from lrwf_cli.local.machine import caller, origin
from lrwf_cli.local.result import WorkflowResult
from lrwf_cli.local.storage import FileCheckpointStorage, InMemoryCheckpointStorage
from lrwf_cli.store.base import Frame, Held, Store

__all__ = ["run_built", "stream_built", "stream_from_checkpoint"]

JOBS = 32
"""How many handlers of a run in a program may be at work at once."""

Storage = FileCheckpointStorage | InMemoryCheckpointStorage


def _in_program(built: BuiltWorkflow, storage: Storage) -> Prepared:
    """Return what runs of `built` in this program are pinned to; in memory, to nothing."""
    home = _home_of(built)
    if home is None or isinstance(storage, InMemoryCheckpointStorage):
        script = str(Path(getattr(sys.modules["__main__"], "__file__", "<interactive>")).absolute())
        where = origin(flow=script, folder=str(Path(script).parent), code=None, built="__main__", script=script)
        return prepared(built, snapshot_of({}), where, own=False)
    module, attribute = home
    target = f"{module.__name__}:{attribute}"
    folder = _root_of(module)
    snapshot = snapshot_of({}) if "site-packages" in folder.parts else read_code(folder)
    code = snapshot.digest if snapshot.files else None
    return prepared(built, snapshot, origin(flow=target, folder=str(folder), code=code, built=target), own=False)


def _home_of(built: BuiltWorkflow) -> tuple[ModuleType, str] | None:
    """Return the module that holds `built` under a name of its own, so that others can find it there."""
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) is not None and module.__name__ != "__main__":
            for name, value in list(vars(module).items()):
                if value is built:
                    return module, name
    return None


def _root_of(module: ModuleType) -> Path:
    """Return the folder from which `module` is imported by its full name."""
    path = Path(str(module.__file__)).absolute()
    levels = module.__name__.count(".") + (path.name == "__init__.py")
    return path.parents[levels]


class _Session:
    """One run of a built workflow in this program, in the caller's event loop."""

    def __init__(self, built: BuiltWorkflow, storage: Storage | None = None) -> None:
        self.storage: Storage = storage or built.storage or InMemoryCheckpointStorage()
        self.store: Store = self.storage.store
        self.prepared = _in_program(built, self.storage)
        self.events: list[Event] = []
        self.news: asyncio.Queue[Event | None] = asyncio.Queue()
        self._nap: asyncio.Future[None] | None = None
        self.engine: Engine = make_engine(
            self.store, jobs=JOBS, observe=self._observe, make=self._assemble, is_guest=True
        )

    def _observe(self, frame: Frame, _: Run) -> None:
        self._note(frame.events)

    def _note(self, events: tuple[Event, ...]) -> None:
        self.events.extend(events)
        for event in events:
            self.news.put_nowait(event)

    def _assemble(self, held: Held, _: str) -> Assembly:
        if held.run.workflow != self.prepared.name:
            raise UsageError(
                f"run `{held.run.id}` is one of `{held.run.workflow}`, not of `{self.prepared.name}`",
                hint="give the id of a run of this workflow",
            )
        return assembly(self.prepared.parts, self.prepared.parts.executors(None, {}), held)

    async def begun(self, message: Any, run_id: str | None) -> Run:
        """Begin a run, or go on with the one that `run_id` names if it began with the same message."""
        run_input = self.prepared.encoded(message)
        if run_id is not None and same_run(self.store, run_id, run_input) is not None:
            return await self._stayed(await self.engine.advance(run_id))
        held, parts = begin(
            self.store, self.prepared, run_id or new_run_id(self.prepared.name), run_input, SystemClock()
        )
        self._note(next(iter(self.store.frames(held.run.id))).events)
        return await self._stayed(await self.engine.begin(held, parts))

    async def from_checkpoint(self, checkpoint_id: str) -> Run:
        """Go on from a checkpoint; what came after it is undone first, in a new epoch."""
        run_id, _, seq = checkpoint_id.partition("@")
        run = self.store.load(run_id)
        if seq and int(seq) != run.seq:
            steer.rewind(self.store, SystemClock(), run_id, int(seq), caller())
        return await self._stayed(await self.engine.advance(run_id))

    async def _stayed(self, run: Run) -> Run:
        """Stay with a run in memory until nothing of it is due any more: no tick will ever find it."""
        clock = self.engine.clock
        while isinstance(self.storage, InMemoryCheckpointStorage) and not self.engine.is_stopping:
            at = wake_at(run)
            if at is None:
                break
            self._nap = asyncio.ensure_future(clock.sleep(max(at - clock.now(), timedelta())))
            try:
                await asyncio.wait([self._nap])
            finally:
                self._nap.cancel()
            run = await self.engine.advance(run.id)
        return run

    def stop(self) -> None:
        """Leave the run as it is; it is due at once if it was at work."""
        self.engine.stop()
        if self._nap is not None:
            self._nap.cancel()

    def result(self, run: Run) -> WorkflowResult:
        """Return what the program gets."""
        return WorkflowResult(run, self.events, self.store, self.prepared.parts.codec)

    async def streamed(self, work: Callable[[], Awaitable[Run]]) -> AsyncIterator[Event]:
        """Yield events while `work` goes on; whoever stops listening stops the run, which is due at once then."""
        task = asyncio.ensure_future(work())
        task.add_done_callback(lambda _: self.news.put_nowait(None))
        try:
            while (event := await self.news.get()) is not None:
                yield event
            await task
        finally:
            if not task.done():
                self.stop()
                await asyncio.wait([task])


async def run_built(built: BuiltWorkflow, message: Any, *, run_id: str | None = None) -> WorkflowResult:
    """Run a built workflow until it is finished or waiting. Raises InputError, RunConflict, RunBusy."""
    session = _Session(built)
    return session.result(await session.begun(message, run_id))


async def stream_built(built: BuiltWorkflow, message: Any, *, run_id: str | None = None) -> AsyncIterator[Event]:
    """Run as `run_built` does, and yield each event once it is durable."""
    session = _Session(built)
    async for event in session.streamed(lambda: session.begun(message, run_id)):
        yield event


async def stream_from_checkpoint(
    built: BuiltWorkflow, checkpoint_id: str, storage: Storage | None = None
) -> AsyncIterator[Event]:
    """Go on from `RUN@SEQ`, or from the end of `RUN`, and yield each event once it is durable.

    Raises UnknownRun, UsageError for a checkpoint that is not there, RunBusy.
    """
    session = _Session(built, storage)
    async for event in session.streamed(lambda: session.from_checkpoint(checkpoint_id)):
        yield event
