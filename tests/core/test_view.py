"""What a run looks like from outside: the objects that `lrwf status --json` and `lrwf list --json` print."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from lrwf_cli.core import commands as c
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Direct, ExecutorSpec, FanIn, FanOut, RetryPolicy
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Delivery, Invocation
from lrwf_cli.core.view import instant, status_view, summary_view
from tests.core.simulation import ORIGIN, Simulation, effects, fails, flow


def begun(*edges: Any, **handlers: Any) -> Simulation:
    """Return a run with its first handler at work."""
    simulation = Simulation(flow("a", *edges), handlers)
    simulation.publish(c.Start("sim", 5, ORIGIN))
    simulation.take()
    return simulation


def states(simulation: Simulation) -> dict[str, str]:
    """Return one word for each executor."""
    return {each["id"]: each["state"] for each in status_view(simulation.now_run)["executors"]}


def test_what_a_program_can_read() -> None:
    """Conformance 60: the object of the documentation, whole, as plain JSON."""
    simulation = Simulation(flow("a", Direct("a", "b"), Direct("a", "c", lambda *_: False)))
    simulation.handlers["b"] = lambda _: effects(outputs=[Codec().encode({1: (2, 3)})], writes=[c.StateWrite("k", 1)])
    view = status_view(simulation.start(5).now_run)
    assert msgspec.json.decode(msgspec.json.encode(view)) == view
    assert view == {
        "run_id": "sim",
        "workflow": "flow",
        "status": "completed",
        "started_at": "2026-11-22T09:00:00.000Z",
        "updated_at": "2026-11-22T09:00:00.002Z",
        "finished_at": "2026-11-22T09:00:00.002Z",
        "iteration": 2,
        "seq": 4,
        "waiting_on": [],
        "outputs": [{"1": [2, 3]}],
        "error": None,
        "executors": [
            {"id": "a", "state": "completed", "attempt": 1, "progress": None, "completed": 1, "failed": 0},
            {"id": "b", "state": "completed", "attempt": 1, "progress": None, "completed": 1, "failed": 0},
            {"id": "c", "state": "pending", "attempt": 0, "progress": None, "completed": 0, "failed": 0},
        ],
        "requests": [],
        "background": [],
        "epoch": 0,
        "dropped": [],
        "conflicts": {},
        "origin": {"flow": "flow.yaml", "python": "/usr/bin/python3", "code": None},
        "reason": None,
        "forked_from": None,
    }


def test_what_was_dropped_is_shown() -> None:
    """Conformance 8: `status` shows each dropped message, and who sent it."""
    simulation = begun(Direct("a", "b", lambda *_: False)).go_on()
    assert status_view(simulation.now_run)["dropped"] == [{"executor": "a", "message": 5}]


def test_what_a_run_waits_for_is_listed_soonest_first() -> None:
    """A retry is shown with its instant and its reason; what has no instant comes last; an end waits for nothing."""
    retry = RetryPolicy(max_attempts=2, initial=timedelta(hours=1), max=timedelta(hours=1), jitter=0)
    simulation = Simulation(
        flow("a", FanOut("a", ("b", "c")), specs=[ExecutorSpec(each, retry=retry) for each in "bc"])
    )
    simulation.handlers |= {"b": fails(1), "c": fails(1)}
    simulation.publish(c.Start("sim", 5, ORIGIN))
    simulation.take()
    while simulation.at_work:
        simulation.turn()
    run = simulation.now_run
    run.waiting["z"] = Invocation(Delivery("z", "b", 1))
    view = summary_view(run)
    first, second, last = view["waiting_on"]
    assert (view["status"], first["executor"], second["executor"], last["due_at"], last["detail"]) == (
        "waiting", "b", "c", None, None,
    )  # fmt: skip
    assert first["kind"] == "retry"
    assert first["due_at"] == "2026-11-22T10:00:00.002Z"
    assert first["detail"] == "attempt 2 after OSError"
    assert first["id"] in run.waiting
    assert [each["state"] for each in status_view(run)["executors"]] == ["completed", "waiting", "waiting"]
    run.status = "failed"
    assert summary_view(run)["waiting_on"] == []


def test_an_error_says_who_and_what_to_do() -> None:
    """Conformance 60: with the executor, the attempt and the remedy."""
    run = Simulation(flow("a", Direct("a", "a"), max_iterations=1)).start().now_run
    error = status_view(run)["error"]
    assert error == {
        "type": "IterationLimit",
        "message": "the loop `a -> a` is deeper than max_iterations allows: 1",
        "executor": "a",
        "attempt": None,
        "hint": "if it is meant to go on: lrwf retry sim --max-iterations 2",
    }


def test_each_executor_is_one_word() -> None:
    """The most telling of what its deliveries do: failed before running, running before waiting, and so on."""
    edges = (FanOut("a", ("b", "c")), FanIn(("b", "c"), "d"))
    simulation = begun(*edges, b=fails(1))
    assert states(simulation) == {"a": "running", "b": "pending", "c": "pending", "d": "pending"}
    simulation.slots = 1
    simulation.turn()
    assert states(simulation) == {"a": "completed", "b": "running", "c": "ready", "d": "pending"}
    simulation.go_on()
    assert states(simulation) == {"a": "completed", "b": "failed", "c": "joined", "d": "pending"}
    failed = {"id": "b", "state": "failed", "attempt": 1, "progress": None, "completed": 0, "failed": 1}
    assert status_view(simulation.now_run)["executors"][1] == failed


def test_a_fork_says_where_it_comes_from() -> None:
    """Conformance 51: the original and the frame."""
    simulation = begun(Direct("a", "b")).go_on()
    fork = Simulation(simulation.workflow)
    fork.ask(c.Fork("fork", simulation.past(2)))
    assert status_view(fork.now_run)["forked_from"] == "sim@2"


def test_large_values_are_shown_in_full() -> None:
    """Conformance 60: whoever prints resolves what is kept beside the journal."""
    simulation = Simulation(flow("a"), {"a": lambda _: effects("long enough")}, large=5).start()
    assert summary_view(simulation.now_run)["outputs"] == [{"$blob": '"long enough"'}]
    assert summary_view(simulation.now_run, simulation.resolve)["outputs"] == ["long enough"]


def test_values_are_shown_without_their_tags() -> None:
    """Conformance 60: a dataclass as its fields, a date as its text, a set as a list, keys as text."""
    encode = Codec().encode
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert plain(encode([{"at": at}, {1, 2}, (3,), {(1, 2): b"x"}])) == [
        {"at": at.isoformat()},
        [1, 2],
        [3],
        {"[1, 2]": "eA=="},
    ]
    assert plain({"$blob": "x", "size": 1}) == {"$blob": "x", "size": 1}


def test_instants_are_utc_with_milliseconds() -> None:
    """Everything printed and kept has the same form; `None` is none."""
    assert instant(datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)) == "2026-01-02T03:04:05.678Z"
    assert instant(None) is None
