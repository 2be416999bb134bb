"""What follows when nobody knows how an attempt ended, and when a handler cannot go on from where it was."""

from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.events import InvocationsCutOff, RequestsOpened
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy
from lrwf_cli.core.outside import expected, open_requests
from lrwf_cli.core.run import Failure
from lrwf_cli.core.suspended import CRASH
from lrwf_cli.core.waking import wake_at
from tests.core.scripts import Does, Question, Sleep
from tests.core.simulation import (
    ORIGIN,
    Blocks,
    Going,
    Handler,
    Lost,
    Result,
    Simulation,
    Task,
    effects,
    flow,
    script,
)

HOUR = 3600.0


def cut_off(handler: Handler | None = None, *, boots: int = 0, **spec: Any) -> Simulation:
    """Return a run whose executor `b` was at work when the process, or (`boots`) the machine, went down."""
    workflow = flow("a", Direct("a", "b"), specs=[ExecutorSpec("b", **spec)])
    simulation = Simulation(workflow, {"b": handler} if handler else {})
    simulation.publish(c.Start("sim", 7, ORIGIN))
    simulation.take()
    simulation.turn()
    simulation.boots += boots
    simulation.take()
    return simulation


@pytest.mark.parametrize("boots", [0, 1])
def test_on_crash_retry_comes_again(boots: int) -> None:
    """Conformance 42: by default; with a hint that it may have been done."""
    seen: list[tuple[int, bool]] = []

    def handle(task: Task) -> c.Effects:
        seen.append((task.attempt, task.maybe_done))
        return effects(task.message)

    assert cut_off(handle, boots=boots).go_on().outputs == [7]
    assert seen == [(1, False), (2, True)]


@pytest.mark.parametrize("boots", [0, 1])
def test_on_crash_fail_fails(boots: int) -> None:
    """Design 7: whoever cannot be done twice is not; a reboot leaves as much in doubt as a crash. A retry does it."""
    simulation = cut_off(boots=boots, on_crash="fail").go_on()
    run = simulation.now_run
    assert (run.status, simulation.error, simulation.outputs) == ("failed", "ExecutorCrashed", [])
    assert run.error
    assert run.error.attempt == 1
    assert simulation.ask(c.Retry()).outputs == [7]


@pytest.mark.parametrize("boots", [0, 1])
@pytest.mark.parametrize("answer", ["retry", "fail"])
def test_on_crash_ask_asks(answer: str, boots: int) -> None:
    """Design 7: a person says whether to try again; the question stays, for as long as it takes."""
    simulation = cut_off(boots=boots, on_crash="ask").go_on()
    for _ in range(3):
        simulation.take()
        simulation.go_on()
        run = simulation.now_run
        (request,) = open_requests(run)
        assert (request.id, request.ask.choices, request.ask.path) == ("b", ("retry", "fail"), CRASH)
        assert (run.status, wake_at(run), run.in_flight) == ("waiting", None, False)
    assert [(each.kind, each.id) for each in expected(run)] == [("request", "b")]
    simulation.answer("b", answer)
    simulation.wake()
    if answer == "retry":
        assert (simulation.now_run.status, simulation.outputs) == ("completed", [7])
    else:
        assert (simulation.now_run.status, simulation.error) == ("failed", "ExecutorCrashed")
        assert simulation.now_run.error
        assert simulation.now_run.error.attempt == 1
        assert [i.attempt for i in simulation.now_run.failed.values()] == [1]
        assert simulation.ask(c.Retry()).outputs == [7]


def test_each_crash_is_asked_about() -> None:
    """Design 7: the second question has a name of its own; two deliveries in doubt are two questions in one frame."""
    spec = ExecutorSpec("b", on_crash="ask", max_parallel=2)
    simulation = Simulation(flow("a", Direct("a", "b"), specs=[spec]), {"a": lambda _: effects(1, 2)})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    simulation.turn()
    simulation.take()
    assert [request.id for request in open_requests(simulation.now_run)] == ["b", "b.2"]
    assert sum(isinstance(event, RequestsOpened) for event in simulation.events()) == 1
    simulation.answer("b.2", "retry")
    simulation.take()
    assert simulation.at_work
    simulation.take()
    assert [request.id for request in open_requests(simulation.now_run)] == ["b", "b.3"]
    for request in ("b", "b.3"):
        simulation.answer(request, "retry")
    assert sorted(simulation.wake().outputs) == [1, 2]


