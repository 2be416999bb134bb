"""Suspension: what is kept, what is waited for, when it wakes, and that nothing of it happens twice."""

from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.events import InvocationSuspended, WokeUp
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy
from lrwf_cli.core.run import Invocation
from lrwf_cli.core.suspended import Ask, Kept, Suspension, Wait
from lrwf_cli.core.waking import wake_at
from tests.core.scripts import Does, Poll, Question, Sleep, Until
from tests.core.simulation import ORIGIN, START, Going, Handler, Result, Simulation, Task, effects, fails, flow, script

HOUR = 3600.0


def begun(handler: Handler, **more: Any) -> Simulation:
    """Return a run of one executor `a`, as it is when its first stretch is over."""
    simulation = Simulation(flow("a", **more), {"a": handler})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    return simulation.wake()


def woken(simulation: Simulation) -> list[tuple[str, ...]]:
    """Return the executors that were woken, frame by frame."""
    names = {i.delivery.id: i.delivery.executor for f in simulation.frames() for i in _invocations(simulation, f.seq)}
    return [tuple(names[each] for each in e.deliveries) for e in simulation.events() if isinstance(e, WokeUp)]


def _invocations(simulation: Simulation, seq: int) -> list[Invocation]:
    return list(simulation.past(seq).open_invocations())


def test_a_handler_that_waits_leaves_the_run_waiting() -> None:
    """Conformance 31: nothing is in flight, nobody is at work, and the run wants to be woken when the timer is due."""
    simulation = begun(script([Sleep(HOUR)]))
    run = simulation.now_run
    assert (run.status, run.in_flight, list(run.started)) == ("waiting", False, [])
    assert wake_at(run) == START + timedelta(hours=1)
    assert run.iteration == 1


@pytest.mark.parametrize(("waited", "outputs"), [(HOUR - 1, []), (HOUR, ["timer"]), (30 * 24 * HOUR, ["timer"])])
def test_a_timer_fires_once_and_not_before_its_time(waited: float, outputs: list[str]) -> None:
    """Conformance 33: at its instant or whenever somebody looks after it, and then never again."""
    simulation = begun(script([Sleep(HOUR)])).pass_time(waited)
    assert simulation.outputs == outputs
    simulation.pass_time(HOUR).pass_time(HOUR)
    assert (simulation.outputs, woken(simulation)) == (["timer"], [("a",)])


def test_a_due_time_in_the_past_fires_now() -> None:
    """Conformance 33: the handler that finds it past does not wait, and one that waits for it is woken at once."""
    simulation = begun(script([Until(START - timedelta(days=1)), Sleep(-5), Sleep(0)]))
    assert (simulation.outputs, woken(simulation)) == (["timer", "timer", "timer"], [])

    def stubborn(task: Task) -> Result:
        past = task.started_at - timedelta(hours=1)
        wait = Wait("timer", "", "1", "sleep", task.started_at, past)
        return effects("woken") if task.waits else Suspension((), (wait,))

    simulation = begun(stubborn)
    assert (simulation.outputs, woken(simulation)) == (["woken"], [("a",)])


def test_a_clock_that_is_set_back_delays_and_never_repeats() -> None:
    """Conformance 33: the instant counts, not how long it takes until the clock shows it again."""
    simulation = begun(script([Sleep(HOUR), Sleep(HOUR)])).pass_time(HOUR)
    assert woken(simulation) == [("a",)]
    for _ in range(3):
        simulation.pass_time(-HOUR)
    assert (simulation.outputs, woken(simulation)) == ([], [("a",)])
    simulation.pass_time(3 * HOUR)
    assert (simulation.outputs, woken(simulation)) == ([], [("a",)])
    simulation.pass_time(HOUR)
    assert (simulation.outputs, woken(simulation)) == (["timer", "timer"], [("a",), ("a",)])


def test_a_clock_that_is_set_back_under_a_woken_handler_has_it_wait_again() -> None:
    """Conformance 33: woken, cut off by a crash, and entered when it is not yet time again: it waits, and once."""
    simulation = begun(script([Sleep(HOUR)]))
    simulation.now += timedelta(hours=1)
    simulation.take()
    assert simulation.at_work
    simulation.now -= timedelta(minutes=30)
    simulation.take()
    simulation.go_on()
    assert (simulation.outputs, len(woken(simulation))) == (["timer"], 2)
    assert simulation.now >= START + timedelta(hours=1)


