"""Limits that hold while no handler is at work, of deliveries and of the run; and failures that are handled."""

from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.events import InvocationFailed, RunTimedOut
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy
from lrwf_cli.core.run import Failure
from lrwf_cli.core.waking import next_due, wake_at
from tests.core.scripts import Poll, Question, Sleep
from tests.core.simulation import ORIGIN, START, Blocks, Handler, Result, Simulation, Task, effects, fails, flow, script

HOUR = 3600.0
ONE_HOUR = timedelta(hours=1)


def begun(handler: Handler, *, deadline: timedelta | None = ONE_HOUR, **spec: Any) -> Simulation:
    """Return a run of one executor `a` with a deadline, as it is when its first stretch is over."""
    simulation = Simulation(flow("a", specs=[ExecutorSpec("a", deadline=deadline, **spec)]), {"a": handler})
    simulation.publish(c.Start("sim", 7, ORIGIN))
    return simulation.wake()


@pytest.mark.parametrize(
    "handler",
    [script([Sleep(2 * HOUR)]), script([Question("ok?")]), script([Poll(HOUR / 7, 99)])],
    ids=["a timer", "a request", "a poll"],
)
def test_a_deadline_passes_while_nothing_is_at_work(handler: Handler) -> None:
    """Conformance 29, 31: suspensions count against `deadline`; the run wakes for it, and no timer of it fires then."""
    simulation = begun(handler)
    deadline = START + timedelta(hours=1)
    due = wake_at(simulation.now_run)
    assert due is not None
    assert due <= deadline
    simulation.now = deadline - timedelta(seconds=1)
    assert simulation.wake().now_run.status == "waiting"
    simulation.now = deadline
    run = simulation.wake().now_run
    assert (run.status, simulation.error) == ("failed", "ExecutorTimeoutError")
    assert run.error
    assert (run.error.executor, run.error.attempt) == ("a", 1)
    assert all(request.withdrawn for request in run.requests.values())
    assert not run.waiting


def test_retries_count_against_a_deadline() -> None:
    """Conformance 31: whoever backs off past its deadline fails then, with the deadline's error, and is not retried."""
    retry = RetryPolicy(max_attempts=99, initial=timedelta(minutes=25), max=ONE_HOUR, multiplier=1, jitter=0)
    simulation = begun(fails(99), retry=retry).go_on()
    failures = [event.error.type for event in simulation.events() if isinstance(event, InvocationFailed)]
    assert failures == ["OSError", "OSError", "OSError", "ExecutorTimeoutError"]
    assert simulation.now_run.updated_at == START + timedelta(hours=1)
    assert simulation.now_run.status == "failed"


def test_a_deadline_counts_from_the_first_entry() -> None:
    """Conformance 31: what stands in line has not begun; the clock of each delivery starts when it does."""
    seen: list[Any] = []

    def handle(task: Task) -> Result:
        seen.append(task.started_at)
        return script([Sleep(HOUR - 1)])(task)

    spec = ExecutorSpec("b", deadline=timedelta(hours=1), ordered=True)
    simulation = Simulation(flow("a", Direct("a", "b"), specs=[spec]), {"a": lambda _: effects(1, 2), "b": handle})
    assert simulation.start().outputs == ["timer", "timer"]


def test_a_deadline_stands_over_wakes_and_crashes() -> None:
    """Conformance 29: neither a wake nor a crash grants it anew."""
    simulation = begun(script([Poll(600, 99)]))
    for number in range(1, 6):
        simulation.now = START + timedelta(minutes=10 * number)
        simulation.take()
        simulation.take()
        simulation.work_off()
        assert [i.deadline_at for i in simulation.now_run.waiting.values()] == [START + ONE_HOUR]
    assert simulation.go_on().error == "ExecutorTimeoutError"


def test_a_deadline_is_frozen_while_the_run_has_failed() -> None:
    """Conformance 26: neither while others are drained nor later; a retry grants what was left of it."""
    broken = [True]

    def bad(task: Task) -> Result:
        if broken and task.waits:
            raise OSError
        return script([Sleep(HOUR / 2)])(task)

    specs = [ExecutorSpec("a", deadline=timedelta(hours=1))]
    simulation = Simulation(
        flow("s", FanOut("s", ("a", "bad", "slow")), specs=specs),
        {"a": script([Question("ok?")]), "bad": bad, "slow": lambda _: effects("slow")},
    )
    simulation.start()
    assert simulation.now_run.status == "failed"
    assert wake_at(simulation.now_run) is None
    simulation.now += timedelta(days=3)
    broken.clear()
    simulation.publish(c.Retry())
    simulation.wake()
    (waiting,) = (i for i in simulation.now_run.waiting.values() if i.delivery.executor == "a")
    assert waiting.deadline_at is not None
    left = waiting.deadline_at - simulation.now
    assert timedelta(minutes=29) < left < timedelta(minutes=31)
    simulation.answer("a", "yes")
    simulation.wake().go_on()
    assert simulation.outputs == ["yes", "timer", "slow"]


