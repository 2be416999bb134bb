"""What is done after a verdict: `on_failure` and its kind get one call each, may not wait, and change nothing."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.ending import HOOKS_MAY_TAKE
from lrwf_cli.core.events import InvocationsStarted, RunEnding
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Failure
from lrwf_cli.core.suspended import Ask, Kept
from lrwf_cli.core.waking import wake_at
from tests.core.scripts import Question, Sleep
from tests.core.simulation import ORIGIN, Blocks, Handler, Luck, Simulation, Task, effects, fails, flow, script

HOUR = 3600.0
HOOKS = {"failed": "failure", "timed_out": "timeout", "cancelled": "cancel", "exit": "exit"}
SPECS = [ExecutorSpec(each) for each in HOOKS.values()]


def hooked(a: Handler, *, after: dict[str, str] | None = None, **more: Any) -> Simulation:
    """Return a run of an executor `a` with every hook there is; hooks note what they are given as state `told`."""

    def hook(task: Task) -> c.Effects:
        return effects(writes=[c.StateWrite("told", [task.delivery.executor, task.message], "append")])

    specs = [*more.pop("specs", ()), *SPECS]
    workflow = flow("a", *more.pop("edges", ()), specs=specs, after=HOOKS if after is None else after, **more)
    return Simulation(workflow, {"a": a, **dict.fromkeys(HOOKS.values(), hook)})


def told(simulation: Simulation) -> list[Any]:
    """Return the hooks that were called and had an end, with what they were given."""
    return list(simulation.state.get("told", []))


def test_a_failure_is_told_to_on_failure_and_on_exit() -> None:
    """Design 9: each gets the error in plain words and the message that it was about; the verdict stands."""
    simulation = hooked(fails(1)).start(7)
    run = simulation.now_run
    assert (run.status, simulation.error, run.ending) == ("failed", "OSError", None)
    error = {"type": "OSError", "message": "attempt 1", "executor": "a", "attempt": 1, "exit_code": None}
    report = {"error": error, "message": 7}
    assert told(simulation) == [["failure", report], ["exit", report]]


def test_an_end_without_an_error_is_told_to_on_exit() -> None:
    """Design 9: with no error, and with the run's input."""
    simulation = hooked(lambda _: effects("fine")).start(7)
    assert (simulation.now_run.status, simulation.outputs) == ("completed", ["fine"])
    assert told(simulation) == [["exit", {"error": None, "message": 7}]]


def test_a_cancel_is_told_to_on_cancel() -> None:
    """Conformance 32, design 9: it gets its chance after what was at work has been cut off; who cancelled is kept."""
    simulation = hooked(script([Sleep(HOUR)]))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake()
    simulation.ask(c.Cancel(Person(name="ada"), "enough"))
    run = simulation.now_run
    assert (run.status, run.reason, run.held_by) == ("cancelled", "enough", Person(name="ada"))
    assert [name for name, _ in told(simulation)] == ["cancel", "exit"]
    assert told(simulation)[0][1]["error"]["message"] == "enough"


@pytest.mark.parametrize("held", [None, c.Pause(), c.Block(Failure("FlowError", "no module `gone`"))])
def test_a_timeout_is_told_to_on_timeout(held: c.Command | None) -> None:
    """Conformance 32: whether the run waits, is paused or blocked: it times out on time, and the hook is called."""
    simulation = hooked(script([Question("ok?")]), timeout=timedelta(hours=1))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake()
    if held:
        simulation.publish(held)
    assert wake_at(simulation.now_run) == simulation.now_run.deadline_at
    simulation.pass_time(HOUR - 1)
    assert not simulation.now_run.is_final
    simulation.pass_time(1)
    assert simulation.now_run.status == "timed_out"
    assert [name for name, _ in told(simulation)] == ["timeout", "exit"]


def test_what_a_hook_sends_goes_nowhere() -> None:
    """Design 4: not to an executor, not to a fan-in, not to the outputs; it is shown as dropped. State counts."""
    edges = [Direct("failure", "b")]
    sent = effects(1, outputs=["out"], writes=[c.StateWrite("x", 1)])
    simulation = hooked(fails(1), edges=edges)
    simulation.handlers["failure"] = lambda _: msgspec.structs.replace(sent, asks=(Ask("", "1", "ok?", calls=True),))
    run = simulation.start().now_run
    assert (run.status, simulation.outputs, run.requests, simulation.state["x"]) == ("failed", [], {}, 1)
    assert [(each.source, each.message) for each in run.dropped] == [("failure", 1)]
    assert not run.in_flight