def test_what_a_handler_waits_for_comes_after_the_question() -> None:
    """Design 7: a woken handler that was cut off is asked about first, whatever it waited for; then it goes on."""
    lanes = [Sleep(60), Sleep(HOUR)], [Question("ok?")]
    simulation = Simulation(flow("b", specs=[ExecutorSpec("b", on_crash="ask")]), {"b": script(*lanes)})
    simulation.publish(c.Start("sim", 7, ORIGIN))
    simulation.wake()
    simulation.now += timedelta(seconds=60)
    simulation.take()
    assert simulation.at_work
    simulation.take()
    simulation.go_on()
    assert [request.id for request in open_requests(simulation.now_run)] == ["b", "b.2"]
    simulation.answer("b", "yes")
    simulation.pass_time(24 * HOUR)
    assert simulation.now_run.status == "waiting"
    assert [each.request and each.request.id for each in expected(simulation.now_run)] == ["b.2"]
    simulation.answer("b.2", "retry")
    assert simulation.wake().outputs == []
    assert simulation.go_on().outputs == ["timer", "timer", "yes"]


def test_the_question_is_no_answer_to_a_later_crash() -> None:
    """Design 7: who said `retry` once is asked again."""
    simulation = cut_off(on_crash="ask", max_crashes=9).go_on()
    for number in range(1, 4):
        name = "b" if number == 1 else f"b.{number}"
        assert [request.id for request in open_requests(simulation.now_run)] == [name]
        simulation.answer(name, "retry")
        simulation.take()
        assert simulation.at_work
        simulation.take()
    assert len(simulation.now_run.requests) == 4


def test_crashes_convict_whatever_people_say() -> None:
    """Design 4: after `max_crashes` it fails; nobody is asked then."""
    simulation = cut_off(on_crash="ask", max_crashes=2).go_on()
    simulation.answer("b", "retry")
    simulation.take()
    simulation.take()
    simulation.go_on()
    assert (simulation.now_run.status, simulation.error) == ("failed", "ExecutorCrashed")
    assert open_requests(simulation.now_run) == []


@pytest.mark.parametrize("on_crash", ["retry", "ask", "fail"])
def test_what_outlives_its_process_is_looked_after_first(on_crash: Any) -> None:
    """Design 5: a successor takes up the command that still runs; no crash of a driver is held against it."""
    simulation = cut_off(on_crash=on_crash, harvests=True, max_crashes=2)
    for _ in range(5):
        simulation.take()
    assert [i.crashes for i in simulation.now_run.started.values()] == [0]
    assert simulation.go_on().outputs == [7]
    assert not simulation.now_run.requests


def test_beside_what_outlives_its_process_others_are_counted() -> None:
    """Design 4: only what was in flight in the process itself."""
    specs = [ExecutorSpec("b", harvests=True), ExecutorSpec("c")]
    simulation = Simulation(flow("a", FanOut("a", ("b", "c")), specs=specs))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    simulation.turn()
    simulation.take()
    assert {i.delivery.executor: i.crashes for i in simulation.now_run.started.values()} == {"b": 0, "c": 1}
    assert {i.attempt for i in simulation.now_run.started.values()} == {2}


def loses(times: int) -> Handler:
    """Return a handler of which nobody knows how its first attempts ended."""

    def handle(task: Task) -> c.Effects:
        if task.attempt <= times:
            raise Lost("gone")
        return effects([task.attempt, task.maybe_done])

    return handle


