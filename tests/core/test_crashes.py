"""Crashes: what was in flight comes again; who kills its process is found, and nobody else is blamed."""

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.decide import has_suspect
from lrwf_cli.core.events import DriverStarted, InvocationFailed, InvocationsCutOff
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy, Workflow
from tests.core.simulation import ORIGIN, Handler, Luck, Simulation, Task, effects, fails, flow

WIDE = flow("a", FanOut("a", ("b", "c", "d")))


class Killed(BaseException):
    """The process is gone."""


def kills(times: int) -> Handler:
    """Return a handler whose first calls end the process; then it passes on its message."""
    calls = iter(range(times))

    def handle(task: Task) -> c.Effects:
        if next(calls, None) is not None:
            raise Killed
        return effects(task.message)

    return handle


def survive(simulation: Simulation) -> Simulation:
    """Drive to the end, with a new process on the same machine after each crash."""
    while True:
        try:
            return simulation.drive()
        except Killed:
            continue


def started(workflow: Workflow = WIDE, **handlers: Handler) -> Simulation:
    """Return a run that has begun on disk."""
    simulation = Simulation(workflow, handlers)
    simulation.publish(c.Start("sim", 7, ORIGIN))
    return simulation


def test_what_was_in_flight_comes_again() -> None:
    """Conformance 42: with the next attempt, the same key, and a hint that it may have been done already."""
    seen: list[tuple[int, bool, str]] = []

    def handle(task: Task) -> c.Effects:
        seen.append((task.attempt, task.maybe_done, task.key))
        return effects(1)

    simulation = started(flow("a"), a=handle)
    simulation.take()
    simulation.take()
    simulation.go_on()
    assert [each[:2] for each in seen] == [(1, False), (2, True)]
    assert seen[0][2] == seen[1][2]
    assert simulation.outputs == [1]


def test_crashes_are_no_failures() -> None:
    """Conformance 42: an attempt that a crash cut off counts towards `max_crashes`, never towards `max_attempts`."""
    simulation = survive(started(flow("a"), a=kills(2)))
    assert simulation.outputs == [7]
    assert simulation.now_run.tallies["a"].failed == 0


def test_the_one_that_kills_is_found_and_fails() -> None:
    """Conformance 34 and 42: suspects run alone after two crashes; the third convicts that one only."""
    simulation = survive(started(c=kills(99)))
    run = simulation.now_run
    assert (run.status, simulation.error, simulation.outputs) == ("failed", "ExecutorCrashed", [7, 7])
    (failed,) = run.failed.values()
    assert (failed.delivery.executor, failed.attempt, failed.maybe_done) == ("c", 3, True)
    assert run.error
    assert run.error.message == "the process ended 3 times while `c` was at work"
    assert (run.error.executor, run.error.attempt, run.tallies["c"].failed) == ("c", 3, 1)


def test_a_convict_that_is_mended_has_a_new_count() -> None:
    """Conformance 26: `retry` gives it all its crashes again, as its fourth attempt, which may have been done."""
    seen: list[tuple[int, bool]] = []
    simulation = survive(started(c=kills(99)))

    def handle(task: Task) -> c.Effects:
        seen.append((task.attempt, task.maybe_done))
        return effects(8)

    simulation.handlers["c"] = handle
    simulation.ask(c.Retry())
    assert (simulation.outputs, seen) == ([7, 8, 7], [(4, True)])


def test_suspects_run_alone() -> None:
    """Conformance 42: nothing starts beside a suspect, and it does not start beside others."""
    simulation = started()
    simulation.take()
    simulation.turn()
    assert len(simulation.at_work) == 3
    for _ in range(2):
        simulation.take()
    crowd = [sorted(i.crashes for i in simulation.now_run.started.values())]
    while simulation.turn():
        crowd.append([invocation.crashes for invocation in simulation.now_run.started.values()])
    assert crowd == [[2], [2], [2], []]
    assert simulation.outputs == [7, 7, 7]


def test_nothing_starts_beside_the_last_suspect() -> None:
    """Conformance 42: what was not in flight in the crashes waits too, until all suspects are through."""
    workflow = flow("a", Direct("a", "b"), specs=[ExecutorSpec("b", max_parallel=2)])
    simulation = started(workflow, a=lambda _: effects(1, 2, 3, 4))
    simulation.take()
    simulation.turn()
    for _ in range(2):
        simulation.take()
    crowd = [[(i.delivery.message, i.crashes) for i in simulation.now_run.started.values()]]
    while simulation.turn():
        crowd.append([(i.delivery.message, i.crashes) for i in simulation.now_run.started.values()])
    assert crowd == [[(1, 2)], [(2, 2)], [(3, 0), (4, 0)], [(4, 0)], []]


@pytest.mark.parametrize("polite", [True, False])
def test_reboots_and_polite_ends_do_not_count(*, polite: bool) -> None:
    """Conformance 57, the core's part: a machine that goes down ten times, or ten SIGTERMs, convict nobody."""
    simulation = started()
    for _ in range(10):
        simulation.take()
        if polite:
            simulation.cut_off()
        else:
            simulation.boots += 1
    simulation.drive()
    assert (simulation.now_run.status, simulation.outputs) == ("completed", [7, 7, 7])
    cuts = [event for event in simulation.events() if isinstance(event, InvocationsCutOff)]
    assert len(cuts) == 10
    assert not any(event.counted for event in cuts)


