"""How a run comes to be: built under a name that nobody looks at, then published by one rename.

First of all its wake-up stands, so that a run that is published is never forgotten, whenever its starter dies. A
wake-up without a run is left alone for an hour, because its starter may be on its way, and then taken away; so is what
was half built, unless its lock says that somebody is at work on it still.
"""

import errno
from contextlib import suppress

from lrwf_cli.core.apply import fold
from lrwf_cli.errors import RunConflict
from lrwf_cli.store.base import Frame, NewRun
from lrwf_cli.store.blobfiles import BlobFiles, link_blobs
from lrwf_cli.store.blobs import lighten
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.held import FileHeld, Shared
from lrwf_cli.store.journal import beginning, frame_line, whole_ms
from lrwf_cli.store.locks import Lock, take
from lrwf_cli.store.names import checked_run_id
from lrwf_cli.store.reading import changed_at, folder_of, is_folder, is_there, names_in
from lrwf_cli.store.rundir import RunFolder

__all__ = ["bear", "bury"]

_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST})
_STALE_S = 3600


def bear(shared: Shared, folder: RunFolder, new: NewRun) -> FileHeld:
    """Publish a run and hold it; durable on return. Raises RunConflict, FrameTooLarge, OSError.

    When it raises, the run is not there, but for a SyncFailed at the very end: then it is, and a tick will drive it.
    """
    if is_there(folder.path):
        raise _conflict(new.run_id)
    built = RunFolder(new.run_id, shared.disk.unpublished(folder.runs, new.run_id))
    blobs = BlobFiles(shared.disk, built.blobs)
    frame = Frame(1, whole_ms(new.at), lighten(new.events, blobs.keep))
    line, mark = frame_line(beginning(new.run_id), frame.events, frame.at)
    run = fold(None, [frame])
    if run is None:
        raise ValueError("a run begins with an event")
    shared.timers.put_now(new.run_id)
    lock = None
    try:
        shared.disk.mkdir(built.path)
        lock = _lock(shared, built)
        _fill(shared.disk, built, new, blobs)
        shared.disk.write_new(built.journal, line)
        _publish(shared.disk, built, folder)
        blobs.folder = folder.blobs
        return FileHeld(shared, folder, lock, run=run, mark=mark, blobs=blobs)
    except BaseException:
        if lock:
            lock.release()
        _withdraw(shared, built, folder)
        raise


def bury(shared: Shared, folder: RunFolder, wake_up: str, now_s: float) -> None:
    """Take away `wake_up`, a timer's or letter's path, of a run that is not there, and what was half built of it.

    Leaves everything alone that is younger than an hour at `now_s`, in epoch seconds, or locked. Raises OSError.
    """
    if now_s - changed_at(wake_up) <= _STALE_S:
        return
    if all(_discard_half_built(shared.disk, path) for path in _half_built(shared.disk, folder)):
        shared.disk.discard(wake_up)
        _keep_wake_up(shared, folder)


def _lock(shared: Shared, built: RunFolder) -> Lock:
    lock = take(shared.disk, built.lock)
    if lock is None:
        raise _conflict(built.run_id)
    # Only now the folder says that somebody is at work here: a wake-up of an earlier try may just have been buried.
    if not is_there(shared.timers.now(built.run_id)):
        shared.timers.put_now(built.run_id)
    return lock


def _fill(disk: Disk, built: RunFolder, new: NewRun, blobs: BlobFiles) -> None:
    for folder in (built.blobs, built.checkpoints, built.logs):
        disk.mkdir(folder)
    disk.write_new(built.definition, new.definition.encode())
    disk.write_new(built.wake, b"[]\n", durable=False)
    if new.blobs_of:
        link_blobs(disk, new.events, f"{folder_of(built.path)}/{checked_run_id(new.blobs_of)}/blobs", built.blobs)
        disk.settle(built.blobs)
    blobs.flush()


def _publish(disk: Disk, built: RunFolder, folder: RunFolder) -> None:
    disk.settle(built.path)
    try:
        disk.rename(built.path, folder.path)
    except OSError as error:
        if error.errno in _TAKEN:
            raise _conflict(folder.run_id) from error
        raise
    disk.settle(folder.runs)


def _withdraw(shared: Shared, built: RunFolder, folder: RunFolder) -> None:
    """Clean up behind a birth that failed. What cannot be cleaned up now is buried by a tick, an hour later."""
    with suppress(OSError):
        if is_folder(built.path):
            shared.disk.discard_tree(built.path)
        if not _is_wanted(shared.disk, folder):
            shared.timers.drop_now(folder.run_id)
            _keep_wake_up(shared, folder)


def _keep_wake_up(shared: Shared, folder: RunFolder) -> None:
    """Put the wake-up back if somebody began a run of that id while it was taken away."""
    if _is_wanted(shared.disk, folder):
        shared.timers.put_now(folder.run_id)


def _is_wanted(disk: Disk, folder: RunFolder) -> bool:
    return is_there(folder.path) or bool(_half_built(disk, folder))


def _half_built(disk: Disk, folder: RunFolder) -> list[str]:
    return [f"{folder.runs}/{name}" for name in names_in(folder.runs) if disk.is_unpublished(name, folder.run_id)]


def _discard_half_built(disk: Disk, path: str) -> bool:
    """Remove what a starter left behind; whether it is gone, which it is not if the starter is alive."""
    try:
        lock = take(disk, f"{path}/lock")
    except FileNotFoundError:
        return True
    if lock is None:
        return False
    try:
        disk.discard_tree(path)
    finally:
        lock.release()
    return True


def _conflict(run_id: str) -> RunConflict:
    return RunConflict(
        f"there is a run `{run_id}` already", hint=f"look at it with `lrwf status {run_id}`, or take another id"
    )
