"""Plays the engine for one handler: enters it, keeps what it leaves, wakes it, kills it; each entry in a new process.

Every entry loads the flow's modules anew from their text, and all that is kept passes through JSON, so that nothing but
what a journal would hold comes from one entry to the next.
"""

import asyncio
import gc
import itertools
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects
from lrwf_cli.core.keeping import keep
from lrwf_cli.core.model import ExecutorSpec, Json, Workflow
from lrwf_cli.core.run import Delivery, Failure
from lrwf_cli.core.suspended import Kept, Suspension, Wait
from lrwf_cli.executors.base import Call, Failed, Result, Stuck
from lrwf_cli.executors.invoke import PythonInvoker
from lrwf_cli.executors.loading.modules import FlowModules, make_executor, snapshot_of
from lrwf_cli.executors.values import teach
from tests.executors.kept import outside

PREAMBLE = """\
import asyncio
import contextlib
from datetime import timedelta
from dataclasses import dataclass
from lrwf_cli import Executor, LongRunningExecutor, WorkflowContext, executor, handler
from tests.executors.kept import outside
from tests.executors.kept.outside import Client, Manager, connect, do, fail, see, wrapped

async def pause(ctx):
    return await ctx.schedule_resume(after=timedelta(hours=1))

"""
START = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = itertools.count()


class Checking(PythonInvoker):
    """Runs every stretch twice."""

    checks_replay = True


@dataclass
class Stage:
    """One delivery of one executor, and all that is known of it between two processes."""

    source: str
    uses: str = "flow:handle"
    message: Json = None
    others: Mapping[str, str] = field(default_factory=dict)
    kill_after: Callable[[int], bool] = lambda _: False
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    kept: dict[str, list[Kept]] = field(default_factory=dict)
    steps: list[Kept] = field(default_factory=list)
    waits: tuple[Wait, ...] = ()
    start: int = 1
    entries: int = 0
    frames: int = 0
    log: list[str] = field(default_factory=list)
    reports: list[tuple[float | None, float | None, str | None]] = field(default_factory=list)
    check: bool = False
    same_process: bool = False
    invoker: PythonInvoker | None = None

    def __post_init__(self) -> None:
        outside.reset()
        self.clock = ManualClock(START)

    def enter(self) -> Result | None:
        """Enter the handler in a new process; `None` if that is killed."""
        self.entries += 1
        outside.is_dead[0] = False
        with asyncio.Runner(loop_factory=self.loop_factory) as runner:
            runner.get_loop().set_exception_handler(_raise)
            result = runner.run(self._enter())
        if outside.is_dead[0]:
            with warnings.catch_warnings(action="ignore"):  # of what dies with a process nobody hears
                gc.collect()
        return result

    def play(self, most: int = 100) -> Result:
        """Enter the handler as often as it takes; time jumps to its wake-ups."""
        for _ in range(most):
            result = self.enter()
            if isinstance(result, Suspension):
                self.suspended(result)
                self.clock.jump(max(timedelta(), min(_due(wait) for wait in self.waits) - self.clock.now()))
            elif result is not None:
                return result
        raise AssertionError("it does not end")

    def value(self) -> Any:
        """Play it to its end; return what the handler returned, and see that it did not fail."""
        return self.returned(self.play())

    @staticmethod
    def returned(result: Result | None) -> Any:
        """Return what a handler that has ended returned."""
        assert isinstance(result, Effects), result
        return result.sends[-1].value if result.sends else None

    def failure(self) -> Failure:
        """Play it to its failure."""
        result = self.play()
        assert isinstance(result, Failed), result
        return result.error

    def stuck(self) -> Failure:
        """Play it until it cannot go on."""
        result = self.play()
        assert isinstance(result, Stuck), result
        return result.error

    def suspended(self, result: Result | None) -> Suspension:
        """Keep what a suspension leaves."""
        assert isinstance(result, Suspension), result
        self._keep(result.kept)
        self.waits = through_json(result.waits, tuple[Wait, ...])
        return result

    def fail_and_retry(self) -> None:
        """Begin anew: nothing is kept but the steps."""
        self.kept, self.waits, self.start = {}, (), self.start + 1

    async def _enter(self) -> Result | None:
        if self.invoker is None or not self.same_process:
            self.invoker = self._made()
        dying = asyncio.get_running_loop().create_future()
        entered = asyncio.create_task(self.invoker.invoke(self.call(), _Desk(self, dying)))
        await asyncio.wait([entered, dying], return_when=asyncio.FIRST_COMPLETED)
        return None if dying.done() else await entered

    def _made(self) -> PythonInvoker:
        modules = _loaded({"flow.py": self.text(), **self.others})
        codec = teach(Codec())
        modules.register_types(codec)
        made = make_executor(modules.resolve(self.uses), "a")
        kind = Checking if self.check else PythonInvoker
        return kind({"a": made}, WORKFLOW, codec, log=lambda _, text: self.log.append(text), clock=self.clock)

    def text(self) -> str:
        """The flow's module."""
        return PREAMBLE + textwrap.dedent(self.source)

    def call(self) -> Call:
        """Return what the handler is told."""
        return Call(
            run_id="run-1",
            workflow="flow",
            delivery=Delivery("d", "a", 1, self.message),
            attempt=self.start,
            maybe_done=False,
            idempotency_key="key",
            started_at=self.clock.now(),
            input={},
            state={},
            start=self.start,
            kept=through_json(self.kept, dict[str, list[Kept]]),
            steps=through_json(self.steps, list[Kept]),
            waits=self.waits,
        )

    def _keep(self, entries: Sequence[Kept]) -> None:
        for entry in through_json(entries, list[Kept]):
            keep(self.kept, entry)
            if entry.lasts:
                self.steps.append(entry)


class _Desk:
    def __init__(self, stage: Stage, dying: "asyncio.Future[None]") -> None:
        self.stage = stage
        self.dying = dying

    async def keep(self, kept: Sequence[Kept]) -> None:
        self.stage._keep(kept)
        self.stage.frames += 1
        if self.stage.kill_after(self.stage.frames):
            outside.is_dead[0] = True
            self.dying.set_result(None)
            await asyncio.get_running_loop().create_future()

    def progress(self, current: float | None, total: float | None, message: str | None) -> None:
        self.stage.reports.append((current, total, message))


WORKFLOW = Workflow("flow", {"a": ExecutorSpec("a")}, "a")


def through_json(value: Any, kind: Any) -> Any:
    """Return what comes back when a value has been written to a journal."""
    return msgspec.json.decode(msgspec.json.encode(value), type=kind)


def _loaded(files: Mapping[str, str]) -> FlowModules:
    """Load modules as a new process does: under a name that none has had."""
    snapshot = snapshot_of({name: text.encode() for name, text in files.items()})
    return FlowModules(snapshot, Path(f"/nowhere/{next(_numbers)}"))


def _due(wait: Wait) -> datetime:
    return wait.due_at or datetime.max.replace(tzinfo=UTC)


def _raise(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Nothing may be left to the loop: no exception that nobody retrieves, no task that is destroyed."""
    if not outside.is_dead[0]:
        raise AssertionError(context)
