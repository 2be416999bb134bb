"""Background work as a driver sees to it: begun once durably asked for, found again by the next process, ended."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core.background import Background, Begin, Outcome
from lrwf_cli.core.commands import Effects
from lrwf_cli.core.events import BackgroundLookedAfter
from lrwf_cli.core.failure import Failure
from lrwf_cli.core.suspended import Suspension, Wait
from lrwf_cli.core.view import outputs
from lrwf_cli.engine.letters import BACKGROUND
from lrwf_cli.errors import StateFull
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.store.base import Store
from tests.engine.handling import Handlers, World, chain, passes_on, sends

LOST = Outcome(error=Failure("BackgroundLost", "nobody knows"), lost=True)


class Machine:
    """Where background work is done: it lives on when a process ends. `begun` counts what was really started."""

    def __init__(self) -> None:
        self.begun: Counter[tuple[str, int]] = Counter()
        self.running: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.asked: list[str] = []
        self.breaks: list[BaseException] = []

    def begin(self, work: Background) -> int | Outcome:
        self.asked.append(f"begin {work.id}")
        if self.breaks:
            raise self.breaks.pop()
        if not self.begun[work.id, work.begun]:
            self.begun[work.id, work.begun] += 1
            self.running.add(work.id)
        return 4711

    def look(self, work: Background) -> Outcome | None:
        self.asked.append(f"look {work.id}")
        return self.outcomes.get(work.id)

    def end(self, work: Background) -> Outcome:
        self.asked.append(f"end {work.id}")
        self.running.discard(work.id)
        return Outcome(exit_code=143)

    def over(self, name: str, outcome: Outcome) -> None:
        """Have some work end, without a word to anybody."""
        self.running.discard(name)
        self.outcomes[name] = outcome


def begins(**more: Any) -> Any:
    """A handler that begins work, waits for it, and sends what became of it."""

    async def handler(call: Call) -> Result:
        if call.waits:
            return await sends("after")(call)
        wait = Wait("background", "", "2", "wait_background", call.started_at, begun_at=("", "1"))
        return Suspension((), (wait,), begins=(Begin("", "1", {"argv": ["x"]}, "x", **more),))

    return handler


@pytest.fixture
def machine() -> Machine:
    return Machine()


def world(store: Store, machine: Machine, handler: Any, **limits: Any) -> World:
    made = World(store, chain("a", "b", **limits), Handlers(a=handler, b=passes_on()))
    made.backgrounds = machine
    return made


def test_it_is_begun_and_nobody_waits_with_it(store: Store, machine: Machine) -> None:
    """Conformance 53: the process that began it may end; the run waits, to be looked at after a minute."""
    made = world(store, machine, begins())
    run = made.begin()
    assert (run.status, machine.running, machine.begun) == ("waiting", {"a"}, {("a", 0): 1})
    assert [*store.due(made.clock.now() + timedelta(seconds=59))] == []
    assert [each.run_id for each in store.due(made.clock.now() + timedelta(seconds=61))] == ["r"]


def test_mail_brings_its_end(store: Store, machine: Machine) -> None:
    """Conformance 53: it reports its end by mail, and the run goes on at the next tick."""
    made = world(store, machine, begins())
    made.begin()
    machine.over("a", Outcome(value=1, exit_code=0))
    store.post(made.letter(BACKGROUND))
    assert made.tick() == ["completed"]
    assert outputs(store.load("r")) == ["after"]


def test_what_died_without_a_word_is_found(store: Store, machine: Machine) -> None:
    """Design 4: somebody looks after a minute, and less and less often; looking in between writes nothing."""
    made = world(store, machine, begins())
    made.begin()
    made.pass_time(61)
    assert made.tick() == ["waiting"]
    assert made.tick() == []
    assert sum(isinstance(each, BackgroundLookedAfter) for f in store.frames("r") for each in f.events) == 1
    machine.over("a", LOST)
    made.pass_time(121)
    assert made.tick() == ["completed"]
    assert store.load("r").background["a"].state == "lost"


def test_a_process_that_dies_before_it_began_it_leaves_it_to_the_next(store: Store, machine: Machine) -> None:
    """Issue 4: a crash between 'asked for' and 'started' neither loses nor doubles it."""
    made = world(store, machine, begins())
    machine.breaks.append(StateFull("no room"))
    with pytest.raises(StateFull):
        made.begin()
    assert store.load("r").background["a"].state == "asked"
    made.tick()
    made.tick()
    assert (machine.begun, machine.asked[:2]) == ({("a", 0): 1}, ["begin a", "begin a"])


def test_the_end_of_a_run_ends_it(store: Store, machine: Machine) -> None:
    """Conformance 54: nothing is orphaned at the end of the run."""

    async def leaves(_: Call) -> Result:
        return Effects(begins=(Begin("", "1", {}, "x", on_run_end="cancel"),))

    made = world(store, machine, leaves)
    assert made.begin().status == "completed"
    assert (machine.running, machine.asked[-1]) == (set(), "end a")


def test_a_cancelled_run_ends_it(store: Store, machine: Machine) -> None:
    """Conformance 32, 54: cancel reaches background work before the run is over."""
    made = world(store, machine, begins())
    made.begin()
    store.post(made.letter("cancel"))
    assert made.tick() == ["cancelled"]
    assert machine.running == set()


def test_a_letter_ends_one(store: Store, machine: Machine) -> None:
    """`lrwf background RUN --cancel`: a message, as every cancel is; who waits for it hears that it was cancelled."""
    made = world(store, machine, begins())
    made.begin()
    store.post(made.letter("end_background", {"tasks": ["a"]}))
    assert made.tick() == ["completed"]
    assert store.load("r").background["a"].state == "cancelled"


def test_a_paused_run_begins_nothing(store: Store, machine: Machine) -> None:
    """Conformance 42: nothing new starts; what runs may end."""
    made = world(store, machine, begins())
    made.begin()
    store.post(made.letter("pause"))
    made.tick()
    machine.over("a", Outcome(value=1))
    store.post(made.letter(BACKGROUND))
    assert made.tick() == ["paused"]
    assert store.load("r").background["a"].state == "ended"


def test_where_nobody_can_begin_it_the_handler_hears_so(store: Store) -> None:
    """Nothing is silent: a run without anybody who could begin it says so."""
    made = World(store, chain("a", "b"), Handlers(a=begins(), b=passes_on()))
    assert made.begin().status == "completed"
    outcome = store.load("r").background["a"].outcome
    assert outcome
    assert outcome.error
    assert outcome.error.type == "NobodyBegins"
