"""Timers: names that say who is due, found without looking at those who wait."""

import errno
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.errors import StateDirectoryError
from lrwf_cli.store.base import RUN_ID
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.idle import anything_due, heartbeat, is_run_id, stamp
from lrwf_cli.store.timers import stamp_of
from tests.store.store_builders import HOUR, NOW, WatchedDisk, append, fails, letter, names, new_run, step, tree


@pytest.fixture
def disk() -> WatchedDisk:
    return WatchedDisk()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state: Path, disk: WatchedDisk) -> FileStore:
    return FileStore.open(state, create=True, disk=disk)


def timers(state: Path) -> list[str]:
    return sorted(
        name.removeprefix("timers/") for name in tree(state) if name.startswith("timers/") and name[-1] != "/"
    )


def due(store: FileStore, now: datetime = NOW) -> list[str]:
    return [each.run_id for each in store.due(now)]


def test_a_timer_is_an_empty_file_with_a_name(store: FileStore, state: Path) -> None:
    """The name is the index: hour folder, instant to the millisecond, run."""
    held = store.create(new_run("train-7h2k"))
    assert timers(state) == ["now/train-7h2k"]
    held.wake_at(NOW + timedelta(days=1, milliseconds=7))
    assert timers(state) == ["20261123T09/20261123T091500.007Z~train-7h2k"]
    assert (state / "timers" / timers(state)[0]).read_bytes() == b""


def test_the_new_timer_stands_before_the_old_ones_go(store: FileStore, disk: WatchedDisk) -> None:
    """I4: new timer, durable with its folder; then the old one; `now` last."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    append(held, step(0))
    disk.calls.clear()
    held.wake_at(NOW + 2 * HOUR)
    calls = [call for call in disk.calls if "train/" not in call]
    old, new = "20261122T10/20261122T101500.000Z~train", "20261122T11/20261122T111500.000Z~train"
    assert calls == [
        f"touch {new}", "mkdir timers/20261122T11", f"touch {new}",
        "sync_folder timers/20261122T11", "sync_folder state/timers",
        f"unlink {old}", "rmdir timers/20261122T10", "unlink now/train",
    ]  # fmt: skip


def test_a_wake_up_that_stands_is_not_written_again(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """When the same instant is set again nothing is written but the removal of `now`; it is synced all the same."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    held.release()
    held = store.hold("train")
    disk.calls.clear()
    held.wake_at(NOW + HOUR)
    assert disk.calls == ["sync_folder timers/20261122T10", "sync_folder state/timers", "unlink now/train"]
    assert timers(state) == ["20261122T10/20261122T101500.000Z~train"]


def test_taking_up_a_run_makes_it_due_before_anything_is_written(store: FileStore, disk: WatchedDisk) -> None:
    """I4: `timers/now` is durable before the first frame of a driver, also of one that goes on after `wake_at`."""
    store.create(new_run()).wake_at(NOW + HOUR)
    held = store.create(new_run("other"))
    held.wake_at(None)
    held.release()
    held = store.hold("other")
    assert disk.calls.index("touch now/other") < len(disk.calls)
    held.wake_at(None)
    disk.calls.clear()
    append(held, step(0), step(1))
    assert disk.calls[:3] == ["touch now/other", "sync_folder timers/now", "write other/journal.jsonl"]
    assert disk.calls.count("touch now/other") == 1


@pytest.mark.parametrize("content", [None, b"", b'["2026', b"{}", b'["../../../../x"]', b'["' + b"x" * 70000])
def test_the_note_is_only_a_cache(store: FileStore, state: Path, content: bytes | None) -> None:
    """I5: without the note of what stands, or with a torn one, the timers themselves are searched."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    held.release()
    note = state / "runs/train/wake"
    assert note.read_bytes() == b'["20261122T101500.000Z"]\n'
    note.unlink()
    if content is not None:
        note.write_bytes(content)
    store.create(new_run("other")).wake_at(NOW + HOUR)
    held = store.hold("train")
    held.wake_at(NOW + 3 * HOUR)
    other = [] if content == b'["../../../../x"]' else ["20261122T10/20261122T101500.000Z~other"]
    assert set(other) <= set(timers(state))
    assert "20261122T12/20261122T121500.000Z~train" in timers(state)
    assert ("20261122T10/20261122T101500.000Z~train" in timers(state)) == (content == b'["../../../../x"]')


def test_a_run_can_end_on_a_full_disk(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """Taking wake-ups away writes nothing, so that a full disk keeps no run from being done."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    held.release()
    held = store.hold("train")
    disk.before = fails("create", "", errno.ENOSPC, once=False)
    held.wake_at(None)
    assert timers(state) == []