@pytest.mark.parametrize(("on_crash", "status"), [("retry", "completed"), ("fail", "failed"), ("ask", "waiting")])
def test_what_was_lost_while_it_was_looked_after(on_crash: Any, status: str) -> None:
    """Design 9: it counts towards `max_crashes`, never towards `max_attempts`, and `on_crash` says what follows."""
    spec = ExecutorSpec("b", harvests=True, on_crash=on_crash)
    simulation = Simulation(flow("b", specs=[spec]), {"b": loses(1)}).start()
    assert simulation.now_run.status == status
    if status == "failed":
        assert simulation.error == "Lost"
    elif status == "waiting":
        simulation.answer("b", "retry")
        simulation.wake()
    if status != "failed":
        assert simulation.outputs == [[2, True]]
        assert simulation.now_run.tallies["b"].failed == 0


def test_what_is_lost_is_not_looked_for_again() -> None:
    """Design 9: its next attempt is another start, where a crash of the driver alone goes on with the same one."""
    starts: list[tuple[int, int]] = []

    def handle(task: Task) -> Any:
        starts.append((task.attempt, task.start))
        return loses(1)(task)

    simulation = Simulation(flow("b", specs=[ExecutorSpec("b", harvests=True)]), {"b": handle})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    simulation.turn()
    simulation.take()
    assert simulation.go_on().outputs == [[3, True]]
    assert starts == [(1, 1), (2, 2), (3, 2)]


def test_what_is_lost_again_and_again_is_given_up() -> None:
    """Design 4: `max_crashes` bounds it, without a pause in between and without regard to `max_attempts`."""
    spec = ExecutorSpec("b", harvests=True, retry=RetryPolicy(max_attempts=9))
    simulation = Simulation(flow("b", specs=[spec]), {"b": loses(99)}).start()
    assert (simulation.now_run.status, simulation.error, simulation.handled.total()) == ("failed", "ExecutorCrashed", 3)


def test_a_machine_that_goes_down_is_held_against_nobody() -> None:
    """Design 4: what was lost in a reboot comes again, ten times over, and says that it may have been done."""
    simulation = Simulation(flow("b"))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    for _ in range(10):
        (delivery,) = simulation.now_run.started
        simulation.commit(c.Fail(delivery, Failure("CommandLost", "?"), crashed=True, counted=False))
        simulation.boots += 1
        simulation.take()
    assert simulation.go_on().outputs == [0]
    cuts = [event for event in simulation.events() if isinstance(event, InvocationsCutOff)]
    assert (len(cuts), any(event.counted for event in cuts)) == (20, False)


def stuck(times: int) -> tuple[Handler, list[tuple[int, int, list[str]]]]:
    """Return a handler that suspends once and cannot go on from there so often; and what it saw at each entry."""
    seen: list[tuple[int, int, list[str]]] = []

    def handle(task: Task) -> Result:
        seen.append((task.start, task.attempt, [entry.path for entry in task.kept.get("", ())]))
        if task.waits and sum(bool(paths) for _, _, paths in seen) <= times:
            raise Blocks("another path than was kept")
        return script([Does(lambda: 1), Sleep(HOUR)])(task)

    return handle, seen


def blocked(handler: Handler, **more: Any) -> Simulation:
    simulation = Simulation(flow("a", **more), {"a": handler})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    return simulation.wake().pass_time(HOUR)


def test_a_handler_that_cannot_go_on_blocks_the_run() -> None:
    """Conformance 49: it is not retried, nothing is lost, and only a person, or the run's own timeout, moves it."""
    handler, _ = stuck(99)
    simulation = blocked(handler, specs=[ExecutorSpec("a", retry=RetryPolicy(max_attempts=5))])
    run = simulation.now_run
    assert (run.status, simulation.error, wake_at(run), len(run.kept)) == ("blocked", "Blocks", None, 1)
    frames = len(simulation.disk)
    simulation.pass_time(24 * HOUR)
    assert len(simulation.disk) == frames


