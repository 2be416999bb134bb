"""Background work as the core sees it: asked for with what a handler did, looked after, awaited, never left over."""

from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core import events as e
from lrwf_cli.core.background import Begin, Outcome
from lrwf_cli.core.failure import Failure
from lrwf_cli.core.model import Direct, ExecutorSpec, RetryPolicy
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Suspension, Wait
from lrwf_cli.core.waking import wake_at
from tests.core.simulation import START, Simulation, Task, effects, flow

DONE = Outcome(value="model", exit_code=0)
LOST = Outcome(error=Failure("BackgroundLost", "nobody knows"), lost=True)


def asks(path: str = "1", **more: Any) -> Begin:
    return Begin("", path, {"argv": ["train"]}, "train", **more)


def awaits(*begins: Begin, then: Any = "sent") -> Any:
    """Return a handler that begins work, waits for the first, and sends what it came to."""

    def handle(task: Task) -> Any:
        if task.waits:
            return effects(then)
        wait = Wait("background", "", "2", "wait_background", task.started_at, begun_at=("", begins[0].path))
        return Suspension((), (wait,), begins=begins)

    return handle


def leaves(*begins: Begin) -> Any:
    """Return a handler that begins work and ends."""
    return lambda _: c.Effects(begins=begins)


def begun(handler: Any, **more: Any) -> Simulation:
    return Simulation(flow("a", Direct("a", "b"), **more), {"a": handler}).start()


def works(run: Run) -> dict[str, str]:
    return {each.id: each.state for each in run.background.values()}


def test_what_is_asked_for_is_to_be_begun_at_once() -> None:
    """It is in the frame of the suspension that asks for it: neither lost nor begun for an attempt that fails."""
    run = begun(awaits(asks())).now_run
    assert (run.status, works(run), wake_at(run)) == ("waiting", {"a": "asked"}, run.background["a"].asked_at)
    assert run.waiting["sim-0" if "sim-0" in run.waiting else next(iter(run.waiting))].waits[0].task == "a"


def test_its_end_wakes_who_waits_for_it() -> None:
    """Conformance 53: it reports its end, and the workflow goes on with that."""
    simulation = begun(awaits(asks()))
    simulation.commit(c.Began("a", 0, 4711))
    assert works(simulation.now_run) == {"a": "running"}
    simulation.commit(c.Ended("a", 0, DONE))
    simulation.go_on()
    run = simulation.now_run
    assert (run.status, simulation.outputs, works(run)) == ("completed", ["sent"], {"a": "ended"})
    assert run.background["a"].outcome == DONE


def test_an_end_is_heard_once() -> None:
    """Mail and a look may both find it; of an earlier beginning nobody wants to hear."""
    simulation = begun(awaits(asks(restart=True)))
    simulation.commit(c.Began("a", 0, 1))
    simulation.commit(c.Ended("a", 0, LOST))
    assert (works(simulation.now_run), simulation.now_run.background["a"].begun) == ({"a": "asked"}, 1)
    assert not simulation.decide(c.Ended("a", 0, DONE))
    assert not simulation.decide(c.Began("a", 0, 1))
    simulation.commit(c.Began("a", 1, 2), c.Ended("a", 1, DONE), c.Ended("a", 1, LOST))
    assert simulation.now_run.background["a"].outcome == DONE


def test_what_is_lost_is_begun_anew_only_if_it_may_be() -> None:
    """Conformance 53: killed by a reboot it is `lost`, and restarted only if it said so."""
    simulation = begun(awaits(asks()))
    simulation.commit(c.Began("a", 0, 1), c.Ended("a", 0, LOST))
    assert works(simulation.now_run) == {"a": "lost"}


