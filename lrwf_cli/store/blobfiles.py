"""The blobs of one run as files: a file per value, named by its hash, so that a value is kept once.

A blob is durable, content and name, before the frame that names it is written. Whoever holds the run adds blobs;
anyone reads them.
"""

import errno
from threading import Lock

import msgspec

from lrwf_cli.core.events import Event
from lrwf_cli.core.model import Json
from lrwf_cli.errors import JournalCorrupt
from lrwf_cli.store.blobs import digest_of, references, replaced, unpacked
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.reading import read_file

__all__ = ["BlobFiles", "link_blobs", "read_blob"]

_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EMLINK, errno.EXDEV})
_HINT = "put the file back from a backup, or start the workflow anew"


_REMEMBERED = 4 * 1024 * 1024
"""Bytes of JSON whose values are remembered: what all handlers read is read from the disk once."""


class BlobFiles:
    """The blobs of a held run. All but `flush` may be called in any thread, also while another is in `flush`.

    `folder` is where they are; it may be given another name in between.
    """

    def __init__(self, disk: Disk, folder: str) -> None:
        self._disk = disk
        self.folder = folder
        self._pending: dict[str, bytes] = {}
        self._known: set[str] = set()
        self._values: dict[str, tuple[int, Json]] = {}
        self._lock = Lock()

    def keep(self, name: str, data: bytes) -> None:
        """Have the next `flush` write a blob; writes nothing yet."""
        # What an earlier process left is written again: who knows whether it was synced.
        if name not in self._pending and name not in self._known:
            self._pending[name] = data

    def flush(self) -> None:
        """Make the blobs that were kept durable. Raises OSError; then they are kept still, to be tried again."""
        names = list(self._pending)
        if not names:
            return
        for name in names:
            self._disk.replace(f"{self.folder}/{name}", self._pending[name], name=False)
        self._disk.settle(self.folder)
        self._known.update(names)
        for name in names:
            del self._pending[name]

    def read(self, name: str) -> bytes:
        """Return a blob's content, also before `flush`. Raises JournalCorrupt, OSError."""
        data = self._pending.get(name)
        return read_blob(self.folder, name) if data is None else data

    def resolve(self, value: Json) -> Json:
        """Return `value` with its references replaced; nobody changes it. Raises JournalCorrupt, OSError."""
        return replaced(value, self._look)

    def _look(self, name: str) -> Json:
        remembered = self._values.get(name)
        if remembered is not None:
            return remembered[1]
        data = self.read(name)
        value = unpacked(data, self._look)
        self._remember(name, len(data), value)
        return value

    def _remember(self, name: str, size: int, value: Json) -> None:
        """Keep a value at hand, and let go of those that were looked at first, as far as room is needed."""
        with self._lock:
            self._values[name] = (size, value)
            total = sum(each for each, _ in self._values.values())
            for oldest in list(self._values):
                if total <= _REMEMBERED:
                    break
                total -= self._values.pop(oldest)[0]


def read_blob(folder: str, name: str) -> bytes:
    """Return a blob's content, checked. Raises JournalCorrupt if it is missing or another, OSError."""
    path = f"{folder}/{name}"
    try:
        data = read_file(path)
    except FileNotFoundError as error:
        raise JournalCorrupt(f"a value that the journal refers to is missing: `{path}`", hint=_HINT) from error
    if digest_of(data) != name:
        raise JournalCorrupt(f"a value that the journal refers to is damaged: `{path}`", hint=_HINT)
    return data


def link_blobs(disk: Disk, events: tuple[Event, ...], source: str, target: str) -> None:
    """Have all blobs that `events` refer to stand in folder `target` as they do in `source`; names not durable."""
    wanted = set(references(msgspec.to_builtins(events)))
    done: set[str] = set()
    while wanted:
        name = wanted.pop()
        done.add(name)
        data = read_blob(source, name)
        _link(disk, f"{source}/{name}", f"{target}/{name}", data)
        if b'"$blob"' in data:
            wanted |= set(references(msgspec.json.decode(data))) - done


def _link(disk: Disk, old: str, new: str, data: bytes) -> None:
    try:
        disk.link(old, new)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        disk.write_new(new, data)
