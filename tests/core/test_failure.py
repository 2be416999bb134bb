"""Failure: attempts, backoff, what drains and what stops, and what a retry runs again."""

from datetime import timedelta

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.decide import decide
from lrwf_cli.core.events import InvocationFailed
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy
from lrwf_cli.core.retry import delay
from lrwf_cli.core.run import Failure
from lrwf_cli.core.waking import wake_at
from tests.core.simulation import ORIGIN, START, Luck, Simulation, Task, effects, fails, flow

THRICE = RetryPolicy(max_attempts=3)
FORK = (FanOut("a", ("b", "c")), Direct("c", "d"), Direct("d", "e"))


def failures(simulation: Simulation) -> list[InvocationFailed]:
    """Return the failed attempts, in order."""
    return [event for event in simulation.events() if isinstance(event, InvocationFailed)]


def test_the_same_delivery_comes_again_after_the_backoff() -> None:
    """Conformance 25: with attempts left, after the policy's delays, with the same idempotency key."""
    simulation = Simulation(flow("a", specs=[ExecutorSpec("a", retry=THRICE)]), {"a": fails(2)}).start()
    ((delivery, keys),) = simulation.keys.items()
    assert (len(keys), simulation.handled[delivery], simulation.outputs) == (1, 3, [3])
    waits = [event.retry_at - frame.at for frame in simulation.frames() for event in frame.events
             if isinstance(event, InvocationFailed) and event.retry_at]  # fmt: skip
    assert waits == [delay(THRICE, failures, delivery) for failures in (1, 2)]
    assert not simulation.error


def test_the_last_attempt_fails_the_run_with_its_error() -> None:
    """Conformance 25: after `max_attempts` failures the run fails with the last one, and says at which attempt."""
    simulation = Simulation(flow("a", specs=[ExecutorSpec("a", retry=THRICE)]), {"a": fails(9)}).start()
    run = simulation.now_run
    assert (run.status, len(failures(simulation))) == ("failed", 3)
    assert run.error
    assert (run.error.type, run.error.message, run.error.executor, run.error.attempt) == (
        "OSError",
        "attempt 3",
        "a",
        3,
    )
    assert run.tallies["a"].failed == 3
    (failed,) = run.failed.values()
    assert (failed.attempt, failed.error) == (3, run.error)


def test_without_a_policy_there_is_one_attempt() -> None:
    """Conformance 25: no `retry:`, no retry."""
    assert len(failures(Simulation(flow("a"), {"a": fails(1)}).start())) == 1


@pytest.mark.parametrize("error", [TypeError, NameError, AttributeError])
def test_mistakes_are_not_tried_again(error: type[Exception]) -> None:
    """Conformance 28: a usage error is not retried in vain."""
    simulation = Simulation(flow("a", specs=[ExecutorSpec("a", retry=THRICE)]), {"a": fails(1, error)}).start()
    assert (simulation.error, len(failures(simulation))) == (error.__name__, 1)


def test_who_handled_it_may_say_that_trying_again_is_vain() -> None:
    """Conformance 28: whatever the policy says."""
    simulation = Simulation(flow("a", specs=[ExecutorSpec("a", retry=THRICE)]))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    (delivery,) = simulation.at_work
    (event,) = simulation.decide(c.Fail(delivery, Failure("OSError", "no"), retryable=False))
    assert isinstance(event, InvocationFailed)
    assert event.retry_at is None


def test_a_failed_attempts_messages_are_never_seen() -> None:
    """Conformance 2 and 21: nor its outputs and its state; the attempt that succeeds is all there is."""

    def handle(task: Task) -> c.Effects:
        sent = effects(f"attempt {task.attempt}", outputs=[task.attempt], writes=[c.StateWrite("k", task.attempt)])
        return (
            sent
            if task.attempt == 2
            else effects("sent", writes=[c.StateWrite("k", 1, "append"), *sent.writes[:0]], to="z")
        )

    simulation = Simulation(flow("a", Direct("a", "b")), {"a": handle}).start()
    assert (simulation.error, simulation.outputs, simulation.state) == ("UnknownTarget", [], {})
    simulation.ask(c.Retry())
    assert (simulation.outputs, simulation.state) == ([2, "attempt 2"], {"k": 2})


