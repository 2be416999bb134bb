"""The statuses: every transition of the table, every one that is not in it, and the diagram in the documentation."""

from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core import events as e
from lrwf_cli.core.apply import apply
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import UNKNOWN, Direct, ExecutorSpec, RetryPolicy
from lrwf_cli.core.run import FINAL, Delivery, Ending, Failure, Run, Status
from lrwf_cli.core.status import TRANSITIONS, diagram, moved, settled
from lrwf_cli.errors import WrongStatus
from tests.core.simulation import ORIGIN, START, Simulation, fails, flow

DOCS = Path(__file__).parents[2] / "docs" / "concepts.md"
ERROR = Failure("Oops", "it is broken")

EVENTS: dict[str, e.Event] = {
    "run_completed": e.RunCompleted(),
    "run_failed": e.RunFailed(ERROR),
    "run_timed_out": e.RunTimedOut(ERROR),
    "run_cancelled": e.RunCancelled(),
    "run_paused": e.RunPaused(),
    "run_resumed": e.RunResumed(),
    "run_blocked": e.RunBlocked(ERROR),
    "run_retried": e.RunRetried(),
    "run_ending": e.RunEnding(Ending("failed", ERROR), (), START),
}
COMMANDS: dict[str, c.Command] = {
    "run_paused": c.Pause(),
    "run_resumed": c.Resume(),
    "run_cancelled": c.Cancel(),
    "run_retried": c.Retry(),
}
LEGAL = [(status, name, target) for status, leads in TRANSITIONS.items() for name, target in leads.items()]
ILLEGAL = [
    (status, name) for status in TRANSITIONS for name in (*EVENTS, "run_rewound") if name not in TRANSITIONS[status]
]


def begun() -> Run:
    """Return a run that has just begun."""
    first = Delivery("d", "a", 1)
    return apply(None, e.RunStarted("sim", "flow", ORIGIN, ("a",), first, START))


def run_in(status: Status) -> Run:
    """Return a run that has come to `status` by events."""
    run = begun()
    if status == "waiting":
        run = apply(run, e.InvocationsStarted(("d",)))
        return apply(run, e.InvocationFailed("d", ERROR, START + timedelta(hours=1)))
    name = next((name for name, target in TRANSITIONS["running"].items() if target == status != "running"), None)
    return run if name is None else apply(run, EVENTS[name])


def event_of(name: str) -> e.Event:
    """Return an event of that name; a rewind goes to the beginning."""
    return e.RunRewound(1, begun()) if name == "run_rewound" else EVENTS[name]


@pytest.mark.parametrize("status", TRANSITIONS)
def test_every_status_can_be_reached(status: Status) -> None:
    """The table has no status that no run can have."""
    assert run_in(status).status == status


@pytest.mark.parametrize(("status", "name", "target"), LEGAL)
def test_an_event_of_the_table_moves_the_run(status: Status, name: str, target: Status) -> None:
    """An event leads where the table says; what then waits and does nothing else is waiting."""
    run = apply(run_in(status), event_of(name))
    assert run.status == ("waiting" if target == "running" and run.waiting and run.ending is None else target)
    assert moved(status, name) == target


@pytest.mark.parametrize(("status", "name"), ILLEGAL)
def test_any_other_event_is_refused(status: Status, name: str) -> None:
    """An event that is not in the table raises and leaves the run as it was."""
    run = run_in(status)
    before = msgspec.json.encode(run)
    with pytest.raises(WrongStatus, match=f"a run that is {status} cannot have `{name}`"):
        apply(run, event_of(name))
    assert msgspec.json.encode(run) == before


@pytest.mark.parametrize("status", TRANSITIONS)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_person_is_told_what_cannot_be(status: Status, name: str) -> None:
    """A command does what the table allows, and else says which runs can have it."""
    run = run_in(status)
    if name in TRANSITIONS[status]:
        (event,) = decide(UNKNOWN, run, COMMANDS[name], START)
        assert e.name_of(event) == name
        return
    with pytest.raises(WrongStatus, match=f"run `sim` is {status} and cannot be {name[4:]}") as refused:
        decide(UNKNOWN, run, COMMANDS[name], START)
    able = [each for each, leads in TRANSITIONS.items() if name in leads]
    assert refused.value.hint == f"only a run that is {' or '.join(able)} can"


@pytest.mark.parametrize("status", TRANSITIONS)
def test_a_run_is_blocked_once(status: Status) -> None:
    """A process that cannot drive a run says so once; of a run that is over it says nothing."""
    events = decide(UNKNOWN, run_in(status), c.Block(ERROR), START)
    assert [e.name_of(event) for event in events] == (["run_blocked"] if "run_blocked" in TRANSITIONS[status] else [])


@pytest.mark.parametrize("status", TRANSITIONS)
def test_only_retry_and_rewind_reopen_what_has_ended(status: Status) -> None:
    """The four last statuses are final; a completed run can only be rewound."""
    assert run_in(status).is_final == (status in FINAL)
    if status in FINAL:
        assert set(TRANSITIONS[status]) == {"run_rewound"} | ({"run_retried"} if status != "completed" else set())


def test_a_run_cannot_begin_otherwise() -> None:
    """A journal begins with `run_started` or `run_forked`, and a command needs a run."""
    with pytest.raises(ValueError, match="cannot begin with `run_paused`"):
        apply(None, e.RunPaused())
    with pytest.raises(ValueError, match="Pause needs a run"):
        decide(UNKNOWN, None, c.Pause(), START)


def test_what_is_not_ready_cannot_start() -> None:
    """A journal that starts what is not there is refused, not believed."""
    with pytest.raises(KeyError, match="nobody"):
        apply(begun(), e.InvocationsStarted(("nobody",)))


def test_waiting_is_having_nothing_in_flight() -> None:
    """A run with something at work is running; one that waits for time only is waiting, and running again when due."""
    seen: list[Status] = []

    simulation = Simulation(
        flow("a", specs=[ExecutorSpec("a", retry=RetryPolicy(max_attempts=2))]),
        {"a": fails(1)},
        after_frame=lambda simulation: seen.append(simulation.now_run.status),
    ).start()
    assert seen == ["running", "running", "waiting", "running", "completed"]
    assert settled(simulation.now_run) == "completed"


def test_a_pause_holds_what_is_ready_and_lets_end_what_is_at_work() -> None:
    """A paused run starts nothing; what was at work may end, and its effects count."""
    simulation = Simulation(flow("a", Direct("a", "b")))
    simulation.publish(c.Start("sim", 7, ORIGIN))
    simulation.take()
    simulation.mail.append(c.TakeMail("letter", 0, "pause", c.Pause(reason="lunch")))
    simulation.go_on()
    run = simulation.now_run
    assert (run.status, run.reason, [*run.ready], run.in_flight) == ("paused", "lunch", ["b"], True)
    simulation.ask(c.Resume())
    assert (simulation.now_run.status, simulation.now_run.reason, simulation.outputs) == ("completed", None, [7])


def test_the_diagram_in_the_documentation_is_the_table() -> None:
    """docs/concepts.md shows `status.diagram()`, word for word."""
    text = DOCS.read_text(encoding="utf-8")
    _, _, rest = text.partition("<!-- statuses: begin -->\n```mermaid\n")
    shown, end, _ = rest.partition("\n```\n<!-- statuses: end -->")
    assert end, "docs/concepts.md lacks the markers"
    assert shown == diagram(), "docs/concepts.md: put what `lrwf_cli.core.status.diagram()` returns between the markers"
