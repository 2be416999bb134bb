"""Taking up a run that another process left: under the lock, and before anything is done with what is found.

What a killed process left may be visible and not yet durable, so it is made durable first (R4 of the recipes: a kill,
and then a power loss, is a case of its own). Its journal is written anew for that: where a sync had failed, another
one would say that all is well and keep nothing, and a process whose every call fails leaves no word of it. A torn tail
is put aside and cut off. Damage changes nothing: the run stops.

What a driver let go of in order is not synced again: each of its frames was, its folder was before it was published,
and its timer `now` went only when the next wake-up was durable. A run that wakes costs the syncs of its frames.
"""

import os
from contextlib import suppress

from lrwf_cli.core.run import Run
from lrwf_cli.errors import JournalCorrupt
from lrwf_cli.store import checkpoints
from lrwf_cli.store.base import MAX_FRAME
from lrwf_cli.store.disk import Disk, SyncFailed
from lrwf_cli.store.held import FileHeld, Shared
from lrwf_cli.store.journal import Journal
from lrwf_cli.store.locks import Lock
from lrwf_cli.store.reading import is_there, open_to_read
from lrwf_cli.store.rundir import RunFolder

__all__ = ["take_up"]


def take_up(shared: Shared, folder: RunFolder, lock: Lock) -> FileHeld:
    """Return the run, repaired and durable, its timer `now` standing. Raises JournalCorrupt, OSError."""
    disk = shared.disk
    was_driven = is_there(shared.timers.now(folder.run_id))
    is_doubtful = was_driven or is_there(folder.io_error)
    try:
        if is_doubtful:
            disk.settle(folder.runs)
        run, journal = _read(folder, from_checkpoint=not is_doubtful)
        # I3: a timer that has come due, durable since a driver let go in order, stands for `now` after a power loss.
        is_durable = not is_doubtful and shared.timers.has_come_due(folder.run_id)
        shared.timers.put_now(folder.run_id, durable=not is_durable)
        if was_driven:
            disk.sweep(folder.path, folder.blobs, folder.checkpoints, folder.shown)
        _repair(disk, folder, journal, is_doubtful=is_doubtful)
    except SyncFailed:
        with suppress(OSError):  # best effort, as everywhere
            disk.touch(folder.io_error)
        raise
    return FileHeld(shared, folder, lock, run=run, mark=journal.mark)


def _read(folder: RunFolder, *, from_checkpoint: bool) -> tuple[Run, Journal]:
    run, journal = folder.read(from_checkpoint=from_checkpoint)
    if journal.size > journal.mark.offset or not from_checkpoint:
        committed = checkpoints.furthest(folder.checkpoints, folder.run_id)
        if committed > journal.mark.seq:
            raise JournalCorrupt(
                f"{folder.journal}:{journal.mark.seq + 1}: the frame is damaged, and {committed} were committed",
                hint="nothing was changed: put the file back from a backup, or start the workflow anew",
            )
    return run, journal


def _repair(disk: Disk, folder: RunFolder, journal: Journal, *, is_doubtful: bool) -> None:
    """Have the journal consist of its valid part, durably."""
    end = journal.mark.offset
    if journal.size > end:
        disk.replace(folder.torn(journal.mark.seq), _part(folder.journal, end, min(journal.size - end, MAX_FRAME)))
    if is_doubtful:
        disk.replace(folder.journal, _part(folder.journal, 0, end))
        if is_there(folder.io_error):
            disk.unlink(folder.io_error)
            disk.settle(folder.path)
    elif journal.size > end:
        _cut(disk, folder.journal, end)


def _cut(disk: Disk, path: str, size: int) -> None:
    fd = disk.open_end(path)
    try:
        disk.truncate(fd, path, size)
        disk.settle_file(fd, path)
    finally:
        disk.close(fd, path)


def _part(path: str, start: int, size: int) -> bytes:
    fd, _ = open_to_read(path)
    with os.fdopen(fd, "rb") as file:
        file.seek(start)
        return file.read(size)