def test_a_note_that_names_too_much_does_no_harm(store: FileStore, state: Path) -> None:
    """A driver that was killed between its note and the timers leaves a note of more than stands."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    held.release()
    (state / "runs/train/wake").write_text('["20261122T101500.000Z","20261122T201500.000Z"]')
    held = store.hold("train")
    held.wake_at(NOW + HOUR)
    assert timers(state) == ["20261122T10/20261122T101500.000Z~train"]


def test_a_timer_in_an_hour_that_is_just_being_removed(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """An hour folder that another process removes while a timer is on its way is made again."""
    seen: list[str] = []

    def remove_once(name: str, path: str) -> None:
        if name == "touch" and "T10/" in path and len(seen) < 3:
            seen.append(path)
            hour = state / "timers/20261122T10"
            if hour.exists():
                hour.rmdir()

    disk.before = remove_once
    store.create(new_run()).wake_at(NOW + HOUR)
    assert len(seen) == 3
    assert timers(state) == ["20261122T10/20261122T101500.000Z~train"]


def test_an_hour_that_is_removed_for_ever_is_an_error(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """Making the folder again has an end: then the driver is told, and the run is due as before."""

    def remove(name: str, path: str) -> None:
        hour = state / "timers/20261122T10"
        if name == "touch" and "T10/" in path and hour.exists():
            hour.rmdir()

    disk.before = remove
    held = store.create(new_run())
    with pytest.raises(StateDirectoryError, match="T10"):
        held.wake_at(NOW + HOUR)
    assert due(store) == ["train"]


def test_a_timer_that_no_note_knows_of_goes_when_it_has_come_due(store: FileStore, state: Path) -> None:
    """A power loss may bring an old note back: what it does not name wakes the run once, and not for ever."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    held.release()
    (state / "runs/train/wake").write_text("[]")
    assert due(store, NOW + 2 * HOUR) == ["train"]
    held = store.hold("train")
    held.wake_at(NOW + 5 * HOUR)
    held.release()
    assert timers(state) == ["20261122T14/20261122T141500.000Z~train"]


def test_empty_hours_of_the_past_are_removed(store: FileStore, state: Path) -> None:
    """Looking removes the hour folders that are past and empty, and no others."""
    for hour in ("20261122T07", "20261122T08", "20261122T09", "20261122T10"):
        (state / "timers" / hour).mkdir()
    (state / "timers/20261122T08/.tmp-x").touch()
    assert due(store) == []
    assert names(state / "timers") == ["20261122T08", "20261122T09", "20261122T10", "now"]