def test_other_branches_go_on_to_their_end() -> None:
    """Conformance 26: `drain`: finished work is kept, what is ready goes on; then the run is failed."""
    for seed in range(6):
        simulation = Simulation(flow("a", *FORK), {"b": fails(1)}, luck=Luck(seed)).start()
        assert (simulation.now_run.status, simulation.error, simulation.outputs) == ("failed", "OSError", [0])
        assert simulation.now_run.finished_at
        before = simulation.handled.copy()
        simulation.ask(c.Retry())
        assert (simulation.now_run.status, simulation.outputs) == ("completed", [2, 0])
        assert (simulation.handled - before).total() == 1


def test_what_waits_freezes_and_thaws() -> None:
    """Conformance 26: a branch that waits when another fails for good goes on with the retry, its attempts kept."""
    retry = RetryPolicy(max_attempts=2, initial=timedelta(hours=1), max=timedelta(hours=1), jitter=0)
    workflow = flow("a", FanOut("a", ("b", "c")), specs=[ExecutorSpec("c", retry=retry)])
    simulation = Simulation(workflow, {"b": fails(1), "c": fails(1)}).start()
    run = simulation.now_run
    (frozen,) = run.waiting.values()
    assert (run.status, frozen.delivery.executor, frozen.attempt) == ("failed", "c", 2)
    assert wake_at(run) is None
    simulation.ask(c.Retry())
    assert (simulation.now_run.status, simulation.outputs) == ("completed", [2, 2])
    assert simulation.now >= START + timedelta(hours=1)


def test_what_is_due_while_a_run_drains_stays_frozen() -> None:
    """Conformance 26: a run that is about to fail wakes nobody any more, even if its time has come."""
    workflow = flow("a", FanOut("a", ("b", "c", "d")), specs=[ExecutorSpec("c", retry=THRICE)])
    simulation = Simulation(workflow, {"c": fails(1), "b": fails(1)})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    for _ in range(3):
        simulation.turn()
    assert simulation.now_run.error
    assert simulation.now_run.waiting
    assert simulation.now_run.started
    assert simulation.now_run.status == "running"
    assert wake_at(simulation.now_run) == simulation.now_run.updated_at
    simulation.now += timedelta(hours=1)
    simulation.go_on()
    assert (simulation.now_run.status, [i.delivery.executor for i in simulation.now_run.waiting.values()]) == (
        "failed",
        ["c"],
    )


def test_stop_ends_the_others_at_once() -> None:
    """Conformance 26: `stop`: what was at work is cut off, counts for nothing, and runs again with a `retry`."""
    simulation = Simulation(flow("a", *FORK, when_failed="stop"), {"b": fails(1)}).start()
    run = simulation.now_run
    (cut,) = run.ready["c"]
    assert (run.status, simulation.outputs, run.started) == ("failed", [], {})
    assert (cut.maybe_done, cut.attempt, cut.crashes, cut.started_at) == (True, 2, 0, None)
    simulation.ask(c.Retry())
    assert (simulation.now_run.status, simulation.outputs) == ("completed", [2, 0])


def test_what_an_end_cuts_off_keeps_its_order() -> None:
    """Conformance 4: several deliveries of one executor that were at work come again as they came before."""
    workflow = flow("a", Direct("a", "b"), specs=[ExecutorSpec("b", max_parallel=3)])
    simulation = Simulation(workflow, {"a": lambda _: effects(1, 2, 3, 4)})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    simulation.turn()
    assert len(simulation.at_work) == 3
    simulation.mail.append(c.TakeMail("letter", 0, "cancel", c.Cancel(reason="enough")))
    simulation.turn()
    run = simulation.now_run
    assert (run.status, run.reason, run.error) == ("cancelled", "enough", Failure("RunCancelled", "enough"))
    assert [invocation.delivery.message for invocation in run.ready["b"]] == [1, 2, 3, 4]
    assert simulation.ask(c.Retry()).outputs == [1, 2, 3, 4]


