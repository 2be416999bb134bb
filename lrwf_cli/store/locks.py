"""The lock of a run: whoever has it drives the run. The kernel lets go of it when the process ends, however it ends.

It is filelock's native lock on a descriptor of our own (`lock_descriptor`). So there is no lock per thread, no
existence lock where the file system has no real one, no folder made on the way, and none is let go because an object
was collected. The file stays: whoever unlinks it while it is held lets a second owner in.
"""

import fcntl
import os
import time
from contextlib import suppress

from lrwf_cli.store.disk import Disk
from lrwf_cli.store.reading import open_to_read

__all__ = ["Lock", "is_taken", "take"]

_TRIES = 4
_PAUSE_S = 0.002
"""A look whether a run is busy has its lock for some microseconds; this outlasts it."""

_held: set[int] = set()
"""The descriptors of all locks that this process has."""


class Lock:
    """A lock that was taken. It stays so until `release` or the end of the process."""

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        _held.add(fd)

    def release(self) -> None:
        """Let go. Idempotent."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            _held.discard(fd)
            os.close(fd)


def take(disk: Disk, path: str) -> Lock | None:
    """Take the lock whose file is `path`; `None` if somebody has it. The file is made if there is none.

    Raises FileNotFoundError if its folder is gone, OSError also where files cannot be locked.
    """
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_S)
        fd = disk.open_end(path)
        try:
            taken = _locked(fd) and _stands_at(path, fd)
        except BaseException:
            os.close(fd)
            raise
        if taken:
            return Lock(fd)
        os.close(fd)
    return None


def is_taken(path: str) -> bool:
    """Whether somebody has the lock; changes nothing. False if there is no such file. Raises OSError."""
    try:
        fd, _ = open_to_read(path)
    except FileNotFoundError:
        return False
    try:
        # Shared, which filelock does not know: two looks at a time do not take each other for a driver.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _locked(fd: int) -> bool:
    from filelock import lock_descriptor

    return lock_descriptor(fd, blocking=False)


def _stands_at(path: str, fd: int) -> bool:
    """Whether the file that was locked is the one that others will find: it may have been moved away meanwhile."""
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(fd))


def _let_go_in_child() -> None:
    # A forked child has the descriptors too, and would hold the runs after its parent has died.
    for fd in _held:
        with suppress(OSError):
            os.close(fd)
    _held.clear()


os.register_at_fork(after_in_child=_let_go_in_child)