def test_a_clock_that_jumps_ahead_fires_what_is_due_in_its_order_once_each() -> None:
    """Conformance 33, 34: five timers, of which a week lies in between."""
    seconds = {"e": 5, "b": 100, "d": HOUR, "c": 24 * HOUR, "f": 40 * 24 * HOUR}
    simulation = Simulation(
        flow("a", FanOut("a", tuple("bcdef"))), {each: script([Sleep(s)]) for each, s in seconds.items()}, slots=5
    )
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake().pass_time(7 * 24 * HOUR)
    assert woken(simulation) == [("e", "b", "d", "c")]
    assert wake_at(simulation.now_run) is not None
    simulation.pass_time(40 * 24 * HOUR)
    assert woken(simulation) == [("e", "b", "d", "c"), ("f",)]
    assert simulation.outputs == ["timer"] * 5


def test_what_is_due_is_worked_off_in_the_order_of_its_instants() -> None:
    """Conformance 34: with one place, who was due first is first, whatever its name and whenever it began to wait."""
    order: list[int] = []

    def handle(task: Task) -> Result:
        def note(task: Task, _: object) -> c.Effects:
            order.append(task.message)
            return effects(task.message)

        return script([Sleep(1000 - task.message)], then=note)(task)

    spec = ExecutorSpec("b", max_parallel=99)
    simulation = Simulation(
        flow("a", Direct("a", "b"), specs=[spec]), {"a": lambda _: effects(*range(0, 990, 10)), "b": handle}, slots=1
    )
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake().pass_time(2000)
    assert order == sorted(range(0, 990, 10), reverse=True)
    assert len(woken(simulation)) == 1


def test_a_poll_checks_once_per_due_instant() -> None:
    """Conformance 35: at once, then when it is due; looks in between, crashes and late ticks add no check."""
    checks: list[int] = []
    simulation = begun(script([Poll(60, 4, lambda: checks.append(1))]))
    for seconds in (20, 20, 20, 1, 59, 600):
        simulation.pass_time(seconds)
    assert (len(checks), simulation.outputs) == (4, [4])
    waits = [e.waits[0] for e in simulation.events() if isinstance(e, InvocationSuspended)]
    assert [wait.count for wait in waits] == [1, 2, 3]
    assert len({wait.since for wait in waits}) == 1


def test_what_has_returned_before_a_suspension_is_not_run_again() -> None:
    """Design 1.3: three effects with a timer between each two happen once each, in three entries of the handler."""
    done: list[str] = []

    def does(name: str) -> Does:
        def do() -> str:
            done.append(name)
            return name

        return Does(do)

    simulation = begun(script([does("x"), Sleep(60), does("y"), Sleep(60), does("z")]))
    simulation.go_on()
    assert (done, simulation.outputs) == (["x", "y", "z"], ["x", "timer", "y", "timer", "z"])
    assert set(simulation.handled.values()) == {3}
    assert not simulation.now_run.kept


def test_a_wake_is_no_new_attempt() -> None:
    """Conformance 31: attempt, start and key stay the same; only the instant of the entry is another one."""
    seen: list[tuple[int, int, bool]] = []

    def handle(task: Task) -> Result:
        seen.append((task.attempt, task.start, task.maybe_done))
        return script([Sleep(60), Sleep(60)])(task)

    simulation = begun(handle).go_on()
    assert seen == [(1, 1, False)] * 3
    assert {len(keys) for keys in simulation.keys.values()} == {1}


def test_several_lanes_wait_at_once_and_the_earliest_wakes_them() -> None:
    """Design 6: the handler is entered when the first of its lanes can go on; what is not due is waited for again."""
    lanes = [Sleep(60)], [Sleep(300), Sleep(60)], [Poll(100, 3)], [Question("ok?")]
    simulation = begun(script(*lanes))
    (waiting,) = simulation.now_run.waiting.values()
    assert [wait.kind for wait in waiting.waits] == ["timer", "timer", "poll", "request"]
    assert waiting.due_at == START + timedelta(seconds=60)
    instants = []
    while (due := wake_at(simulation.now_run)) is not None:
        instants.append(round((due - START).total_seconds()))
        simulation.now = max(simulation.now, due)
        simulation.wake()
    assert instants == [60, 100, 200, 300, 360]
    assert simulation.now_run.status == "waiting"
    simulation.answer("a", "yes")
    simulation.wake()
    assert simulation.outputs == ["timer", "timer", "timer", 3, "yes"]


def test_lanes_that_are_due_at_once_are_one_wake() -> None:
    """Conformance 33: two lanes with the same instant, and an answer that is there by then, are entered together."""
    simulation = begun(script([Sleep(60)], [Sleep(60)], [Question("ok?")]))
    simulation.now += timedelta(seconds=120)
    simulation.answer("a", "yes")
    simulation.wake()
    assert (simulation.outputs, woken(simulation)) == (["timer", "timer", "yes"], [("a",)])


