"""What holds of every run, whatever its graph, its handlers, the order of their ends and the crashes."""

from collections import Counter
from typing import Any

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from lrwf_cli.core import commands as c
from lrwf_cli.core.apply import fold
from lrwf_cli.core.decide import decide
from lrwf_cli.core.events import Event, InvocationCompleted, MailTaken, RunStarted
from lrwf_cli.core.model import UNKNOWN, Workflow
from lrwf_cli.core.run import Run
from lrwf_cli.core.waking import wake_at
from lrwf_cli.errors import WrongStatus
from lrwf_cli.store.base import Frame
from tests.core.simulation import ORIGIN, START, Luck, Simulation
from tests.core.stories import Story, calm, lucks, stories


class Audited(Simulation):
    """A simulation that checks at every step what must hold at every step."""

    shadow: Run | None = None

    def decide(self, command: c.Command) -> tuple[Event, ...]:
        """Decide twice: the same events both times, and the run as before."""
        before = msgspec.json.encode(self.run)
        events = super().decide(command)
        assert events == super().decide(command)
        assert msgspec.json.encode(self.run) == before
        return events


def audit(simulation: Simulation) -> None:
    """I1: the fold of the frames is the run. I3: an unfinished run has a wake-up unless a person holds it."""
    assert isinstance(simulation, Audited)
    shadow = fold(simulation.shadow, [msgspec.json.decode(simulation.disk[-1], type=Frame)])
    run = simulation.now_run
    assert msgspec.to_builtins(shadow) == msgspec.to_builtins(run)
    assert msgspec.json.decode(msgspec.json.encode(run), type=Run) == run
    simulation.shadow = shadow
    assert (wake_at(run) is None) == (run.is_final or run.status in {"paused", "blocked"})


def simulation_of(story: Story, luck: Luck, slots: int = 3, large: int = 10**9, **more: Any) -> Audited:
    """Return a run of `story` that is audited and has not begun."""
    return Audited(story.workflow, story.handlers, luck=luck, slots=slots, large=large, after_frame=audit, **more)


def result_of(simulation: Simulation) -> dict[str, Any]:
    """Return everything about a run's end that neither timing nor crashes may change."""
    run, state = simulation.now_run, simulation.state
    dropped = [(each.source, each.superstep, simulation.resolve(each.message)) for each in run.dropped]
    return {
        "status": run.status,
        "error": simulation.error,
        "outputs": simulation.outputs,
        "count": state.get("count"),
        "seen": Counter(map(repr, state.get("seen", []))),
        "by": set(state.get("by", {})),
        "dropped": Counter(map(repr, dropped)),
        "iteration": run.iteration,
        "failed": set(run.failed),
    }


def deliveries_in(simulation: Simulation) -> dict[str, tuple[Any, ...]]:
    """Return what was delivered to whom, by id."""
    found = [event.delivery for event in simulation.events() if isinstance(event, RunStarted)]
    for event in simulation.events():
        found += event.deliveries if isinstance(event, InvocationCompleted) else ()
    return {each.id: (each.executor, each.superstep, each.source, each.message) for each in found}


@given(stories(), lucks, st.integers(1, 4))
def test_any_order_and_any_crashes_give_the_same(story: Story, luck: Luck, slots: int) -> None:
    """Conformance 42 as far as the core goes: outputs, state, drops and ids are those of the run where all is calm."""
    expected = simulation_of(story, Luck()).start()
    found = simulation_of(story, luck, slots).start()
    assert result_of(found) == result_of(expected)
    assert deliveries_in(found) == deliveries_in(expected)
    assert found.committed == expected.committed


@given(stories(need=True), lucks, st.sampled_from([10**9, 20]))
def test_each_delivery_is_committed_once(story: Story, luck: Luck, large: int) -> None:
    """Conformance 42: a handler runs at least once, with one key; its effects count once, with large values too."""
    found = simulation_of(story, luck, large=large).start()
    assert found.now_run.is_final
    assert set(found.committed.values()) == {1}
    assert set(found.committed) | set(found.now_run.failed) == set(deliveries_in(found)) == set(found.handled)
    assert {len(keys) for keys in found.keys.values()} == {1}
    assert found.state["count"] == len(found.state["seen"]) == len(found.committed)


@given(stories(broken=True, flaky=False), lucks, calm)
def test_retry_runs_only_what_failed(story: Story, luck: Luck, again: Luck) -> None:
    """Conformance 26: the other branches go on to their end; mended and retried, all is as if it had never failed."""
    expected = Simulation(story.workflow, story.mended).start()
    found = simulation_of(story, luck).start()
    assume(found.error == "OSError")
    assert found.now_run.status == "failed"
    assert set(found.committed) | set(found.now_run.failed) == set(deliveries_in(found))
    before, handled = found.committed, Counter(found.handled)
    found.handlers, found.luck = dict(story.mended), again
    found.ask(c.Retry())
    assert result_of(found) == result_of(expected)
    assert found.committed == expected.committed
    assert all(found.handled[each] == handled[each] for each in before)


