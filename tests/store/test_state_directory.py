"""The state directory: made private and durable, and refused when it is not safe, not ours or not one."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lrwf_cli.errors import (
    LrwfError,
    StateDirectoryError,
    StateFull,
    StateNewer,
    StateNotOurs,
    StateUnwritable,
    UnknownRun,
)
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.files import FileStore
from tests.store.store_builders import FullDisk, WatchedDisk, append, fails, letter, names, new_run, step, tree


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "a/b/state"


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def modes(state: Path) -> set[tuple[bool, int]]:
    found = [state, *(state / name for name in tree(state))]
    return {(path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in found}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077, 0o777])
def test_all_that_is_made_is_private(state: Path, mask: int) -> None:
    """T7: folders are 0700 and files 0600 whatever the umask is, in the whole life of a run."""
    state.parent.mkdir(parents=True)
    with umask(mask):
        store = FileStore.open(state, create=True)
        held = store.create(new_run(value="x" * 70000, code_digest="ab" * 32, code={"a/b.py": b""}))
        append(held, step(0))
        held.log("work", "text")
        held.checkpoint(store.load("train"))
        held.wake_at(letter().at)
        held.release()
        store.post(letter())
    assert modes(state) == {(True, 0o700), (False, 0o600)}


def test_a_new_state_directory(state: Path) -> None:
    """What is made is what the docs say, its parents too, and a second opening changes nothing."""
    FileStore.open(state, create=True)
    assert tree(state) == {
        "FORMAT": b"1\n",
        "timers/": b"",
        "timers/now/": b"",
        "mail/": b"",
        "code/": b"",
        "runs/": b"",
    }
    disk = WatchedDisk()
    FileStore.open(state, create=True, disk=disk)
    assert disk.calls == []


def test_a_new_state_directory_is_durable(state: Path) -> None:
    """The parent of every folder that is made is synced, and the format is stated last."""
    disk = WatchedDisk()
    FileStore.open(state, create=True, disk=disk)
    made = [call.split("/")[-1] for call in disk.calls if call.startswith("mkdir")]
    assert made == ["a", "b", "state", "timers", "now", "mail", "code", "runs"]
    for index, call in enumerate(disk.calls):
        if call.startswith("mkdir "):
            assert disk.calls[index + 1].startswith("sync_folder ")
            assert disk.calls[index + 1].endswith(f"/{call.split()[1].split('/')[0]}")
    assert disk.calls[-2:] == ["rename state/FORMAT", "sync_folder b/state"]


def test_a_half_made_state_directory_is_completed(state: Path) -> None:
    """Whoever was killed while making it left no format: the next one syncs all of it and states it."""
    disk = WatchedDisk(fails("rename", "FORMAT"))
    with pytest.raises(StateDirectoryError):
        FileStore.open(state, create=True, disk=disk)
    assert FileStore.open(state).run_ids() == []
    disk.calls.clear()
    FileStore.open(state, create=True, disk=disk)
    assert disk.calls[:3] == ["sync_folder a/b", "sync_folder b/state", "sync_folder state/timers"]
    assert (state / "FORMAT").read_text() == "1\n"


def test_reading_makes_nothing(tmp_path: Path, state: Path) -> None:
    """Looking where no run ever was finds no run, and creates no directory."""
    store = FileStore.open(state)
    assert store.run_ids() == []
    assert store.due(letter().at) == []
    with pytest.raises(UnknownRun):
        store.load("train")
    with pytest.raises(UnknownRun):
        store.hold("train")
    assert names(tmp_path) == []


def test_a_relative_path_means_the_same_wherever_one_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state directory is where it was when it was named."""
    monkeypatch.chdir(tmp_path)
    store = FileStore.open("state", create=True)
    monkeypatch.chdir("/")
    store.create(new_run()).release()
    assert store.path == str(tmp_path / "state")
    assert (tmp_path / "state/runs/train").is_dir()


