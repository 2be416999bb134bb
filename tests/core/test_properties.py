"""What holds of every run, whatever its graph, its handlers, the order of their ends and the crashes."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from hypothesis import assume, given
from hypothesis import strategies as st

from lrwf_cli.core import commands as c
from lrwf_cli.core.apply import apply, begin
from lrwf_cli.core.decide import decide
from lrwf_cli.core.events import Event, InvocationCompleted, InvocationsStarted, MailTaken, RunStarted, WokeUp
from lrwf_cli.core.model import UNKNOWN, Workflow
from lrwf_cli.core.outside import open_requests
from lrwf_cli.core.run import Invocation, Run
from lrwf_cli.core.suspended import Request
from lrwf_cli.core.waking import wake_at
from lrwf_cli.errors import WrongStatus
from lrwf_cli.store.base import Frame
from tests.core.simulation import ORIGIN, START, Luck, Simulation
from tests.core.stories import Story, answer_to, calm, drifts, lucks, stories


class Audited(Simulation):
    """A simulation that checks at every step what must hold at every step."""

    shadow: Run | None = None

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.reasons: set[Reason] = set()

    def decide(self, command: c.Command) -> tuple[Event, ...]:
        """Decide twice: the same events both times, and the run as before."""
        before = msgspec.json.encode(self.run)
        events = super().decide(command)
        assert events == super().decide(command)
        assert msgspec.json.encode(self.run) == before
        return events


def audit(simulation: Simulation) -> None:
    """Check what must hold after each frame, and of each event in it.

    I1: the fold of the frames is the run. I3: an unfinished run has a wake-up, unless a person holds it or is asked and
    may take as long as they like. Every delivery is in one place.
    """
    assert isinstance(simulation, Audited)
    frame = msgspec.json.decode(simulation.disk[-1], type=Frame)
    if simulation.shadow is not None:
        begin(simulation.shadow, frame.seq, frame.at)
    for event in frame.events:
        if isinstance(event, WokeUp):
            check_wake(simulation, frame.at, event)
        if isinstance(event, InvocationsStarted):
            delay(simulation, frame.at, event)
        for request in getattr(event, "requests", ()):
            check_question(simulation, request)
        simulation.shadow = apply(simulation.shadow, event)
    run = simulation.now_run
    encoded = msgspec.json.encode(run)
    assert msgspec.json.encode(simulation.shadow) == encoded
    assert msgspec.json.decode(encoded, type=Run) == run
    if wake_at(run) is None:
        patient = [request for request in open_requests(run) if request.ask.expires_at is None]
        assert run.is_final or run.status in {"paused", "blocked"} or patient
    elif run.is_final or run.status in {"paused", "blocked"}:
        assert run.notices or (run.deadline_at is not None and not run.is_final)
    places = [i.delivery.id for line in (*run.ready.values(), *run.aside.values()) for i in line]
    places += [*run.started, *run.waiting, *run.failed]
    assert len(places) == len(set(places))
    assert {*run.kept, *run.steps} <= set(places)


class Reason(NamedTuple):
    """Why a handler is woken: an instant, or an answer (a request's id), for one of its waits."""

    delivery: str
    start: int
    place: tuple[int, str, str]
    why: datetime | str


def check_wake(simulation: Audited, at: datetime, event: WokeUp) -> None:
    """Check that what is woken has a reason, and that each instant and each answer wakes a wait once."""
    run = simulation.shadow
    assert run is not None
    for delivery in event.deliveries:
        new = set(reasons(run, run.waiting[delivery], at)) - simulation.reasons
        assert new, f"woken for nothing new: {run.waiting[delivery]}"
        simulation.reasons |= new


def reasons(run: Run, invocation: Invocation, at: datetime) -> Iterator[Reason]:
    delivery = invocation.delivery.id
    if not invocation.waits and invocation.due_at is not None:
        yield Reason(delivery, invocation.start, (run.epoch, "", ""), f"attempt {invocation.attempt}")
    for wait in invocation.waits:
        place = run.epoch, wait.lane, wait.path
        if wait.due_at is not None and wait.due_at <= at:
            yield Reason(delivery, invocation.start, place, wait.due_at)
        for name in (wait.request, *wait.hears):
            if name is not None and run.requests[name].answer is not None:
                yield Reason(delivery, invocation.start, place, name)


def delay(simulation: Audited, at: datetime, event: InvocationsStarted) -> None:
    """Let an instant come again for a handler that is entered before it: the clock was set back."""
    simulation.reasons = {
        each
        for each in simulation.reasons
        if each.delivery not in event.deliveries or isinstance(each.why, str) or each.why <= at
    }


def check_question(simulation: Audited, request: Request) -> None:
    """Check that what somebody has answered is not asked again from the same place in the same words."""
    run = simulation.shadow
    assert run is not None
    assert request.id not in run.requests
    for each in run.requests.values():
        if question(each) == question(request):
            assert not each.is_open
            assert each.answer is None or each.answer.expired


def question(request: Request) -> tuple[str, ...]:
    return request.delivery, request.ask.lane, request.ask.path, request.ask.prompt


def simulation_of(story: Story, luck: Luck, slots: int = 3, large: int = 10**9, **more: Any) -> Audited:
    """Return a run of `story` that is audited and has not begun."""
    more.setdefault("people", lambda request: answer_to(request.ask.prompt))
    handlers = more.pop("handlers", story.handlers)
    return Audited(story.workflow, handlers, luck=luck, slots=slots, large=large, after_frame=audit, **more)


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


@given(stories(waits=True), drifts, st.integers(1, 4))
def test_waiting_changes_nothing(story: Story, luck: Luck, slots: int) -> None:
    """Conformance 33, 41, 42: whatever handlers wait for, however often the process dies, whatever the clock says."""
    expected = simulation_of(story, Luck()).start()
    found = simulation_of(story, luck, slots).start()
    assert found.now_run.is_final
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


@given(stories(broken=True, flaky=False, waits=True), drifts, drifts)
def test_retry_thaws_what_is_frozen(story: Story, luck: Luck, again: Luck) -> None:
    """Conformance 26: what was suspended when something failed goes on where it was; nothing that ended runs again."""
    expected = simulation_of(story, Luck(), handlers=story.mended).start()
    found = simulation_of(story, luck).start()
    assume(found.error == "OSError")
    before, handled = found.committed, Counter(found.handled)
    found.handlers, found.luck = dict(story.mended), again
    found.ask(c.Retry())
    assert result_of(found) == result_of(expected)
    assert all(found.handled[each] == handled[each] for each in before)


either = st.one_of(stories(), stories(waits=True))


@given(either, calm, st.integers(0, 12), st.integers(0, 100), lucks)
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


@given(either, calm, st.integers(0, 100), lucks)
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


@given(either, lucks, letters)
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
    taken = Counter(event.id for event in found.events() if isinstance(event, MailTaken) and event.kind == "steer")
    current = {f"letter-{number}" for number, (_, _, epoch) in enumerate(asked) if epoch == 0}
    assert set(taken) == current
    assert set(taken.values()) <= {1}


@given(either, lucks, st.integers(0, 20))
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


@given(either, calm)
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
