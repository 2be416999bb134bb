"""The journal: what is read back is what was written, or an error, and never anything else."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrwf_cli.errors import JournalCorrupt
from lrwf_cli.store.base import MAX_FRAME, Frame
from lrwf_cli.store.journal import Journal, Mark, beginning, frame_line, read_line, seal, unseal
from tests.store.store_builders import NOW, remark, started, step

SAME_PATH = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def lines_of(run_id: str = "train", frames: int = 4) -> list[bytes]:
    mark = beginning(run_id)
    lines = []
    for number in range(frames):
        events = step(number, {"text": "one\ntwo\0"}) if number else (started(run_id),)
        line, mark = frame_line(mark, events, NOW + timedelta(seconds=number))
        lines.append(line)
    return lines


LINES = lines_of()
WHOLE = b"".join(LINES)
LAST = len(WHOLE) - len(LINES[-1])


def read(path: Path, data: bytes, after: Mark | None = None) -> tuple[list[Frame], Journal]:
    path.write_bytes(data)
    journal = Journal(str(path), after or beginning("train"))
    return list(journal), journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_a_line_is_a_frame_that_a_person_can_read() -> None:
    """A frame is one line: checksum, then JSON with number, instant in whole milliseconds, chain and events."""
    line, mark = frame_line(Mark(16, 1000, "0123456789abcdef"), remark("b1"), NOW + timedelta(milliseconds=7))
    assert line[9:] == (
        b'{"seq":17,"at":"2026-11-22T09:15:00.007Z","prev":"0123456789abcdef",'
        b'"events":[{"type":"driver_started","pid":1,"boot_id":"b1"}]}\n'
    )
    assert (mark.seq, mark.offset, mark.length) == (17, 1000 + len(line), len(line))
    assert WHOLE.count(b"\n") == len(LINES)


def test_frames_are_read_back(path: Path) -> None:
    """What was written is read back, and the mark is behind the last frame."""
    frames, journal = read(path, WHOLE)
    assert [frame.seq for frame in frames] == [1, 2, 3, 4]
    assert frames[2] == Frame(3, NOW + timedelta(seconds=2), step(2, {"text": "one\ntwo\0"}))
    assert (journal.mark.offset, journal.size) == (len(WHOLE), len(WHOLE))


def test_reading_may_begin_anywhere(path: Path) -> None:
    """From a mark on only what came since is read: what stands before it is not even looked at."""
    everything, _ = read(path, WHOLE)
    mark = beginning("train")
    for number, line in enumerate(LINES):
        found = read_line(line, mark, "x")
        assert found is not None
        mark = found[1]
        since, journal = read(path, b"?" * mark.offset + WHOLE[mark.offset :], mark)
        assert since == everything[number + 1 :]
        assert journal.mark.offset == len(WHOLE)


@pytest.mark.slow
@given(place=st.integers(0, len(WHOLE) - 1), bit=st.integers(0, 7))
@SAME_PATH
def test_a_changed_byte_is_seen(path: Path, place: int, bit: int) -> None:
    """Any bit that is changed in any byte is seen: in the last frame as a tail, elsewhere as damage."""
    data = bytearray(WHOLE)
    data[place] ^= 1 << bit
    if place >= LAST:
        frames, journal = read(path, bytes(data))
        assert frames == read(path, WHOLE)[0][:-1]
        assert journal.mark.offset == LAST
    else:
        with pytest.raises(JournalCorrupt, match=rf"{path}:\d"):
            read(path, bytes(data))


@pytest.mark.slow
@given(start=st.integers(0, len(WHOLE)), junk=st.binary(max_size=30), length=st.integers(0, len(WHOLE)))
@SAME_PATH
def test_no_frame_is_ever_invented(path: Path, start: int, junk: bytes, length: int) -> None:
    """Whatever is cut out or put in anywhere, reading gives a beginning of what was written, or raises."""
    whole, _ = read(path, WHOLE)
    try:
        frames, _ = read(path, WHOLE[:start] + junk + WHOLE[start + length :])
    except JournalCorrupt:
        return
    assert frames == whole[: len(frames)]
    assert len(frames) >= WHOLE[:start].count(b"\n")


@pytest.mark.slow
@given(end=st.integers(1, len(WHOLE)), torn=st.binary(max_size=600) | st.integers(0, 5000).map(bytes))
@SAME_PATH
def test_a_torn_tail_is_not_damage(path: Path, end: int, torn: bytes) -> None:
    """A write that was cut off loses only itself: what stands before it is whole (R3), also with zero bytes or junk."""
    whole = WHOLE[: max(end, len(LINES[0]))]
    kept = whole[: whole.rindex(b"\n") + 1]
    if unseal(whole[len(kept) :] + torn) is not None:
        return
    frames, journal = read(path, whole + torn)
    assert b"".join(LINES[: len(frames)]) == kept
    assert (journal.mark.offset, journal.size) == (len(kept), len(whole + torn))


@pytest.mark.parametrize(
    ("lines", "place", "said"),
    [
        ([LINES[0], LINES[2]], 2, "frame 3 stands where 2 belongs"),
        ([LINES[0], LINES[1], LINES[1]], 3, "frame 2 stands where 3 belongs"),
        ([LINES[0], LINES[1], lines_of("other")[2]], 3, "does not follow"),
        (lines_of("other"), 1, "another run's"),
        ([b"junk\n", *LINES[1:]], 1, "damaged"),
        ([LINES[0], b"junk\n", b"more\n", LINES[2]], 2, "damaged"),
        ([], 1, "no frame"),
        ([LINES[0][:-2]], 1, "no frame"),
        ([bytes(4096)], 1, "no frame"),
    ],
    ids=["gap", "repeat", "changed", "other run", "first", "middle", "empty", "never whole", "zeros"],
)
def test_damage_names_its_place(path: Path, lines: list[bytes], place: int, said: str) -> None:
    """Conformance 45: a damaged journal is reported with path and line, what is wrong and what to do."""
    with pytest.raises(JournalCorrupt, match=said) as caught:
        read(path, b"".join(lines))
    assert caught.value.message.startswith(f"{path}:{place}: ")
    assert caught.value.hint


def test_a_journal_that_is_too_short_is_damaged(path: Path) -> None:
    """A journal that ends before the mark where reading is to begin has lost frames that were committed."""
    with pytest.raises(JournalCorrupt, match=":4: the journal ends before frame 4"):
        read(path, WHOLE[:-1], Mark(4, len(WHOLE), "0" * 16, 1))


@pytest.mark.parametrize(
    "body", [b' {"seq":1}\n', b" not json\n", b' {"seq":1,"at":"x"}\n', b" " + b"[" * 5000 + b"\n"]
)
def test_a_frame_of_another_version_is_not_guessed_at(path: Path, body: bytes) -> None:
    """A frame that is whole but not understood stops the run: it is neither cut off nor skipped."""
    with pytest.raises(JournalCorrupt, match="not one that this version knows") as caught:
        read(path, LINES[0] + seal(body))
    assert "newer" in str(caught.value.hint)


def test_an_unknown_event_is_not_skipped(path: Path) -> None:
    """An event type of a newer version stops the run."""
    mark = read_line(LINES[0], beginning("train"), "x")
    assert mark is not None
    body = b' {"seq":2,"at":"2026-11-22T09:15:00Z","prev":"%b","events":[{"type":"later"}]}\n' % mark[1].chain.encode()
    with pytest.raises(JournalCorrupt, match=r":2: .*later"):
        read(path, LINES[0] + seal(body))


@pytest.mark.parametrize("sum_", [b"+%07x", b"0x%06x", b"%08X", b" %07x", b"%07x_"])
def test_a_checksum_is_spelt_one_way(sum_: bytes) -> None:
    """What merely reads as the same number is not the checksum: a flipped byte in it is seen too."""
    assert unseal(LINES[0]) is not None
    value = int(LINES[0][:8], 16)
    spelt = (sum_ % value)[:8]
    assert spelt == LINES[0][:8] or unseal(spelt + LINES[0][8:]) is None


def test_a_driver_may_append_meanwhile(path: Path) -> None:
    """I6: what is appended while the journal is read belongs to the next reading; half a frame is none."""
    path.write_bytes(LINES[0] + LINES[1] + LINES[2][:50])
    journal = Journal(str(path), beginning("train"))
    frames = iter(journal)
    next(frames)
    path.write_bytes(WHOLE)
    assert [frame.seq for frame in frames] == [2]
    assert [frame.seq for frame in Journal(str(path), journal.mark)] == [3, 4]


def test_a_driver_may_cut_a_tail_meanwhile(path: Path) -> None:
    """I6: a reader who meets a tail that is being replaced looks again instead of calling it damage."""
    path.write_bytes(LINES[0] + b"torn" * 20_000)
    journal = Journal(str(path), beginning("train"))
    frames = iter(journal)
    next(frames)
    # What the reader has in its buffer is the torn line's beginning, and what it finds behind that are whole frames.
    path.write_bytes(WHOLE + b"".join(more_lines(500)))
    assert [frame.seq for frame in frames] == list(range(2, 505))


def more_lines(count: int) -> list[bytes]:
    mark = beginning("train")
    for line in LINES:
        found = read_line(line, mark, "x")
        assert found is not None
        mark = found[1]
    lines = []
    for number in range(count):
        line, mark = frame_line(mark, remark(str(number)), NOW)
        lines.append(line)
    return lines


@pytest.mark.slow
def test_a_huge_tail_costs_no_more_than_a_frame(path: Path) -> None:
    """A tail of any length is read in pieces: memory stays within what a frame may have."""
    with path.open("wb") as file:
        file.write(LINES[0])
        file.truncate(3 * MAX_FRAME)
    journal = Journal(str(path), beginning("train"))
    assert [frame.seq for frame in journal] == [1]
    assert journal.size == 3 * MAX_FRAME
