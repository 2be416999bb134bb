"""What ends a run that would not end by itself: depth, and the run's own timeout."""

from datetime import timedelta

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.commands import Effects
from lrwf_cli.core.events import RunTimedOut
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy, Switch
from lrwf_cli.core.run import Failure
from lrwf_cli.core.waking import wake_at
from tests.core.simulation import ORIGIN, START, Handler, Luck, Simulation, Task, effects, fails, flow

LOOP = (Direct("a", "b"), Direct("b", "a"))


def counts_to(last: int) -> Handler:
    """Return a handler that goes on until its message is `last`, then says so."""

    def handle(task: Task) -> Effects:
        return effects(task.message + 1) if task.message < last else effects(outputs=[f"{task.message}!"])

    return handle


def test_a_loop_ends_by_itself_within_its_limit() -> None:
    """Conformance 17: cycles are allowed; the limit is how deep it may be, and that deep is not too deep."""
    simulation = Simulation(flow("a", *LOOP, max_iterations=7), {"a": counts_to(3)}).start(0)
    assert (simulation.outputs, simulation.now_run.iteration) == (["3!"], 7)


@pytest.mark.parametrize(
    ("edges", "words"),
    [
        (LOOP, "the loop `a -> b -> a` is deeper than max_iterations allows: 6"),
        ((Direct("a", "a"),), "the loop `a -> a` is deeper"),
        ((FanOut("a", ("z", "b")), Direct("b", "a")), "the loop `a -> b -> a` is deeper"),
        (tuple(Direct(a, b) for a, b in zip("abcdefg", "bcdefgh", strict=True)), "the way to `g` is deeper"),
    ],
)
def test_the_error_names_the_loop(edges: tuple[Direct, ...], words: str) -> None:
    """Conformance 17: the loop that went too deep, not what happens to hang on it; or the chain, if it is one."""
    run = Simulation(flow("a", *edges, max_iterations=6)).start().now_run
    assert (run.status, run.iteration) == ("failed", 6)
    assert run.error
    assert run.error.type == "IterationLimit"
    assert run.error.message.startswith(words)
    assert run.error.hint == "if it is meant to go on: lrwf retry sim --max-iterations 12"


def test_a_higher_limit_resumes_the_run() -> None:
    """Conformance 17: and nothing that was done is done again; the same limit strikes again."""
    simulation = Simulation(flow("a", *LOOP, max_iterations=5), {"a": counts_to(4)}).start(0)
    simulation.ask(c.Retry())
    assert (simulation.error, simulation.now_run.max_iterations) == ("IterationLimit", 5)
    simulation.ask(c.Retry(max_iterations=9))
    assert (simulation.outputs, simulation.now_run.max_iterations) == (["4!"], 9)
    assert set(simulation.handled.values()) == {1}


def test_looks_and_restarts_do_not_count() -> None:
    """Conformance 18: the limit counts depth of cause and effect; twenty new drivers exhaust nothing."""
    simulation = Simulation(flow("a", *LOOP, max_iterations=5), {"a": counts_to(2)})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    for _ in range(20):
        simulation.boots += 1
        simulation.take()
    assert simulation.go_on().outputs == ["2!"]


def test_a_wide_graph_is_not_deep() -> None:
    """Conformance 18: fifty messages side by side are one superstep."""
    simulation = Simulation(flow("a", Direct("a", "b"), max_iterations=2), {"a": lambda _: effects(*range(50))}).start()
    assert (simulation.now_run.status, simulation.now_run.iteration) == ("completed", 2)


def test_what_is_not_too_deep_is_done_first() -> None:
    """Conformance 26: other branches go on to their end before the limit ends the run, whatever stands before them."""
    edges = (FanOut("a", ("b", "c")), Direct("b", "b"), Direct("c", "d"), Direct("d", "b"))
    for seed in range(6):
        simulation = Simulation(
            flow("a", *edges, max_iterations=3), {"d": lambda _: effects("x", outputs=["d"])}, luck=Luck(seed)
        ).start()
        assert (simulation.error, simulation.outputs) == ("IterationLimit", ["d"])


def test_a_first_failure_is_not_covered_up() -> None:
    """A run that has failed before it goes too deep says what failed first."""
    edges = (FanOut("a", ("b", "c")), Direct("b", "b"))
    simulation = Simulation(flow("a", *edges, max_iterations=3), {"c": fails(9)}).start()
    assert (simulation.now_run.status, simulation.error) == ("failed", "OSError")


def timed(*, slow: bool = True) -> Simulation:
    """Return a run with a timeout of an hour, whose second executor comes again after a day."""
    retry = RetryPolicy(max_attempts=2, initial=timedelta(days=1), max=timedelta(days=1), jitter=0)
    workflow = flow("a", Direct("a", "b"), specs=[ExecutorSpec("b", retry=retry)], timeout=timedelta(hours=1))
    return Simulation(workflow, {"b": fails(1 if slow else 0)})


