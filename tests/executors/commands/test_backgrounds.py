"""Background work as commands that nobody waits for: begun once, found again by anybody, ended with all of its own."""

import json
import os
import signal
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core.background import Background, Begin, Outcome
from lrwf_cli.executors.commands.backgrounds import CommandBackgrounds
from lrwf_cli.executors.commands.environment import Secret, Surroundings
from tests.executors.commands.commanding import is_running, until
from tests.executors.keeping import START


class Place:
    """A run's folder, and whoever sees to its background work: each `sees` is another process's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = ""
        (folder / "work").mkdir()

    def sees(self) -> CommandBackgrounds:
        return CommandBackgrounds(
            self._folder_of,
            lambda work: (b"ended\n", str(self.letter(work))),
            lambda _: Surroundings(folder=str(self.folder), secrets={"TOKEN": Secret(file="token")}),
            program=("sh", "-c", 'cat > called; echo \'{"value": [3], "exit_code": 0}\' > "$LRWF_OUTPUT"'),
            setup={"home": "/state", "run": "r"},
            facts={"LRWF_RUN_ID": "r"},
            grace=lambda _: timedelta(milliseconds=100),
            log=self._note,
        )

    def letter(self, work: Background) -> Path:
        """Return where the letter goes that says that a work has ended."""
        return self.folder / f"{work.id}~{work.begun}.json"

    def over(self, work: Background) -> Outcome:
        """Wait for the letter, then look."""
        until(self.letter(work).exists)
        outcome: Outcome | None = None

        def looked() -> bool:
            nonlocal outcome
            outcome = self.sees().look(work)
            return outcome is not None

        until(looked)
        assert outcome is not None
        return outcome

    def _folder_of(self, name: str, _: str) -> str:
        path = self.folder / "work" / name
        path.mkdir(exist_ok=True)
        return str(path)

    def _note(self, executor: str, text: str) -> None:
        self.log += f"{executor}: {text}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "token").write_text("geheim")
    return Place(tmp_path)


def asked(work: Any, **more: Any) -> Background:
    what = work if isinstance(work, dict) else {"shell": work}
    return Background("train", "a", "d", 1, Begin("", "1", what, "train"), START, **more)


def test_it_goes_on_by_itself_and_leaves_word(place: Place) -> None:
    """Conformance 53: it outlives who began it, its result is what a command's is, and a letter says that it ended."""
    work = asked("echo begun; echo '{\"auc\": 1}' > $LRWF_OUTPUT")
    assert place.sees().begin(work)
    assert place.over(work) == Outcome({"auc": 1}, exit_code=0)
    assert place.letter(work).read_bytes() == b"ended\n"
    assert "a: begun\n" in place.log


def test_it_is_begun_once(place: Place) -> None:
    """Issue 4: whoever begins it again, while it runs or after it has ended, finds it begun."""
    work = asked("echo once >> ran; sleep 0.1")
    pids = {place.sees().begin(work) for _ in range(3)}
    place.over(work)
    pids.add(place.sees().begin(work))
    assert len(pids) == 1
    assert (place.folder / "ran").read_text() == "once\n"


def test_another_beginning_is_another_command(place: Place) -> None:
    """What is begun anew after it was lost does not find what was left of the first time."""
    for begun in range(2):
        work = asked("echo again >> ran", begun=begun)
        place.sees().begin(work)
        place.over(work)
    assert (place.folder / "ran").read_text() == "again\n" * 2


@pytest.mark.parametrize(
    ("work", "code", "message"),
    [("echo no >&2; exit 3", 3, "`train` ended with exit code 3: no"), ("kill -9 $$", -9, "`train` ended by SIGKILL")],
)
def test_a_failure_is_an_outcome(place: Place, work: str, code: int, message: str) -> None:
    """Nothing is silent: the exit code, and the last line of what it said."""
    background = asked(work)
    place.sees().begin(background)
    outcome = place.over(background)
    assert outcome.error
    assert (outcome.exit_code, outcome.error.message, outcome.lost) == (code, message, False)


def test_who_looks_while_it_runs_is_told_so(place: Place) -> None:
    """Looking changes nothing."""
    work = asked("sleep 9")
    place.sees().begin(work)
    assert place.sees().look(work) is None
    assert place.sees().end(work).exit_code == -15


def test_it_is_ended_with_all_of_its_own(place: Place) -> None:
    """Conformance 54: nobody is orphaned, whoever ignores SIGTERM."""
    work = asked("trap '' TERM; setsid sh -c 'echo $$ >> pids; sleep 60' & echo $$ >> pids; sleep 60")
    place.sees().begin(work)
    pids = place.folder / "pids"
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    assert place.sees().end(work) == Outcome()
    assert not [pid for pid in pids.read_text().split() if is_running(pid)]


def test_what_looked_after_it_may_be_killed(place: Place) -> None:
    """Conformance 53: then nobody knows how it ended, and that is said."""
    work = asked("sleep 0.3")
    pid = place.sees().begin(work)
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    until(lambda: place.sees().look(work) is not None)
    outcome = place.sees().look(work)
    assert outcome
    assert outcome.lost
    assert not place.letter(work).exists()


def test_a_function_is_a_command_of_ours(place: Place) -> None:
    """It is told what to call, and says how that ended."""
    work = asked({"function": "tasks:crunch", "args": [1], "kwargs": {}})
    place.sees().begin(work)
    assert place.over(work) == Outcome([3], exit_code=0)
    told = json.loads((place.folder / "called").read_text())
    assert told == {"home": "/state", "run": "r", "function": "tasks:crunch", "args": [1], "kwargs": {}}


def test_what_it_sees(place: Place) -> None:
    """Its environment is short and known; secrets are masked wherever it prints them."""
    work = asked({"argv": ["sh", "-c", "echo $LRWF_RUN_ID $LRWF_BACKGROUND $COLOUR $TOKEN"], "env": {"COLOUR": "red"}})
    place.sees().begin(work)
    assert place.over(work).value == "r train red ***"


def test_what_cannot_be_begun_is_an_outcome(place: Place, tmp_path: Path) -> None:
    """A secret that is not there: whoever waits hears why."""
    (tmp_path / "token").unlink()
    begun = place.sees().begin(asked("true"))
    assert isinstance(begun, Outcome)
    assert begun.error
    assert begun.error.type == "SecretMissing"


def test_one_that_never_began_needs_no_end(place: Place) -> None:
    """A run that is cancelled before it came to that."""
    assert place.sees().end(asked("true")) == Outcome()
