"""The journal: how a frame is written as a line, and how lines are read back and judged.

A line is `<crc32> {"seq":17,"at":"...Z","prev":"<16 digits>","events":[...]}` and a newline. The checksum, 8
hexadecimal digits, covers every byte after it, the separator and the newline too; `prev` is the beginning of the
SHA-256 of the whole line before, and in the first line that of the run's id. So a torn line, a changed one, one that is
missing and one of another run are all seen. JSON escapes newlines: a line is a frame, and frame `n` is line `n`.

A frame is one write, and nothing is written before the one before it is synced. Therefore a bad line with no good one
after it is a write that was cut off and never acknowledged: the *tail*. A bad line with a good one after it is damage.

Nothing here writes: that is for whoever holds the run.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import BinaryIO
from zlib import crc32

import msgspec

from lrwf_cli.core.events import Event
from lrwf_cli.errors import FrameTooLarge, JournalCorrupt
from lrwf_cli.store.base import MAX_FRAME, Frame
from lrwf_cli.store.reading import open_to_read

__all__ = [
    "Journal",
    "Mark",
    "beginning",
    "chain_of",
    "encode_events",
    "fitting",
    "frame_line",
    "read_line",
    "seal",
    "unseal",
    "whole_ms",
]

_HEAD = 256  # bytes, and more than what stands before the events of a frame
_HINT = "nothing was changed: put the file back from a backup, or start the workflow anew"


class Mark(msgspec.Struct, frozen=True):
    """A place between two frames: how many come before it, and at which byte it is.

    `chain` is what the next line has to name as `prev`, and `length` the bytes of the line before.
    """

    seq: int
    offset: int
    chain: str
    length: int = 0


class _Line(msgspec.Struct, frozen=True):
    seq: int
    at: datetime
    prev: str
    events: tuple[Event, ...]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Line)


def beginning(run_id: str) -> Mark:
    """Return the mark before a run's first frame."""
    return Mark(0, 0, chain_of(run_id.encode()))


def whole_ms(at: datetime) -> datetime:
    """Return `at` in UTC without what is finer than a millisecond: nothing on disk is. It has to be aware."""
    if at.tzinfo is not UTC:
        if at.utcoffset() is None:
            raise ValueError(f"an instant needs a time zone: {at}")
        at = at.astimezone(UTC)
    odd = at.microsecond % 1000
    return at.replace(microsecond=at.microsecond - odd) if odd else at


def encode_events(events: Sequence[Event]) -> bytes:
    """Return the JSON of `events` as it stands in a frame."""
    return _encoder.encode(events)


def frame_line(after: Mark, events: Sequence[Event], at: datetime) -> tuple[bytes, Mark]:
    """Return the line of the frame that comes `after`, and the mark behind it. Raises FrameTooLarge.

    `at` has to be in UTC and whole milliseconds.
    """
    seq = after.seq + 1
    head = f' {{"seq":{seq},"at":"{at.isoformat(timespec="milliseconds")[:-6]}Z","prev":"{after.chain}","events":'
    line = seal(b"%b%b}\n" % (head.encode(), _encoder.encode(events)))
    if len(line) > MAX_FRAME:
        raise _too_large(len(line))
    return line, Mark(seq, after.offset + len(line), chain_of(line), len(line))


def fitting(size: int) -> int:
    """Return `size`, bytes of events, if a frame has room for them. Raises FrameTooLarge."""
    if size > MAX_FRAME - _HEAD:
        raise _too_large(size)
    return size


def _too_large(size: int) -> FrameTooLarge:
    return FrameTooLarge(
        f"what is to be committed at once has {size} bytes, and {MAX_FRAME} is the most",
        hint="send fewer messages from one handler, or keep what is large in a file and send its path",
    )


def seal(body: bytes) -> bytes:
    """Return `body` with its checksum before it."""
    return b"%08x%b" % (crc32(body), body)


def unseal(line: bytes) -> memoryview | None:
    """Return the JSON in a line that is whole, else `None`."""
    body = memoryview(line)[8:]
    if line[-1:] == b"\n" and line[8:9] == b" " and b"%08x" % crc32(body) == line[:8]:
        return body[1:-1]
    return None


def read_line(line: bytes, after: Mark, path: str) -> tuple[Frame, Mark] | None:
    """Return the frame in the line that comes `after` and the mark behind it; `None` if the line is not whole.

    Raises JournalCorrupt if the line is whole but does not belong there, or cannot be understood.
    """
    body = unseal(line)
    if body is None:
        return None
    place = f"{path}:{after.seq + 1}"
    try:
        found = _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise JournalCorrupt(
            f"{place}: the frame is whole, but not one that this version knows: {error}",
            hint="if a newer lrwf wrote it, use that one; else put the file back from a backup",
        ) from error
    if found.seq != after.seq + 1:
        raise JournalCorrupt(f"{place}: frame {found.seq} stands where {after.seq + 1} belongs", hint=_HINT)
    if found.prev != after.chain:
        raise JournalCorrupt(f"{place}: the frame does not follow the one before it, or is another run's", hint=_HINT)
    mark = Mark(found.seq, after.offset + len(line), chain_of(line), len(line))
    return Frame(found.seq, found.at, found.events), mark


class Journal:
    """One reading of a journal, from a mark on: iterate over it to get its frames, each checked.

    Sees what was there when it began, so it may be read while another process appends. `mark` is always behind the last
    frame that was yielded; what comes after it when all were is the tail. `size` is how long the file was.

    Iterating raises JournalCorrupt with path and line: a bad line with a good one after it, a frame out of order, a
    journal without any frame, or one that ends before the mark where reading was to begin. Raises OSError.
    """

    def __init__(self, path: str, after: Mark) -> None:
        self.path = path
        self.mark = after
        self.size = 0

    def __iter__(self) -> Iterator[Frame]:
        try:
            yield from self._frames()
        except JournalCorrupt:
            # Without the lock a driver may have cut off a tail and gone on while it was being read. What stands
            # before the mark never changes, so a second look from there sees either that or real damage.
            yield from self._frames()

    def _frames(self) -> Iterator[Frame]:
        fd, self.size = open_to_read(self.path)
        with os.fdopen(fd, "rb") as file:
            if self.size < self.mark.offset:
                raise JournalCorrupt(
                    f"{self.path}:{self.mark.seq}: the journal ends before frame {self.mark.seq}, which was committed",
                    hint=_HINT,
                )
            file.seek(self.mark.offset)
            while line := self._next_line(file):
                found = read_line(line, self.mark, self.path)
                if found is None:
                    self._check_tail(file)
                    break
                frame, self.mark = found
                yield frame
        if self.mark.seq == 0:
            raise JournalCorrupt(f"{self.path}:1: the journal has no frame", hint=_HINT)

    def _next_line(self, file: BinaryIO) -> bytes:
        """Return the next line; never more than a frame may have, nor beyond where the file ended at first."""
        return file.readline(max(0, min(MAX_FRAME + 1, self.size - file.tell())))

    def _check_tail(self, file: BinaryIO) -> None:
        while line := self._next_line(file):
            if unseal(line) is not None:
                raise JournalCorrupt(f"{self.path}:{self.mark.seq + 1}: the frame is damaged", hint=_HINT)


def chain_of(line: bytes) -> str:
    """Return what the line after `line` has to name as `prev`."""
    return sha256(line).hexdigest()[:16]
