"""The enumeration proves itself: stores that are broken on purpose, each in one way, and each has to be found out.

The breaks are made with subclasses of the disk, and of what the store hands out: nothing of the real store is patched.
Those of what runs wait for are in `test_planted_waiting`.
"""

from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path

import pytest

from lrwf_cli.store.base import Letter
from tests.crash.enumeration import How
from tests.crash.flows import CHAIN, LOOP, MAIL, PAIR
from tests.crash.planting import Broken, LateJournalSync, broken_by, faults
from tests.crash.recorder import History, RecordingDisk
from tests.crash.waiting import LATE, TOLD
from tests.crash.worlds import Scenario


class NoJournalSync(RecordingDisk):
    """Acknowledges frames that are only written."""

    def sync_data(self, fd: int, path: str) -> None:
        return


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


class Hasty(Broken):
    """A held run whose letters are burnt when they are read (against I7)."""

    def letters(self) -> list[Letter]:
        letters = self.held.letters()
        self.held.burn([letter.id for letter in letters])
        return letters


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
    found = faults(MAIL, arena, "kills", make_store=broken_by(Hasty))
    assert found