def test_a_resume_goes_on_from_where_it_was() -> None:
    """Conformance 49: with its kept awaits and its waits, as the same attempt; what still does not fit blocks again."""
    handler, seen = stuck(2)
    simulation = blocked(handler)
    simulation.ask(c.Resume())
    assert simulation.now_run.status == "blocked"
    simulation.ask(c.Resume())
    assert simulation.outputs == [1, "timer"]
    assert seen == [(1, 1, [])] + [(1, 1, ["1"])] * 3


def test_a_resume_with_restart_begins_at_the_top() -> None:
    """Design 6: without kept awaits and waits; its requests are asked anew."""
    handler, seen = stuck(1)
    simulation = blocked(handler)
    simulation.ask(c.Resume(restart=True))
    assert simulation.outputs == [1, "timer"]
    assert [start for start, _, _ in seen] == [1, 1, 2, 2]
    assert seen[2][2] == []


def test_a_restart_concerns_only_what_was_stuck() -> None:
    """Design 6: other suspended handlers keep what they have kept."""
    handler, _ = stuck(1)
    done: list[int] = []
    other = script([Does(lambda: done.append(1)), Sleep(3 * HOUR)])
    simulation = Simulation(flow("s", FanOut("s", ("a", "o"))), {"a": handler, "o": other})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake().pass_time(HOUR)
    assert simulation.now_run.status == "blocked"
    simulation.ask(c.Resume(restart=True))
    assert (simulation.now_run.status, done) == ("completed", [1])


def test_a_retry_takes_what_is_stuck_and_what_has_failed() -> None:
    """Conformance 49: after a change of code that fits again; the handler goes on with what it has kept."""
    handler, seen = stuck(1)
    simulation = blocked(handler)
    simulation.ask(c.Retry(code="mended"))
    assert (simulation.outputs, simulation.now_run.origin.code) == ([1, "timer"], "mended")
    assert seen[-1] == (1, 1, ["1"])


def test_two_handlers_may_be_stuck_at_once() -> None:
    """Conformance 49: both are tried again, and what is at work beside them may end."""
    handlers = {"a": stuck(1)[0], "b": stuck(1)[0]}
    simulation = Simulation(flow("s", FanOut("s", ("a", "b", "d"))), handlers)
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake()
    simulation.now += timedelta(hours=1)
    simulation.take()
    simulation.commit(*(simulation.at_work.pop(each) for each in list(simulation.at_work)))
    assert simulation.now_run.status == "blocked"
    assert sum(i.stuck for line in simulation.now_run.ready.values() for i in line) == 2
    simulation.ask(c.Resume())
    assert simulation.outputs == [1, "timer", 1, "timer", 0]


def test_a_blocked_run_times_out_on_time() -> None:
    """Conformance 32: also when it waits for a person to mend its handler."""
    handler, _ = stuck(99)
    simulation = blocked(handler, timeout=timedelta(hours=2))
    assert wake_at(simulation.now_run) == simulation.now_run.deadline_at
    assert simulation.pass_time(HOUR).now_run.status == "timed_out"


def test_what_ended_while_the_run_was_blocked_counts() -> None:
    """Conformance 26: a handler that ends or suspends after another one has blocked the run is heard."""

    def keeps(task: Task) -> Going:
        yield from ()
        return effects("kept")

    simulation = Simulation(
        flow("s", FanOut("s", ("a", "b", "d"))), {"a": stuck(0)[0], "b": keeps, "d": script([Sleep(60)])}
    )
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    simulation.turn()
    late = dict(simulation.at_work)
    simulation.at_work.clear()
    (stuck_one,) = (d for d, i in simulation.now_run.started.items() if i.delivery.executor == "a")
    simulation.commit(c.Block(Failure("Blocks", "stuck"), stuck_one))
    assert simulation.now_run.status == "blocked"
    simulation.commit(*(command for delivery, command in late.items() if delivery != stuck_one))
    assert (simulation.now_run.status, simulation.outputs, len(simulation.now_run.waiting)) == ("blocked", ["kept"], 1)
    assert simulation.ask(c.Resume()).now_run.status == "completed"