def test_it_is_looked_after_less_and_less_often() -> None:
    """Design 4: after a minute, doubling to fifteen, so that what died without mail is found."""
    simulation = begun(awaits(asks()))
    simulation.commit(c.Began("a", 0, 1))
    pauses = []
    for _ in range(7):
        run = simulation.now_run
        due = wake_at(run)
        assert due is not None
        assert not simulation.decide(c.Looked()), "nothing is due: nothing is written"
        pauses.append((due - run.updated_at) // timedelta(minutes=1))
        simulation.now = due
        simulation.commit(c.Looked())
    assert pauses == [1, 2, 4, 8, 15, 15, 15]


def test_a_run_waits_for_what_it_has_begun() -> None:
    """Conformance 54: at the end of the run it is awaited if that is declared, which is the default."""
    simulation = begun(leaves(asks()))
    seen = [simulation.now_run.status]
    for command in (c.Began("a", 0, 1), c.Ended("a", 0, DONE)):
        simulation.commit(command)
        seen.append(simulation.now_run.status)
    assert seen == ["waiting", "waiting", "completed"]


def test_a_run_ends_what_it_does_not_want_any_more() -> None:
    """Conformance 54: cancelled if that is declared; the run is over when it is."""
    simulation = begun(leaves(asks(on_run_end="cancel")))
    run = simulation.now_run
    assert (run.is_final, works(run)) == (False, {"a": "ending"})
    simulation.commit(c.Ended("a", 0, Outcome(exit_code=143)))
    assert (simulation.now_run.status, works(simulation.now_run)) == ("completed", {"a": "cancelled"})


def test_what_is_left_is_left() -> None:
    """Conformance 54: a run is over although that goes on, and nobody is woken for it."""
    simulation = begun(leaves(asks(on_run_end="leave")))
    simulation.commit(c.Began("a", 0, 1))
    run = simulation.now_run
    assert (run.status, works(run), wake_at(run)) == ("completed", {"a": "running"}, None)


def test_what_was_asked_for_is_begun_although_the_run_is_over() -> None:
    """Work that is left may be asked for by the last handler of a run: that has been promised."""
    run = begun(leaves(asks(on_run_end="leave"))).now_run
    assert run.status == "completed"
    assert wake_at(run) == run.background["a"].asked_at


@pytest.mark.parametrize("left", ["wait", "cancel", "leave"])
def test_a_cancelled_run_ends_all_but_what_is_left(left: Any) -> None:
    """Conformance 32, 54: cancel and timeout reach background work, and the run is over when that is."""
    simulation = begun(awaits(asks(on_run_end=left)))
    simulation.commit(c.Began("a", 0, 1))
    simulation.ask(c.Cancel(reason="enough"))
    if left == "leave":
        assert (simulation.now_run.status, works(simulation.now_run)) == ("cancelled", {"a": "running"})
        return
    assert (simulation.now_run.is_final, works(simulation.now_run)) == (False, {"a": "ending"})
    simulation.commit(c.Ended("a", 0, Outcome(exit_code=143)))
    assert (simulation.now_run.status, works(simulation.now_run)) == ("cancelled", {"a": "cancelled"})


def test_a_run_that_times_out_ends_it_too() -> None:
    """Conformance 32: the run's `timeout` stops background work."""
    simulation = begun(awaits(asks()), timeout=timedelta(hours=1))
    simulation.commit(c.Began("a", 0, 1))
    simulation.now = START + timedelta(hours=2)
    simulation.commit()
    assert works(simulation.now_run) == {"a": "ending"}
    simulation.commit(c.Ended("a", 0, Outcome()))
    assert simulation.now_run.status == "timed_out"


def test_an_attempt_that_failed_has_its_work_ended() -> None:
    """The next attempt asks for its own: two would be at work at once."""
    twice = ExecutorSpec("a", retry=RetryPolicy(max_attempts=2))

    def handle(task: Task) -> Any:
        if task.attempt == 1 and not task.waits:
            wait = Wait("timer", "", "2", "sleep", task.started_at, task.started_at + timedelta(minutes=1))
            return Suspension((), (wait,), begins=(asks(),))
        if task.attempt == 1:
            raise OSError("no")
        return awaits(asks())(task)

    simulation = begun(handle, specs=[twice])
    simulation.commit(c.Began("a", 0, 1))
    simulation.now += timedelta(hours=1)
    simulation.work_off()
    assert works(simulation.now_run) == {"a": "ending"}
    simulation.commit(c.Ended("a", 0, Outcome()))
    simulation.now += timedelta(hours=1)
    simulation.work_off()
    assert works(simulation.now_run) == {"a": "cancelled", "a.2": "asked"}


def test_a_handler_and_a_person_may_end_it() -> None:
    """`ctx.cancel_background`, and the command: told once, and it is over when it has ended."""
    simulation = begun(awaits(asks(), asks("3")))
    simulation.commit(c.Began("a", 0, 1), c.Began("a.2", 0, 2))
    simulation.commit(c.Tell(("a.2",)))
    assert works(simulation.now_run) == {"a": "running", "a.2": "ending"}
    assert not simulation.decide(c.Tell(("a.2",)))
    simulation.commit(c.Ended("a.2", 0, DONE))
    assert works(simulation.now_run) == {"a": "running", "a.2": "cancelled"}


def test_what_a_rewind_undoes_is_ended() -> None:
    """What was begun after the point that a run goes back to belongs to nobody any more."""
    simulation = begun(awaits(asks()))
    simulation.commit(c.Began("a", 0, 1))
    simulation.publish(c.Rewind(simulation.past(1)))
    assert works(simulation.now_run) == {"a": "ending"}


def test_a_fork_has_no_part_in_the_work_of_another() -> None:
    """It belongs to the run that began it; the fork is told that it is not its own."""
    simulation = begun(awaits(asks()))
    simulation.commit(c.Began("a", 0, 1))
    (forked,) = simulation.decide(c.Fork("other", simulation.past(simulation.now_run.seq)))
    assert isinstance(forked, e.RunForked)
    other = Simulation(simulation.workflow, simulation.handlers)
    other.publish(c.Fork("other", simulation.past(simulation.now_run.seq)))
    assert works(other.now_run) == {"a": "lost"}