@pytest.mark.parametrize(
    "hook",
    [fails(9), script([Sleep(5)]), script([Question("ok?")]), lambda _: (_ for _ in ()).throw(Blocks("stuck"))],
    ids=["raises", "sleeps", "asks", "is stuck"],
)
def test_a_hook_that_fails_or_would_wait_changes_nothing(hook: Handler) -> None:
    """Design 4: one call, no retries, no suspension; the next hook is called, and the run ends as it was to."""
    retry = RetryPolicy(max_attempts=5)
    simulation = hooked(fails(1))
    simulation.workflow.executors["failure"] = ExecutorSpec("failure", retry=retry)  # type: ignore[index]
    simulation.handlers["failure"] = hook
    run = simulation.start().now_run
    assert (run.status, simulation.error, run.requests, run.waiting) == ("failed", "OSError", {}, {})
    assert [name for name, _ in told(simulation)] == ["exit"]
    assert sum(count for each, count in simulation.handled.items()) == 3
    assert run.tallies["failure"].failed == 1


@pytest.mark.parametrize("seed", range(30))
def test_a_crash_in_a_hook_calls_it_again(seed: int) -> None:
    """Conformance 42: it is called until it has ended, as other handlers are, and counts once; the verdict stands."""
    simulation = hooked(fails(99))
    simulation.luck = Luck(seed, 6)
    simulation.workflow.executors.update(  # type: ignore[attr-defined]
        {each: ExecutorSpec(each, max_crashes=99) for each in ("a", *HOOKS.values())}
    )
    simulation.start()
    assert (simulation.now_run.status, simulation.error) == ("failed", "OSError")
    assert sorted(name for name, _ in told(simulation)) == ["exit", "failure"]
    assert sum(isinstance(event, RunEnding) for event in simulation.events()) == 1


def test_a_hook_that_kills_its_process_is_convicted() -> None:
    """Design 4: after its third crash it is given up, and the run ends with its own error."""
    simulation = hooked(fails(1), after={"failed": "failure"})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    for _ in range(8):
        simulation.take()
        if simulation.now_run.ending is None and not simulation.now_run.is_final:
            simulation.turn()
    assert (simulation.now_run.status, simulation.error) == ("failed", "OSError")
    assert simulation.now_run.tallies["failure"].failed == 1


def test_hooks_have_ten_minutes_from_when_they_are_called() -> None:
    """Design 4: a machine that was off in the meantime takes nothing from them."""
    simulation = hooked(fails(1), after={"failed": "failure"})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    while simulation.now_run.ending is None:
        simulation.turn()
    simulation.boots += 1
    simulation.now += timedelta(days=1)
    simulation.take()
    (hook,) = simulation.now_run.started.values()
    assert hook.deadline_at == simulation.now_run.updated_at + HOOKS_MAY_TAKE


def test_hooks_are_called_whatever_the_limit() -> None:
    """Conformance 17: the verdict that the loop is too deep is told, although the hook is deeper than that."""
    simulation = hooked(lambda task: effects(task.message), edges=[Direct("a", "a")], max_iterations=3).start()
    assert (simulation.now_run.status, simulation.error) == ("failed", "IterationLimit")
    assert [name for name, _ in told(simulation)] == ["failure", "exit"]


def test_hooks_of_an_ordered_executor_do_not_stand_behind_what_is_frozen() -> None:
    """Design 4: the hook is called although its executor's place is kept by a delivery that is suspended."""
    seen: list[Any] = []

    def both(task: Task) -> Any:
        if isinstance(task.message, dict):
            seen.append(task.message)
            return effects()
        return script([Sleep(HOUR)])(task)

    simulation = hooked(
        lambda _: effects(1), after={"failed": "b"}, edges=[FanOut("a", ("b", "c"))],
        specs=[ExecutorSpec("b", ordered=True)],
    )  # fmt: skip
    simulation.handlers |= {"b": both, "c": fails(1)}
    simulation.start()
    assert (simulation.now_run.status, len(seen), len(simulation.now_run.waiting)) == ("failed", 1, 1)


def ending() -> Simulation:
    """Return a run that has failed, with a delivery in line and one suspended, whose hooks are at work."""
    simulation = hooked(lambda _: effects(1, 2), edges=[FanOut("a", ("b", "c"))], when_failed="stop")
    broken = [True]

    def bad(task: Task) -> c.Effects:
        if broken and broken.pop():
            raise OSError("c")
        return effects(f"c{task.message}")

    simulation.handlers |= {"b": script([Sleep(HOUR)]), "c": bad}
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    while simulation.now_run.ending is None:
        simulation.turn()
    return simulation


def test_what_was_ready_is_put_aside_for_a_retry() -> None:
    """Conformance 26: it is not begun while hooks are at work; a retry goes on with all of it."""
    simulation = ending()
    run = simulation.now_run
    assert sum(map(len, run.aside.values())) + len(run.waiting) + len(run.failed) == 4
    began = len(simulation.disk)
    simulation.go_on()
    assert simulation.now_run.status == "failed"
    after = [event for frame in simulation.frames()[began:] for event in frame.events]
    assert not any(isinstance(event, InvocationsStarted) for event in after)
    simulation.ask(c.Retry())
    assert (simulation.now_run.status, sorted(map(str, simulation.outputs))) == (
        "completed", ["c1", "c2", "timer", "timer"]
    )  # fmt: skip
    assert [name for name, _ in told(simulation)] == ["failure", "exit", "exit"]


