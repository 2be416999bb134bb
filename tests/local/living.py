"""Support: a flow file that lives in virtual time, each of its wake-ups in a process that knows only the store."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.model import Json
from lrwf_cli.core.person import Person
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Answer
from lrwf_cli.core.view import outputs
from lrwf_cli.engine.given import Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.local.assemble import Assembler
from lrwf_cli.local.begin import begin
from lrwf_cli.local.prepare import prepare
from lrwf_cli.store.base import Letter
from lrwf_cli.store.files import FileStore

START = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Living:
    """One run. `woken_at` are the instants at which somebody had to look at it."""

    def __init__(self, folder: Path, text: str, **modules: str) -> None:
        self.folder = folder
        self.store = FileStore.open(folder / "state", create=True)
        self.clock = ManualClock(START)
        self.woken_at: list[datetime] = []
        (folder / "flow.yaml").write_text(dedent(text))
        for name, source in modules.items():
            (folder / f"{name}.py").write_text(dedent(source))

    def begin(self, run_input: Mapping[str, Json] | None = None) -> Run:
        """Begin the run and drive it as far as it goes."""
        prepared = prepare(str(self.folder / "flow.yaml"), clock=self.clock)
        checked = prepared.input_from(data=run_input)
        held, assembly = begin(self.store, prepared, "r", checked, self.clock)
        return asyncio.run(self._engine().begin(held, assembly))

    def tick(self) -> Run:
        """Go to the next instant at which the run is due, and drive it from there in a process of its own."""
        (due,) = self.store.due(datetime.max.replace(tzinfo=UTC))
        self.clock.jump(max(due.at - self.clock.now(), timedelta(0)))
        self.woken_at.append(self.clock.now())
        return asyncio.run(self._engine().advance("r"))

    def end(self, run: Run | None = None) -> Run:
        """Begin the run and drive it until nothing but a person can move it on."""
        run = run or self.begin()
        while not run.is_final and self.store.due(datetime.max.replace(tzinfo=UTC)):
            run = self.tick()
        return run

    def answer(self, request: str, value: Json = None, data: Json = None, **said: Any) -> None:
        """Answer as somebody called anna."""
        answer = Answer(self.clock.now(), value, data, by=Person(uid=1, user="anna"), **said)
        letter = Letter("letter-1", "r", "answered", self.clock.now(), data={"request": request})
        self.store.answer(letter, request, answer)

    def outputs(self, run: Run) -> list[Any]:
        """The bare outputs."""
        return [plain(self.store.resolve(run.id, value)) for value in outputs(run)]

    def waited(self) -> list[timedelta]:
        """How long after the beginning each wake-up was."""
        return [at - START for at in self.woken_at]

    def _engine(self) -> Engine:
        return Engine(
            self.store,
            self.clock,
            Assembler(self.store, self.clock),
            process=Process("this boot"),
            jobs=4,
        )
