"""What a run looks like from outside: the objects that `lrwf status --json` and `lrwf list --json` print."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from lrwf_cli.core import commands as c
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Direct, ExecutorSpec, FanIn, FanOut, RetryPolicy
from lrwf_cli.core.outside import expected, open_requests
from lrwf_cli.core.person import Person
from lrwf_cli.core.plain import plain
from lrwf_cli.core.progress import Part
from lrwf_cli.core.progress import shown as written_down
from lrwf_cli.core.run import Delivery, Ending, Failure, Invocation, Run
from lrwf_cli.core.suspended import CRASH, Answer, Ask, Request, Wait
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
        "ending": None,
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
        "waiting", "b", "c", None, "attempt 1",
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
        "exit_code": None,
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


NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def waiting_run(*waits: Wait, requests: tuple[Request, ...] = (), **more: Any) -> Run:
    """Return a run with one suspended handler."""
    run = begun().now_run
    run.started.clear()
    invocation = Invocation(Delivery("d1", "a", 1), waits=waits)
    run.waiting["d1"] = invocation
    run.requests.update({request.id: request for request in requests})
    run.status = "waiting"
    for name, value in more.items():
        setattr(run, name, value)
    return run


def asked(request_id: str = "a", *, answer: Answer | None = None, withdrawn: bool = False, **more: Any) -> Request:
    ask = Ask("", "1", f"{request_id}?", **more)
    return Request(request_id, "a", "d1", ask, NOON, answer=answer, withdrawn=withdrawn)


def test_everything_that_can_be_waited_for_is_told() -> None:
    """Design 8: kind, executor, id, instant and a word on it; of a poll the number of its checks and the last status.

    A request is named by its id, everything else by the delivery. What is due first stands first.
    """
    run = waiting_run(
        Wait("background", "", "1", "wait", NOON, detail="train.sh"),
        Wait("poll", "", "2", "poll", NOON, NOON + HOUR, count=7, detail="RUNNING"),
        Wait("poll", "", "3", "poll", NOON, NOON + 3 * HOUR),
        Wait("timer", "", "4", "sleep", NOON, NOON + 2 * HOUR),
        Wait("request", "", "5", "ask", NOON, NOON + 4 * HOUR, request="a"),
        requests=(asked(expires_at=NOON + 4 * HOUR), asked("a.2", calls=True)),
    )
    shown = [tuple(each.values()) for each in summary_view(run)["waiting_on"]]
    assert shown == [
        ("poll", "a", "d1", "2026-11-22T13:00:00.000Z", "poll 7, last RUNNING"),
        ("timer", "a", "d1", "2026-11-22T14:00:00.000Z", None),
        ("poll", "a", "d1", "2026-11-22T15:00:00.000Z", "poll 0"),
        ("request", "a", "a", "2026-11-22T16:00:00.000Z", "a?"),
        ("request", "a", "a.2", None, "a.2?"),
        ("background", "a", "d1", None, "train.sh"),
    ]


def test_after_a_crash_only_the_question_about_it_is_waited_for() -> None:
    """What a handler waited for before waits itself until somebody has said whether it may go on."""
    timer, question = Wait("timer", "", "4", "sleep", NOON, NOON), Wait("request", "", CRASH, "?", NOON, request="a")
    assert [each.kind for each in expected(waiting_run(timer, question, requests=(asked(),)))] == ["request"]


def test_how_a_request_stands() -> None:
    """Conformance 36, 41: open, answered, expired, withdrawn; all of it can be read by a program."""
    by = Person(7, "ada", "Ada")
    run = waiting_run(
        requests=(
            asked("a", schema={"type": "number"}, expires_at=NOON, data={"n": 1}, allowed_users=("ada",)),
            asked("a.2", choices=("ship", "stop"), answer=Answer(NOON, "ship", {"why": 1}, "at last", by)),
            asked("a.3", answer=Answer(NOON, [1], expired=True)),
            asked("a.4", withdrawn=True),
        )
    )
    first, second, third, fourth = status_view(run)["requests"]
    assert first == {
        "id": "a",
        "executor": "a",
        "prompt": "a?",
        "choices": None,
        "schema": {"type": "number"},
        "data": {"n": 1},
        "allowed_users": ["ada"],
        "opened_at": "2026-11-22T12:00:00.000Z",
        "expires_at": "2026-11-22T12:00:00.000Z",
        "status": "open",
        "answer": None,
    }
    assert (second["status"], second["choices"], second["answer"]) == (
        "answered",
        ["ship", "stop"],
        {
            "choice": "ship",
            "data": {"why": 1},
            "comment": "at last",
            "by": {"uid": 7, "user": "ada", "name": "Ada"},
            "at": "2026-11-22T12:00:00.000Z",
            "expired": False,
        },
    )
    assert (third["status"], third["answer"]["value"], third["answer"]["by"]) == ("expired", [1], None)
    assert fourth["status"] == "withdrawn"
    assert [each.id for each in open_requests(run)] == ["a"]


def test_requests_freeze_with_the_run() -> None:
    """Design 4: when something has failed for good, what is suspended freezes until a `retry`."""
    for frozen in (
        waiting_run(requests=(asked(),), failed={"x": Invocation(Delivery("x", "a", 1))}),
        waiting_run(requests=(asked(),), ending=Ending("cancelled")),
        waiting_run(requests=(asked(),), status="cancelled"),
    ):
        assert status_view(frozen)["requests"][0]["status"] == "frozen"
        assert open_requests(frozen) == []
    for held in ("paused", "blocked"):
        assert status_view(waiting_run(requests=(asked(),), status=held))["requests"][0]["status"] == "open"


def test_a_verdict_that_stands_is_shown() -> None:
    """Conformance 60: what comes of a run whose `on_cancel` is still at work."""
    ending = Ending("failed", Failure("ValueError", "no", "a", 2, exit_code=3), reason="because")
    assert status_view(waiting_run(ending=ending))["ending"] == {
        "verdict": "failed",
        "error": {
            "type": "ValueError",
            "message": "no",
            "executor": "a",
            "attempt": 2,
            "exit_code": 3,
            "hint": None,
        },
        "reason": "because",
    }


def test_progress_is_that_of_what_is_at_work() -> None:
    """Conformance 55: what was said before a message was begun anew is not shown any more; a suspension is no end."""
    run = begun().now_run
    (invocation,) = run.started.values()
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def shown(progress: Any, run: Run = run) -> Any:
        return status_view(run, progress=lambda _: progress)["executors"][0]["progress"]

    def written(start: int) -> Any:
        return written_down({invocation.delivery.id: Part(start, at, at, 1, None, "so far")})

    said = {"current": 1, "total": None, "message": "so far", "rate": None, "left_s": None, "at": instant(at)}
    assert shown(written(1)) == said
    assert shown(written(2)) is None
    assert shown(None) is None
    assert shown({"parts": [1]}) is None
    assert shown(written(1), replace(run, started={}, waiting=run.started)) == said
    assert shown(written(1), replace(run, started={})) is None