def test_a_polite_end_with_nothing_at_work_leaves_no_trace() -> None:
    """Looking at a run changes nothing, nor does ceasing to."""
    simulation = started()
    simulation.cut_off()
    assert len(simulation.disk) == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_max_crashes_is_how_many_there_may_be(limit: int) -> None:
    """Conformance 42: `max_crashes: 1` fails with the first; the default is three."""
    assert ExecutorSpec("a").max_crashes == 3
    workflow = flow("a", specs=[ExecutorSpec("a", max_crashes=limit)])
    assert survive(started(workflow, a=kills(limit - 1))).outputs == [7]
    simulation = survive(started(workflow, a=kills(99)))
    assert (simulation.error, simulation.handled.total()) == ("ExecutorCrashed", limit)


def test_one_frame_tells_of_the_crash() -> None:
    """Conformance 42: who was cut off, who is convicted and who took over are committed together."""
    simulation = survive(started(flow("a"), a=kills(99)))
    frame = next(frame for frame in simulation.frames() if any(isinstance(e, InvocationFailed) for e in frame.events))
    assert [type(event) for event in frame.events][:3] == [InvocationsCutOff, InvocationFailed, DriverStarted]


@pytest.mark.parametrize("seed", range(20))
def test_a_crash_loses_no_order(seed: int) -> None:
    """Conformance 4 and 42: messages of one edge are handled in order although the process dies again and again."""
    workflow = flow("a", Direct("a", "b"), specs=[ExecutorSpec(each, max_crashes=99) for each in "ab"])
    order: list[int] = []
    simulation = Simulation(workflow, {"a": lambda _: effects(*range(5))}, luck=Luck(seed, 12))

    def handle(task: Task) -> c.Effects:
        order.append(task.message)
        return effects(task.message)

    simulation.handlers["b"] = handle
    simulation.start()
    assert simulation.outputs == [0, 1, 2, 3, 4]
    assert sorted(order) == order


def test_a_paused_run_is_taken_over_as_well() -> None:
    """Conformance 42: what was at work when the run was paused and its process died comes again after the resume."""
    simulation = started()
    simulation.take()
    simulation.turn()
    simulation.mail.append(c.TakeMail("letter", 0, "pause", c.Pause()))
    simulation.commit(*simulation.mail)
    simulation.drive()
    assert (simulation.now_run.status, len(simulation.now_run.ready), simulation.at_work) == ("paused", 3, {})
    assert simulation.ask(c.Resume()).outputs == [7, 7, 7]


def test_the_next_attempt_after_a_failure_is_no_suspect() -> None:
    """Conformance 42: an attempt that ends, badly or well, clears the crashes that it had survived."""
    simulation = started(flow("a", specs=[ExecutorSpec("a", retry=RetryPolicy(max_attempts=9))]), a=fails(3))
    for _ in range(2):
        simulation.take()
    simulation.turn()
    (waiting,) = simulation.now_run.waiting.values()
    assert (waiting.crashes, waiting.attempt, waiting.failures) == (0, 3, 1)


def test_what_was_at_work_begins_anew_after_a_rewind() -> None:
    """Conformance 51: in its order, with no crashes on its account, and as if nobody had tried it."""
    seen: list[tuple[int, bool, int]] = []

    def handle(task: Task) -> c.Effects:
        seen.append((task.message, task.maybe_done, task.attempt))
        return effects(task.message)

    workflow = flow("a", Direct("a", "b"), specs=[ExecutorSpec("b", max_parallel=3)])
    simulation = started(workflow, a=lambda _: effects(1, 2, 3, 4), b=handle)
    simulation.take()
    simulation.turn()
    for _ in range(2):
        simulation.take()
    seen.clear()
    simulation.publish(c.Rewind(simulation.past(3)))
    first, *others = simulation.now_run.ready["b"]
    assert [(each.delivery.message, each.crashes, each.started_at) for each in (first, *others)] == [
        (1, 0, None), (2, 0, None), (3, 0, None), (4, 0, None),
    ]  # fmt: skip
    simulation.drive()
    assert seen == [(number, False, 1) for number in (1, 2, 3, 4)]


def test_a_retry_forgets_the_crashes_of_what_stands_in_line() -> None:
    """Conformance 42: what a cancel cut off after two crashes is no suspect once somebody has retried the run."""
    simulation = started()
    simulation.take()
    simulation.turn()
    for _ in range(2):
        simulation.take()
    simulation.publish(c.Cancel())
    simulation.publish(c.Retry())
    assert {i.crashes for i in simulation.now_run.open_invocations()} == {0}
    simulation.take()
    assert len(simulation.at_work) == 3


def test_a_run_that_may_end_its_process_says_so() -> None:
    """Conformance 34: what was in flight in a crash, and is so again, is not taken up beside other runs."""
    simulation = started(flow("a"))
    simulation.take()
    assert not has_suspect(simulation.now_run)
    simulation.take()
    assert has_suspect(simulation.now_run)
    simulation.cut_off()
    assert not has_suspect(simulation.now_run)
    for _ in range(2):
        simulation.take()
    simulation.cut_off()
    assert has_suspect(simulation.now_run)
    simulation.publish(c.Pause())
    assert not has_suspect(simulation.now_run)
