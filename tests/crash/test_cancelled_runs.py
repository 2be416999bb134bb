"""Conformance 39: a cancel that was acknowledged ends its run, whoever drives, answers or dies meanwhile.

As in `test_answered_runs`, with a person who cancels instead of answering, and one who does so while another answers.
Twice in a row:

    python -m pytest tests/crash/test_cancelled_runs.py -m soak
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.outside import open_requests
from lrwf_cli.core.suspended import Answer
from lrwf_cli.engine import steer
from lrwf_cli.store.base import Letter, Store
from tests.crash.enumeration import Crash, How
from tests.crash.oracles import forgotten
from tests.crash.recorder import History, Mark
from tests.crash.rivals import RUN, Duel, Part
from tests.crash.test_answered_runs import ADA, LATE, SOON, asking, driver, tick
from tests.crash.worlds import look


def cancels(store: Store, history: History) -> None:
    """Somebody cancels the run, if it is not over already."""
    if not store.load(RUN).is_final:
        steer.send(store, ManualClock(SOON), Letter(id="eve", run_id=RUN, kind="cancel", at=SOON))
        history.mark("cancelled", "eve")


def finisher(store: Store, history: History) -> None:
    """Whoever comes long after, when nothing is left to be done."""
    tick(store, ManualClock(LATE), None, history)
    run = store.load(RUN)
    history.mark("status", run.status if run.is_final or open_requests(run) else "forgotten")
    assert store.due(LATE) == []


def wrong_in_the_end(marks: tuple[Mark, ...], standing: Answer | None) -> Iterator[str]:
    """Yield what is wrong if a cancel, or an answer, that was acknowledged has not ended the run."""
    status = next(mark.about for mark in reversed(marks) if mark.kind == "status")
    kinds = {mark.kind for mark in marks}
    if status == "forgotten" or (status == "waiting" and kinds & {"cancelled", "told"}):
        yield f"the run is {status}, and {sorted(kinds)} were seen"
    if status == "completed" and standing is None:
        yield "the run has completed, and nobody has answered"


def duel(first: Part, second: Part, arena: Path) -> Duel:
    def left(folder: Path, crash: Crash) -> Iterator[str]:
        return forgotten(look(folder).load(RUN), crash.tree)

    return Duel(
        first, second, finisher, arena, begin=lambda folder: asking(None, folder), look=left, judge=wrong_in_the_end
    )


DUELS: dict[str, tuple[Part, Part]] = {
    "a driver while somebody cancels": (cancels, driver(None)),
    "somebody cancels while a driver looks": (driver(None), cancels),
    "somebody answers while another cancels": (cancels, ADA),
    "somebody cancels while another answers": (ADA, cancels),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a driver while somebody cancels", "somebody cancels while another answers"])
def test_a_cancel_ends_the_run(name: str, arena: Path) -> None:
    """Conformance 39: once it is acknowledged the run ends, though maybe with an answer that came as soon."""
    found = duel(*DUELS[name], arena)
    assert not found.play("kills"), "\n".join(found.wrong)


@pytest.mark.soak
@pytest.mark.parametrize(("how", "then"), [("powers", None), ("kills", "kills"), ("kills", "powers")])
@pytest.mark.parametrize("name", DUELS)
def test_so_it_does_after_two_crashes(name: str, how: How, then: How | None, arena: Path) -> None:
    """The long form of what is above."""
    found = duel(*DUELS[name], arena)
    assert not found.play(how, then), "\n".join(found.wrong)
