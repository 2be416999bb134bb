"""What the tests of the store build runs of, and disks that record, fill up or fail."""

import errno
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from lrwf_cli.core.events import DriverStarted, Event, InvocationCompleted, InvocationsStarted, RunStarted, StateChange
from lrwf_cli.core.run import Delivery, Origin
from lrwf_cli.core.suspended import Answer
from lrwf_cli.store.base import LARGE, Held, Letter, NewRun
from lrwf_cli.store.disk import Disk

NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
BIG = "y" * (LARGE + 1)


def delivery(number: int = 0, message: Any = None) -> Delivery:
    return Delivery(id=f"{number:016x}", executor="work", superstep=number + 1, message=message)


def started(run_id: str, value: Any = None) -> RunStarted:
    origin = Origin(flow="flow.yaml", folder="/", cwd="/", python="python3")
    return RunStarted(
        run_id=run_id,
        workflow="w",
        origin=origin,
        executors=("work",),
        delivery=delivery(0, value),
        at=NOW,
        input=value,
    )


def new_run(run_id: str = "train", value: Any = None, **more: Any) -> NewRun:
    return NewRun(run_id=run_id, definition="name: w\n", events=(started(run_id, value),), at=NOW, **more)


def step(number: int, value: Any = None) -> tuple[Event, ...]:
    """Return the events of one turn of an endless loop: delivery `number` is handled and leads to the next."""
    return (
        InvocationsStarted(deliveries=(delivery(number).id,)),
        InvocationCompleted(
            delivery=delivery(number).id,
            deliveries=(delivery(number + 1, value),),
            state=(StateChange(key="last", value=number),),
        ),
    )


def remark(text: str) -> tuple[Event, ...]:
    """Events that a run in any state can have."""
    return (DriverStarted(pid=1, boot_id=text),)


def append(held: Held, *frames: Sequence[Event]) -> None:
    for events in frames:
        held.append(held.lighten(events), NOW)


def letter(run_id: str = "train", letter_id: str = "l1", at: datetime = NOW) -> Letter:
    return Letter(id=letter_id, run_id=run_id, kind="pause", at=at)


def answer(value: Any = "ship", **more: Any) -> Answer:
    return Answer(at=NOW, value=value, **more)


def answered(run_id: str = "train", request: str = "approve", letter_id: str = "a1", epoch: int = 0) -> Letter:
    """Return the wake-up that comes with an answer."""
    return Letter(id=letter_id, run_id=run_id, kind="answered", at=NOW, epoch=epoch, data={"request": request})


def names(folder: Path) -> list[str]:
    """Return the names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


def tree(folder: Path) -> dict[str, bytes]:
    """Return everything below a folder: names, those of folders with a slash, and contents."""
    found = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        found[f"{name}/" if path.is_dir() else name] = b"" if path.is_dir() else path.read_bytes()
    return found


PRIMITIVES = (
    "create", "open_end", "touch", "mkdir", "write", "truncate", "sync",
    "sync_data", "sync_folder", "rename", "link", "unlink", "rmdir", "close",
)  # fmt: skip


class WatchedDisk(Disk):
    """Writes down each primitive with the name it is about; `before` is called first and may raise."""

    def __init__(self, before: Callable[[str, str], None] | None = None) -> None:
        self.calls: list[str] = []
        self.before = before

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        if name not in PRIMITIVES:
            return found

        def call(*args: Any) -> Any:
            path = args[-1] if name in ("rename", "link") else next(each for each in args if isinstance(each, str))
            if self.before:
                self.before(name, path)
            self.calls.append(f"{name} {'/'.join(path.split('/')[-2:])}")
            return found(*args)

        return call


class FullDisk(Disk):
    """Has room for `room` bytes more, and says so as disks do: first a short write, then none."""

    def __init__(self, room: int | None = None, code: int = errno.ENOSPC) -> None:
        self.room = room
        self.code = code

    def write(self, fd: int, path: str, data: bytes | memoryview) -> int:
        if self.room is None:
            return super().write(fd, path, data)
        if self.room == 0:
            raise OSError(self.code, os.strerror(self.code), path)
        written = super().write(fd, path, memoryview(data)[: self.room])
        self.room -= written
        return written


def fails(operation: str, end: str, code: int = errno.EIO, *, once: bool = True) -> Callable[[str, str], None]:
    """Let `operation` fail for paths with that end; the first time only, or always."""
    left = [1]

    def before(name: str, path: str) -> None:
        if name == operation and path.endswith(end) and left[0] > 0:
            left[0] -= once
            raise OSError(code, os.strerror(code), path)

    return before
