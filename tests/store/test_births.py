"""How runs come to be, and pinned code with them: whole or not at all."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lrwf_cli.errors import CodeMissing, RunConflict, StateDirectoryError, StateFull, UsageError
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.held import FileHeld
from tests.store.store_builders import HOUR, NOW, FullDisk, WatchedDisk, append, fails, names, new_run, step, tree

DIGEST = "ab" * 32
FILES = {"tasks.py": b"x = 1\n", "pack/__init__.py": b"", "pack/deep/er.py": b"\xff\0"}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def disk() -> WatchedDisk:
    return WatchedDisk()


@pytest.fixture
def store(state: Path, disk: WatchedDisk) -> FileStore:
    store = FileStore.open(state, create=True, disk=disk)
    disk.calls.clear()
    return store


def steps(disk: WatchedDisk) -> list[str]:
    """Return what happened, without the lots that were drawn for temporary names."""
    return [
        call.split("~")[0] + ("/" + call.split("/")[-1] if "~" in call.split("/")[0] else "") for call in disk.calls
    ]


def test_the_wake_up_comes_first_and_the_name_last(store: FileStore, disk: WatchedDisk) -> None:
    """R2, I3: timer, then all of the run under a name that nobody looks at, then one rename, each step durable."""
    store.create(new_run())
    assert steps(disk) == [
        "touch now/train", "sync_folder timers/now", "mkdir runs/.new-train", "open_end .new-train/lock",
        "mkdir .new-train/blobs", "mkdir .new-train/checkpoints", "mkdir .new-train/log",
        "create .new-train/flow.yaml", "write .new-train/flow.yaml", "sync .new-train/flow.yaml",
        "close .new-train/flow.yaml",
        "create .new-train/wake", "write .new-train/wake", "close .new-train/wake",
        "create .new-train/journal.jsonl", "write .new-train/journal.jsonl", "sync .new-train/journal.jsonl",
        "close .new-train/journal.jsonl",
        "sync_folder runs/.new-train", "rename runs/train", "sync_folder state/runs", "open_end train/journal.jsonl",
    ]  # fmt: skip


def test_what_is_being_built_is_no_run(store: FileStore, disk: WatchedDisk) -> None:
    """Readers skip what is not published yet."""
    seen = []

    def look(name: str, path: str) -> None:
        if name == "rename" and path.endswith("runs/train"):
            other = FileStore(store.path)
            seen.append((other.run_ids(), other.due(NOW)))

    disk.before = look
    store.create(new_run())
    assert seen == [([], [])]


def test_the_second_of_two_starters_is_refused_and_leaves_nothing(
    store: FileStore, disk: WatchedDisk, state: Path
) -> None:
    """Two starters at the same moment: one run, one conflict; the wake-up of the winner stands."""
    winners: list[FileHeld] = []

    def start_too(name: str, path: str) -> None:
        if name == "rename" and path.endswith("runs/train") and not winners:
            winners.append(FileStore(state).create(new_run(value="winner")))

    disk.before = start_too
    with pytest.raises(RunConflict, match="`train`") as caught:
        store.create(new_run(value="loser"))
    assert caught.value.hint
    assert names(state / "runs") == ["train"]
    assert store.load("train").input == "winner"
    assert names(state / "timers/now") == ["train"]
    assert store.is_busy("train")
    append(winners[0], step(0))


def test_a_starter_that_fails_does_not_rob_another(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """A starter that gives up while another one builds a run of that id leaves the wake-up to it."""
    (state / "runs/.new-train~1-other").mkdir()
    disk.before = fails("write", "journal.jsonl")
    with pytest.raises(StateDirectoryError):
        store.create(new_run())
    assert names(state / "runs") == [".new-train~1-other"]
    assert names(state / "timers/now") == ["train"]


@pytest.mark.parametrize(
    "operation", ["mkdir", "create", "write", "sync", "sync_folder", "rename", "touch", "open_end"]
)
def test_a_birth_that_fails_leaves_nothing(store: FileStore, disk: WatchedDisk, state: Path, operation: str) -> None:
    """Whatever the disk refuses before the run is published, there is no run, no wake-up, and no lock."""
    before = tree(state)
    left = [True]

    def fail_once(name: str, path: str) -> None:
        if name == operation and left and ("train" in path or "now" in path):
            left.clear()
            raise OSError(5, "Input/output error", path)

    disk.before = fail_once
    with pytest.raises(StateDirectoryError):
        store.create(new_run())
    assert not left
    if operation != "sync_folder":  # of the timers' folder: then nobody can say whether the timer stands
        assert tree(state) == before
    store.create(new_run()).release()
    assert store.run_ids() == ["train"]


def test_a_birth_that_fails_at_the_very_end_is_found_by_a_tick(store: FileStore, disk: WatchedDisk) -> None:
    """When the last sync fails the run may be there or not: if it is, it is due, and nobody holds it."""
    disk.before = fails("sync_folder", "/runs")
    with pytest.raises(StateDirectoryError, match="durable"):
        store.create(new_run())
    assert [each.run_id for each in store.due(NOW)] == ["train"]
    assert not store.is_busy("train")
    assert store.hold("train").run.seq == 1


def test_a_wake_up_that_was_buried_meanwhile_is_put_back(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """I3: before the run is published its wake-up stands, also when a tick took an old one of that id away."""

    def bury(name: str, path: str) -> None:
        if name == "open_end" and path.endswith("/lock"):
            (state / "timers/now/train").unlink()

    disk.before = bury
    store.create(new_run()).release()
    assert [each.run_id for each in store.due(NOW)] == ["train"]


def test_what_was_half_built_may_vanish_meanwhile(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """Two ticks that clear up after the same starter do not stand in each other's way."""
    (state / "runs/.new-unborn~1-a").mkdir()
    (state / "timers/now/unborn").touch()

    def vanish(name: str, path: str) -> None:
        if name == "open_end" and "unborn" in path:
            (state / "runs/.new-unborn~1-a").rmdir()

    disk.before = vanish
    assert store.due(datetime.now(UTC) + 2 * HOUR) == []
    assert names(state / "timers/now") == []