def refuse(state: Path, kind: type[LrwfError], said: str, *, create: bool) -> None:
    before = tree(state)
    with pytest.raises(kind, match=said) as caught:
        FileStore.open(state, create=create)
    assert caught.value.hint
    assert str(state) in caught.value.message
    assert tree(state) == before


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("name", ["", "runs", "timers", "timers/now", "mail", "code"])
def test_a_directory_that_others_may_write_is_refused(state: Path, name: str, create: bool) -> None:  # noqa: FBT001  (pytest gives it)
    """T7: who can write to the state directory, or to a folder in it, could have runs do what they like."""
    FileStore.open(state, create=True)
    for mode in (0o770, 0o707, 0o777):
        (state / name).chmod(mode)
        refuse(state, StateNotOurs, "others than its owner", create=create)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of others")
@pytest.mark.parametrize("create", [False, True])
def test_a_directory_of_somebody_else_is_refused(state: Path, create: bool) -> None:  # noqa: FBT001  (pytest gives it)
    """T7: root does not work in a user's state directory, nor a user in another's."""
    FileStore.open(state, create=True)
    os.chown(state, 12345, 12345)
    refuse(state, StateNotOurs, "uid 12345", create=create)


@pytest.mark.parametrize("create", [False, True])
def test_a_newer_format_is_refused(state: Path, create: bool) -> None:  # noqa: FBT001  (pytest gives it)
    """What a newer version wrote is neither read nor changed."""
    FileStore.open(state, create=True)
    (state / "FORMAT").write_text("2\n")
    refuse(state, StateNewer, "format 2", create=create)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("content", ["", "x", "0", "-1", "1.0", "1\n2", "\x1b[2J", "9" * 60, "1" * 5000])
def test_a_garbled_format_is_refused(state: Path, content: str, create: bool) -> None:  # noqa: FBT001  (pytest gives it)
    """A format that is not a number is damage."""
    FileStore.open(state, create=True)
    (state / "FORMAT").write_text(content)
    refuse(state, StateDirectoryError, "FORMAT", create=create)


@pytest.mark.parametrize("create", [False, True])
def test_another_directory_is_refused(state: Path, create: bool) -> None:  # noqa: FBT001  (pytest gives it)
    """A directory that has other things in it, such as somebody's home, is not made a state directory."""
    state.mkdir(parents=True)
    (state / ".bashrc").touch()
    refuse(state, StateDirectoryError, "not a state directory, for it has `.bashrc`", create=create)


@pytest.mark.parametrize("create", [False, True])
def test_a_file_is_refused(tmp_path: Path, create: bool) -> None:  # noqa: FBT001  (pytest gives it)
    """A file where the state directory should be is refused, and stays."""
    path = tmp_path / "state"
    path.write_text("mine")
    with pytest.raises(StateDirectoryError, match="state`"):
        FileStore.open(path, create=create)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("name", ["runs", "timers", "mail", "code", "FORMAT"])
def test_links_inside_are_refused(tmp_path: Path, state: Path, name: str, create: bool) -> None:  # noqa: FBT001  (pytest gives it)
    """T7: nothing in a state directory is followed elsewhere."""
    FileStore.open(state, create=True)
    elsewhere = tmp_path / "elsewhere"
    (state / name).rename(elsewhere)
    (state / name).symlink_to(elsewhere)
    with pytest.raises(StateDirectoryError, match=name):
        FileStore.open(state, create=create)


def test_the_directory_itself_may_be_a_link(tmp_path: Path, state: Path) -> None:
    """Who keeps their state on another disk, behind a link of their own, may do so."""
    FileStore.open(state, create=True)
    (tmp_path / "link").symlink_to(state)
    FileStore.open(tmp_path / "link", create=True).create(new_run()).release()
    assert FileStore.open(state).run_ids() == ["train"]


