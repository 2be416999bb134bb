"""A disk that tells a history what happens to it, that fails when it is told to, and that skips the real syncs.

A `History` is what happened in one life of a process: primitives (`Op`) that took place, and marks, which are what
the outside world saw in between (a handler ran, a frame was acknowledged). What a kill before any primitive
would have left is what the history up to there leads to, so that one life stands for all the kills in it.
"""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from lrwf_cli.store.disk import Disk
from tests.crash.durability import Op

__all__ = ["Did", "Died", "History", "Mark", "MortalDisk", "RecordingDisk", "SickDisk"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was seen outside of the state directory. Once seen, it cannot be taken back."""

    kind: str
    about: Any


class Did(NamedTuple):
    """Something that a handler has done outside: in which delivery and start (0: whichever), and for which await.

    It has gone on to it from another await, `after`, whose end has to be durable by then; `None`: from no such one.
    """

    delivery: str
    start: int
    place: str
    after: str | None


@dataclass(slots=True)
class History:
    """What happened in one life, in order."""

    entries: list[Op | Mark] = field(default_factory=list)

    def mark(self, kind: str, about: Any) -> None:
        """Note something that the outside world has seen."""
        self.entries.append(Mark(kind, about))


class Died(BaseException):
    """The process is dead: whatever goes on in it, no file sees it."""


class RecordingDisk(Disk):
    """Changes the files below `root` and tells `history`; what is synced is only told.

    One primitive at a time, so that the history has the order of what happened. Temporary names are numbers, not drawn
    by lot: the same life has the same history.
    """

    def __init__(self, root: Path, history: History) -> None:
        self.root = str(root)
        self.history = history
        self._lock = threading.RLock()
        self._handles: dict[int, tuple[str, int]] = {}
        self._opened = 0

    def before(self, op: Op) -> None:
        """Do what is to happen before `op`: raise, and it does not happen."""

    def create(self, path: str) -> int:
        return self._open(path, "create", super().create)

    def open_end(self, path: str) -> int:
        return self._open(path, "open_end", super().open_end)

    def touch(self, path: str) -> None:
        self._do(Op("touch", self._inside(path)), lambda: super(RecordingDisk, self).touch(path))

    def mkdir(self, path: str) -> None:
        self._do(Op("mkdir", self._inside(path)), lambda: super(RecordingDisk, self).mkdir(path))

    def write(self, fd: int, path: str, data: bytes | memoryview) -> int:
        return self._write(fd, path, bytes(data))

    def truncate(self, fd: int, path: str, size: int) -> None:
        self._do(self._op("truncate", fd, path, size=size), lambda: super(RecordingDisk, self).truncate(fd, path, size))

    def sync(self, fd: int, path: str) -> None:
        self._do(self._op("sync", fd, path), lambda: None)

    def sync_data(self, fd: int, path: str) -> None:
        self._do(self._op("sync_data", fd, path), lambda: None)

    def sync_folder(self, path: str) -> None:
        self._do(Op("sync_folder", self._inside(path)), Path(path).stat)

    def rename(self, old: str, new: str) -> None:
        op = Op("rename", self._inside(old), self._inside(new))
        self._do(op, lambda: super(RecordingDisk, self).rename(old, new))

    def link(self, old: str, new: str) -> None:
        op = Op("link", self._inside(old), self._inside(new))
        self._do(op, lambda: super(RecordingDisk, self).link(old, new))

    def unlink(self, path: str) -> None:
        self._do(Op("unlink", self._inside(path)), lambda: super(RecordingDisk, self).unlink(path))

    def rmdir(self, path: str) -> None:
        self._do(Op("rmdir", self._inside(path)), lambda: super(RecordingDisk, self).rmdir(path))

    def close(self, fd: int, path: str) -> None:
        op = self._op("close", fd, path)
        self._handles.pop(fd, None)
        self._do(op, lambda: super(RecordingDisk, self).close(fd, path))

    def temporary(self, folder: str) -> str:  # type: ignore[override]  # static there, and here it counts
        return self._unused(f"{folder}/.tmp-")

    def unpublished(self, folder: str, name: str) -> str:  # type: ignore[override]  # the same
        return self._unused(f"{folder}/.new-{name}~")

    def _unused(self, beginning: str) -> str:
        return next(path for n in count(1) if not os.path.lexists(path := f"{beginning}{n}"))

    def _open(self, path: str, kind: str, call: Callable[[str], int]) -> int:
        def opening() -> int:
            fd = call(path)
            self._handles[fd] = path, handle
            return fd

        with self._lock:
            self._opened += 1
            handle = self._opened
            return self._do(Op(kind, self._inside(path), handle=handle), opening)

    def _write(self, fd: int, path: str, data: bytes) -> int:
        return self._do(
            self._op("write", fd, path, data=data), lambda: super(RecordingDisk, self).write(fd, path, data)
        )

    def _do(self, op: Op, call: Callable[[], T]) -> T:
        with self._lock:
            self.before(op)
            result = call()
            self.history.entries.append(op)
            return result

    def _op(self, kind: str, fd: int, path: str, *, data: bytes = b"", size: int = 0) -> Op:
        opened_as, handle = self._handles.get(fd, ("", 0))
        # Some descriptors are opened or closed elsewhere, and files are renamed while open: then the path tells.
        return Op(kind, self._inside(path), handle=handle if opened_as == path else 0, data=data, size=size)

    def _inside(self, path: str) -> str:
        assert f"{path}/".startswith(f"{self.root}/"), path
        return path[len(self.root) + 1 :]


class MortalDisk(RecordingDisk):
    """Dies before its primitive number `last`, counted from 0, and stays dead."""

    def __init__(self, root: Path, history: History, last: int) -> None:
        super().__init__(root, history)
        self._left = last

    def before(self, op: Op) -> None:
        if self._left <= 0:
            raise Died(op)
        self._left -= 1


class SickDisk(RecordingDisk):
    """Fails at its primitive number `first`, counted from 0, with `trouble`: an errno, or 0 for a short write.

    Once, or from then on always (`sticky`). `failed` are the primitives that were hit. What a failed
    sync was to make durable is lost, whatever a later sync says.
    """

    def __init__(self, root: Path, history: History, *, first: int, trouble: int, sticky: bool) -> None:
        super().__init__(root, history)
        self.failed: list[Op] = []
        self._first = first
        self._trouble = trouble
        self._sticky = sticky
        self._count = 0

    def before(self, op: Op) -> None:
        if self._trouble and self._is_hit(op):
            if op.kind in {"sync", "sync_data"}:
                self.history.entries.append(Op("sync_failed", op.path, handle=op.handle))
            raise OSError(self._trouble, os.strerror(self._trouble), f"{self.root}/{op.path}")

    def close(self, fd: int, path: str) -> None:
        try:
            super().close(fd, path)
        except OSError:
            os.close(fd)  # the kernel has let go of it, whatever it says
            raise

    def _write(self, fd: int, path: str, data: bytes) -> int:
        with self._lock:
            if not self._trouble and len(data) > 1 and self._is_hit(self._op("write", fd, path)):
                data = data[: len(data) // 2]
            return super()._write(fd, path, data)

    def _is_hit(self, op: Op) -> bool:
        number, self._count = self._count, self._count + 1
        hit = number >= self._first if self._sticky else number == self._first
        if hit:
            self.failed.append(op)
        return hit