def test_without_events_there_is_no_run(store: FileStore, state: Path) -> None:
    """A run begins with what happened first."""
    before = tree(state)
    new = new_run()
    with pytest.raises(ValueError, match="begins"):
        store.create(type(new)(run_id="train", definition="", events=(), at=NOW))
    assert tree(state) == before


# -- pinned code


def test_code_is_kept_as_plain_files(store: FileStore, state: Path) -> None:
    """Modules are there as they were, with a hash of each, under a name that appears when all are durable."""
    store.keep_code(DIGEST, FILES)
    assert store.code(DIGEST) == FILES
    found = tree(state / "code" / DIGEST)
    assert {
        path.removeprefix("files/"): data for path, data in found.items() if path in {f"files/{p}" for p in FILES}
    } == FILES
    assert found["manifest.json"].startswith(b'{"pack/__init__.py":"e3b0c442')


def test_code_is_durable_before_it_has_its_name(store: FileStore, disk: WatchedDisk) -> None:
    """R2 for code: every file and every folder is synced, then renamed, then the name."""
    store.keep_code(DIGEST, FILES)
    calls = [call.split()[0] for call in disk.calls]
    assert calls.count("sync") == 4
    assert calls[-6:] == ["sync_folder"] * 4 + ["rename", "sync_folder"]
    disk.calls.clear()
    store.keep_code(DIGEST, FILES)
    assert disk.calls == ["sync_folder state/code"]


@pytest.mark.parametrize("damage", ["changed", "missing", "no manifest", "garbled manifest", "leads out", "gone"])
def test_code_that_is_not_as_it_was_is_refused(store: FileStore, state: Path, damage: str) -> None:
    """Conformance 48, 50: code that was changed or lost is never run; keeping it again mends it."""
    store.keep_code(DIGEST, FILES)
    folder = state / "code" / DIGEST
    manifest = folder / "manifest.json"
    match damage:
        case "changed":
            (folder / "files/tasks.py").write_bytes(b"x = 2\n")
        case "missing":
            (folder / "files/pack/deep/er.py").unlink()
        case "no manifest":
            manifest.unlink()
        case "garbled manifest":
            manifest.write_bytes(b"[]")
        case "leads out":
            manifest.write_text(
                '{"../../../FORMAT": "4355a46b19d348dc2f57c046f8ef63d4538ebb936000f3c9ee954a27460dd865"}'
            )
        case _:
            folder.rename(state / "code/.gone")
    with pytest.raises(CodeMissing) as caught:
        store.code(DIGEST)
    assert caught.value.hint
    store.keep_code(DIGEST, FILES)
    assert store.code(DIGEST) == FILES


@pytest.mark.parametrize("path", ["../x.py", "/etc/x.py", "a//b.py", "a/./b.py", "", "a/..", "a\0b", "a\\b"])
def test_code_stays_below_its_folder(store: FileStore, state: Path, path: str) -> None:
    """T4: a path that leads elsewhere is refused before anything is written."""
    before = tree(state)
    with pytest.raises(UsageError, match="path"):
        store.keep_code(DIGEST, {path: b""})
    assert tree(state) == before


@pytest.mark.parametrize("digest", ["../x", "", "XY" * 32, "a" * 129, "abc"])
def test_a_digest_is_a_hash(store: FileStore, state: Path, digest: str) -> None:
    """T6: nothing but a hash names pinned code."""
    before = tree(state)
    with pytest.raises(ValueError, match="digest"):
        store.keep_code(digest, FILES)
    with pytest.raises(CodeMissing):
        store.code(digest)
    assert tree(state) == before


def test_the_second_of_two_who_pin_the_same_is_content(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """Two starters of the same version: one snapshot, and nothing half-built stays."""

    def keep_too(name: str, path: str) -> None:
        if name == "rename" and path.endswith(DIGEST):
            disk.before = None
            FileStore(state).keep_code(DIGEST, FILES)

    disk.before = keep_too
    store.keep_code(DIGEST, FILES)
    assert names(state / "code") == [DIGEST]
    assert store.code(DIGEST) == FILES


def test_half_built_code_goes_after_an_hour(store: FileStore, state: Path) -> None:
    """What was left by whoever was killed while pinning is removed when somebody pins again, an hour later."""
    old, young = state / "code/.new-aa~1-a", state / "code/.new-bb~1-b"
    for folder in (old, young):
        (folder / "files").mkdir(parents=True)
    an_hour_ago = young.stat().st_mtime - HOUR.total_seconds() - 60
    os.utime(old, (an_hour_ago, an_hour_ago))
    store.keep_code(DIGEST, FILES)
    assert names(state / "code") == [young.name, DIGEST]


@pytest.mark.parametrize("room", [0, 10, 200])
def test_a_full_disk_begins_nothing_and_says_so(state: Path, room: int) -> None:
    """R6: there is no run to go on with, so the remedy is to run it again; with room it begins."""
    disk = FullDisk()
    store = FileStore.open(state, create=True, disk=disk)
    disk.room = room
    with pytest.raises(StateFull, match="no room for run `train`") as caught:
        store.create(new_run())
    assert caught.value.hint == "make room, then run it again"
    assert store.run_ids() == []
    disk.room = None
    store.create(new_run()).release()
    assert store.run_ids() == ["train"]