def test_a_run_times_out_when_nothing_runs() -> None:
    """Conformance 31 and 32, the core's part: a wait counts, and the run wakes for its deadline."""
    simulation = timed().start()
    run = simulation.now_run
    assert (run.status, simulation.error, run.finished_at) == ("timed_out", "RunTimedOut", START + timedelta(hours=1))
    assert run.error
    assert run.error.message == "the run was not finished by 2026-11-22T10:00:00+00:00"
    assert wake_at(run) is None


def test_a_run_in_time_does_not_time_out() -> None:
    """Conformance 32: a deadline that is not reached changes nothing."""
    assert timed(slow=False).start().outputs == [1]


@pytest.mark.parametrize("held", [c.Pause(), c.Block(Failure("CodeMissing", "gone"))])
def test_the_timeout_runs_on_while_the_run_is_held(held: c.Command) -> None:
    """Conformance 32: also while a person, or the lack of one, holds the run."""
    simulation = timed(slow=False)
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.publish(held)
    assert wake_at(simulation.now_run) == START + timedelta(hours=1)
    simulation.drive()
    assert simulation.now_run.status == "timed_out"


def test_a_run_that_nobody_can_drive_times_out_all_the_same() -> None:
    """Conformance 32: a process that finds a run still blocked, and late, ends it: no tick finds it due again."""
    blocked = c.Block(Failure("CodeMissing", "gone"))
    simulation = timed()
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.publish(blocked)
    assert simulation.decide(blocked) == ()
    simulation.now += timedelta(hours=1)
    simulation.publish(blocked)
    assert (simulation.now_run.status, wake_at(simulation.now_run)) == ("timed_out", None)
    assert simulation.decide(blocked) == ()


def test_a_retry_grants_the_timeout_anew() -> None:
    """Conformance 32: a run that has timed out can be retried, and has all of its time again."""
    simulation = timed().start()
    again = simulation.now = START + timedelta(days=2)
    simulation.ask(c.Retry())
    assert simulation.now_run.status == "completed"
    assert simulation.outputs == [2]
    assert simulation.now_run.deadline_at == again + timedelta(hours=1)


def test_a_rewind_and_a_fork_grant_the_timeout_anew() -> None:
    """Conformance 51: going back to before the deadline is not going back to be late already."""
    simulation = timed().start()
    simulation.now += timedelta(days=1)
    fork = Simulation(simulation.workflow, {"b": fails(0)})
    fork.now = simulation.now
    fork.ask(c.Fork("fork", simulation.past(3)))
    assert fork.now_run.status == "completed"
    assert fork.now_run.started_at == simulation.now
    simulation.handlers["b"] = fails(0)
    simulation.ask(c.Rewind(simulation.past(3)))
    assert simulation.now_run.status == "completed"


def test_a_deadline_comes_before_what_is_due() -> None:
    """Conformance 33: a run that wakes late finds its deadline past and starts nothing more."""
    simulation = timed()
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.now += timedelta(hours=1)
    simulation.drive()
    assert not simulation.handled
    assert isinstance(simulation.events()[-1], RunTimedOut)


def test_a_switch_ends_a_loop() -> None:
    """Conformance 12 and 17: the usual loop: back if not good enough, else on."""
    review = Switch("b", ((lambda message, _: message < 3, "a"),), "done")
    simulation = Simulation(flow("a", Direct("a", "b"), review), {"a": lambda task: effects(task.message + 1)}).start(0)
    assert simulation.outputs == [3]
    assert simulation.now_run.iteration == 7


def test_a_run_without_a_free_place_waits_for_one() -> None:
    """Where no handler may start, a run neither starts nor ends, and is looked at again at once."""
    simulation = Simulation(flow("a", Direct("a", "b")))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    run = simulation.now_run
    assert simulation.decide(c.Advance(0)) == ()
    assert wake_at(run) == run.updated_at


def test_places_are_shared_out() -> None:
    """Conformance 5: at most so many handlers at once, one for each executor, or as many as it allows."""
    workflow = flow("a", FanOut("a", ("b", "c")), specs=[ExecutorSpec("c", max_parallel=3)])
    simulation = Simulation(workflow, {"a": lambda _: effects(1, 2, 3, 4)})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    busy: list[list[str]] = []
    simulation.after_frame = lambda each: busy.append([i.delivery.executor for i in each.now_run.started.values()])
    for slots in (5, 3, 2, 1):
        simulation.slots = slots
        simulation.turn()
    assert busy == [["b", "c", "c", "c"], ["c", "c", "c"], ["c", "c"], ["c"]]
    simulation.slots = 9
    assert len(simulation.go_on().outputs) == 8
