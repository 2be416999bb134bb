"""Conformance 38 to 41: one answer stands, and wakes its run, however many answer and whoever dies meanwhile.

Each part is interrupted before each of its file operations by all of another; then there is a kill or a power loss
before each operation of both, and life goes on, with another such crash. All of it:

    python -m pytest tests/crash/test_answers.py -m soak
"""

from pathlib import Path

import pytest

from tests.crash.enumeration import How
from tests.crash.recorder import RecordingDisk
from tests.crash.rivals import Duel, InterruptedDisk, Part, answers, driver, impatient_driver

ADA, BOB, EVE = answers("ada"), answers("bob"), answers("eve")
DUELS = {
    "two people": (ADA, BOB),
    "a person, then the expiry": (ADA, driver),
    "the expiry, then a person": (driver, ADA),
    "a person who is slow": (ADA, impatient_driver),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kills", "powers"])
@pytest.mark.parametrize(("first", "second"), DUELS.values(), ids=DUELS)
def test_one_answer_stands(first: Part, second: Part, how: How, arena: Path) -> None:
    """Whoever was told which answer stands was told the truth; a driver that comes next finds it."""
    duel = Duel(first, second, driver, arena)
    assert not duel.play(how), "\n".join(duel.wrong)


@pytest.mark.slow
@pytest.mark.parametrize("duel", ["two people", "the expiry, then a person"])
def test_what_a_kill_left_is_made_durable_before_it_is_told(duel: str, arena: Path) -> None:
    """R4: who comes after a kill is told what a power loss cannot take back."""
    crash_twice(duel, EVE, arena)


@pytest.mark.soak
@pytest.mark.parametrize("after", [driver, EVE], ids=["driver", "another"])
@pytest.mark.parametrize("duel", DUELS)
def test_so_is_everything(duel: str, after: Part, arena: Path) -> None:
    """The long form of what is above."""
    crash_twice(duel, after, arena)


def crash_twice(name: str, after: Part, arena: Path) -> None:
    duel = Duel(*DUELS[name], after, arena)
    assert not duel.play("kills", "powers"), "\n".join(duel.wrong)


class LastWins(InterruptedDisk):
    """Puts an answer in the place of the one that is there."""

    def link(self, old: str, new: str) -> None:
        self.rename(old, new)


class NoSyncOfAnswers(InterruptedDisk):
    """Acknowledges an answer whose name is not durable."""

    def sync_folder(self, path: str) -> None:
        if not path.endswith("/responses"):
            super().sync_folder(path)


class NoSyncOfTheRunsFolder(InterruptedDisk):
    """Acknowledges an answer in a folder whose own name is not durable."""

    def sync_folder(self, path: str) -> None:
        if not path.endswith("/train"):
            super().sync_folder(path)


class NoSyncOfContent(InterruptedDisk):
    """Links an answer that is not durable."""

    def sync(self, fd: int, path: str) -> None:
        if "/responses/" not in path:
            super().sync(fd, path)


class NoSyncOfMail(InterruptedDisk):
    """Acknowledges an answer whose letter is not durable."""

    def sync_folder(self, path: str) -> None:
        if not path.endswith("/mail"):
            super().sync_folder(path)


class NoSyncOfWhatIsFound(RecordingDisk):
    """Believes an answer that is only visible."""

    def sync_folder(self, path: str) -> None:
        if not path.endswith("/responses"):
            super().sync_folder(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "broken",
    [LastWins, NoSyncOfAnswers, NoSyncOfTheRunsFolder, NoSyncOfContent, NoSyncOfMail],
    ids=lambda c: c.__name__,
)
def test_a_broken_disk_is_found_out(broken: type[InterruptedDisk], arena: Path) -> None:
    """Each part of the recipe that is left out is seen by the enumeration."""
    assert Duel(ADA, BOB, driver, arena, interrupted=broken).play("powers")


@pytest.mark.slow
def test_a_hasty_belief_is_found_out(arena: Path) -> None:
    """R4: so is an answer that is believed although it is not durable."""
    assert Duel(ADA, BOB, EVE, arena, make_disk=NoSyncOfWhatIsFound).play("kills", "powers")
