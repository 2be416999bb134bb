# The calls to the operating system are what this module is about; pathlib would hide them.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH112
"""The one place that changes files: primitives, and the durable recipes made of them.

A primitive is one change that the operating system makes or does not make. Every write path of the store goes
through these and nothing else, each with the path it is about, so that a subclass of `Disk` can record them,
end the process before any of them, make one fail, or work out what a power loss would leave. What the files mean
is none of this module's business.

What is visible is not yet durable. The content of a file is after `sync`, its name after `sync_folder` of the folder
it is in; a folder's own name needs the sync of the folder above. A failed sync is never tried again and never
believed: the kernel drops what it could not write, and says that all is well when it is asked a second time
(Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
"""

import errno
import fcntl
import os
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from lrwf_cli.store.reading import folder_of, is_folder, names_in

__all__ = ["FULL", "Disk", "SyncFailed"]

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a disk says that has no room for what is written; room may be made, so it may be tried again."""

_NEW = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_HANG = os.O_NONBLOCK  # a planted pipe is refused instead of waited for
_TEMPORARY = ".tmp-"
_UNPUBLISHED = ".new-"
_F_FULLFSYNC: Final[int | None] = getattr(fcntl, "F_FULLFSYNC", None)

P = ParamSpec("P")
T = TypeVar("T")


class SyncFailed(OSError):
    """A sync failed: what it was to make durable may be lost although it can still be read."""


class Disk:
    """Changes files. All paths are absolute or all relative to the same folder. Stateless, safe in threads.

    The primitives come first, up to `close`; only they change anything, and a subclass needs to override only them.
    They raise OSError, and so do the recipes; `trouble.explain` makes an error for people of it. Folders are made
    with mode 0700 and files with 0600, whatever the umask is. Where a recipe cleans up after an error it does so with
    the same primitives: a subclass that plays dead has to stay dead.
    """

    def create(self, path: str) -> int:
        """Make an empty file and return its descriptor. Raises FileExistsError."""
        return self._private(os.open(path, _NEW | os.O_EXCL, 0o600))

    def open_end(self, path: str) -> int:
        """Return a descriptor that writes to the end of a file; the file is made if there is none."""
        return self._private(os.open(path, _NEW | _NO_HANG | os.O_APPEND, 0o600))

    def touch(self, path: str) -> None:
        """Have a file stand, empty if it is new, and younger than all others."""
        os.close(self._private(os.open(path, _NEW | _NO_HANG, 0o600)))
        os.utime(path, follow_symlinks=False)

    def mkdir(self, path: str) -> None:
        """Make a folder. Raises FileExistsError."""
        os.mkdir(path, 0o700)
        os.chmod(path, 0o700)

    def write(self, fd: int, path: str, data: bytes | memoryview) -> int:
        """Write some of `data`, and return how many bytes: it may be fewer than there are."""
        return _named(os.write, path, fd, data)

    def truncate(self, fd: int, path: str, size: int) -> None:
        """Cut a file off after `size` bytes."""
        _named(os.ftruncate, path, fd, size)

    def sync(self, fd: int, path: str) -> None:
        """Make a file's content and size durable; not its name."""
        _named(_full_sync, path, fd)

    def sync_data(self, fd: int, path: str) -> None:
        """Make a file's content durable, and of the rest only what is needed to read it."""
        _named(_data_sync, path, fd)

    def sync_folder(self, path: str) -> None:
        """Make the names in a folder durable, those that are gone too."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _named(_full_sync, path, fd)
        finally:
            os.close(fd)

    def rename(self, old: str, new: str) -> None:
        """Give a file or folder another name, atomically; a file or an empty folder of that name is replaced."""
        os.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name. Raises FileExistsError: the first one wins."""
        os.link(old, new, follow_symlinks=False)

    def unlink(self, path: str) -> None:
        """Remove a file's name. Raises FileNotFoundError."""
        os.unlink(path)

    def rmdir(self, path: str) -> None:
        """Remove an empty folder."""
        os.rmdir(path)

    def close(self, fd: int, path: str) -> None:
        """Close a file that was written."""
        _named(os.close, path, fd)

    @staticmethod
    def _private(fd: int) -> int:
        os.fchmod(fd, 0o600)
        return fd

    # Recipes: durable on return unless they say otherwise.

    def write_all(self, fd: int, path: str, data: bytes) -> None:
        """Write all of `data`; not durable. A full disk or a signal makes short writes, so one call is not enough."""
        written = self.write(fd, path, data)
        while written < len(data):
            written += self.write(fd, path, memoryview(data)[written:])

    def append(self, fd: int, path: str, data: bytes) -> None:
        """Add `data` to a file and make it durable. Raises SyncFailed when only the second part failed."""
        self.write_all(fd, path, data)
        _synced(self.sync_data, fd, path)

    def write_new(self, path: str, data: bytes, *, durable: bool = True) -> None:
        """Make a file with content. Its name is not durable. Raises FileExistsError."""
        fd = self.create(path)
        try:
            self.write_all(fd, path, data)
            if durable:
                _synced(self.sync, fd, path)
        finally:
            self.close(fd, path)

    def replace(self, path: str, data: bytes, *, durable: bool = True, name: bool = True) -> None:
        """Have a file contain `data`, at once: readers find the old content or the new, never a part of either.

        With `durable` false only that; with `name` false the caller syncs the folder, for several files together.
        """
        temporary = self.temporary(folder_of(path))
        try:
            self.write_new(temporary, data, durable=durable)
            self.rename(temporary, path)
        except BaseException:
            self.discard(temporary)
            raise
        if durable and name:
            self.settle(folder_of(path))

    def settle_file(self, fd: int, path: str) -> None:
        """Make durable what is in a file, whoever wrote it. Raises SyncFailed."""
        _synced(self.sync, fd, path)

    def settle(self, *folders: str) -> None:
        """Make the names in `folders` durable. Raises SyncFailed."""
        for folder in folders:
            _synced(self.sync_folder, folder)

    def make_folders(self, path: str) -> None:
        """Have a folder and those above it stand; those that were made are durable."""
        missing = []
        while not os.path.isdir(path):
            missing.append(path)
            path = folder_of(path)
        for folder in reversed(missing):
            try:
                self.mkdir(folder)
            except FileExistsError:
                if not os.path.isdir(folder):
                    raise
            self.settle(folder_of(folder))

    def make_folder(self, path: str) -> None:
        """Have a folder stand in one that stands already; its name is not durable. A symlink is not taken for one."""
        if is_folder(path):
            return
        try:
            self.mkdir(path)
        except FileExistsError:
            if not is_folder(path):
                raise

    def discard(self, path: str) -> None:
        """Remove a file if it is there; not durable."""
        try:
            self.unlink(path)
        except FileNotFoundError:
            return

    def discard_tree(self, path: str) -> None:
        """Remove a folder with all that is in it; not durable, not atomic."""
        for name in sorted(names_in(path)):
            inner = f"{path}/{name}"
            if is_folder(inner):
                self.discard_tree(inner)
            else:
                self.discard(inner)
        self.rmdir(path)

    def sweep(self, *folders: str) -> None:
        """Remove what a `replace` left that was cut off. Only where nobody else is writing."""
        for folder in folders:
            for name in sorted(names_in(folder)):
                if self.is_temporary(name):
                    self.discard(f"{folder}/{name}")

    @staticmethod
    def temporary(folder: str) -> str:
        """Return a path in `folder` for a file that nobody else uses and all readers skip."""
        return f"{folder}/{_TEMPORARY}{_unique()}"

    @staticmethod
    def is_temporary(name: str) -> bool:
        """Whether `name` is one that `temporary` made."""
        return name.startswith(_TEMPORARY)

    @staticmethod
    def unpublished(folder: str, name: str) -> str:
        """Return a path in `folder` where what is to become `name` can be built; see `is_unpublished`."""
        return f"{folder}/{_UNPUBLISHED}{name}~{_unique()}"

    @staticmethod
    def is_unpublished(name: str, of: str = "") -> bool:
        """Whether `name` is something that is being built, or was left half-built; with `of`, only of that name."""
        return name.startswith(f"{_UNPUBLISHED}{of}~" if of else _UNPUBLISHED)


def _unique() -> str:
    return f"{os.getpid()}-{os.urandom(6).hex()}"


def _full_sync(fd: int) -> None:
    """Sync as far as the medium: on macOS `fsync` ends in the drive's cache, and another call goes further."""
    if _F_FULLFSYNC is not None:
        try:
            fcntl.fcntl(fd, _F_FULLFSYNC)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EINVAL, errno.ENOTTY):  # volumes that know only fsync
                raise
        else:
            return
    os.fsync(fd)


_data_sync: Callable[[int], None] = _full_sync if _F_FULLFSYNC is not None else os.fdatasync


def _named(call: Callable[P, T], path: str, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call, and have an error name `path`: a descriptor alone tells a person nothing."""
    try:
        return call(*args, **kwargs)
    except OSError as error:
        error.filename = path
        raise


def _synced(sync: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    try:
        sync(*args, **kwargs)
    except OSError as error:
        raise SyncFailed(error.errno, error.strerror, error.filename or str(args[-1])) from error