def test_looking_works_where_nothing_can_be_written(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """On a read-only disk what is due is found all the same, and nothing is cleaned up."""
    store.create(new_run()).release()
    (state / "timers/20261122T07").mkdir()
    (state / "timers/now/gone").touch()
    disk.before = lambda name, path: (_ for _ in ()).throw(OSError(30, "Read-only file system", path))
    assert due(store, NOW + 10000 * HOUR) == ["train"]
    assert (state / "timers/20261122T07").exists()


def test_only_what_is_due_is_looked_at(store: FileStore, state: Path) -> None:
    """Conformance 58: later hours are not even listed, so that waiting runs cost nothing."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    held.release()
    later = state / "timers/20261122T10"
    later.rename(later.with_name("20261122T23"))
    (state / "timers/20261122T23").chmod(0)
    (state / "timers/20261122T24").write_text("not even a folder")
    assert due(store) == []
    assert not anything_due(str(state), NOW.timestamp())


@pytest.mark.parametrize(
    "name",
    [
        "20261122T08/20261122T081500.000Z~..x",
        "20261122T08/20261122T081500.000Z~A",
        "20261122T08/20261122T081500.000Z",
        "20261122T08/2026-11-22T08:15~train",
        "20261122T08/2026112T0081500.000Z~train",
        "20261122T08/.tmp-1",
        "20261122T0x/20261122T081500.000Z~train",
        "2026/20261122T081500.000Z~train",
        "now/..train",
        "now/TRAIN",
    ],
)
def test_names_that_are_none_are_skipped(store: FileStore, state: Path, name: str) -> None:
    """T6: what is not a timer's name wakes nobody, and the idle path and the store agree on it."""
    held = store.create(new_run())
    held.wake_at(None)
    path = state / "timers" / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    assert due(store) == []
    assert not anything_due(str(state), NOW.timestamp())
    assert path.exists()


def test_an_instant_that_no_calendar_has_is_due(store: FileStore, state: Path) -> None:
    """A timer for 30 February is taken for due, so that it is found and not kept for ever."""
    store.create(new_run()).wake_at(None)
    (state / "timers/20260230T08").mkdir()
    (state / "timers/20260230T08/20260230T081500.000Z~train").touch()
    assert [(each.run_id, each.at) for each in store.due(NOW)] == [("train", NOW)]
    assert anything_due(str(state), NOW.timestamp())


def test_a_wake_up_without_a_run_is_left_alone_for_an_hour(store: FileStore, state: Path) -> None:
    """A starter may be between its timer and its run; after an hour it is not, and the timer goes."""
    now = state / "timers/now/unborn"
    now.touch()
    born = datetime.fromtimestamp(now.stat().st_mtime, UTC)
    assert due(store, born + timedelta(minutes=59)) == []
    assert now.exists()
    assert due(store, born + timedelta(minutes=61)) == []
    assert not now.exists()


def test_what_was_half_built_goes_with_its_wake_up(store: FileStore, state: Path) -> None:
    """What a starter left that was killed goes after an hour; what belongs to one that is alive does not."""
    store.create(new_run("train")).release()
    half = state / "runs/.new-unborn~123-abc"
    (half / "blobs").mkdir(parents=True)
    (half / "lock").touch()
    other = state / "runs/.new-unborn-2~123-abc"
    other.mkdir()
    (state / "timers/now/unborn").touch()
    lock = subprocess.Popen(
        [sys.executable, "-c", f"import fcntl; f = open('{half}/lock'); fcntl.flock(f, 2); print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with lock:
        assert lock.stdout
        lock.stdout.readline()
        later = datetime.now(UTC) + 2 * HOUR
        assert due(store, later) == ["train"]
        assert half.exists()
        assert (state / "timers/now/unborn").exists()
        lock.kill()
    assert due(store, later) == ["train"]
    assert names(state / "runs") == [other.name, "train"]
    assert timers(state) == ["now/train"]


def test_a_run_that_begins_meanwhile_keeps_its_wake_up(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """Somebody who starts a run at the moment when an old wake-up of that id is buried is not robbed of it."""
    now = state / "timers/now/unborn"
    now.touch()

    def start(name: str, path: str) -> None:
        if name == "unlink" and path == str(now):
            (state / "runs/unborn").mkdir()

    disk.before = start
    due(store, datetime.now(UTC) + 2 * HOUR)
    assert now.exists()


def test_a_failed_wake_up_leaves_the_run_due(store: FileStore, disk: WatchedDisk, state: Path) -> None:
    """If the new timer cannot be made durable `now` stays, and this hand changes nothing more."""
    held = store.create(new_run())
    disk.before = fails("sync_folder", "T10")
    with pytest.raises(StateDirectoryError, match="durable"):
        held.wake_at(NOW + HOUR)
    with pytest.raises(StateDirectoryError, match="durable"):
        held.wake_at(NOW + HOUR)
    assert "now/train" in timers(state)
    assert due(store) == ["train"]


# -- the idle path

instants = st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001  (hypothesis adds the zone)
    lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)
)


@given(at=instants, other=instants)
def test_stamps_sort_as_time_does(at: datetime, other: datetime) -> None:
    """The name of an instant is exact to the millisecond, and names sort as instants do."""
    assert (stamp_of(at) < stamp_of(other)) == (at < other)
    assert datetime.fromisoformat(stamp_of(at)) == at
    assert stamp(at.timestamp()) == stamp_of(at)


@given(text=st.text("aA0-_.~\n é", max_size=4) | st.just("a" * 64) | st.just("a" * 65))
def test_an_id_is_recognised_without_a_regular_expression(text: str) -> None:
    """The idle path takes the same names for runs as the contract's pattern."""
    import re

    assert is_run_id(text) == bool(re.fullmatch(RUN_ID, text))


@pytest.mark.parametrize("offset_ms", [-HOUR // timedelta(milliseconds=1), -1, 0, 1, 10**6])
@pytest.mark.parametrize("what", ["nothing", "timer", "letter", "driven", "current hour"])
def test_the_idle_path_agrees_with_the_store(store: FileStore, state: Path, what: str, offset_ms: int) -> None:
    """Conformance 58: whether anything is due is found without the store, and is always the same answer."""
    held = store.create(new_run())
    held.wake_at({"timer": NOW, "current hour": NOW + timedelta(minutes=44)}.get(what))
    if what == "letter":
        store.post(letter())
    if what == "driven":
        append(held, step(0))
    now = NOW + timedelta(milliseconds=offset_ms)
    assert anything_due(str(state), now.timestamp()) == bool(store.due(now))


def test_no_state_directory_is_nothing_to_do(tmp_path: Path) -> None:
    """Where no run was ever started a tick finds nothing and makes nothing."""
    assert not anything_due(str(tmp_path / "none"), NOW.timestamp())
    heartbeat(str(tmp_path / "none"))
    assert names(tmp_path) == []


def test_what_needs_a_closer_look_counts_as_due(tmp_path: Path, state: Path, store: FileStore) -> None:
    """A state directory that is not safe, or none, is left to the full checks, which say what is wrong."""
    state.chmod(0o770)
    assert anything_due(str(state), NOW.timestamp())
    state.chmod(0o700)
    assert not anything_due(str(state), NOW.timestamp())
    (tmp_path / "file").touch()
    assert anything_due(str(tmp_path / "file"), NOW.timestamp())
    (state / "mail").rmdir()
    (state / "mail").touch()
    assert anything_due(str(state), NOW.timestamp())


def test_a_folder_that_is_no_state_directory_gets_no_heartbeat(tmp_path: Path) -> None:
    """A tick that was given a wrong `--state-dir` leaves nothing there."""
    (tmp_path / "letters").touch()
    heartbeat(str(tmp_path))
    assert names(tmp_path) == ["letters"]


def test_the_heartbeat_is_all_that_an_idle_tick_touches(store: FileStore, state: Path) -> None:
    """The heartbeat says when a tick was here last; its file is private and never followed elsewhere."""
    heartbeat(str(state))
    beat = state / "heartbeat"
    assert beat.stat().st_mode & 0o777 == 0o600
    os.utime(beat, (0, 0))
    heartbeat(str(state))
    assert beat.stat().st_mtime > 0
    beat.unlink()
    beat.symlink_to("FORMAT")
    os.utime(state / "FORMAT", (0, 0))
    heartbeat(str(state))
    assert (state / "FORMAT").stat().st_mtime == 0


def test_the_idle_path_imports_next_to_nothing(state: Path) -> None:
    """A tick with nothing to do, every minute for years, loads only what Python has loaded anyway."""
    code = (
        "import sys, os, time; before = set(sys.modules); import lrwf_cli.store.idle as idle;"
        "print(idle.anything_due(sys.argv[1], 0.0), sorted(set(sys.modules) - before))"
    )
    found = subprocess.run([sys.executable, "-I", "-c", code, str(state)], capture_output=True, text=True, check=True)
    assert found.stdout == "False ['lrwf_cli', 'lrwf_cli.store', 'lrwf_cli.store.idle']\n"
