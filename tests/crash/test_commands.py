"""Conformance 42: the whole engine with commands that outlive it, killed before every operation on its files.

Commands are real processes, so a driver is one too: it dies of SIGKILL, and leaves its folder as it is. Then another
one goes on, or the machine goes down first, and takes all that runs with it. The short form lets drivers die before
each frame; before everything, their successors too:

    python -m pytest tests/crash/test_commands.py -m soak
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from lrwf_cli.clock import Clock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import Direct, ExecutorSpec, Json, RetryPolicy, Workflow
from lrwf_cli.core.view import outputs
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.commands.command import CommandExecutor
from lrwf_cli.executors.commands.environment import Surroundings
from lrwf_cli.executors.commands.processes import end_session
from lrwf_cli.executors.commands.supervisor import Task
from lrwf_cli.executors.invoke import PythonInvoker
from lrwf_cli.local.strays import CommandStrays
from lrwf_cli.store.base import Held, Letter, NewRun, Store
from lrwf_cli.store.disk import Disk
from tests.crash.durability import Op
from tests.crash.enumeration import BETWEEN_LIVES
from tests.crash.flows import ORIGIN
from tests.crash.oracles import FAR
from tests.crash.recorder import Died, History, MortalDisk, RecordingDisk
from tests.crash.worlds import RUN, START, STATE, Life, News, live, look, make_file_store
from tests.executors.commands.commanding import until
from tests.executors.commands.test_command_crashes import ended, in_child, killed

NOTED = 'echo "$LRWF_EXECUTOR" >>ran; '
COMMANDS = {
    "fetch": NOTED + "cat",
    "load": NOTED + "[ -e tried ] || { touch tried; exit 7; }; cat",
    "tell": NOTED + "cat",
}
RAN = ["fetch", "load", "load", "tell"]
_AGAIN = RetryPolicy(max_attempts=2, initial=timedelta(minutes=1), jitter=0)
WORKFLOW = Workflow(
    "commands",
    {each: ExecutorSpec(each, retry=_AGAIN, max_crashes=99, harvests=True) for each in COMMANDS},
    "fetch",
    (Direct("fetch", "load"), Direct("load", "tell")),
)


@dataclass(frozen=True)
class Commands:
    """Three commands, one after the other; the second one fails at first. They tell `folder` that they ran."""

    folder: Path
    boot: str | None
    fetch: str
    letters: tuple[str, ...] = ()
    answer: Json = None
    is_steered: bool = False
    cancels: bool = False
    ends: str = "completed"

    def begin(self, store: Store, clock: Clock, news: News) -> tuple[Held, Assembly]:
        now = clock.now()
        events = decide(WORKFLOW, None, Start(RUN, "in", ORIGIN), now)
        held = store.create(NewRun(run_id=RUN, definition="name: commands\n", events=events, at=now))
        return held, self.assemble(store, held, news)

    def assemble(self, store: Store, held: Held, news: News) -> Assembly:
        around = Surroundings(str(self.folder), cwd=str(self.folder))
        commands = COMMANDS | {"fetch": self.fetch}
        executors = {name: CommandExecutor(name, command, around) for name, command in commands.items()}
        for executor in executors.values():
            executor.bind(held.work, boot=self.boot)
        return Assembly(WORKFLOW, PythonInvoker(executors, WORKFLOW, Codec()))


class KilledDisk(MortalDisk):
    """Kills its process where it is to die."""

    def before(self, op: Op) -> None:
        try:
            super().before(op)
        except Died:
            os.kill(os.getpid(), signal.SIGKILL)


class KilledAtFrames(KilledDisk):
    """The same, but only writing a frame counts: that is when commands have begun, and when they have ended."""

    def before(self, op: Op) -> None:
        if op.kind == "write" and op.path.endswith("/journal.jsonl"):
            super().before(op)


@dataclass
class Machine:
    """A machine with one state directory, on which drivers come and go. `boot` counts how often it has gone up."""

    folder: Path
    make_disk: Callable[[Path, History, int], RecordingDisk] = KilledDisk
    fetch: str = COMMANDS["fetch"]
    lives: int = 0
    boot: int = 0

    def begin(self, last: int = 1_000_000) -> int:
        """Have a process do all there is to be done, or die before its operation `last`; return its pid."""
        disk, boot = self.make_disk(self.folder, History(), last), self.boot
        make_life = partial(
            Life,
            Commands(self.folder, f"boot {boot}" if boot else None, self.fetch),
            self.folder,
            disk,
            make_file_store,
            boot=boot,
            began_at=START + self.lives * BETWEEN_LIVES,
            sweep=CommandStrays(),
        )

        def life() -> bool:
            with asyncio.Runner() as runner:
                return live(make_life, runner) is None

        self.lives += 1
        return in_child(life)

    def drive(self, last: int = 1_000_000) -> bool:
        """The same; return whether it died."""
        code = ended(self.begin(last))
        assert code in (0, -signal.SIGKILL)
        return code != 0

    def go_down(self, lose: Callable[[Path], None]) -> None:
        """End all that runs, as a machine does that goes down; `lose` takes of a command's folder what was unsynced."""
        self.boot += 1
        for folder in (self.folder / STATE / "runs" / RUN / "work").glob("*"):
            leader = Task(str(folder), "").record().leader
            if leader is not None:
                end_session(leader, 0)
                lose(folder)

    @property
    def ran(self) -> list[str]:
        """The commands that have begun, in order."""
        path = self.folder / "ran"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def completed(self) -> list[str]:
        """The commands whose completion is in the journal."""
        store = look(self.folder)
        run = store.load(RUN) if RUN in store.run_ids() else None
        return [name for name, tally in run.tallies.items() if tally.completed] if run else []

    def check(self, status: str = "completed", *came: Json) -> None:
        store = look(self.folder)
        run = store.load(RUN)
        assert (run.status, outputs(run)) == (status, [*came]), run.error
        assert store.due(FAR) == []
        assert not [*(self.folder / STATE / "runs" / RUN / "work").glob("*")], "what commands left is left"