def test_a_deadline_that_passes_while_another_branch_is_drained_is_none() -> None:
    """Conformance 26: suspended deliveries freeze as soon as something has failed for good."""
    specs = [ExecutorSpec("a", deadline=timedelta(hours=1))]
    simulation = Simulation(
        flow("s", FanOut("s", ("a", "bad", "slow")), specs=specs), {"a": script([Question("ok?")]), "bad": fails(9)}
    )
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    simulation.turn()
    slow = next(d for d, i in simulation.now_run.started.items() if i.delivery.executor == "slow")
    late = simulation.at_work.pop(slow)
    while simulation.at_work:
        simulation.turn()
    simulation.now += timedelta(hours=2)
    simulation.commit()
    assert len(simulation.now_run.waiting) == 1
    simulation.commit(late)
    assert (simulation.now_run.status, simulation.error, len(simulation.now_run.failed)) == ("failed", "OSError", 1)


@pytest.mark.parametrize("again", [c.Rewind, c.Fork])
def test_going_back_gives_the_time_back(again: type[c.Rewind | c.Fork]) -> None:
    """Conformance 51: what waits at the checkpoint has as long as it had then, however long ago that was."""
    simulation = begun(script([Question("ok?")]))
    past = simulation.past(len(simulation.disk))
    simulation.pass_time(HOUR)
    assert simulation.now_run.status == "failed"
    simulation.now += timedelta(days=1)
    other = simulation
    if again is c.Fork:
        other = Simulation(simulation.workflow, simulation.handlers)
        other.now = simulation.now
    other.publish(c.Fork("fork", past) if again is c.Fork else c.Rewind(past))
    other.wake()
    assert other.now_run.status == "waiting"
    other.answer("a", "yes")
    assert other.wake().outputs == ["yes"]


def test_a_late_delivery_may_be_handled() -> None:
    """Design 9: `on_error` gets the deadline's error as any other."""
    simulation = Simulation(
        flow("a", Direct("h", "z"), specs=[ExecutorSpec("a", deadline=ONE_HOUR, on_error="h"), ExecutorSpec("h")]),
        {"a": script([Question("ok?")])},
    ).start(7)
    assert simulation.now_run.status == "completed"
    ((output,),) = [simulation.outputs]
    assert (output["error"]["type"], output["message"]) == ("ExecutorTimeoutError", 7)


def test_several_are_late_at_once() -> None:
    """Conformance 29: each fails by itself, in one frame."""
    spec = ExecutorSpec("b", deadline=ONE_HOUR, on_error="h")
    simulation = Simulation(
        flow("a", Direct("a", "b"), specs=[spec, ExecutorSpec("h")]),
        {"a": lambda _: effects(1, 2, 3), "b": script([Question("ok?")])},
    ).start()
    assert sorted(output["message"] for output in simulation.outputs) == [1, 2, 3]
    assert all(request.withdrawn for request in simulation.now_run.requests.values())


@pytest.mark.parametrize("situation", ["waits", "asks", "backs off", "is paused", "is blocked", "is at work"])
def test_the_run_times_out_on_time(situation: str) -> None:
    """Conformance 32: whatever it is about: nobody needs to be at work, and it wakes for it."""

    def block(task: Task) -> Result:
        raise Blocks("stuck")

    handler: dict[str, Handler] = {
        "waits": script([Sleep(9 * HOUR)]),
        "asks": script([Question("ok?")]),
        "backs off": fails(99),
        "is blocked": block,
    }
    retry = RetryPolicy(max_attempts=99, initial=timedelta(hours=9), max=timedelta(hours=9))
    workflow = flow("a", specs=[ExecutorSpec("a", retry=retry)], timeout=ONE_HOUR)
    simulation = Simulation(workflow, {"a": handler.get(situation, script([Sleep(9 * HOUR)]))})
    simulation.publish(c.Start("sim", 7, ORIGIN))
    if situation == "is at work":
        simulation.take()
        assert next_due(simulation.now_run) == START + ONE_HOUR
        simulation.now = START + ONE_HOUR
        simulation.commit()
    else:
        simulation.wake()
        if situation == "is paused":
            simulation.publish(c.Pause())
        assert wake_at(simulation.now_run) == START + ONE_HOUR
        simulation.pass_time(HOUR - 1)
        assert not simulation.now_run.is_final
        simulation.pass_time(1)
    assert (simulation.now_run.status, simulation.error) == ("timed_out", "RunTimedOut")
    assert wake_at(simulation.now_run) is None
    assert sum(isinstance(event, RunTimedOut) for event in simulation.events()) == 1


