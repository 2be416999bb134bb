"""Conformance 42, 43, 2, 16: a kill and a power loss before every file operation, and again in what comes after.

The short form plays every crash of a life and, for the smallest flow, every crash of every recovery. The long form
plays every crash of every recovery of larger ones, and each unsynced name by itself. It takes some hours:

    python -m pytest tests/crash -m soak
"""

import asyncio
from functools import partial
from itertools import count, product
from pathlib import Path

import pytest

from tests.crash.durability import Machine, Op
from tests.crash.enumeration import NOTHING, Crash, Enumeration, How, crashes_of, prepared
from tests.crash.flows import ASKED, CHAIN, EXPIRED, LOOP, MAIL, PAIR, STEERED, Quickstart
from tests.crash.lanes import LANES, STEPS
from tests.crash.recorder import Died, History, MortalDisk
from tests.crash.trees import look_at
from tests.crash.waiting import CANCELLED, EAGER, LATE, TOLD, WAITING
from tests.crash.worlds import Life, Scenario, live, make_file_store

FLOWS: dict[str, Scenario] = {
    "chain": CHAIN,
    "mail": MAIL,
    "loop": LOOP,
    "steered": STEERED,
    "asked": ASKED,
    "expired": EXPIRED,
    "eager": EAGER,
    "waiting": WAITING,
    "late": LATE,
    "told": TOLD,
    "cancelled": CANCELLED,
    "lanes": LANES,
    "steps": STEPS,
}
RECOVERIES: list[tuple[How, How]] = [
    ("kills", "kills"), ("kills", "powers"), ("powers", "kills"), ("powers", "powers")
]  # fmt: skip


def enumerate_crashes(
    scenario: Scenario, folder: Path, first: How, then: How | None = None, *, start: Crash = NOTHING, told: int = 0
) -> None:
    """Play them all, and fail with what is wrong; `told`: only those after the user was told something so often."""
    with Enumeration(scenario, folder) as enumeration:
        history = enumeration.undisturbed(start)
        crashes = (each for each in crashes_of(start, history, first) if times_told(each) >= told)
        for crash, after in enumeration.after(crashes):
            for _ in enumeration.after(crashes_of(crash, after, then)) if then else ():
                continue
        assert not enumeration.wrong, "\n".join(enumeration.wrong)


def times_told(crash: Crash) -> int:
    return sum(mark.kind == "kept" for mark in crash.marks)


@pytest.fixture
def quickstart(arena: Path) -> Quickstart:
    """The quickstart on two small texts."""
    texts = arena / "texts"
    texts.mkdir()
    (texts / "one.txt").write_text("one Two three\ntwo\n", encoding="utf-8")
    (texts / "two.txt").write_text("three\n", encoding="utf-8")
    return Quickstart(texts)


SHORT = ("chain", "mail", "loop", "asked", "expired", "eager", "waiting", "late", "told")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flow", "how"),
    [*product(SHORT, ["kills", "powers"]), ("cancelled", "kills"), ("lanes", "kills")],
)
def test_no_crash_changes_what_comes_of_a_run(flow: str, how: How, arena: Path) -> None:
    """Conformance 29, 42, 43: same outputs, nothing committed or kept runs again, nothing is gone or forgotten."""
    enumerate_crashes(FLOWS[flow], arena, how)


@pytest.mark.slow
@pytest.mark.parametrize(("how", "told"), [("kills", 2), ("powers", 3)])
def test_no_crash_changes_what_a_person_asks_for(how: How, told: int, arena: Path) -> None:
    """Conformance 26, 42, 43, 51: the same while a run is retried, rewound and forked, and after it."""
    enumerate_crashes(STEERED, arena, how, told=told)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kills", "powers"])
def test_no_crash_changes_what_comes_of_the_quickstart(quickstart: Quickstart, how: How, arena: Path) -> None:
    """Conformance 42, 43, 50: the same for a real flow, whose code and definition are pinned."""
    enumerate_crashes(quickstart, arena, how)


@pytest.mark.slow
@pytest.mark.parametrize("then", ["kills", "powers"])
def test_no_crash_in_a_recovery_changes_it_either(then: How, arena: Path) -> None:
    """Conformance 42, 43: after a kill there is a kill or a power loss at every operation of the recovery."""
    enumerate_crashes(PAIR, arena, "kills", then, start=prepared(arena / "empty"))


LARGE = ("cancelled", "lanes", "steps", "waiting")


@pytest.mark.soak
@pytest.mark.parametrize(("first", "then"), RECOVERIES)
@pytest.mark.parametrize("flow", ["chain", "mail", "loop", "asked", "expired", "eager", "late", "told", *LARGE])
def test_no_two_crashes_change_it(flow: str, first: How, then: How, arena: Path) -> None:
    """The long form of what is above: any crash, then any crash."""
    enumerate_crashes(FLOWS[flow], arena, first, then)


@pytest.mark.soak
@pytest.mark.parametrize("flow", FLOWS)
def test_no_power_loss_changes_it_name_by_name(flow: str, arena: Path) -> None:
    """Conformance 43: each unsynced name may be there by itself, or be the only one that is not."""
    enumerate_crashes(FLOWS[flow], arena, "all powers", "kills" if flow == "chain" else None)


@pytest.mark.parametrize("flow", [CHAIN, MAIL], ids=["chain", "mail"])
def test_dying_leaves_what_the_history_says(flow: Scenario, arena: Path) -> None:
    """One history stands for all kills in it: a process that really stops at an operation leaves the same files."""
    with Enumeration(flow, arena) as enumeration:
        undisturbed = enumeration.undisturbed().entries
    with asyncio.Runner() as runner:
        for number in count():
            folder, history = arena / f"killed-{number}", History()
            folder.mkdir()
            make_life = partial(Life, flow, folder, MortalDisk(folder, history, number), make_file_store)
            try:
                live(make_life, runner)
            except Died:
                assert history.entries == undisturbed[: len(history.entries)]
                assert look_at(folder) == machine_after(history).visible()
            else:
                break
    assert history.entries == undisturbed


def machine_after(history: History) -> Machine:
    """Return what an empty machine has become."""
    machine = Machine({})
    for entry in history.entries:
        if isinstance(entry, Op):
            machine.apply(entry)
    return machine
