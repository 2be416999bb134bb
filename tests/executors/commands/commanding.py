"""What tests of commands have in common: an executor bound to a folder, a call for it, who of it still runs."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects
from lrwf_cli.core.model import Direct, ExecutorSpec, Json, Workflow
from lrwf_cli.core.run import Delivery
from lrwf_cli.executors.base import Call, Failed, Result
from lrwf_cli.executors.commands.command import Command, CommandExecutor
from lrwf_cli.executors.commands.environment import Secret, Surroundings
from lrwf_cli.executors.commands.supervisor import Record, Task
from lrwf_cli.executors.invoke import PythonInvoker
from lrwf_cli.executors.scene import Given

WORKFLOW = Workflow("flow", {name: ExecutorSpec(name) for name in ("work", "next")}, "work", (Direct("work", "next"),))
PATIENCE_S = 30.0


class Desk:
    """Takes nothing: a command keeps nothing."""

    async def keep(self, kept: object) -> None:
        raise AssertionError

    def progress(self, current: float | None, total: float | None, message: str | None) -> None: ...


@dataclass
class Job:
    """One message for one command, whoever drives it, and however often. `key` is in the environment of all of it."""

    root: Path
    command: Command
    message: Json = None
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    values: Mapping[str, Given] = field(default_factory=dict)
    grace: timedelta = timedelta(seconds=5)
    boot: str | None = None
    start: int = 1
    key: str = field(default_factory=lambda: uuid4().hex)
    passed: tuple[str, ...] = ()
    folder: Path | None = None
    log: list[str] = field(default_factory=list)

    def call(self, **facts: Any) -> Call:
        known: dict[str, Any] = {
            "run_id": "run-1",
            "workflow": "flow",
            "delivery": Delivery("d", "work", 1, self.message),
            "attempt": 1,
            "maybe_done": False,
            "idempotency_key": self.key,
            "started_at": datetime(2026, 1, 1, tzinfo=UTC),
            "input": {},
            "state": {},
            "start": self.start,
        }
        return Call(**(known | facts))

    def invoker(self) -> PythonInvoker:
        around = Surroundings(
            str(self.folder or self.root), cwd="/begun/here", secrets=self.secrets, passed=self.passed
        )
        executor = CommandExecutor("work", self.command, around, values=self.values, grace=self.grace)
        executor.bind(self.work, facts={"LRWF_STATE_DIR": "/state"}, boot=self.boot)
        return PythonInvoker({"work": executor}, WORKFLOW, Codec(), log=lambda _, text: self.log.append(text))

    async def invoke(self, **facts: Any) -> Result:
        return await self.invoker().invoke(self.call(**facts), Desk())

    def run(self, **facts: Any) -> Result:
        return asyncio.run(self.invoke(**facts))

    def result(self, **facts: Any) -> Json:
        """Return what the command sends on."""
        effects = self.run(**facts)
        assert isinstance(effects, Effects), effects
        (sent,) = effects.sends
        return sent.value

    def failure(self, **facts: Any) -> Failed:
        failed = self.run(**facts)
        assert isinstance(failed, Failed), failed
        return failed

    def work(self, name: str, _: str = "") -> str:
        path = self.root / "work" / name
        path.mkdir(parents=True, exist_ok=True)
        return str(path)

    def task(self, number: int = 1) -> Task:
        name = f"{self.key}-{self.start}" + (f".{number}" if number > 1 else "")
        return Task(self.work(name), self.boot or Task.__name__)

    def record(self, number: int = 1) -> Record:
        return self.task(number).record()

    @property
    def text(self) -> str:
        """What is in the log."""
        return "".join(self.log)

    def alive(self) -> list[int]:
        """Return the pids of what runs of it, whatever session or group it is in by now."""
        return list(_with_environment(f"LRWF_IDEMPOTENCY_KEY={self.key}".encode()))

    def runs(self) -> int:
        """Return how often the command has begun: it adds a line to `runs` each time."""
        path = self.root / "runs"
        return len(path.read_text().splitlines()) if path.exists() else 0


COUNTED = "echo begun >>runs; "
"""Before a command: `Job.runs` counts it."""


def _with_environment(variable: bytes) -> Iterator[int]:
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            with suppress(OSError):
                has_ended = (path / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
                if not has_ended and variable in (path / "environ").read_bytes().split(b"\0"):
                    yield int(path.name)


def until(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Return when `condition` holds; fail if it never does."""
    deadline = time.monotonic() + patience_s
    pause = threading.Event()
    for pause_s in itertools.chain((0.001, 0.002, 0.005), itertools.repeat(0.01)):
        if condition():
            return
        assert time.monotonic() < deadline, condition
        pause.wait(pause_s)


async def until_async(condition: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """As `until`, while the loop goes on."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, condition
        await asyncio.sleep(0.005)


def is_running(pid: int | str) -> bool:
    """Whether a process runs; one that has ended and was not reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
