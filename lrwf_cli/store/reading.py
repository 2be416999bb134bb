# Plain paths and descriptors: pathlib would be a good part of what a cron line pays for starting us.
# ruff: noqa: PTH100, PTH120, PTH208
"""Reading the state directory with care: no symlink is followed, and no pipe or huge file can hang us.

Names that begin with a dot are being written or were put aside: `names_in` gives them too, readers skip them.
Nothing here changes anything.
"""

import errno
import math
import os
import stat

__all__ = ["absolute", "changed_at", "folder_of", "is_folder", "is_there", "names_in", "open_to_read", "read_file"]

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def open_to_read(path: str) -> tuple[int, int]:
    """Return a descriptor and the size of a regular file. Raises OSError for anything else."""
    fd = os.open(path, _FLAGS)
    found = os.fstat(fd)
    if stat.S_ISREG(found.st_mode):
        return fd, found.st_size
    os.close(fd)
    raise OSError(errno.EINVAL, "not a regular file", path)


def read_file(path: str, limit: int | None = None) -> bytes:
    """Return what is in a regular file. Raises OSError, also when it is longer than `limit` bytes."""
    fd, size = open_to_read(path)
    with os.fdopen(fd, "rb") as file:
        if limit is not None and size > limit:
            raise OSError(errno.EINVAL, f"longer than {limit} bytes", path)
        return file.read()


def names_in(folder: str) -> list[str]:
    """Return the names in a folder, in no order; none if there is no such folder."""
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def is_folder(path: str) -> bool:
    """Whether `path` is a folder itself; a symlink to one is not."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def is_there(path: str) -> bool:
    """Whether there is something of that name."""
    return os.path.lexists(path)


def changed_at(path: str) -> float:
    """Return when a file's content or a folder's names last changed, in epoch seconds; infinity if it is gone."""
    try:
        return os.lstat(path).st_mtime
    except FileNotFoundError:
        return math.inf


def absolute(path: str | os.PathLike[str]) -> str:
    """Return `path` so that it means the same wherever the process goes."""
    return os.path.abspath(path)


def folder_of(path: str) -> str:
    """Return the folder that an absolute path is in."""
    return os.path.dirname(path)