def machine(arena: Path, name: object, make_disk: type[KilledDisk] = KilledDisk) -> Machine:
    folder = arena / f"{name}"
    folder.mkdir()
    return Machine(folder, make_disk)


def kill(arena: Path, make_disk: type[KilledDisk]) -> int:
    """Kill drivers before each operation that counts; return how many there are."""
    for at in count():
        machine_ = machine(arena, at, make_disk)
        died = machine_.drive(at)
        assert not machine_.drive()
        machine_.check("completed", "in")
        assert machine_.ran == RAN, at
        if not died:
            return at
    raise AssertionError


@pytest.mark.slow
def test_no_kill_runs_a_command_twice(arena: Path) -> None:
    """Conformance 42: a command that was begun is waited for, or its result is found; also one that had failed."""
    assert kill(arena, KilledAtFrames) > 5


@pytest.mark.soak
def test_no_kill_at_all_does(arena: Path) -> None:
    """The long form of what is above."""
    assert kill(arena, KilledDisk) > 100


@pytest.mark.soak
@pytest.mark.parametrize("first", range(0, 150, 6))
def test_no_two_kills_do(first: int, arena: Path) -> None:
    """Conformance 42: nor does any kill of whoever comes after a kill."""
    for at in count():
        machine_ = machine(arena, at)
        machine_.drive(first)
        died = machine_.drive(at)
        assert not machine_.drive()
        machine_.check("completed", "in")
        assert machine_.ran == RAN, (first, at)
        if not died:
            return


def nothing(folder: Path) -> None:
    """All of it was written."""


def all_unsynced(folder: Path) -> None:
    """What is in a command's folder beyond what was synced before it began, and before anybody acted on its end."""
    state = folder / "state"
    lines = state.read_bytes().splitlines(keepends=True)
    if b"kept\n" not in lines:
        state.write_bytes(lines[0])
        (folder / "stdout").write_bytes(b"")


@pytest.mark.soak
@pytest.mark.parametrize("lose", [nothing, all_unsynced])
def test_a_machine_that_goes_down_repeats_one_at_most(lose: Callable[[Path], None], arena: Path) -> None:
    """Conformance 42, 43: a command that is lost with its machine runs again; none does whose end is in the journal."""
    for at in count():
        machine_ = machine(arena, at)
        died = machine_.drive(at)
        completed = machine_.completed
        machine_.go_down(lose)
        before = Counter(machine_.ran)
        assert not machine_.drive()
        machine_.check("completed", "in")
        again = Counter(machine_.ran) - before
        assert not again.keys() & set(completed), (at, again)
        assert sum(Counter(machine_.ran).values()) <= len(RAN) + 1, (at, machine_.ran)
        if not died:
            return


def cancel(arena: Path, make_disk: type[KilledDisk]) -> int:
    """Cancel a run whose driver was killed beside its command, and kill whoever hears of it; return how often."""
    for at in count():
        machine_ = machine(arena, at, make_disk)
        machine_.fetch = NOTED + "echo $$ >up; exec sleep 600"
        up = machine_.folder / "up"
        first = machine_.begin(1_000_000)
        until(lambda up=up: up.exists() and up.read_text())  # type: ignore[misc] # mypy takes no defaults of lambdas
        killed(first)
        letter = Letter(id="eve", run_id=RUN, kind="cancel", at=START)
        make_file_store(f"{machine_.folder}/{STATE}", Disk()).post(letter)
        died = machine_.drive(at)
        assert not machine_.drive()
        machine_.check("cancelled")
        assert machine_.ran == ["fetch"], at
        assert not Path(f"/proc/{up.read_text().strip()}").exists(), at
        if not died:
            return at
    raise AssertionError


@pytest.mark.slow
def test_no_kill_lets_a_command_live_on(arena: Path) -> None:
    """Conformance 30, 42: the command of a cancelled run is ended, and not begun again, whoever is killed meanwhile."""
    assert cancel(arena, KilledAtFrames) > 0


@pytest.mark.soak
def test_no_kill_at_all_lets_it(arena: Path) -> None:
    """The long form of what is above."""
    assert cancel(arena, KilledDisk) > 10