def test_a_retry_grants_the_timeout_anew() -> None:
    """Conformance 32: all of it, from the retry on; what was suspended goes on with what it had kept."""
    simulation = Simulation(flow("a", timeout=ONE_HOUR), {"a": script([Sleep(60), Question("ok?")])}).start()
    assert simulation.error == "RunTimedOut"
    simulation.now += timedelta(days=1)
    retried_at = simulation.now
    simulation.publish(c.Retry())
    simulation.wake()
    assert simulation.now_run.deadline_at == retried_at + ONE_HOUR
    assert simulation.now_run.status == "waiting"
    simulation.answer("a", "yes")
    assert simulation.wake().outputs == ["timer", "yes"]


def test_a_handled_failure_lets_the_run_complete() -> None:
    """Design 9: the executor of `on_error` gets the error, and the message that was about; what it sends goes on."""
    specs = [ExecutorSpec("b", on_error="h"), ExecutorSpec("h")]
    simulation = Simulation(flow("a", Direct("a", "b"), Direct("h", "z"), specs=specs), {"b": fails(9)}).start({"n": 1})
    run = simulation.now_run
    assert (run.status, run.failed, run.error) == ("completed", {}, None)
    error = {"type": "OSError", "message": "attempt 1", "executor": "b", "attempt": 1, "exit_code": None}
    assert simulation.outputs == [{"error": error, "message": {"n": 1}}]
    assert run.tallies["b"].failed == 1


def test_a_failure_is_handled_after_its_retries() -> None:
    """Conformance 25: `on_error` comes when no attempt is left."""
    specs = [ExecutorSpec("a", on_error="h", retry=RetryPolicy(max_attempts=3)), ExecutorSpec("h")]
    simulation = Simulation(flow("a", specs=specs), {"a": fails(9)}).start()
    assert [output["error"]["attempt"] for output in simulation.outputs] == [3]


def test_a_loop_of_handlers_is_bounded() -> None:
    """Conformance 17: an executor that handles its own failure, and fails at that, is as deep as any loop may be."""
    specs = [ExecutorSpec("a", on_error="a")]
    simulation = Simulation(flow("a", specs=specs, max_iterations=20), {"a": fails(9)}).start()
    assert (simulation.now_run.status, simulation.error) == ("failed", "IterationLimit")
    assert simulation.handled.total() == 20


def test_what_the_core_refuses_is_handled_too() -> None:
    """Conformance 7, 11: effects that cannot be are a failure of their handler, which may be handled."""
    specs = [
        ExecutorSpec("a", on_error="h"),
        ExecutorSpec("b", accepts=lambda message: isinstance(message, str), handles=("str",)),
        ExecutorSpec("h"),
    ]
    simulation = Simulation(flow("a", Direct("a", "b"), specs=specs)).start(7)
    assert simulation.now_run.status == "completed"
    assert simulation.outputs[0]["message"] == 7


def test_a_stopped_run_times_out_what_is_suspended_with_it() -> None:
    """Conformance 26: with `when_failed: stop` a failure ends the run at once, whatever waits; a retry thaws it."""
    broken = [True]

    def bad(task: Task) -> c.Effects:
        if broken:
            raise OSError
        return effects("mended")

    simulation = Simulation(
        flow("s", FanOut("s", ("a", "bad")), when_failed="stop"), {"a": script([Sleep(HOUR)]), "bad": bad}
    ).start()
    assert simulation.now_run.status == "failed"
    assert simulation.now_run.updated_at < START + ONE_HOUR
    broken.clear()
    assert simulation.ask(c.Retry()).outputs == ["timer", "mended"]


@pytest.mark.parametrize("status", ["ready", "at work", "waiting", "asking", "paused", "blocked", "failing"])
def test_a_run_can_be_cancelled_whatever_it_does(status: str) -> None:
    """Design 8: its timers are off, it wakes for nothing; a retry takes it up where it was."""
    first = {"waiting": script([Sleep(HOUR)]), "asking": script([Question("ok?")]), "failing": fails(1)}
    simulation = Simulation(flow("a", Direct("a", "b")), {"a": first.get(status, lambda _: effects("fine"))})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    if status in first:
        simulation.take()
        simulation.turn()
    elif status == "at work":
        simulation.take()
    elif status in {"paused", "blocked"}:
        simulation.publish(c.Pause() if status == "paused" else c.Block(Failure("FlowError", "gone")))
    if status == "failing":
        assert simulation.now_run.is_final
        return
    simulation.publish(c.Cancel(reason="enough"))
    run = simulation.now_run
    assert (run.status, run.started, wake_at(run), next_due(run)) == ("cancelled", {}, None, None)
    assert not simulation.decide(c.Advance(4))
    simulation.publish(c.Retry())
    simulation.wake()
    if status == "asking":
        simulation.answer("a", "yes")
    simulation.go_on()
    assert simulation.outputs == [{"waiting": "timer", "asking": "yes"}.get(status, "fine")]