@pytest.mark.parametrize("letters", [[c.Cancel()], [c.Pause(), c.Cancel()], [c.Pause(), c.Resume()], [c.Pause()]])
def test_a_person_may_interfere_with_hooks(letters: list[Any]) -> None:
    """Design 4: a cancel ends them at once, a pause holds those that have not begun; the verdict stands."""
    simulation = ending()
    for number, letter in enumerate(letters):
        simulation.mail.append(c.TakeMail(f"letter-{number}", 0, "steer", letter))
        simulation.commit(*simulation.mail)
    simulation.go_on()
    if letters == [c.Pause()]:
        assert simulation.now_run.status == "paused"
        assert wake_at(simulation.now_run) is None
        simulation.ask(c.Resume())
    assert (simulation.now_run.status, simulation.error) == ("failed", "OSError")
    assert not simulation.now_run.ending
    assert not simulation.now_run.aside


@pytest.mark.parametrize("then", [c.Cancel(), c.Retry(), c.Resume()])
def test_a_run_whose_hooks_cannot_be_put_together(then: c.Command) -> None:
    """Design 4: it is blocked; a cancel ends it with its verdict, a retry begins again, a resume tries the hooks."""
    simulation = ending()
    simulation.boots += 1
    simulation.publish(c.Block(Failure("FlowError", "no module `gone`")))
    assert (simulation.now_run.status, wake_at(simulation.now_run)) == ("blocked", None)
    simulation.ask(then)
    run = simulation.now_run
    assert (run.ending, run.aside, run.started) == (None, {}, {})
    if isinstance(then, c.Retry):
        assert (run.status, len(simulation.outputs)) == ("completed", 4)
    else:
        assert (run.status, simulation.error) == ("failed", "OSError")
    assert ("failure" in [name for name, _ in told(simulation)]) == isinstance(then, c.Resume)


@pytest.mark.parametrize("held", [[], [c.Pause()]])
def test_the_time_of_the_run_is_over_when_there_is_a_verdict(held: list[c.Command]) -> None:
    """Conformance 32: what is done after it does not time out a second time, and a held run is not due for that."""
    simulation = hooked(fails(1), timeout=timedelta(minutes=1))
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.take()
    while simulation.now_run.ending is None:
        simulation.turn()
    simulation.boots += 1
    for command in held:
        simulation.publish(command)
    simulation.now += timedelta(hours=1)
    if held:
        assert wake_at(simulation.now_run) is None
        simulation.publish(c.Resume())
    simulation.drive()
    assert simulation.now_run.status == "failed"


def test_a_run_may_end_more_than_once() -> None:
    """Design 4: each end calls the hooks once, as deliveries of their own."""
    simulation = hooked(fails(2)).start()
    assert [simulation.ask(c.Retry()).now_run.status for _ in range(2)] == ["failed", "completed"]
    assert [name for name, _ in told(simulation)] == ["failure", "exit", "failure", "exit", "exit"]
    assert len(simulation.keys) == 1 + 5


def test_going_back_into_the_midst_of_an_end_ends_the_same() -> None:
    """Conformance 51: also from a frame between the verdict and the end."""
    simulation = ending()
    middle = len(simulation.disk)
    simulation.go_on()
    simulation.ask(c.Rewind(simulation.past(middle)))
    assert (simulation.now_run.status, simulation.error) == ("failed", "OSError")
    assert sorted(name for name, _ in told(simulation)) == ["exit", "failure"]


def test_what_a_hook_keeps_is_gone_with_it() -> None:
    """Design 4: a run that has ended holds no kept awaits or steps of its hooks, however they ended."""

    def hook(task: Task) -> Any:
        yield (Kept("", "1", "step", lasts=True),)
        raise OSError

    simulation = hooked(fails(1), after={"failed": "failure"})
    simulation.handlers["failure"] = hook
    run = simulation.start().now_run
    assert (run.status, run.kept, run.steps) == ("failed", {}, {})


def test_an_error_of_a_hook_is_not_handled_by_on_error() -> None:
    """Design 4: nothing follows from a hook but the end."""
    simulation = hooked(fails(1))
    simulation.workflow.executors["failure"] = ExecutorSpec("failure", on_error="a")  # type: ignore[index]
    simulation.handlers["failure"] = fails(9)
    simulation.start()
    assert (simulation.now_run.status, simulation.now_run.tallies["a"].completed) == ("failed", 0)
