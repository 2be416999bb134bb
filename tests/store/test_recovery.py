"""Taking up what another process left: repaired, durable, and never believed more than it deserves."""

import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrwf_cli.core.apply import fold
from lrwf_cli.core.run import Run
from lrwf_cli.errors import JournalCorrupt, StateDirectoryError, StateFull
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.journal import seal
from tests.store.store_builders import (
    BIG,
    HOUR,
    NOW,
    FullDisk,
    WatchedDisk,
    append,
    fails,
    names,
    new_run,
    remark,
    step,
    tree,
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run(state: Path) -> Path:
    """Return the folder of a run of five frames that nobody holds."""
    store = FileStore.open(state, create=True)
    held = store.create(new_run())
    append(held, *(step(number) for number in range(4)))
    held.release()
    return state / "runs/train"


def journal_of(run: Path) -> bytes:
    return (run / "journal.jsonl").read_bytes()


def let_go(state: Path) -> None:
    """Have the run look as after a `wake_at` that needed no timer: nobody has died with it in hand."""
    (state / "timers/now/train").unlink()


def cache(state: Path, seq: int) -> None:
    """Cache the fold of a run of `seq` frames."""
    store = FileStore.open(state)
    held = store.hold("train")
    while held.run.seq < seq:
        append(held, remark("more"))
        held.run = store.load("train")
    held.checkpoint(held.run)
    held.release()


# -- the tail


@pytest.mark.parametrize("torn", [b"0", b"00000000 {}", bytes(5000), b"junk\nmore junk\n", bytes(5000) + b"\n"])
def test_a_torn_tail_is_put_aside_and_cut_off(state: Path, run: Path, torn: bytes) -> None:
    """R3: what was never acknowledged is kept for whoever wants to look, and the run goes on behind the last frame."""
    whole = journal_of(run)
    (run / "journal.jsonl").write_bytes(whole + torn)
    store = FileStore.open(state)
    assert store.load("train").seq == 5
    assert journal_of(run) == whole + torn
    held = store.hold("train")
    assert held.run.seq == 5
    assert journal_of(run) == whole
    assert (run / "journal.torn-5").read_bytes() == torn
    assert held.append(step(4), NOW).seq == 6
    assert fold(None, store.frames("train")) == store.load("train")


def test_a_tail_is_kept_before_it_is_cut_off(state: Path, run: Path) -> None:
    """The tail is durable beside the journal before the journal is written without it, and that before any append."""
    (run / "journal.jsonl").write_bytes(journal_of(run) + b"torn")
    disk = WatchedDisk()
    append(FileStore(state, disk).hold("train"), step(4))
    calls = [call for call in disk.calls if "train/journal" in call]
    assert calls.index("rename train/journal.torn-5") < calls.index("rename train/journal.jsonl")
    assert calls[-3:] == [
        "open_end train/journal.jsonl", "write train/journal.jsonl", "sync_data train/journal.jsonl"
    ]  # fmt: skip


def test_a_tail_of_a_run_that_was_let_go_is_cut_off_in_place(state: Path, run: Path) -> None:
    """The same where nobody died: the cut is durable before anything is appended."""
    let_go(state)
    (run / "journal.jsonl").write_bytes(journal_of(run) + b"torn")
    disk = WatchedDisk()
    append(FileStore(state, disk).hold("train"), step(4))
    calls = [call for call in disk.calls if "train/" in call]
    assert calls.index("rename train/journal.torn-5") < calls.index("truncate train/journal.jsonl")
    rest = calls[calls.index("truncate train/journal.jsonl") :]
    assert rest[:2] == ["truncate train/journal.jsonl", "sync train/journal.jsonl"]
    assert rest.count("write train/journal.jsonl") == 1


@pytest.mark.slow
@given(end=st.integers(0, 5000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journal_cut_anywhere_is_taken_up(state: Path, run: Path, end: int) -> None:
    """Conformance 43: wherever a write was cut off, the run is what its whole frames say, or there is none."""
    whole = journal_of(run)
    (run / "wake").unlink(missing_ok=True)
    (run / "journal.jsonl").write_bytes(whole[:end])
    frames = whole[:end].count(b"\n")
    store = FileStore.open(state)
    try:
        if frames == 0:
            with pytest.raises(JournalCorrupt):
                store.hold("train")
        else:
            held = store.hold("train")
            assert held.run.seq == frames
            assert held.append(remark("next"), NOW).seq == frames + 1
            held.release()
            assert store.load("train").seq == frames + 1
    finally:
        (run / "journal.jsonl").write_bytes(whole)


# -- damage


def test_damage_changes_nothing(state: Path, run: Path) -> None:
    """Conformance 45: a damaged journal stops the run, with path and line; not a byte is changed, nor its wake-ups."""
    held = FileStore.open(state).hold("train")
    held.wake_at(NOW + HOUR)
    held.release()
    damaged = bytearray(journal_of(run))
    damaged[len(damaged) // 2] ^= 1
    (run / "journal.jsonl").write_bytes(damaged)
    before = tree(state)
    store = FileStore.open(state)
    for look in (store.hold, store.load, lambda run_id: list(store.frames(run_id))):
        with pytest.raises(JournalCorrupt, match=rf"{run}/journal.jsonl:3: "):
            look("train")
    assert tree(state) == before


def test_a_damaged_run_stops_no_other(state: Path, run: Path) -> None:
    """Conformance 59: other runs of the same state directory are found, held and driven as ever."""
    (run / "journal.jsonl").write_bytes(b"junk")
    store = FileStore.open(state)
    store.create(new_run("other")).release()
    assert store.run_ids() == ["other", "train"]
    assert [each.run_id for each in store.due(NOW)] == ["other", "train"]
    append(store.hold("other"), step(0))


@pytest.mark.parametrize("name", ["journal.jsonl", "."])
def test_a_journal_that_cannot_be_read_is_no_empty_one(state: Path, run: Path, name: str) -> None:
    """A missing journal, or a folder in its place, is an error that names it."""
    (run / "journal.jsonl").unlink()
    if name == ".":
        (run / "journal.jsonl").mkdir()
    for look in (FileStore.open(state).hold, FileStore.open(state).load):
        with pytest.raises(StateDirectoryError, match=r"journal\.jsonl"):
            look("train")


def test_two_journals_that_were_swapped_are_seen(state: Path, run: Path) -> None:
    """T17: the chain begins with the run's id, so a journal belongs to one run."""
    FileStore.open(state).create(new_run("other")).release()
    other = state / "runs/other/journal.jsonl"
    mine, others = journal_of(run), other.read_bytes()
    (run / "journal.jsonl").write_bytes(others)
    other.write_bytes(mine)
    for run_id in ("train", "other"):
        with pytest.raises(JournalCorrupt, match="another run's"):
            FileStore.open(state).load(run_id)


def test_frames_that_cannot_have_happened_stop_only_their_run(state: Path, run: Path) -> None:
    """Conformance 59: a whole frame that no run can have is told with its place; it is our mistake, not the disk's."""
    append(FileStore.open(state).hold("train"), step(0))
    with pytest.raises(JournalCorrupt, match=":6: the frame does not go with those before it") as caught:
        FileStore.open(state).load("train")
    assert caught.value.__cause__ is not None


# -- checkpoints


def test_a_checkpoint_saves_reading_what_was_before_it(state: Path, run: Path) -> None:
    """Reading costs what came since the newest checkpoint; the whole journal is checked when it is asked for."""
    cache(state, 5)
    append(FileStore.open(state).hold("train"), step(4))
    damaged = bytearray(journal_of(run))
    damaged[20] ^= 1
    (run / "journal.jsonl").write_bytes(damaged)
    store = FileStore.open(state)
    assert store.load("train").seq == 6
    with pytest.raises(JournalCorrupt, match=":1:"):
        list(store.frames("train"))


def test_two_checkpoints_stay(state: Path, run: Path) -> None:
    """Conformance 52: of the checkpoints the newest stays, and one to fall back on."""
    for seq in (5, 6, 9, 12):
        cache(state, seq)
    assert names(run / "checkpoints") == ["12.json", "9.json"]


def garble(data: bytes) -> dict[str, bytes]:
    return {
        "empty": b"",
        "zeros": bytes(len(data)),
        "half": data[: len(data) // 2],
        "flipped": data[:50] + bytes([data[50] ^ 1]) + data[51:],
        "text": b"hello\n",
        "sealed": seal(b" {}\n"),
        "no line": seal(data[8:].replace(b'"length":', b'"length":9')),
        "other line": seal(data[8:].replace(b'"length":', b'"longer":')),
    }


@pytest.mark.parametrize("kind", [*garble(bytes(60)), "renamed", "other run", "pipe", "gone"])
def test_a_checkpoint_that_is_not_right_is_passed_over(state: Path, run: Path, kind: str) -> None:
    """I5: a checkpoint that is torn, garbled, misplaced or gone is as none: an older one or the journal serves."""
    cache(state, 5)
    cache(state, 7)
    wanted = FileStore.open(state).load("train")
    newest = run / "checkpoints/7.json"
    data = newest.read_bytes()
    newest.unlink()
    if kind == "renamed":
        (run / "checkpoints/6.json").write_bytes(data)
    elif kind == "other run":
        FileStore.open(state).create(new_run("other")).release()
        other = FileStore.open(state).hold("other")
        append(other, *(remark(str(n)) for n in range(6)))
        other.checkpoint(FileStore.open(state).load("other"))
        newest.write_bytes((state / "runs/other/checkpoints/7.json").read_bytes())
    elif kind == "pipe":
        os.mkfifo(newest)
    elif kind != "gone":
        newest.write_bytes(garble(data)[kind])
    assert FileStore.open(state).load("train") == wanted
    assert FileStore.open(state).hold("train").run == wanted


def test_a_checkpoint_beyond_the_journal_is_damage(state: Path, run: Path) -> None:
    """Conformance 45: a journal that ends before a checkpoint has lost frames that were committed."""
    cache(state, 9)
    whole = journal_of(run)
    lines = whole.splitlines(keepends=True)
    for shorter in (b"".join(lines[:8]), whole[:-1]):
        (run / "journal.jsonl").write_bytes(shorter)
        before = tree(state)
        for look in (FileStore.open(state).hold, FileStore.open(state).load):
            with pytest.raises(JournalCorrupt, match=r":9: .* 9"):
                look("train")
        assert tree(state) == before


def test_zeros_where_a_checkpoint_has_been_are_damage(state: Path, run: Path) -> None:
    """A tail is only cut off where no checkpoint says that it was committed, and long enough."""
    cache(state, 9)
    lines = journal_of(run).splitlines(keepends=True)
    (run / "journal.jsonl").write_bytes(b"".join(lines[:8]) + bytes(5000))
    with pytest.raises(JournalCorrupt, match=":9: the frame is damaged, and 9 were committed"):
        FileStore.open(state).hold("train")


def test_a_checkpoint_on_a_full_disk_is_no_matter(state: Path, run: Path) -> None:
    """I5: a checkpoint is a cache: without room for it the run goes on, and none is half there."""
    disk = FullDisk()
    store = FileStore.open(state, disk=disk)
    held = store.hold("train")
    disk.room = 10
    held.checkpoint(held.run)
    assert names(run / "checkpoints") == []
    disk.room = None
    assert held.append(step(4), NOW).seq == 6


# -- before acting


def test_what_was_let_go_of_in_order_is_not_synced_again(state: Path, run: Path) -> None:
    """R4: nobody has died with the run in hand, so what is found is durable; it costs its wake-up and its frames."""
    let_go(state)
    disk = WatchedDisk()
    append(FileStore(state, disk).hold("train"), step(4))
    assert disk.calls[:3] == ["open_end train/lock", "touch now/train", "sync_folder timers/now"]
    assert disk.calls[3:] == [
        "open_end train/journal.jsonl",
        "write train/journal.jsonl",
        "sync_data train/journal.jsonl",
    ]


def test_a_timer_that_has_come_due_stands_for_the_one_that_says_now(state: Path, run: Path) -> None:
    """I3: after a power loss the run is woken by the timer that woke it; without one `now` has to be durable."""
    held = FileStore.open(state).hold("train")
    held.wake_at(NOW)
    held.release()
    disk = WatchedDisk()
    store = FileStore(state, disk)
    store.hold("train").release()  # nobody has looked what is due
    assert "sync_folder timers/now" in disk.calls
    let_go(state)
    assert [due.run_id for due in store.due(NOW)] == ["train"]
    disk.calls.clear()
    held = store.hold("train")
    assert disk.calls == ["open_end train/lock", "touch now/train", "open_end train/journal.jsonl"]
    assert "timers/20" in "".join(tree(state))
    held.release()
    disk.calls.clear()
    store.hold("train")  # as if the one before had been killed
    assert "sync_folder timers/now" in disk.calls


def test_what_a_driver_left_that_died_is_written_anew(state: Path, run: Path) -> None:
    """R4, R5: its sync may have failed and it may not have been able to say so; another sync would keep nothing."""
    before = (run / "journal.jsonl").stat().st_ino
    disk = WatchedDisk()
    FileStore(state, disk).hold("train").release()
    assert (run / "journal.jsonl").stat().st_ino != before
    assert disk.calls.index("sync_folder state/runs") < disk.calls.index("rename train/journal.jsonl")
    assert disk.calls.index("rename train/journal.jsonl") < disk.calls.index("sync_folder runs/train")


def test_what_a_killed_driver_left_behind_is_swept(state: Path, run: Path) -> None:
    """Half-written temporary files of a driver that was killed go when the run is taken up again."""
    for name in (".tmp-1-a", "blobs/.tmp-1-b", "checkpoints/.tmp-1-c"):
        (run / name).write_bytes(b"half")
    (run / "blobs/keep").write_bytes(b"x")
    FileStore.open(state).hold("train").release()
    assert not [name for name in tree(run) if ".tmp" in name]
    assert (run / "blobs/keep").exists()


@pytest.mark.parametrize("place", ["/train", "/runs", "/now", "the journal's copy"])
def test_a_sync_that_fails_in_recovery_stops_the_driver(state: Path, run: Path, place: str) -> None:
    """R5: recovery is no exception: nothing is acted on, the next one knows, and the lock is free."""
    disk = WatchedDisk(fails("sync_folder", place) if "/" in place else fails("sync", ""))
    store = FileStore(state, disk)
    with pytest.raises(StateDirectoryError, match="durable") as caught:
        store.hold("train")
    assert caught.value.hint
    assert (run / "io-error").exists()
    held = store.hold("train")
    assert held.append(step(4), NOW).seq == 6
    assert not (run / "io-error").exists()


# -- failed writes and syncs


def test_a_failed_sync_is_never_tried_again(state: Path, run: Path) -> None:
    """Conformance 44: after a failed sync this hand is refused everything, without another call to the disk."""
    disk = WatchedDisk(fails("sync_data", "journal.jsonl"))
    held = FileStore(state, disk).hold("train")
    before = held.run
    with pytest.raises(StateDirectoryError, match=r"journal\.jsonl` durable: Input/output error"):
        held.append(step(4), NOW)
    assert (run / "io-error").exists()
    disk.calls.clear()
    for call in (lambda: held.append(step(4), NOW), lambda: held.wake_at(None)):
        with pytest.raises(StateDirectoryError, match="durable"):
            call()
    held.checkpoint(before)
    assert disk.calls == []
    held.release()
    assert [each.run_id for each in FileStore.open(state).due(NOW)] == ["train"]


@pytest.mark.parametrize("operation", ["sync_data", "write"])
def test_after_a_failure_the_valid_part_is_written_anew(state: Path, run: Path, operation: str) -> None:
    """R5: what could not be synced may be lost although it can be read: its copy is a new file, replaced durably."""
    held = FileStore(state, WatchedDisk(fails(operation, "journal.jsonl"))).hold("train")
    with pytest.raises(StateDirectoryError):
        held.append(step(4), NOW)
    held.release()
    content, inode = journal_of(run), (run / "journal.jsonl").stat().st_ino
    disk = WatchedDisk()
    held = FileStore(state, disk).hold("train")
    assert journal_of(run) == content
    assert (run / "journal.jsonl").stat().st_ino != inode
    assert held.run.seq == content.count(b"\n")
    calls = disk.calls
    assert calls.index("rename train/journal.jsonl") < calls.index("unlink train/io-error")
    assert "sync_data" not in str(calls)
    assert held.append(remark("on"), NOW).seq == held.run.seq + 1


def test_doubt_reaches_further_than_the_last_checkpoint(state: Path, run: Path) -> None:
    """After a failure the whole journal is checked before it is copied, and none is made of a damaged one."""
    cache(state, 5)
    (run / "io-error").touch()
    damaged = bytearray(journal_of(run))
    damaged[20] ^= 1
    (run / "journal.jsonl").write_bytes(damaged)
    with pytest.raises(JournalCorrupt, match=":1:"):
        FileStore.open(state).hold("train")
    assert (run / "io-error").exists()


def test_a_copy_that_fails_leaves_the_doubt(state: Path, run: Path) -> None:
    """A disk that is still broken fails loudly, and the next one starts from the same place."""
    (run / "io-error").touch()
    whole = journal_of(run)
    with pytest.raises(StateDirectoryError):
        FileStore(state, WatchedDisk(fails("rename", "journal.jsonl"))).hold("train")
    assert journal_of(run) == whole
    assert (run / "io-error").exists()
    FileStore.open(state).hold("train")
    assert journal_of(run) == whole


def test_a_blob_that_cannot_be_synced_is_named_by_no_frame(state: Path, run: Path) -> None:
    """I2: the frame is not written when a blob that it names is not durable."""
    for operation, end in (("sync", ""), ("sync_folder", "blobs")):
        (run / "io-error").unlink(missing_ok=True)
        before = journal_of(run)
        disk = WatchedDisk()
        held = FileStore(state, disk).hold("train")
        events = held.lighten(step(4, [BIG]))
        disk.before = fails(operation, end)
        with pytest.raises(StateDirectoryError, match="durable"):
            held.append(events, NOW)
        assert journal_of(run) == before
        assert (run / "io-error").exists()
        held.release()


# -- a full disk


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
@pytest.mark.parametrize("room", [0, 1, 50, 65_600])
def test_a_full_disk_loses_nothing(state: Path, run: Path, room: int, code: int) -> None:
    """R6: without room for a frame nothing of it stays, the driver may try again, and goes on when there is room."""
    disk = FullDisk(code=code)
    store = FileStore.open(state, disk=disk)
    held = store.hold("train")
    whole = journal_of(run)
    events = held.lighten(step(4, [BIG]))
    disk.room = room
    for _ in range(2):
        with pytest.raises(StateFull, match="no room") as caught:
            held.append(events, NOW)
        assert caught.value.hint
        assert journal_of(run) == whole
    assert not (run / "io-error").exists()
    disk.room = None
    assert held.append(events, NOW).seq == 6
    run_now = store.load("train")
    assert store.resolve("train", run_now.ready["work"][0].delivery.message) == [BIG]


def test_a_partial_frame_that_cannot_be_cut_off_ends_the_driver(state: Path, run: Path) -> None:
    """When not even that works nobody knows what is on disk: refused from then on."""

    class FullAndBroken(FullDisk):
        def truncate(self, fd: int, path: str, size: int) -> None:
            raise OSError(errno.EIO, "Input/output error", path)

    disk = FullAndBroken()
    held = FileStore(state, disk).hold("train")
    disk.room = 50
    with pytest.raises(StateFull):
        held.append(step(4), NOW)
    disk.room = None
    with pytest.raises(StateFull):
        held.append(step(4), NOW)
    held.release()
    assert FileStore.open(state).hold("train").run.seq == 5


def test_a_sync_that_says_full_is_a_failed_sync(state: Path, run: Path) -> None:
    """Room that is missing only when it comes to syncing is R5, not R6: what was written may be gone."""
    held = FileStore(state, WatchedDisk(fails("sync_data", "journal.jsonl", errno.ENOSPC))).hold("train")
    with pytest.raises(StateDirectoryError, match="durable") as caught:
        held.append(step(4), NOW)
    assert not isinstance(caught.value, StateFull)
    assert (run / "io-error").exists()


def test_short_writes_are_gone_on_with(state: Path) -> None:
    """Finding 1: a write may take a part only; all of it is written before it is synced."""

    class Chewing(Disk):
        def write(self, fd: int, path: str, data: bytes | memoryview) -> int:
            return super().write(fd, path, memoryview(data)[:7])

    store = FileStore.open(state, create=True, disk=Chewing())
    append(store.create(new_run(value=["x" * 70000])), step(0))
    run = store.load("train")
    assert run.seq == 2
    assert FileStore.open(state).resolve("train", run.input) == ["x" * 70000]


# -- interruptions


@pytest.mark.parametrize("operation", ["write", "sync_data"])
def test_an_append_that_was_interrupted_can_be_made_again(state: Path, run: Path, operation: str) -> None:
    """A signal that raises in the midst of `append` leaves no frame behind that would then stand there twice."""
    disk = WatchedDisk()
    store = FileStore(state, disk)
    held = store.hold("train")

    def interrupt(name: str, _: str) -> None:
        if name == operation:
            raise KeyboardInterrupt

    disk.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        held.append(step(4), NOW)
    disk.before = None
    assert held.append(remark("instead"), NOW).seq == 6
    assert fold(None, store.frames("train")) == store.load("train")


def test_an_interrupted_wake_up_leaves_the_run_due(state: Path, run: Path) -> None:
    """I4: whoever goes on after `wake_at` was interrupted has `now` standing again before anything is appended."""
    disk = WatchedDisk()
    held = FileStore(state, disk).hold("train")

    def interrupt(name: str, path: str) -> None:
        if name == "unlink" and path.endswith("now/train"):
            os.unlink(path)  # noqa: PTH108  (as the primitive does it)
            raise KeyboardInterrupt

    disk.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        held.wake_at(NOW + HOUR)
    disk.before = None
    append(held, step(4))
    assert (state / "timers/now/train").exists()


def test_the_state_of_a_run_says_what_was_loaded(state: Path, run: Path) -> None:
    """I1: held, loaded and folded are one and the same, from a checkpoint or not."""
    found: list[Run] = []
    for seq in (5, 8):
        cache(state, seq)
        store = FileStore.open(state)
        held = store.hold("train")
        found += [held.run, store.load("train")]
        assert found[-1] == found[-2] == fold(None, store.frames("train"))
        held.release()
