"""Whatever is asked of a run, in whatever order: it never breaks, and it is never forgotten."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core import commands as c
from lrwf_cli.core.model import Workflow
from lrwf_cli.core.run import Failure
from lrwf_cli.core.suspended import Answer, Kept
from lrwf_cli.errors import WrongStatus
from tests.core.simulation import ORIGIN, Blocks, Handler, Lost, Luck, Task, effects
from tests.core.stories import Story, drifts, stories
from tests.core.test_properties import Audited, simulation_of

ERROR = Failure("OSError", "oops")
HOOKS = ("failed", "timed_out", "cancelled", "exit")
EVENTS = ("request", "completed", "failed", "timed_out", "cancelled", "blocked")


@st.composite
def eventful(draw: st.DrawFn) -> Story:
    """Draw a story with everything that an executor and a workflow may say."""
    story = draw(st.one_of(stories(waits=True), stories(broken=True, waits=True)))
    ids = list(story.workflow.executors)
    some = st.sampled_from([None, None, *ids])
    hour = st.sampled_from([None, None, timedelta(seconds=90), timedelta(hours=2), timedelta(days=2)])
    executors = {
        name: msgspec.structs.replace(
            spec,
            deadline=draw(hour),
            on_error=draw(some),
            on_crash=draw(st.sampled_from(["retry", "retry", "ask", "fail"])),
            harvests=draw(st.booleans()),
            max_crashes=draw(st.integers(1, 4)),
        )
        for name, spec in story.workflow.executors.items()
    }
    workflow = msgspec.structs.replace(
        story.workflow,
        executors=executors,
        max_iterations=draw(st.sampled_from([3, 8, 100])),
        timeout=draw(hour),
        when_failed=draw(st.sampled_from(["drain", "stop"])),
        after=draw(st.dictionaries(st.sampled_from(HOOKS), st.sampled_from(ids))),
        notify=draw(st.frozensets(st.sampled_from(EVENTS))),
    )
    odd = draw(st.dictionaries(st.sampled_from(ids), st.sampled_from([Blocks, Lost, OSError]), max_size=2))
    handlers = {name: _odd(handler, odd.get(name)) for name, handler in story.handlers.items()}
    return Story(_over(workflow), handlers, story.mended)


def _over(workflow: Workflow) -> Workflow:
    """Return the same workflow, without what it has worked out about the one that it was made of."""
    return msgspec.structs.replace(workflow)


def _odd(handler: Handler, error: type[Exception] | None) -> Handler:
    """Return a handler that cannot go on at its second entry, or of which nobody knows how that ended."""

    def handle(task: Task) -> Any:
        if error is not None and (task.waits or task.attempt == 2):
            raise error("odd")
        if task.delivery.answers:
            return effects()
        return handler(task)

    return handle


ASKED = st.one_of(
    st.sampled_from([c.Pause(), c.Resume(), c.Resume(restart=True), c.Cancel(), c.Cancel(reason="no"), c.Retry()]),
    st.builds(c.Retry, max_iterations=st.sampled_from([5, 50])),
    st.just(c.Block(Failure("FlowError", "gone"))),
)
STEPS = st.one_of(
    st.tuples(st.just("turn"), st.integers(1, 6)),
    st.tuples(st.just("ask"), ASKED),
    st.tuples(st.just("mail"), ASKED.filter(lambda command: not isinstance(command, c.Retry | c.Block))),
    st.tuples(st.just("late"), st.sampled_from([c.Complete, c.Suspend, c.Keep, c.Fail, c.Block, c.Deliver, c.Respond])),
    st.tuples(st.just("crash"), st.integers(0, 1)),
    st.tuples(st.just("stop"), st.none()),
    st.tuples(st.just("time"), st.sampled_from([1, 60, 3600, 86_400, -3600])),
    st.tuples(st.just("rewind"), st.integers(0, 50)),
)


def perform(found: Audited, name: str, argument: Any) -> None:
    """Do something to a run; what it refuses to have is refused."""
    match name:
        case "turn":
            for _ in range(argument):
                found.turn()
        case "ask":
            with suppress(WrongStatus):
                found.publish(argument)
            found.take()
        case "mail":
            found.mail.append(c.TakeMail(f"mail-{len(found.disk)}-{len(found.mail)}", found.seen[0], "mail", argument))
            found.commit(*found.mail)
        case "late":
            found.commit(*late(found, argument))
        case "crash":
            found.boots += argument
            found.take()
        case "stop":
            found.cut_off()
            found.take()
        case "time":
            found.now += timedelta(seconds=argument)
            found.commit()
        case _:
            found.publish(c.Rewind(found.past(1 + argument % len(found.disk))))
            found.take()


def late(found: Audited, kind: type) -> list[c.Command]:
    """Return what nobody waits for any more."""
    commands: dict[type, c.Command] = {
        c.Complete: c.Complete("gone", effects(1)),
        c.Suspend: c.Suspend("gone", c.Suspension((), ())),  # type: ignore[attr-defined]
        c.Keep: c.Keep("gone", (Kept("", "1", "x"),)),
        c.Fail: c.Fail("gone", ERROR, crashed=True),
        c.Block: c.Block(ERROR, "gone"),
        c.Deliver: c.Deliver("gone"),
        c.Respond: c.Respond("gone", Answer(found.now)),
    }
    return [commands[kind]]


@pytest.mark.slow
@given(eventful(), drifts, st.lists(STEPS, max_size=12), st.integers(1, 4))
def test_a_run_never_breaks(story: Story, luck: Luck, steps: list[tuple[str, Any]], slots: int) -> None:
    """I1, I3, conformance 18, 26, 32, 38: the invariants hold after each frame; in the end it has ended, or is held."""
    found = simulation_of(story, luck, slots, tell=lambda notice: ERROR if len(notice.id) % 3 == 0 else None)
    found.publish(c.Start("sim", 0, ORIGIN))
    found.take()
    for name, argument in steps:
        perform(found, name, argument)
    found.go_on()
    assert found.now_run.is_final or found.now_run.status in {"paused", "blocked"}
    found.luck = Luck()
    for _ in range(3):
        if found.now_run.status in {"paused", "blocked"}:
            found.ask(c.Cancel())
    assert found.now_run.is_final
    assert not found.now_run.notices
    assert not found.now_run.ending
    assert not found.now_run.aside