def test_cancelled_without_a_word() -> None:
    """A cancel needs no reason."""
    simulation = Simulation(flow("a"))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.publish(c.Cancel())
    assert simulation.now_run.error == Failure("RunCancelled", "the run was cancelled")


def test_a_retry_counts_afresh_and_names_its_attempt() -> None:
    """Conformance 26: what failed has all its attempts again, the same key, and knows which attempt it is."""
    attempts: list[int] = []

    def handle(task: Task) -> c.Effects:
        attempts.append(task.attempt)
        return fails(4)(task)

    simulation = Simulation(flow("a", specs=[ExecutorSpec("a", retry=THRICE)]), {"a": handle}).start()
    simulation.ask(c.Retry(code="newer"))
    assert (attempts, simulation.outputs) == ([1, 2, 3, 4, 5], [5])
    assert simulation.now_run.origin.code == "newer"
    assert [len(keys) for keys in simulation.keys.values()] == [1]


def test_a_block_is_not_the_run_failing() -> None:
    """What blocks a run is gone when it goes on: a person's `resume`, a rewind and a fork leave nothing of it."""
    error = Failure("CodeMissing", "the code is gone")
    simulation = Simulation(flow("a", Direct("a", "b")))
    simulation.publish(c.Start("sim", 5, ORIGIN))
    simulation.publish(c.Block(error))
    assert (simulation.now_run.status, simulation.now_run.error) == ("blocked", error)
    blocked = simulation.past(2)
    fork = Simulation(simulation.workflow)
    assert fork.ask(c.Fork("fork", blocked)).outputs == [5]
    simulation.ask(c.Resume())
    assert (simulation.now_run.status, simulation.outputs) == ("completed", [5])
    simulation.ask(c.Rewind(blocked))
    assert (simulation.now_run.status, simulation.outputs) == ("completed", [5])


def test_a_resume_keeps_what_failed_before_the_block() -> None:
    """A run that was draining when it was blocked goes on draining: its error is what failed first."""
    simulation = Simulation(flow("a", *FORK), {"b": fails(1)})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    for _ in range(2):
        simulation.turn()
    assert simulation.now_run.failed
    simulation.publish(c.Block(Failure("CodeMissing", "the code is gone")))
    simulation.ask(c.Resume())
    assert (simulation.now_run.status, simulation.error, simulation.outputs) == ("failed", "OSError", [0])


def test_a_retry_of_a_blocked_run_counts_crashes_afresh() -> None:
    """What was at work when the run was blocked is not convicted by crashes from before the retry."""
    simulation = Simulation(flow("a"))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    for _ in range(3):
        simulation.take()
    simulation.publish(c.Block(Failure("CodeMissing", "gone")))
    simulation.publish(c.Retry())
    assert [invocation.crashes for invocation in simulation.now_run.open_invocations()] == [0]
    simulation.drive()
    assert (simulation.now_run.status, simulation.outputs) == ("completed", [0])


def test_a_late_failure_is_passed_over() -> None:
    """A handler that fails after its run has ended fails nothing."""
    simulation = Simulation(flow("a")).start()
    late = c.Fail(next(iter(simulation.committed)), Failure("OSError", "late"))
    assert decide(simulation.workflow, simulation.now_run, late, simulation.now) == ()


def test_a_rewind_to_an_end_is_that_end() -> None:
    """Conformance 51: a run that had failed at that frame has failed again, and can be retried as then."""
    simulation = Simulation(flow("a", *FORK), {"b": fails(1)}).start()
    ended = simulation.past(len(simulation.disk))
    simulation.ask(c.Retry())
    simulation.ask(c.Rewind(ended))
    assert (simulation.now_run.status, simulation.error, simulation.now_run.epoch) == ("failed", "OSError", 1)
    assert wake_at(simulation.now_run) is None
    simulation.ask(c.Retry())
    assert (simulation.now_run.status, simulation.outputs) == ("completed", [2, 0])
