"""Conformance 38 to 41: a run takes the answer that stands, and goes on, whoever dies while it is given or taken.

The driver is the real engine. Somebody answers at every point of what it does, or it does all it can at every point of
what they do; then there is a kill or a power loss, and another process goes on. Twice in a row:

    python -m pytest tests/crash/test_answered_runs.py -m soak
"""

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.commands import Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.events import RequestAnswered
from lrwf_cli.core.model import ExecutorSpec, Workflow
from lrwf_cli.core.run import Run
from lrwf_cli.core.view import outputs
from lrwf_cli.engine.given import Assembly, Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.store.base import Frame, NewRun, Store
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.files import FileStore
from tests.core.scripts import Question
from tests.crash.enumeration import Crash, How
from tests.crash.flows import ORIGIN
from tests.crash.oracles import forgotten
from tests.crash.recorder import History
from tests.crash.rivals import REQUEST, RUN, Duel, Part, answers
from tests.crash.trees import look_at
from tests.crash.worlds import START, STATE, look
from tests.engine.handling import Handlers, plays

WORKFLOW = Workflow("ask", {REQUEST: ExecutorSpec(REQUEST, max_crashes=99)}, REQUEST)
EXPIRES_S = 60.0
SOON, LATE = START, START + timedelta(minutes=5)
"""Before and after the question expires; a letter without its answer is not waited for any more then."""


def tick(store: Store, clock: ManualClock, expires: float | None, history: History) -> None:
    """Do what is due now, and what follows; tell which answer was taken as soon as that is durable."""
    ask = plays([Question("ship?", expires, None if expires is None else "stop")])
    assembly = Assembly(WORKFLOW, Handlers(**{REQUEST: ask}))

    def observe(frame: Frame, _: Run) -> None:
        for event in frame.events:
            if isinstance(event, RequestAnswered):
                history.mark("journaled", event.answer.value)

    process = Process("boot", 4711, None)
    engine = Engine(store, clock, lambda held, _: assembly, process=process, jobs=1, observe=observe)
    while due := [each.run_id for each in store.due(clock.now())]:
        before = store.load(RUN).seq
        (outcome,) = asyncio.run(engine.tick(due))
        if outcome.error:
            raise outcome.error
        if outcome.busy or store.load(RUN).seq == before:
            return


def driver(expires: float | None, at: datetime = SOON) -> Part:
    """A process that takes up what is due at an instant."""
    return lambda store, history: tick(store, ManualClock(at), expires, history)


def finisher(expires: float | None) -> Part:
    """Whoever comes long after: if there is an answer the run has to end with it, and else to wait for one."""

    def play(store: Store, history: History) -> None:
        tick(store, ManualClock(LATE), expires, history)
        run, standing = store.load(RUN), store.answered(RUN, REQUEST, 0)
        if standing is not None or expires is not None:
            history.mark("told", outputs(run)[0] if run.status == "completed" else f"the run is {run.status}")
        assert store.due(LATE + timedelta(days=9)) == []

    return play


def asking(expires: float | None, folder: Path) -> Crash:
    """Return a machine with a run that has asked, and waits."""
    folder.mkdir()
    store, clock = FileStore.open(f"{folder}/{STATE}", create=True, disk=Disk()), ManualClock(START)
    events = decide(WORKFLOW, None, Start(RUN, None, ORIGIN), START)
    store.create(NewRun(RUN, "name: ask\n", events, START)).release()
    tick(store, clock, expires, History())
    tree = look_at(folder)
    return Crash("a run that waits", tree, tree)


def duel(first: Part, second: Part, expires: float | None, arena: Path) -> Duel:
    def left(folder: Path, crash: Crash) -> Iterator[str]:
        return forgotten(look(folder).load(RUN), crash.tree)

    return Duel(first, second, finisher(expires), arena, begin=lambda folder: asking(expires, folder), look=left)


ADA = answers("ada")
DUELS: dict[str, tuple[Part, Part, float | None]] = {
    "a driver while somebody answers": (ADA, driver(None), None),
    "somebody answers while a driver looks": (driver(None), ADA, None),
    "an expiry while somebody answers": (ADA, driver(EXPIRES_S, LATE), EXPIRES_S),
    "somebody answers during an expiry": (driver(EXPIRES_S, LATE), ADA, EXPIRES_S),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["kills", "powers"])
@pytest.mark.parametrize("name", DUELS)
def test_the_run_goes_on_with_the_answer_that_stands(name: str, how: How, arena: Path) -> None:
    """Conformance 38, 39, 40: everybody is told of one answer, the run takes that one, and is never left waiting."""
    found = duel(*DUELS[name], arena)
    assert not found.play(how), "\n".join(found.wrong)


@pytest.mark.soak
@pytest.mark.parametrize("then", ["kills", "powers"])
@pytest.mark.parametrize("name", DUELS)
def test_so_it_does_after_two_crashes(name: str, then: How, arena: Path) -> None:
    """The long form of what is above."""
    found = duel(*DUELS[name], arena)
    assert not found.play("kills", then), "\n".join(found.wrong)
