"""The enumeration proves itself: stores that are broken on purpose, each in one way, and each has to be found out.

The breaks are made with subclasses of the disk, and of what the store hands out: nothing of the real store is patched.
"""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, cast

import pytest

from lrwf_cli.store.base import Held, Letter
from lrwf_cli.store.disk import Disk
from tests.crash.enumeration import NOTHING, Enumeration, How, crashes_of
from tests.crash.flows import CHAIN, LOOP, MAIL, PAIR
from tests.crash.recorder import History, RecordingDisk
from tests.crash.waiting import EAGER, LATE, TOLD
from tests.crash.worlds import MakeDisk, MakeStore, Scenario, make_file_store


def faults(
    scenario: Scenario,
    folder: Path,
    first: How,
    then: How | None = None,
    *,
    make_disk: MakeDisk = RecordingDisk,
    make_store: MakeStore = make_file_store,
) -> list[str]:
    """Return what the enumeration finds, the latest crashes first; with `then` also crashes in what comes after."""
    with Enumeration(scenario, folder, make_store, make_disk, enough=1) as enumeration:
        history = enumeration.undisturbed()
        crashes = list(crashes_of(NOTHING, history, first))
        for crash, after in enumeration.after(reversed(crashes)):
            for _ in enumeration.after(crashes_of(crash, after, then)) if then else ():
                continue
        return enumeration.wrong


class NoJournalSync(RecordingDisk):
    """Acknowledges frames that are only written."""

    def sync_data(self, fd: int, path: str) -> None:
        return


class LateJournalSync(RecordingDisk):
    """Acknowledges a frame before it is synced: the sync comes with whatever happens next."""

    def __init__(self, root: Path, history: History) -> None:
        super().__init__(root, history)
        self._late: list[tuple[int, str]] = []

    def sync_data(self, fd: int, path: str) -> None:
        self._late.append((fd, path))

    def write(self, fd: int, path: str, data: bytes | memoryview) -> int:
        for late in self._late:
            super().sync_data(*late)
        self._late.clear()
        return super().write(fd, path, data)


class NoFolderSync(RecordingDisk):
    """Never syncs a folder."""

    def sync_folder(self, path: str) -> None:
        return


class NoSyncOfRuns(RecordingDisk):
    """Publishes a run without syncing the folder that its name is in."""

    def sync_folder(self, path: str) -> None:
        if not path.endswith("/runs"):
            super().sync_folder(path)


class NoSyncOfTimers(RecordingDisk):
    """Takes an old timer away while the name of the new one is not durable."""

    def sync_folder(self, path: str) -> None:
        if not fnmatch(path, "*/timers/*T*"):
            super().sync_folder(path)


class NoSyncOfMail(RecordingDisk):
    """Acknowledges a letter whose name is not durable."""

    def sync_folder(self, path: str) -> None:
        if not path.endswith("/mail"):
            super().sync_folder(path)


class NoSyncOfBlobs(RecordingDisk):
    """Names a blob in a frame before the blob is durable."""

    def sync(self, fd: int, path: str) -> None:
        if "/blobs/" not in path:
            super().sync(fd, path)


class TimerTooLate(RecordingDisk):
    """Takes the old timer away before the new one stands (against I4)."""

    def __init__(self, root: Path, history: History) -> None:
        super().__init__(root, history)
        self._late: list[str] = []

    def touch(self, path: str) -> None:
        if "/timers/" in path and "/now/" not in path:
            self._late.append(path)
        else:
            super().touch(path)

    def sync_folder(self, path: str) -> None:
        if Path(path).exists():
            super().sync_folder(path)

    def unlink(self, path: str) -> None:
        super().unlink(path)
        if "/timers/" in path:
            late, self._late = self._late, []
            for timer in late:
                if not Path(timer).parent.exists():
                    super().mkdir(str(Path(timer).parent))
                super().touch(timer)


class NoSyncAtRecovery(RecordingDisk):
    """Goes on with a journal that was written anew after a crash, and not synced."""

    def sync(self, fd: int, path: str) -> None:
        if not fnmatch(path, "*/runs/*/.tmp-*"):
            super().sync(fd, path)


class InPlace(RecordingDisk):
    """Writes a journal anew in place, instead of beside it."""

    def rename(self, old: str, new: str) -> None:
        if not new.endswith("journal.jsonl"):
            super().rename(old, new)
            return
        fd = super().open_end(new)
        super().truncate(fd, new, 0)
        super().write(fd, new, Path(old).read_bytes())
        super().sync(fd, new)
        super().close(fd, new)
        super().unlink(old)


class Hasty:
    """A held run whose letters are burnt when they are read (against I7)."""

    def __init__(self, held: Held) -> None:
        self._held = held
        self.run = held.run

    def letters(self) -> list[Letter]:
        letters = self._held.letters()
        self._held.burn([letter.id for letter in letters])
        return letters

    def __getattr__(self, name: str) -> Any:
        return getattr(self._held, name)


class HastyStore:
    """A store that hands out hasty runs."""

    def __init__(self, path: str, disk: Disk) -> None:
        self._store = make_file_store(path, disk)

    def hold(self, run_id: str) -> Held:
        return cast("Held", Hasty(self._store.hold(run_id)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.parametrize(
    ("disk", "scenario", "first", "then"),
    [
        (NoJournalSync, CHAIN, "powers", None),
        (LateJournalSync, CHAIN, "powers", None),
        (NoFolderSync, CHAIN, "powers", None),
        (NoSyncOfRuns, CHAIN, "powers", None),
        (NoSyncOfTimers, LOOP, "powers", None),
        (NoSyncOfMail, MAIL, "powers", None),
        (NoSyncOfBlobs, LOOP, "powers", None),
        (TimerTooLate, LOOP, "kills", None),
        (LateJournalSync, EAGER, "powers", None),
        (NoSyncOfTimers, LATE, "powers", None),
        (NoSyncOfTimers, TOLD, "powers", None),
        (InPlace, PAIR, "kills", "kills"),
        (NoSyncAtRecovery, PAIR, "kills", "powers"),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_broken_disk_is_found_out(
    disk: Callable[[Path, History], RecordingDisk], scenario: Scenario, first: How, then: How | None, arena: Path
) -> None:
    """Conformance 42, 43: each recipe left out is seen by the enumeration."""
    found = faults(scenario, arena, first, then, make_disk=disk)
    assert found


def test_mail_burnt_before_its_frame_is_found_out(arena: Path) -> None:
    """I7: a letter that is unlinked before the frame that takes it is durable gets lost."""
    found = faults(MAIL, arena, "kills", make_store=cast("MakeStore", HastyStore))
    assert found
