"""The state directory itself: making it, and refusing one that is not ours, not safe, newer or something else.

Only its owner may write to it, because who can write there can have runs do what they like. What it contains is the
other modules' business.
"""

import os
import stat

from lrwf_cli.errors import StateDirectoryError, StateNewer, StateNotOurs, StateUnwritable
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.reading import folder_of, names_in, read_file

__all__ = ["FORMAT", "prepare"]

FORMAT = 1
"""The version of the files. A state directory of a newer one is refused, also for reading."""

_FOLDERS = ("timers", "timers/now", "mail", "code", "runs")
_OURS = frozenset({"FORMAT", "heartbeat", "timers", "mail", "code", "runs"})
_FILE = "FORMAT"


def prepare(disk: Disk, path: str, *, create: bool) -> None:
    """Check the state directory; with `create`, make what is missing, durably, and see that it can be written.

    Without `create` nothing is changed, and one that is not there is no error: it has no runs. Idempotent, also beside
    others. Raises StateNotOurs, StateNewer, StateUnwritable, StateDirectoryError; OSError.
    """
    if not _check_folder(path, follow=True):
        if os.path.islink(path):  # noqa: PTH114  (plain paths: see `reading`)
            raise StateDirectoryError(
                f"a symlink to nowhere: `{path}`", hint="make what it points to, or remove it: lrwf makes a directory"
            )
        if not create:
            return
        disk.make_folders(path)
        _check_folder(path, follow=True)
    found = _check_format(disk, path)
    for name in _FOLDERS:
        folder = f"{path}/{name}"
        if not _check_folder(folder, follow=False) and create:
            _make(disk, folder)
    if not create:
        return
    if not os.access(path, os.W_OK | os.X_OK):
        raise StateUnwritable(
            f"the state directory cannot be written: `{path}`",
            hint="check its mode and its mount, or name another one with --state-dir",
        )
    if not found:
        # Last, so that it says that the rest is durable; another process may have made some of that just now.
        disk.settle(folder_of(path), path, f"{path}/timers")
        disk.replace(f"{path}/{_FILE}", b"%d\n" % FORMAT)


def _make(disk: Disk, folder: str) -> None:
    try:
        disk.make_folders(folder)
    except FileExistsError:  # as a file or a symlink
        _check_folder(folder, follow=False)


def _check_folder(path: str, *, follow: bool) -> bool:
    """Whether there is such a folder. Raises if it is something else, or not ours alone to write to."""
    try:
        found = os.stat(path, follow_symlinks=follow)  # noqa: PTH116  (plain paths: see `reading`)
    except FileNotFoundError:
        return False
    if not stat.S_ISDIR(found.st_mode):
        raise StateDirectoryError(
            f"not a directory: `{path}`", hint="move it away, or name another state directory with --state-dir"
        )
    if found.st_uid != os.geteuid():
        raise StateNotOurs(
            f"`{path}` belongs to uid {found.st_uid}, and this is uid {os.geteuid()}",
            hint="run lrwf as its owner, or name another state directory with --state-dir",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise StateNotOurs(f"others than its owner may write to `{path}`", hint=f"chmod go-w {path}")
    return True


def _check_format(disk: Disk, path: str) -> bool:
    """Whether the format is stated, and is ours. Raises if it is another, or if the directory is something else."""
    try:
        text = read_file(f"{path}/{_FILE}", 64).strip()
    except FileNotFoundError:
        foreign = sorted(name for name in names_in(path) if name not in _OURS and not disk.is_temporary(name))
        if foreign:
            raise StateDirectoryError(
                f"not a state directory, for it has `{foreign[0]}` and no `{_FILE}`: `{path}`",
                hint="name an empty or a new directory with --state-dir",
            ) from None
        return False
    if not text.isdigit() or not 0 < int(text) < 10**6:
        raise StateDirectoryError(
            f"`{path}/{_FILE}` is damaged: {text[:20]!r}", hint=f"write {FORMAT} and a newline into it"
        )
    if int(text) > FORMAT:
        raise StateNewer(
            f"the state directory has format {int(text)}, and this version reads {FORMAT}: `{path}`",
            hint="upgrade lrwf, or name another state directory with --state-dir",
        )
    return True