def test_a_suspended_delivery_frees_its_place() -> None:
    """Design 4: the next delivery of the executor is handled meanwhile, and several may be suspended at once."""
    simulation = Simulation(
        flow("a", Direct("a", "b")), {"a": lambda _: effects(1, 2, 3), "b": script([Sleep(HOUR)])}, slots=1
    )
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake()
    assert len(simulation.now_run.waiting) == 3
    assert simulation.go_on().outputs == ["timer"] * 3


def test_a_slow_branch_holds_up_no_other() -> None:
    """Conformance 3: a branch that waits for a week does not delay the one beside it."""
    simulation = Simulation(flow("a", FanOut("a", ("b", "c")), Direct("c", "d")), {"b": script([Sleep(7 * 24 * HOUR)])})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake()
    assert (simulation.outputs, simulation.now_run.status) == ([0], "waiting")
    assert simulation.go_on().outputs == ["timer", 0]


@pytest.mark.parametrize("parallel", [1, 2])
def test_ordered_keeps_the_place(parallel: int) -> None:
    """Design 4: with `ordered`, what is suspended is done before what comes after it, and no process waits with it."""
    order: list[int] = []

    def handle(task: Task) -> Result:
        def note(task: Task, _: object) -> c.Effects:
            order.append(task.message)
            return effects(task.message)

        return script([Sleep(HOUR - task.message), Sleep(60)], then=note)(task)

    spec = ExecutorSpec("b", ordered=True, max_parallel=parallel)
    simulation = Simulation(flow("a", Direct("a", "b"), specs=[spec]), {"a": lambda _: effects(*range(5)), "b": handle})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake()
    run = simulation.now_run
    assert (run.status, len(run.waiting)) == ("waiting", parallel)
    due = wake_at(run)
    assert due is not None
    assert due > simulation.now
    simulation.go_on()
    assert simulation.outputs == [0, 1, 2, 3, 4]
    if parallel == 1:
        assert order == [0, 1, 2, 3, 4]


def test_ordered_keeps_the_place_of_a_retry() -> None:
    """Conformance 4: with `ordered`, a delivery that backs off comes again before those behind it."""
    spec = ExecutorSpec("b", ordered=True, retry=RetryPolicy(max_attempts=3))
    order: list[int] = []

    def handle(task: Task) -> c.Effects:
        if task.message % 2 and task.attempt < 3:
            raise OSError
        order.append(task.message)
        return effects(task.message)

    simulation = Simulation(flow("a", Direct("a", "b"), specs=[spec]), {"a": lambda _: effects(*range(5)), "b": handle})
    simulation.start()
    assert order == [0, 1, 2, 3, 4]


def test_what_ordered_holds_up_does_not_keep_a_failed_run_from_its_end() -> None:
    """Conformance 26: a failed run ends although something stands behind what is frozen; a retry thaws both."""
    spec = ExecutorSpec("b", ordered=True)
    broken = [True]

    def bad(task: Task) -> c.Effects:
        if broken:
            raise OSError
        return effects("mended")

    simulation = Simulation(
        flow("a", FanOut("a", ("b", "bad")), specs=[spec]),
        {"a": lambda _: effects(1, 2), "b": script([Sleep(HOUR)]), "bad": bad},
    )
    simulation.start()
    assert simulation.now_run.status == "failed"
    broken.clear()
    simulation.ask(c.Retry())
    assert simulation.outputs == ["timer", "mended", "timer", "mended"]


def test_kept_awaits_of_a_start_are_dropped_at_a_failure_and_steps_are_not() -> None:
    """Conformance 25, design 4: a new attempt begins at its top; only `ctx.step` outlasts a failure, until the end."""
    seen: list[tuple[int, int, list[str], list[str]]] = []

    def handle(task: Task) -> Result:
        seen.append((task.start, task.attempt, [k.path for k in task.kept.get("", ())], [k.path for k in task.steps]))
        if len(seen) == 2:
            raise OSError
        return script([Does(lambda: 1, lasts=True), Does(lambda: 2), Sleep(60)])(task)

    simulation = begun(handle, specs=[ExecutorSpec("a", retry=RetryPolicy(max_attempts=2))]).go_on()
    assert seen == [
        (1, 1, [], []),
        (1, 1, ["1", "2"], ["1"]),
        (2, 2, [], ["1"]),
        (2, 2, ["1", "2"], ["1", "1"]),
    ]
    assert not simulation.now_run.steps


