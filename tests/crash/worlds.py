"""Lives of a process that drives one run: a first one that starts it, and later ones that find what is left.

A `Scenario` is a workflow that can begin, and be gone on with. `Life` plays one life of it on a folder: what
`lrwf tick`, once a minute, and a patient user would do, until nothing is left to be done. Time stands still but for
that minute. What the outside world sees goes into the history as marks.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from lrwf_cli.clock import Clock, ManualClock
from lrwf_cli.core.commands import Retry
from lrwf_cli.core.model import Json
from lrwf_cli.core.outside import open_requests
from lrwf_cli.core.run import Failure, Notice, Run
from lrwf_cli.core.suspended import Answer
from lrwf_cli.engine import steer
from lrwf_cli.engine.given import Assembly, Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.engine.strays import Sweep
from lrwf_cli.engine.telling import Tell
from lrwf_cli.errors import LrwfError, UnknownRun
from lrwf_cli.store.base import Frame, Held, Letter, Store
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.files import FileStore
from tests.crash.recorder import History, RecordingDisk
from tests.crash.witness import Witness

__all__ = [
    "FORK",
    "RUN",
    "START",
    "STATE",
    "Life",
    "MakeDisk",
    "MakeStore",
    "News",
    "Scenario",
    "live",
    "look",
    "make_file_store",
]

RUN = "the-run"
FORK = "the-fork"
BACK_TO = 3
"""The frame that a run is rewound to, and forked at."""

STATE = "state"
"""The state directory's name in the folder that is looked at: its own name has to be durable too."""

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CENTURIES = timedelta(days=365 * 500)
"""After which every timer has come due, also one that should not be there any more."""

PATIENCE = 8
"""Minutes, and deeds of the user, after which what is not done is taken to be forgotten: twice what any takes."""

MakeStore = Callable[[str, Disk], Store]
MakeDisk = Callable[[Path, History], RecordingDisk]


class News:
    """What has been committed, for handlers that wait for it: so they overlap, and always in the same way."""

    def __init__(self) -> None:
        self._completed: dict[str, int] = {}
        self._changed = asyncio.Event()

    def saw(self, run: Run) -> None:
        """Take notice of what is committed."""
        self._completed = {executor: tally.completed for executor, tally in run.tallies.items()}
        self._changed.set()

    async def until(self, executor: str, times: int) -> None:
        """Return when `executor` has completed so often, durably."""
        while self._completed.get(executor, 0) < times:
            self._changed.clear()
            await self._changed.wait()


class Scenario(Protocol):
    """A workflow that is played."""

    @property
    def letters(self) -> tuple[str, ...]:
        """The kinds of letters that are left before anyone drives the run."""

    @property
    def answer(self) -> Json:
        """What the user answers to each request; `None`: nobody answers."""

    @property
    def cancels(self) -> bool:
        """Whether the user cancels the run when it asks."""

    @property
    def ends(self) -> str:
        """The status that the run has in the end."""

    @property
    def is_steered(self) -> bool:
        """Whether the run is rewound and forked when it has completed."""

    def begin(self, store: Store, clock: Clock, news: News) -> tuple[Held, Assembly]:
        """Publish the run `RUN`; return it with what it takes to drive it."""

    def assemble(self, store: Store, held: Held, news: News) -> Assembly:
        """Return what it takes to drive the run that began earlier."""


