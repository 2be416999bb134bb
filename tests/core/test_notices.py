"""News: what is told, how often it is tried, and that a run waits for nobody who is told of it."""

from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.events import NoticeDelivered, NoticeFailed, NoticesPosted
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut
from lrwf_cli.core.run import Failure, Notice
from lrwf_cli.core.suspended import Ask
from lrwf_cli.core.waking import wake_at
from tests.core.scripts import Question, Sleep
from tests.core.simulation import ORIGIN, Blocks, Handler, Luck, Simulation, Task, effects, fails, flow, script

EVERYTHING = frozenset({"request", "completed", "failed", "timed_out", "cancelled", "blocked"})
DOWN = Failure("CommandFailed", "no network")


def noticed(handlers: dict[str, Handler], *edges: Any, **more: Any) -> Simulation:
    """Return a run of which everything is told."""
    of_simulation = {key: more.pop(key) for key in ("tell", "luck", "people") if key in more}
    workflow = flow("a", *edges, notify=more.pop("notify", EVERYTHING), **more)
    return Simulation(workflow, handlers, **of_simulation)


def told(simulation: Simulation) -> list[tuple[str, str | None, str | None]]:
    return [(notice.event, notice.executor, notice.request) for notice in simulation.told]


def blocks(task: Task) -> c.Effects:
    raise Blocks("stuck")


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (lambda _: effects("fine"), [("completed", None, None)]),
        (fails(1), [("failed", "a", None)]),
        (blocks, [("blocked", "a", None), ("timed_out", None, None)]),
        (script([Question("ok?", expires=60, default="x")]), [("request", "a", "a"), ("completed", None, None)]),
        (script([Sleep(2 * 86400)]), [("timed_out", None, None)]),
    ],
)
def test_each_event_is_told_once(handler: Handler, expected: list[Any]) -> None:
    """Design 9: requests, verdicts, and a run that cannot go on."""
    simulation = noticed({"a": handler}, timeout=timedelta(days=1)).start()
    assert told(simulation) == expected
    assert simulation.now_run.notices == {}


def test_a_cancel_and_the_requests_of_each_kind_are_told() -> None:
    """Design 9: questions that wait, that call, and that a crash has raised."""
    asks = (Ask("", "1", "one?", calls=True), Ask("", "2", "two?", calls=True))
    simulation = noticed(
        {"a": lambda _: c.Effects(effects(1).sends, asks=asks), "b": script([Question("three?")])},
        FanOut("a", ("b", "x")),
        specs=[ExecutorSpec("x", on_crash="ask")],
    )
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    simulation.turn()
    simulation.take()
    simulation.go_on()
    simulation.publish(c.Cancel())
    simulation.wake()
    names = [("request", "a", "a"), ("request", "a", "a.2"), ("request", "b", "b"), ("request", "x", "x")]
    assert sorted(told(simulation), key=str) == sorted([*names, ("cancelled", None, None)], key=str)


def test_only_what_is_asked_for_is_told() -> None:
    """Design 7: a flow that names two events is told of two; one that names none posts nothing."""
    for notify, expected in ((frozenset({"failed"}), [("failed", "a", None)]), (frozenset(), [])):
        simulation = noticed({"a": fails(1)}, notify=notify).start()
        assert told(simulation) == expected
        posted = [event for event in simulation.events() if isinstance(event, NoticesPosted)]
        assert len(posted) == len(expected)


def test_a_handled_failure_and_a_hook_are_no_news() -> None:
    """Design 9: what is told is the verdict, once it stands and what follows it is done."""
    specs = [ExecutorSpec("a", on_error="h"), ExecutorSpec("h"), ExecutorSpec("hook")]
    simulation = noticed(
        {"a": fails(9), "h": fails(9), "hook": fails(9)}, specs=specs, after={"failed": "hook"}
    ).start()
    assert told(simulation) == [("failed", "h", None)]