def test_a_crash_goes_on_from_what_was_kept() -> None:
    """Conformance 42: cut off after two of three awaits were kept, the handler is entered with both, as it began."""
    seen: list[tuple[int, int, bool, list[str]]] = []

    def handle(task: Task) -> Going:
        before = [entry.path for entry in task.kept.get("", ())]
        seen.append((task.start, task.attempt, task.maybe_done, before))
        for path in ("1", "2", "3"):
            if path not in before:
                yield (Kept("", path, "work", value=path),)
        return effects("done")

    simulation = Simulation(flow("a"), {"a": handle})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    for _ in range(2):
        simulation.turn()
    simulation.take()
    simulation.go_on()
    assert seen == [(1, 1, False, []), (1, 2, True, ["1", "2"])]
    assert simulation.outputs == ["done"]


def test_an_await_that_was_kept_clears_the_crashes() -> None:
    """Design 4: who gets on is not suspected: with one await kept per process, ten crashes convict nobody."""

    def handle(task: Task) -> Going:
        for number in range(len(task.kept.get("", ())), 10):
            yield (Kept("", str(number), "work"),)
        return effects("done")

    simulation = Simulation(flow("a"), {"a": handle})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    for _ in range(10):
        simulation.take()
        simulation.turn()
    assert simulation.go_on().outputs == ["done"]


def test_a_suspension_clears_the_crashes_and_the_doubt() -> None:
    """Design 4: after a suspension nothing may have been done that is not known, and the crashes are forgotten."""
    seen: list[bool] = []

    def handle(task: Task) -> Result:
        seen.append(task.maybe_done)
        return script([Sleep(60), Sleep(60)])(task)

    simulation = Simulation(flow("a"), {"a": handle})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    for _ in range(2):
        simulation.take()
        simulation.take()
        simulation.work_off()
        assert [i.crashes for i in simulation.now_run.waiting.values()] == [0]
        simulation.now += timedelta(seconds=60)
    assert simulation.wake().outputs == ["timer", "timer"]
    assert seen == [False, True, False, True, False]


@pytest.mark.parametrize(
    "waits",
    [(), (Wait("timer", "", "1", "sleep", START),), (Wait("request", "", "1", "ask", START),)],
    ids=["nothing", "a timer without an instant", "a request that nobody asks"],
)
def test_a_handler_that_waits_for_what_cannot_come_fails(waits: tuple[Wait, ...]) -> None:
    """I3: else the run would wait for ever, and nobody could wake it."""
    simulation = begun(lambda _: Suspension((), waits))
    assert (simulation.now_run.status, simulation.error) == ("failed", "SuspensionRefused")


def test_a_request_that_is_not_asked_any_more_wakes_nobody() -> None:
    """Conformance 33: a timer that would hear its answer is not woken by its being withdrawn."""

    def handle(task: Task) -> Result:
        wait = Wait("timer", "", "2", "sleep", task.started_at, START + timedelta(hours=2))
        if task.started_at >= START + timedelta(hours=2):
            return effects("done")
        if task.waits:
            return Suspension((), (wait,))
        soon = Wait("timer", "", "1", "sleep", task.started_at, START + timedelta(hours=1))
        return Suspension((), (soon, Wait("request", "x", "1", "ask", task.started_at)), (Ask("x", "1", "ok?"),))

    simulation = begun(handle).go_on()
    assert (len(woken(simulation)), simulation.outputs) == (2, ["done"])
    assert simulation.now_run.requests["a"].withdrawn


def test_a_failed_attempt_forgets_what_it_waited_for() -> None:
    """Conformance 25: the timers of an attempt that failed wake nothing."""

    def handle(task: Task) -> Result:
        if task.attempt == 1 and task.waits:
            raise OSError
        return script([Sleep(60)], [Sleep(HOUR)])(task)

    retry = RetryPolicy(max_attempts=2, initial=timedelta(seconds=10), jitter=0)
    simulation = begun(handle, specs=[ExecutorSpec("a", retry=retry)]).pass_time(60)
    (waiting,) = simulation.now_run.waiting.values()
    assert (waiting.waits, waiting.due_at) == ((), simulation.now_run.updated_at + timedelta(seconds=10))
    assert simulation.go_on().outputs == ["timer", "timer"]


def test_the_limit_does_not_count_wakes() -> None:
    """Conformance 18: a hundred checks of a poll are one superstep."""
    simulation = begun(script([Poll(60, 100)]), max_iterations=1).go_on()
    assert (simulation.outputs, simulation.now_run.iteration) == ([100], 1)


def test_backing_off_wakes_as_a_timer_does() -> None:
    """Conformance 29: a retry is due at its instant; who looks before it changes nothing."""
    retry = RetryPolicy(max_attempts=2, initial=timedelta(minutes=5), jitter=0)
    simulation = begun(fails(1), specs=[ExecutorSpec("a", retry=retry)])
    frames = len(simulation.disk)
    simulation.pass_time(299)
    assert (len(simulation.disk), simulation.outputs) == (frames, [])
    assert simulation.pass_time(1).outputs == [2]
