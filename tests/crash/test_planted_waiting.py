"""The enumeration proves itself for runs that wait: each break of what they live by has to be found out.

As in `test_planted`, nothing is patched. That something is found is not enough: it has to be what was broken.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from lrwf_cli.core.events import Event, NoticeDelivered, NoticeFailed, NoticesPosted
from lrwf_cli.core.suspended import Kept
from lrwf_cli.executors.base import Call
from lrwf_cli.store.base import Frame, Held
from tests.crash.enumeration import How
from tests.crash.flows import ASKED
from tests.crash.lanes import LANES, STEPS
from tests.crash.planting import Broken, LateJournalSync, Mislead, broken_by, faults, misled
from tests.crash.recorder import RecordingDisk
from tests.crash.waiting import CANCELLED, EAGER, TOLD
from tests.crash.witness import WitnessDesk
from tests.crash.worlds import Scenario


class NoSyncOfAnswers(RecordingDisk):
    """Acknowledges an answer whose name is not durable."""

    def sync_folder(self, path: str) -> None:
        if not path.endswith("/responses"):
            super().sync_folder(path)


class NoSyncOfMail(RecordingDisk):
    """Acknowledges a cancel whose letter is not durable."""

    def sync_folder(self, path: str) -> None:
        if not path.endswith("/mail"):
            super().sync_folder(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("disk", "scenario", "told"),
    [
        (NoSyncOfAnswers, ASKED, "was acknowledged, and is asked for again"),
        (NoSyncOfMail, CANCELLED, "posted and never taken"),
        (LateJournalSync, EAGER, "was kept and ran again"),
    ],
)
def test_what_is_acknowledged_too_soon_is_found_out(
    disk: type[RecordingDisk], scenario: Scenario, told: str, arena: Path
) -> None:
    """Promise 1: an answer, a cancel, an await: a power loss takes what was not synced before somebody was told."""
    found = faults(scenario, arena, "powers", make_disk=disk, until=told)
    assert any(told in each for each in found), found


class TimersFirst(Broken):
    """Takes the timers of a run away before the frame that has a use for them is durable (against I4)."""

    def append(self, events: Sequence[Event], at: datetime) -> Frame:
        self.held.wake_at(None)
        return self.held.append(events, at)


class Forgetful(Broken):
    """Does not know which letters the journal has, nor which answers."""

    def __init__(self, held: Held) -> None:
        super().__init__(held)
        self.run.mail.clear()
        for name, request in self.run.requests.items():
            self.run.requests[name] = replace(request, answer=None)


class Hasty(Broken):
    """Burns letters before the frame that takes them is durable (against I7)."""

    def append(self, events: Sequence[Event], at: datetime) -> Frame:
        self.held.burn([letter.id for letter in self.held.letters()])
        return self.held.append(events, at)


class Boastful(Broken):
    """Says that news are delivered as soon as there are any."""

    def append(self, events: Sequence[Event], at: datetime) -> Frame:
        posted = [notice.id for each in events if isinstance(each, NoticesPosted) for notice in each.notices]
        others = [each for each in events if not isinstance(each, NoticeDelivered | NoticeFailed)]
        return self.held.append([*others, *map(NoticeDelivered, posted)], at)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "scenario", "told"),
    [
        (TimersFirst, EAGER, "nothing wakes it"),
        (Forgetful, ASKED, "the answer to first is in the journal 2 times"),
        (Hasty, CANCELLED, "posted and never taken"),
        (Boastful, TOLD, "which is said to be delivered"),
    ],
)
def test_a_broken_run_is_found_out(kind: type[Broken], scenario: Scenario, told: str, arena: Path) -> None:
    """I4, I7, conformance 41: what wakes a run goes too early, what it was told is told again, news are made up."""
    found = faults(scenario, arena, "kills", make_store=broken_by(kind), until=told)
    assert any(told in each for each in found), found


class HastyDesk(WitnessDesk):
    """Says that an await is kept, and has it kept later."""

    async def keep(self, kept: Sequence[Kept]) -> None:
        _later.add(asyncio.ensure_future(self.desk.keep(kept)))


_later: set["asyncio.Future[None]"] = set()


def hasty(call: Call, desk: WitnessDesk) -> tuple[Call, WitnessDesk]:
    """Hand each await on before it is durable."""
    return call, HastyDesk(desk.desk, desk.call, desk.history)


def without_lanes(call: Call, desk: WitnessDesk) -> tuple[Call, WitnessDesk]:
    """Forget what lanes have kept that a handler has made."""
    return replace(call, kept={"": call.kept.get("", ())}), desk


def without_steps(call: Call, desk: WitnessDesk) -> tuple[Call, WitnessDesk]:
    """Forget the steps of earlier attempts."""
    return replace(call, steps=()), desk


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mislead", "scenario", "how", "told"),
    [
        (hasty, EAGER, "kills", "went on to 2 before 1 was durable"),
        (hasty, LANES, "kills", "went on to stoke before light was durable"),
        (without_lanes, LANES, "kills", "was kept and ran again"),
        (without_steps, STEPS, "kills", "await charge of"),
    ],
)
def test_a_misled_handler_is_found_out(mislead: Mislead, scenario: Scenario, how: How, told: str, arena: Path) -> None:
    """Promise 3: an await is handed on before it is kept, or was kept and is forgotten."""
    found = faults(misled(scenario, mislead), arena, how, until=told)
    assert any(told in each for each in found), found