def test_who_cannot_be_told_is_tried_again_later_and_later() -> None:
    """Design 9: delivered at least once, with pauses that grow; the run is final all that time, and yet wakes."""
    failing = [DOWN] * 4
    simulation = noticed({"a": lambda _: effects("fine")}, tell=lambda _: failing.pop() if failing else None)
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake()
    pauses = []
    while (due := wake_at(simulation.now_run)) is not None:
        assert simulation.now_run.status == "completed"
        pauses.append((due - simulation.now).total_seconds())
        simulation.now = due
        simulation.wake()
    assert told(simulation) == [("completed", None, None)]
    assert [9 <= pause / 3**n <= 11 for n, pause in enumerate(pauses)] == [True] * 4


def test_who_cannot_be_told_at_all_is_given_up() -> None:
    """Design 9: after ten tries; the last one says so, and the run is not woken for it any more."""
    simulation = noticed({"a": lambda _: effects("fine")}, tell=lambda _: DOWN).start()
    failures = [event for event in simulation.events() if isinstance(event, NoticeFailed)]
    assert (len(failures), failures[-1].again_at, failures[-1].error) == (10, None, DOWN)
    assert (simulation.now_run.notices, wake_at(simulation.now_run)) == ({}, None)
    assert simulation.now_run.status == "completed"


def test_news_hold_up_nothing() -> None:
    """Design 8: whoever cannot be told of a question does not keep it from being answered."""
    simulation = noticed({"a": script([Question("ok?"), Sleep(60)])}, tell=lambda _: DOWN)
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake().answer("a", "yes")
    simulation.wake().pass_time(60)
    assert (simulation.now_run.status, simulation.outputs) == ("completed", ["yes", "timer"])
    assert len(simulation.now_run.notices) == 2


@pytest.mark.parametrize("seed", range(40))
def test_a_crash_between_telling_and_knowing_it_tells_again(seed: int) -> None:
    """Design 9: at least once, with the same id each time; nothing that was told is forgotten to be told."""
    simulation = noticed({"a": script([Question("ok?"), Sleep(60)])}, luck=Luck(seed, 5), people=lambda _: "yes")
    simulation.start()
    assert simulation.now_run.is_final
    assert {notice.event for notice in simulation.told} == {"request", "completed"}
    assert len({notice.id for notice in simulation.told}) == 2
    delivered = [event.notice for event in simulation.events() if isinstance(event, NoticeDelivered)]
    assert sorted(delivered) == sorted({notice.id for notice in simulation.told})


def test_a_held_run_still_tells_its_news() -> None:
    """Design 9: paused and blocked runs wake for what is yet to be told, and for that only."""
    failing = [DOWN]
    simulation = noticed({"a": script([Question("ok?"), Sleep(5)])}, tell=lambda _: failing.pop() if failing else None)
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake()
    simulation.publish(c.Pause())
    due = wake_at(simulation.now_run)
    assert due is not None
    simulation.now = due
    simulation.wake()
    assert (told(simulation), simulation.now_run.status) == ([("request", "a", "a")], "paused")
    assert wake_at(simulation.now_run) is None


def test_what_was_told_late_changes_nothing() -> None:
    """I7: a second report of the same delivery, or one of news that are not known, is passed over."""
    simulation = noticed({"a": lambda _: effects("fine")}).start()
    (notice,) = simulation.told
    for command in (c.Deliver(notice.id), c.Deliver(notice.id, DOWN), c.Deliver("unknown")):
        assert simulation.decide(command) == ()


def test_going_back_tells_nothing_old() -> None:
    """Conformance 51: what was yet to be told is of a past that is not; what happens then is told under new ids."""
    simulation = noticed({"a": script([Question("ok?")])}, Direct("a", "b"), people=lambda _: "yes").start()
    ids = {notice.id for notice in simulation.told}
    began = simulation.past(1)
    simulation.told.clear()
    simulation.ask(c.Rewind(began))
    again: list[Notice] = simulation.told
    assert [notice.event for notice in again] == ["request", "completed"]
    assert not ids & {notice.id for notice in again}