@given(stories(), calm, st.integers(0, 12), st.integers(0, 100), lucks)
def test_a_rewind_gives_the_same(story: Story, luck: Luck, turns: int, to: int, again: Luck) -> None:
    """Conformance 51: going on from any frame gives the same outputs; the journal keeps what was undone."""
    expected = simulation_of(story, Luck()).start()
    found = simulation_of(story, luck)
    found.publish(c.Start("sim", 0, ORIGIN))
    found.take()
    for _ in range(turns):
        found.turn()
    undone = list(found.disk)
    past = found.past(1 + to % len(undone))
    keys = {each: set(found.keys[each]) for each in found.keys}
    found.luck = again
    found.ask(c.Rewind(past))
    assert result_of(found) == result_of(expected)
    assert deliveries_in(found) == deliveries_in(expected)
    assert found.disk[: len(undone)] == undone
    assert found.now_run.epoch == 1
    assert all(found.keys[each] - keys.get(each, set()) for each in set(found.handled) - done_in(past, found))


def done_in(past: Run, simulation: Simulation) -> set[str]:
    """Return the deliveries whose handling a run that was rewound to `past` keeps."""
    frames = [frame for frame in simulation.frames() if frame.seq <= past.seq]
    return {event.delivery for frame in frames for event in frame.events if isinstance(event, InvocationCompleted)}


@given(stories(), calm, st.integers(0, 100), lucks)
def test_a_fork_leaves_the_original_alone(story: Story, luck: Luck, at: int, again: Luck) -> None:
    """Conformance 51: a fork from any frame gives the same outputs, and nothing of the original changes."""
    original = simulation_of(story, luck, large=30).start()
    past = original.past(1 + at % len(original.disk))
    before, run = list(original.disk), msgspec.json.encode(original.now_run)
    fork = simulation_of(story, again, large=30)
    fork.blobs = original.blobs
    fork.ask(c.Fork("fork", past))
    assert result_of(fork) == result_of(original)
    assert (fork.now_run.id, fork.now_run.epoch, fork.now_run.forked_from) == ("fork", 0, ("sim", past.seq))
    assert not {key for keys in fork.keys.values() for key in keys} & {
        key for keys in original.keys.values() for key in keys
    }
    assert original.disk == before
    assert msgspec.json.encode(original.now_run) == run


letters = st.lists(st.tuples(st.integers(0, 8), st.sampled_from([c.Pause(), c.Resume()]), st.integers(0, 1)))


@given(stories(), lucks, letters)
def test_pausing_changes_no_outcome(story: Story, luck: Luck, asked: list[tuple[int, Any, int]]) -> None:
    """I7: whatever letters come whenever, each is taken once or not at all, and a run that goes on ends the same."""
    expected = simulation_of(story, Luck()).start()
    found = simulation_of(story, luck)
    found.publish(c.Start("sim", 0, ORIGIN))
    found.take()
    for number, (turns, command, epoch) in enumerate(asked):
        for _ in range(turns):
            found.turn()
        found.mail.append(c.TakeMail(f"letter-{number}", epoch, "steer", command))
    found.go_on()
    if found.now_run.status == "paused":
        found.ask(c.Resume())
    assert result_of(found) == result_of(expected)
    taken = Counter(event.id for event in found.events() if isinstance(event, MailTaken))
    current = {f"letter-{number}" for number, (_, _, epoch) in enumerate(asked) if epoch == 0}
    assert set(taken) == current
    assert set(taken.values()) <= {1}


@given(stories(), lucks, st.integers(0, 20))
def test_an_end_can_come_at_any_time(story: Story, luck: Luck, turns: int) -> None:
    """Conformance 42: a run that a person cancels anywhere and retries ends as if nothing had been."""
    expected = simulation_of(story, Luck()).start()
    found = simulation_of(story, luck)
    found.publish(c.Start("sim", 0, ORIGIN))
    found.take()
    for _ in range(turns):
        found.turn()
    assume(not found.now_run.is_final)
    found.mail.append(c.TakeMail("letter", 0, "cancel", c.Cancel()))
    found.go_on()
    if found.now_run.status == "cancelled":
        assert not found.now_run.started
        found.ask(c.Retry())
    assert result_of(found) == result_of(expected)


@given(stories(), calm)
def test_what_concerns_the_run_only_needs_no_workflow(story: Story, luck: Luck) -> None:
    """A person steers a run whose flow nobody can load: pause, resume, cancel, retry, rewind, block."""
    found = simulation_of(story, luck).start()
    for frame in found.frames():
        run = found.past(frame.seq)
        for command in (c.Pause(), c.Resume(), c.Cancel(), c.Retry(), c.Rewind(run), c.Fork("fork", run)):
            assert outcome(story.workflow, run, command) == outcome(UNKNOWN, run, command)


def outcome(workflow: Workflow, run: Run, command: c.Command) -> tuple[Event, ...] | str:
    """Return what is decided, or what is wrong."""
    try:
        return decide(workflow, run, command, START)
    except WrongStatus as error:
        return str(error)


@given(stories(flaky=False), lucks, st.integers(1, 3), lucks)
def test_a_higher_limit_resumes_the_run(story: Story, luck: Luck, limit: int, again: Luck) -> None:
    """Conformance 17 and 18: where the limit strikes does not depend on timing or restarts; lifting it mends all."""
    expected = simulation_of(story, Luck()).start()
    assume(expected.now_run.iteration > limit)
    low = msgspec.structs.replace(story, workflow=msgspec.structs.replace(story.workflow, max_iterations=limit))
    calmly = simulation_of(low, Luck()).start()
    found = simulation_of(low, luck).start()
    assert found.error == "IterationLimit"
    assert result_of(found) == result_of(calmly)
    assert found.now_run.error == calmly.now_run.error
    found.luck = again
    found.ask(c.Retry(max_iterations=100))
    assert result_of(found) == result_of(expected)
