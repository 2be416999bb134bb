"""Checkpoints: folds that are kept so that reading a run costs what came since. A cache, never the truth (I5).

One is a file `<seq>.json`, a single sealed line as in the journal: where in the journal it belongs, and the run. It is
written at once but not synced. One that is torn, garbled, of another run or of another journal is passed over; but a
whole one says that the journal was once that long, because it is only written of what was appended. One that another
version of the fold has made is passed over too: the journal is folded anew.
"""

import os
from collections.abc import Iterator

import msgspec

from lrwf_cli.core.apply import FOLD
from lrwf_cli.core.run import FINAL, Run, Status
from lrwf_cli.errors import JournalCorrupt
from lrwf_cli.store.base import MAX_FRAME
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.journal import Mark, chain_of, seal, unseal
from lrwf_cli.store.reading import names_in, open_to_read, read_file

__all__ = ["furthest", "may_ask", "newest", "pack", "unpack", "write"]

KEPT = 2
"""How many stay: the newest, and one to fall back on."""


class _Checkpoint(msgspec.Struct, frozen=True):
    mark: Mark
    run: Run
    fold: int = 1


class _RunGlanced(msgspec.Struct, frozen=True):
    """So much of a run as tells whether it may ask something."""

    status: Status = "running"
    requests: msgspec.Raw = msgspec.Raw()


class _Glanced(msgspec.Struct, frozen=True):
    mark: Mark
    run: _RunGlanced
    fold: int = 1


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Checkpoint)
_glancer = msgspec.json.Decoder(_Glanced)


def pack(run: Run, mark: Mark) -> bytes:
    """Return a checkpoint of `run`, the fold of the frames before `mark`."""
    return seal(b" %b\n" % _encoder.encode(_Checkpoint(mark, run, FOLD)))


def unpack(data: bytes) -> tuple[Run, Mark] | None:
    """Return what `pack` was given; `None` if `data` is not whole, or not what this version writes."""
    body = unseal(data)
    if body is None:
        return None
    try:
        found = _decoder.decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return (found.run, found.mark) if found.run.seq == found.mark.seq and found.fold == FOLD else None


def write(disk: Disk, folder: str, run: Run, mark: Mark) -> None:
    """Keep a checkpoint, and of the older ones only the newest. Readers see it whole or not at all; not durable."""
    disk.replace(_path(folder, mark.seq), pack(run, mark), durable=False)
    for seq in _stored(folder)[KEPT:]:
        disk.discard(_path(folder, seq))


def newest(folder: str, journal: str, run_id: str) -> tuple[Run, Mark] | None:
    """Return the newest checkpoint that fits the journal, and its mark; `None` if there is none.

    Raises JournalCorrupt if a checkpoint shows that the journal was longer than it is.
    """
    return next((found for found in _whole(folder, run_id) if _fits(journal, found[1])), None)


def may_ask(folder: str, journal: str) -> bool:
    """Whether a run may have open requests: false only for one that surely has none. Costs much less than the run."""
    found: _Glanced | None = None
    for seq in _stored(folder)[:1]:
        try:
            body = unseal(read_file(_path(folder, seq)))
            found = _glancer.decode(body) if body else None
        except (OSError, msgspec.MsgspecError, RecursionError):
            return True
        if found is None or found.fold != FOLD:
            return True
    tail = _from(journal, found.mark.offset if found else 0)
    if found and bytes(found.run.requests):
        return bool(tail) or found.run.status not in FINAL
    return b'"requests' in tail


def _from(path: str, start: int) -> bytes:
    fd, size = open_to_read(path)
    try:
        return os.pread(fd, size - start, start) if size > start else b""
    finally:
        os.close(fd)


def furthest(folder: str, run_id: str) -> int:
    """Return how many frames were committed as far as the checkpoints know; 0 without one."""
    return next((mark.seq for _, mark in _whole(folder, run_id)), 0)


def _whole(folder: str, run_id: str) -> Iterator[tuple[Run, Mark]]:
    """Yield the run's checkpoints that are whole, the newest first."""
    for seq in _stored(folder):
        try:
            data = read_file(_path(folder, seq))
        except OSError:  # gone meanwhile, or not a file, or unreadable: the journal has it all
            continue
        found = unpack(data)
        if found and found[0].id == run_id and found[1].seq == seq:
            yield found


def _fits(journal: str, mark: Mark) -> bool:
    """Whether the line before `mark` is the one that the checkpoint was made after."""
    fd, size = open_to_read(journal)
    try:
        if size < mark.offset:
            raise JournalCorrupt(
                f"{journal}:{mark.seq}: the journal ends before frame {mark.seq}, which was committed",
                hint="nothing was changed: put the file back from a backup",
            )
        if not 0 < mark.length <= min(mark.offset, MAX_FRAME):
            return False
        return chain_of(os.pread(fd, mark.length, mark.offset - mark.length)) == mark.chain
    finally:
        os.close(fd)


def _stored(folder: str) -> list[int]:
    """Return the frames that there are checkpoints of, the newest first."""
    names = (name.removesuffix(".json") for name in names_in(folder) if name.endswith(".json"))
    return sorted((int(name) for name in names if name.isdigit() and name.isascii() and len(name) < 16), reverse=True)


def _path(folder: str, seq: int) -> str:
    return f"{folder}/{seq}.json"
