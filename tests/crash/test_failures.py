"""Conformance 44: a file operation that fails ends the driver with an error; with the fault gone the run goes on.

As SQLite does it: the first operation fails, then the second, then the third, until a life goes through unharmed; each
time once, and as a fault that stays. What a failed sync was to keep is lost for good, and a power loss shows it.
The long form does this for every flow:

    python -m pytest tests/crash/test_failures.py -m soak
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal

import pytest

from lrwf_cli.errors import LrwfError, StateDirectoryError, StateFull
from tests.crash.enumeration import Crash, Enumeration, endings_of, prepared
from tests.crash.flows import ASKED, CHAIN, LOOP, MAIL, STEERED
from tests.crash.lanes import LANES, STEPS
from tests.crash.recorder import History, SickDisk
from tests.crash.waiting import CANCELLED, LATE, TOLD, WAITING
from tests.crash.worlds import Scenario

FLOWS: dict[str, Scenario] = {
    "chain": CHAIN,
    "mail": MAIL,
    "loop": LOOP,
    "steered": STEERED,
    "asked": ASKED,
    "waiting": WAITING,
    "late": LATE,
    "told": TOLD,
    "cancelled": CANCELLED,
    "lanes": LANES,
    "steps": STEPS,
}
SHORT = 0
How = Literal["once", "for good"]
FAULTS: list[tuple[int, How]] = [
    (errno.EIO, "once"),
    (errno.EIO, "for good"),
    (errno.ENOSPC, "once"),
    (errno.ENOSPC, "for good"),
]


@dataclass(frozen=True)
class Sickness:
    """A life in which an operation failed: what happened, what was hit, and the error that ended it."""

    start: Crash
    history: History
    disk: SickDisk
    error: LrwfError | None


def sicknesses(enumeration: Enumeration, start: Crash, trouble: int, how: How) -> Iterator[Sickness]:
    """Yield a life for each operation of one that may fail."""
    for first in count():
        disks: list[SickDisk] = []

        def make_disk(folder: Path, history: History, first: int = first, disks: list[SickDisk] = disks) -> SickDisk:
            disks.append(SickDisk(folder, history, first=first, trouble=trouble, sticky=how == "for good"))
            return disks[0]

        history, error = enumeration.sick(start, make_disk)
        if not disks[0].failed:
            return
        hit = disks[0].failed[0]
        name = f"{errno.errorcode.get(trouble, 'a short write')} {how} at {hit.kind} {hit.path}"
        yield Sickness(replace(start, how=name), history, disks[0], error)


def recover(enumeration: Enumeration, sickness: Sickness) -> None:
    """Play what comes after a life that a failure has ended: at once, after a power loss, and a power loss after it."""
    for crash, after in enumeration.after(endings_of(sickness.start, sickness.history, "kills")):
        for _ in enumeration.after(endings_of(crash, after, "powers")):
            continue
    for _ in enumeration.after(endings_of(sickness.start, sickness.history, "powers")):
        continue


def fail_everywhere(scenario: Scenario, trouble: int, how: How, arena: Path) -> None:
    start = prepared(arena / "empty")
    with Enumeration(scenario, arena) as enumeration:
        enumeration.undisturbed(start)
        for sickness in sicknesses(enumeration, start, trouble, how):
            hit = sickness.disk.failed[0]
            if sickness.error is None:
                is_cache = "/checkpoints/" in hit.path or (hit.kind == "touch" and hit.path.endswith("/quiet"))
                assert is_cache, f"{sickness.start.how}: nobody was told"
            else:
                assert isinstance(sickness.error, StateDirectoryError)
                if trouble == errno.ENOSPC and not hit.kind.startswith("sync"):
                    assert isinstance(sickness.error, StateFull)
                assert sickness.error.hint
            recover(enumeration, sickness)
        assert not enumeration.wrong, "\n".join(enumeration.wrong)


@pytest.mark.slow
@pytest.mark.parametrize(("trouble", "how"), FAULTS)
def test_a_failure_ends_the_driver_and_harms_nothing(trouble: int, how: How, arena: Path) -> None:
    """Conformance 44: never a warning; only a cache, a checkpoint, may be left unwritten in silence (I5)."""
    fail_everywhere(CHAIN, trouble, how, arena)


@pytest.mark.soak
@pytest.mark.parametrize(("trouble", "how"), FAULTS)
@pytest.mark.parametrize("flow", FLOWS)
def test_a_failure_harms_no_flow(flow: str, trouble: int, how: How, arena: Path) -> None:
    """Conformance 44: the same for letters, timers, blobs, retries, and for what runs wait for."""
    fail_everywhere(FLOWS[flow], trouble, how, arena)


@pytest.mark.parametrize("how", ["once", "for good"])
def test_a_short_write_is_gone_on_with(how: How, arena: Path) -> None:
    """A write that writes less than it was given is no error: the rest is written as well."""
    with Enumeration(LOOP, arena) as enumeration:
        enumeration.undisturbed()
        for sickness in sicknesses(enumeration, Crash("nothing", {}, {}), SHORT, how):
            assert sickness.error is None
            for _ in enumeration.after(endings_of(sickness.start, sickness.history, "powers")):
                continue
        assert not enumeration.wrong, "\n".join(enumeration.wrong)
