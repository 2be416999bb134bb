"""The lock of a run: one process has it, and it never outlives that process nor leaks into others."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lrwf_cli.errors import RunBusy, StateDirectoryError, UnknownRun
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.locks import is_taken, take
from tests.store.store_builders import names, new_run

HOLD = """
import sys, subprocess, os
from lrwf_cli.store.files import FileStore
held = FileStore.open(sys.argv[1]).hold("train")
def forked():
    begun, begins = os.pipe()
    if child := os.fork():
        os.read(begun, 1)  # what the child does at its very beginning has been done
        return child
    import signal
    os.write(begins, b".")
    signal.pause()
children = {"spawn": lambda: subprocess.Popen(["sleep", "60"], close_fds=False).pid, "fork": forked}
print(children[sys.argv[2]]() if len(sys.argv) > 2 else None, flush=True)
input()
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> FileStore:
    store = FileStore.open(state, create=True)
    store.create(new_run()).release()
    return store


@contextmanager
def holder(state: Path, *args: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", HOLD, str(state), *args]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, process.stdout.readline().strip()
        process.kill()


@pytest.mark.slow
def test_another_process_is_told_that_the_run_is_busy(store: FileStore, state: Path) -> None:
    """Conformance 46: the lock holds between processes, and looking does not disturb it."""
    with holder(state):
        assert store.is_busy("train")
        assert store.is_busy("train")
        with pytest.raises(RunBusy, match="`train`"):
            store.hold("train")
        assert store.load("train").seq == 1


@pytest.mark.slow
def test_a_killed_driver_holds_nothing(store: FileStore, state: Path) -> None:
    """The kernel lets go of the lock with the process, and the run is due at once."""
    with holder(state) as (process, _):
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not store.is_busy("train")
        assert [each.run_id for each in store.due(new_run().at)] == ["train"]
        store.hold("train").release()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["spawn", "fork"])
def test_no_child_keeps_the_lock(store: FileStore, state: Path, kind: str) -> None:
    """What a handler starts, and what a pool forks, does not hold the run when the driver dies."""
    with holder(state, kind) as (process, child):
        process.send_signal(signal.SIGKILL)
        process.wait()
        try:
            os.kill(int(child), 0)
            assert not store.is_busy("train")
            store.hold("train").release()
        finally:
            os.kill(int(child), signal.SIGKILL)


def test_the_lock_is_held_without_the_object(store: FileStore) -> None:
    """Losing the object does not let go: only `release` and the end of the process do."""
    store.hold("train")
    import gc

    gc.collect()
    assert store.is_busy("train")


def test_a_run_that_could_not_be_taken_up_is_let_go(store: FileStore, state: Path) -> None:
    """When taking a run up fails the lock is free again."""
    (state / "runs/train/journal.jsonl").unlink()
    for _ in range(2):
        with pytest.raises(StateDirectoryError, match="missing"):
            store.hold("train")
    assert not store.is_busy("train")


def test_looks_do_not_take_each_other_for_drivers(tmp_path: Path) -> None:
    """Two looks at the same moment both find the run free, and a driver outlasts a look."""
    path = str(tmp_path / "lock")
    assert not is_taken(path)
    lock = take(Disk(), path)
    assert lock
    assert is_taken(path)
    assert take(Disk(), path) is None
    lock.release()
    lock.release()
    assert not is_taken(path)


def test_the_lock_of_a_run_that_was_moved_away_is_none(tmp_path: Path) -> None:
    """Who wins the lock of a folder that another process has just moved away does not have the run."""
    (tmp_path / "run").mkdir()
    path = str(tmp_path / "run/lock")

    class Moving(Disk):
        def open_end(self, path: str) -> int:
            fd = super().open_end(path)
            if not (tmp_path / "moved").exists():
                (tmp_path / "run").rename(tmp_path / "moved")
                (tmp_path / "run").mkdir()
            return fd

    lock = take(Moving(), path)
    assert lock
    assert is_taken(path)
    assert not is_taken(str(tmp_path / "moved/lock"))
    lock.release()


def test_no_lock_is_made_for_a_run_that_is_gone(tmp_path: Path, state: Path) -> None:
    """Asking for a run that is not there makes no folder and no lock file."""

    class Removing(Disk):
        def open_end(self, path: str) -> int:
            (state / "runs/train").rename(tmp_path / "pruned")
            return super().open_end(path)

    FileStore.open(state, create=True).create(new_run()).release()
    with pytest.raises(UnknownRun):
        FileStore.open(state, disk=Removing()).hold("train")
    assert names(state / "runs") == []


def test_a_lock_that_is_no_file_is_refused(store: FileStore, state: Path) -> None:
    """T7: a pipe or a link in place of the lock is an error and hangs nobody."""
    lock = state / "runs/train/lock"
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(StateDirectoryError, match="lock"):
        store.hold("train")
    with pytest.raises(StateDirectoryError, match="lock"):
        store.is_busy("train")