@dataclass
class Life:
    """One life of a process, on the state directory in `folder`."""

    scenario: Scenario
    folder: Path
    disk: RecordingDisk
    make_store: MakeStore
    boot: int = 0
    began_at: datetime = START
    sweep: Sweep | None = None

    def __post_init__(self) -> None:
        self.history = self.disk.history
        self.clock = ManualClock(self.began_at)
        self.news = News()
        self.store = self.make_store(f"{self.folder}/{STATE}", self.disk)
        self.engine = Engine(
            self.store,
            self.clock,
            lambda held, _: self._witnessed(self.scenario.assemble(self.store, held, self.news)),
            process=Process(f"boot-{self.boot}", 4711, sweep=self.sweep),
            jobs=4,
            observe=self._observe,
        )

    def _witnessed(self, assembly: Assembly) -> Assembly:
        tell = partial(self._told, assembly.tell) if assembly.tell else None
        return Assembly(assembly.workflow, Witness(assembly.invoker, self.history), tell)

    async def _told(self, tell: Tell, run: Run, notice: Notice) -> Failure | None:
        failure = await tell(run, notice)
        if failure is None:
            self.history.mark("told", notice.id)
        return failure

    def play(self, runner: asyncio.Runner) -> None:
        """Do what there is to be done: by turns what cron does, and the user who has started the run or wants to.

        Raises what a command line would report.
        """
        self._cron(runner)
        for _ in range(PATIENCE):
            if not self._steer(runner):
                break
            self._cron(runner)
        self.clock.jump(CENTURIES)
        self._tick(runner)

    def _cron(self, runner: asyncio.Runner) -> None:
        for _ in range(PATIENCE):
            self._tick(runner)
            if self._is_settled():
                return
            self.clock.jump(MINUTE)

    def _tick(self, runner: asyncio.Runner) -> None:
        due = [each.run_id for each in self.store.due(self.clock.now())]
        for outcome in runner.run(self.engine.tick(due)) if due else ():
            if outcome.error:
                raise outcome.error
            assert not outcome.busy, outcome

    def _is_settled(self) -> bool:
        runs = [self._run(run_id) for run_id in (RUN, FORK)]
        at_rest = all(run is None or run.is_final or run.status == "paused" or self._asks(run) for run in runs)
        return at_rest and not self.store.due(self.clock.now())

    def _asks(self, run: Run) -> bool:
        """Whether it waits for the user."""
        is_heard = self.scenario.answer is not None or self.scenario.cancels
        return is_heard and bool(open_requests(run)) and not run.in_flight

    def _run(self, run_id: str) -> Run | None:
        try:
            return self.store.load(run_id)
        except UnknownRun:
            return None

    def _steer(self, runner: asyncio.Runner) -> bool:
        """Do what the user would do next; whether there was anything to do."""
        run, fork = self._run(RUN), self._run(FORK)
        for each in (run, fork):
            if each is not None and (each.status == "paused" or (each.status == "failed" and self.scenario.is_steered)):
                self._let_go(each)
                return True
        if run is None:
            self._start(runner)
        elif self._asks(run):
            (self._cancel if self.scenario.cancels else self._answer)(run)
        elif self.scenario.is_steered and run.epoch == 0:
            self._kept(steer.rewind(self.store, self.clock, RUN, BACK_TO))
        elif self.scenario.is_steered and fork is None:
            self._kept(steer.fork(self.store, self.clock, RUN, FORK, at=BACK_TO))
        else:
            return False
        return True

    def _answer(self, run: Run) -> None:
        """Answer, and once more, too late."""
        for request in open_requests(run):
            about = (run.id, run.epoch, request.id)
            self.history.mark("asked", about)
            for number, value in enumerate((self.scenario.answer, "never mind")):
                now, data = self.clock.now(), {"request": request.id}
                letter = Letter(f"{self.boot}-{now:%H%M%S}-{number}", run.id, "answered", now, run.epoch, data=data)
                standing = self.store.answer(letter, request.id, Answer(now, value))
                self.history.mark("posted", letter.id)
                self.history.mark("answered", (about, standing.value))

    def _cancel(self, run: Run) -> None:
        now = self.clock.now()
        letter = Letter(id=f"{self.boot}-{now:%H%M%S}", run_id=run.id, kind="cancel", at=now)
        steer.send(self.store, self.clock, letter)
        self.history.mark("posted", letter.id)

    def _let_go(self, run: Run) -> None:
        if run.status == "failed":
            self._kept(steer.retry(self.store, self.clock, run.id, Retry()))
        else:
            letter = Letter(id="resume", run_id=run.id, kind="resume", at=self.clock.now())
            self._kept(steer.send(self.store, self.clock, letter))

    def _kept(self, run: Run | None) -> None:
        """Note that the user was told how a run stands."""
        assert run is not None
        self.history.mark("kept", (run.id, run.seq))

    def _start(self, runner: asyncio.Runner) -> None:
        held, assembly = self.scenario.begin(self.store, self.clock, self.news)
        self._kept(held.run)
        if not self.scenario.letters:
            runner.run(self.engine.begin(held, self._witnessed(assembly)))
            return
        held.release()
        for number, kind in enumerate(self.scenario.letters):
            letter = Letter(id=f"{self.boot}-{number}-{kind}", run_id=RUN, kind=kind, at=self.clock.now())
            self.store.post(letter)
            self.history.mark("posted", letter.id)

    def _observe(self, frame: Frame, run: Run) -> None:
        self.history.mark("frame", (run.id, run.epoch, frame))
        self.news.saw(run)


def live(make_life: Callable[[], Life], runner: asyncio.Runner) -> LrwfError | None:
    """Play a life; return the error that ended it, `None` if all went well."""
    try:
        make_life().play(runner)
    except LrwfError as error:
        return error
    return None


def make_file_store(path: str, disk: Disk) -> Store:
    """Make the store that is put to the test."""
    return FileStore.open(path, create=True, disk=disk)


def look(folder: Path) -> Store:
    """Return a store to look at what is in `folder`, with a disk of its own."""
    return FileStore.open(f"{folder}/{STATE}")
