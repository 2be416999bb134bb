"""A state directory of format 1, as it was when that format was new: later versions read, check and continue it."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.apply import fold
from lrwf_cli.core.events import MailTaken
from lrwf_cli.core.person import Person
from lrwf_cli.core.view import status_view
from lrwf_cli.engine import steer
from lrwf_cli.store.base import Letter
from lrwf_cli.store.files import FileStore
from tests.crash.trees import look_at
from tests.golden.make import GOLDEN, engine_of
from tests.program import lrwf

FOLDERS = ("blobs", "checkpoints", "log")
STATUSES = {"crashed": "running", "finished": "completed", "paused": "paused", "waiting": "waiting"}
OUTPUT = {"last": {"number": 2, "weight": "3.00"}, "packed": [1, 2], "labels": ["Ada 1", "Ada 2"]}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a copy with what git does not keep: empty folders, and that nobody else may look at it."""
    copy = tmp_path / "state"
    shutil.copytree(GOLDEN, copy)
    for run in (copy / "runs").iterdir():
        for folder in FOLDERS:
            (run / folder).mkdir(exist_ok=True)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return copy


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at a day after all of it."""
    clock = ManualClock()
    clock.jump(timedelta(days=1))
    return clock


def go_on(store: FileStore, clock: ManualClock) -> None:
    """Tick every ten minutes until nothing is due for an hour."""
    for _ in range(6):
        for outcome in asyncio.run(engine_of(store, clock).tick([due.run_id for due in store.due(clock.now())])):
            assert outcome.error is None
        clock.jump(timedelta(minutes=10))


def outputs(store: FileStore, run_id: str) -> object:
    return status_view(store.load(run_id), lambda value: store.resolve(run_id, value))["outputs"]


def test_it_is_read_as_it_was_written(state: Path) -> None:
    """Conformance 45, I1, I5, I6: every line is in order; with and without checkpoints the runs are the same."""
    before = look_at(state)
    store = FileStore.open(str(state))
    runs = {run_id: store.load(run_id) for run_id in store.run_ids()}
    assert {run_id: run.status for run_id, run in runs.items()} == STATUSES
    assert outputs(store, "finished") == [OUTPUT]
    assert store.log_of("finished", "label") == "label 1\nlabel 2\n"
    assert runs["paused"].held_by == Person(uid=1000, user="ada", name="Ada")
    for run_id, run in runs.items():
        assert fold(None, store.frames(run_id)) == run
        assert "name: parcels" in store.definition(run_id)
    assert look_at(state) == before
    for checkpoint in state.glob("runs/*/checkpoints/*"):
        checkpoint.unlink()
    assert {run_id: FileStore.open(str(state)).load(run_id) for run_id in runs} == runs


def test_what_is_due_goes_on_with_the_code_it_began_with(state: Path, clock: ManualClock) -> None:
    """Conformance 16, 29, 42, 47, 49: a run that was cut off and one that waited come to what they would have."""
    store = FileStore.open(str(state), create=True)
    assert {each.run_id for each in store.due(clock.now())} == {"crashed", "waiting"}
    go_on(store, clock)
    assert [outputs(store, run_id) for run_id in ("crashed", "waiting")] == [[OUTPUT], [OUTPUT]]
    taken = [each.id for frame in store.frames("crashed") for each in frame.events if isinstance(each, MailTaken)]
    assert taken == ["2"]
    assert store.due(clock.now()) == []


def test_what_is_held_goes_on_when_it_is_let_go(state: Path, clock: ManualClock) -> None:
    """A paused run is resumed and ends."""
    store = FileStore.open(str(state), create=True)
    steer.send(store, clock, Letter(id="3", run_id="paused", kind="resume", at=clock.now()))
    go_on(store, clock)
    assert outputs(store, "paused") == [OUTPUT]


def test_a_finished_run_is_rewound_and_comes_to_the_same(state: Path, clock: ManualClock) -> None:
    """Conformance 51: its old frames are good enough to go back to."""
    store = FileStore.open(str(state), create=True)
    steer.rewind(store, clock, "finished", 4)
    assert asyncio.run(engine_of(store, clock).advance("finished")).epoch == 1
    assert outputs(store, "finished") == [OUTPUT]


@pytest.mark.slow
def test_the_command_line_shows_it(state: Path, tmp_path: Path) -> None:
    """What was written then is looked at with today's commands."""
    listed = lrwf("list", "--state-dir", str(state), home=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert sorted(line.split()[0] for line in listed.stdout.splitlines()[1:]) == sorted(STATUSES)
    for command in ("status", "history", "checkpoints"):
        for run_id in STATUSES:
            shown = lrwf(command, run_id, "--state-dir", str(state), home=tmp_path)
            assert (shown.returncode, shown.stderr) == (0, "")