@pytest.mark.parametrize("name", ["journal.jsonl", "lock", "flow.yaml"])
def test_links_in_a_run_are_refused(tmp_path: Path, state: Path, name: str) -> None:
    """T7: a planted link in a run's folder leads to an error, and what it points to is unchanged."""
    store = FileStore.open(state, create=True)
    store.create(new_run()).release()
    target = tmp_path / "target"
    path = state / "runs/train" / name
    path.rename(target)
    path.symlink_to(target)
    before = target.read_bytes()
    with pytest.raises(StateDirectoryError, match=name):
        (store.definition if name == "flow.yaml" else store.hold)("train")
    assert target.read_bytes() == before


def test_a_run_that_is_a_link_is_no_run(tmp_path: Path, state: Path) -> None:
    """T7: a link in place of a run's folder is not followed."""
    store = FileStore.open(state, create=True)
    store.create(new_run()).release()
    (state / "runs/train").rename(tmp_path / "moved")
    (state / "runs/train").symlink_to(tmp_path / "moved")
    for call in (store.hold, store.load, store.frames, store.is_busy):
        with pytest.raises(UnknownRun):
            call("train")


class ReadOnlyDisk(Disk):
    """Refuses every change, as a disk that was mounted read-only."""

    def __getattribute__(self, name: str) -> object:
        if name in ("create", "open_end", "touch", "mkdir", "write", "rename", "link", "unlink", "rmdir", "truncate"):
            raise OSError(30, "Read-only file system", "/state")
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("disk", [ReadOnlyDisk(), FullDisk(room=0)])
def test_reading_works_where_nothing_can_be_written(state: Path, disk: Disk) -> None:
    """A full or read-only disk keeps nobody from looking."""
    store = FileStore.open(state, create=True)
    held = store.create(new_run(value="x" * 70000))
    append(held, step(0))
    held.release()
    store = FileStore.open(state, disk=disk)
    assert store.run_ids() == ["train"]
    run = store.load("train")
    assert store.resolve("train", run.input) == "x" * 70000
    assert len(list(store.frames("train"))) == 2
    assert store.definition("train") == "name: w\n"
    assert not store.is_busy("train")
    assert [each.run_id for each in store.due(letter().at)] == ["train"]


def test_writing_to_a_read_only_directory_is_refused(state: Path) -> None:
    """Where nothing can be written the error says so and what to do, and nothing was begun."""
    FileStore.open(state, create=True).create(new_run()).release()
    store = FileStore.open(state, disk=ReadOnlyDisk())
    calls = (lambda: store.hold("train"), lambda: store.create(new_run("b")), lambda: store.post(letter()))
    for call in calls:
        with pytest.raises(StateUnwritable, match="`/state`") as caught:
            call()
        assert caught.value.hint
    assert not store.is_busy("train")


@pytest.mark.parametrize("room", [0, 1, 100, 300, 600])
def test_a_full_disk_refuses_a_new_run_and_keeps_nothing(state: Path, room: int) -> None:
    """A run that has no room is not there at all: no folder, no wake-up, no lock; with room it can be started."""
    disk = FullDisk()
    store = FileStore.open(state, create=True, disk=disk)
    before = tree(state)
    disk.room = room
    with pytest.raises(StateFull) as caught:
        store.create(new_run(code_digest=None, value="x" * 500))
    assert caught.value.hint
    assert tree(state) == before
    disk.room = None
    store.create(new_run())
    assert store.run_ids() == ["train"]


@pytest.mark.parametrize("create", [False, True])
def test_what_is_no_directory_is_refused_by_name(tmp_path: Path, *, create: bool) -> None:
    """A file, or a symlink to nowhere, is not taken for a place without runs, nor for a broken disk."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for name, message in (("file", "not a directory"), ("link", "a symlink to nowhere")):
        with pytest.raises(StateDirectoryError, match=message) as caught:
            FileStore.open(tmp_path / name, create=create)
        assert caught.value.hint
    assert names(tmp_path) == ["file", "link"]
