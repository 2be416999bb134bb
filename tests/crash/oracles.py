"""What has to be true of what a crash has left, and of what became of it: sentences for whatever is not.

The marks are what was seen outside, over all lives and in order, so they are what nothing may contradict.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lrwf_cli.core.apply import fold
from lrwf_cli.core.events import InvocationCompleted, MailTaken
from lrwf_cli.core.run import Run
from lrwf_cli.core.view import status_view
from lrwf_cli.errors import LrwfError
from lrwf_cli.store.base import Frame
from tests.crash.recorder import Mark
from tests.crash.trees import Tree, look_at
from tests.crash.worlds import RUN, look

__all__ = ["outputs_of", "wrong_at_the_end", "wrong_at_the_look", "wrong_outside"]

FAR = datetime(2999, 1, 1, tzinfo=UTC)
"""When every timer has come due."""


def outputs_of(folder: Path) -> object:
    """Return the outputs of the run in `folder`."""
    store = look(folder)
    return status_view(store.load(RUN), lambda value: store.resolve(RUN, value))["outputs"]


def wrong_at_the_look(folder: Path, left: Tree, marks: Sequence[Mark]) -> Iterator[str]:
    """Yield what is wrong with what a crash has left, seen by somebody who only looks: I3, I6 and acknowledgements."""
    try:
        store = look(folder)
        if RUN in store.run_ids():
            yield from _forgotten(store.load(RUN), left)
        elif any(mark.kind == "kept" for mark in marks):
            yield "an acknowledged run is gone"
    except LrwfError as error:
        yield f"looking fails with {type(error).__name__}: {error.message}"
    if (found := look_at(folder)) != left:
        yield f"I6: looking changed {sorted(set(found.items()) ^ set(left.items()))}"


def _forgotten(run: Run, left: Tree) -> Iterator[str]:
    wakes_up = run.is_final or run.status == "paused" or any(map(_wakes_up, left))
    if not wakes_up:
        yield f"I3: the run is {run.status} and nothing wakes it"


def _wakes_up(path: str) -> bool:
    match path.split("/")[1:]:
        case ["timers", _, name]:
            return name.split("~")[-1] == RUN
        case ["mail", name]:
            return name.startswith(f"{RUN}~")
        case _:
            return False


def wrong_at_the_end(folder: Path, marks: Sequence[Mark], outputs: object) -> Iterator[str]:
    """Yield what is wrong with what life after a crash has come to: I1, acknowledgements, outputs, leftovers."""
    store = look(folder)
    try:
        run, frames = store.load(RUN), list(store.frames(RUN))
    except LrwfError as error:
        yield f"reading fails with {type(error).__name__}: {error.message}"
        return
    if run.status != "completed":
        yield f"the run is {run.status}: {run.error}"
    elif (found := outputs_of(folder)) != outputs:
        yield f"the outputs are {found!r:.200}"
    if due := store.due(FAR):
        yield f"the run is at its end and yet due: {due}"
    yield from _contradicted(run, frames, marks)


def _contradicted(run: Run, frames: Sequence[Frame], marks: Sequence[Mark]) -> Iterator[str]:
    if fold(None, frames) != run:
        yield "I1: the fold of the journal is not the run"
    for mark in marks:
        if mark.kind == "frame" and frames[mark.about.seq - 1 : mark.about.seq] != [mark.about]:
            yield f"frame {mark.about.seq} was acknowledged and is gone: {mark.about.events}"
        if mark.kind == "kept" and len(frames) < mark.about:
            yield f"frame {mark.about} was acknowledged and is gone"
    posted = {mark.about for mark in marks if mark.kind == "posted"}
    taken = [event.id for frame in frames for event in frame.events if isinstance(event, MailTaken)]
    if missing := posted - set(taken):
        yield f"letters were posted and never taken: {sorted(missing)}"
    if len(taken) != len(set(taken)):
        yield f"I7: letters were taken twice: {taken}"


def wrong_outside(marks: Sequence[Mark]) -> Iterator[str]:
    """Yield what was done that should not have been: a handler after its commit, or twice in one attempt."""
    completed: set[str] = set()
    entered: set[tuple[str, int]] = set()
    for mark in marks:
        if mark.kind == "frame":
            completed |= {each.delivery for each in mark.about.events if isinstance(each, InvocationCompleted)}
        elif mark.kind == "handled":
            delivery, attempt, executor = mark.about
            if delivery in completed:
                yield f"`{executor}` was committed and ran again"
            if (delivery, attempt) in entered:
                yield f"`{executor}` ran twice as attempt {attempt}: it began before that was durable"
            entered.add((delivery, attempt))
