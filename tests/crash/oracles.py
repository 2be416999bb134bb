"""What has to be true of what a crash has left, and of what became of it: sentences for whatever is not.

The marks are what was seen outside, over all lives and in order, so they are what nothing may contradict.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lrwf_cli.core.apply import fold
from lrwf_cli.core.events import InvocationCompleted, InvocationsStarted, MailTaken
from lrwf_cli.core.lineage import idempotency_key
from lrwf_cli.core.outside import open_requests
from lrwf_cli.core.run import Run
from lrwf_cli.core.view import status_view
from lrwf_cli.core.waking import wake_at
from lrwf_cli.errors import LrwfError
from lrwf_cli.store.base import Frame, Store
from lrwf_cli.store.files import FileStore
from tests.crash.oracles_of_waiting import left_untold, taken_twice, wrong_with_awaits, wrong_with_people
from tests.crash.recorder import Mark
from tests.crash.trees import Tree, look_at
from tests.crash.worlds import RUN, STATE, look

__all__ = ["forgotten", "outputs_of", "wrong_at_the_end", "wrong_at_the_look", "wrong_outside"]

FAR = datetime(2999, 1, 1, tzinfo=UTC)
"""When every timer has come due."""


def outputs_of(folder: Path) -> dict[str, object]:
    """Return what came of each run in `folder`: its status, its outputs, and its shared state."""
    store = look(folder)
    return {run_id: _outputs(store, run_id) for run_id in store.run_ids()}


def _outputs(store: Store, run_id: str) -> object:
    run = store.load(run_id)
    view = status_view(run, lambda value: store.resolve(run_id, value))
    return run.status, view["outputs"], {key: entry.value for key, entry in run.state.items()}


def wrong_at_the_look(folder: Path, left: Tree, marks: Sequence[Mark]) -> Iterator[str]:
    """Yield what is wrong with what a crash has left, seen by somebody who only looks: I3, I6 and acknowledgements."""
    try:
        store = look(folder)
        run_ids = store.run_ids()
        for run_id in run_ids:
            run = store.load(run_id)
            yield from forgotten(run, left)
            if open_requests(run) and run_id not in FileStore(f"{folder}/{STATE}").talkative():
                yield f"`{run_id}` asks something, and says that it does not"
        for run_id in {mark.about[0] for mark in marks if mark.kind == "kept"}.difference(run_ids):
            yield f"`{run_id}` was acknowledged and is gone"
    except LrwfError as error:
        yield f"looking fails with {type(error).__name__}: {error.message}"
    if (found := look_at(folder)) != left:
        yield f"I6: looking changed {sorted(set(found.items()) ^ set(left.items()))}"


def forgotten(run: Run, left: Tree) -> Iterator[str]:
    """Yield what is wrong with a run that nothing wakes, although it waits for time, or somebody has answered."""
    answers = {f"{STATE}/runs/{run.id}/responses/{request.id}.json" for request in open_requests(run)}
    waits = wake_at(run) is not None or not answers.isdisjoint(left)
    if waits and not any(_wakes_up(path, run.id) for path in left):
        yield f"I3: `{run.id}` is {run.status} and nothing wakes it"


def _wakes_up(path: str, run_id: str) -> bool:
    match path.split("/")[1:]:
        case ["timers", _, name]:
            return name.split("~")[-1] == run_id
        case ["mail", name]:
            return name.startswith(f"{run_id}~")
        case _:
            return False


def wrong_at_the_end(folder: Path, marks: Sequence[Mark], outputs: Mapping[str, object]) -> Iterator[str]:
    """Yield what is wrong with what life after a crash has come to: I1, acknowledgements, outputs, leftovers."""
    try:
        store = look(folder)
        for run_id in outputs:
            yield from _wrong_with(store, run_id, marks, outputs[run_id])
        yield from left_untold(marks)
        if due := store.due(FAR):
            yield f"a run is at its end and yet due: {due}"
    except LrwfError as error:
        yield f"reading fails with {type(error).__name__}: {error.message}"


def _wrong_with(store: Store, run_id: str, marks: Sequence[Mark], outputs: object) -> Iterator[str]:
    run, frames = store.load(run_id), list(store.frames(run_id))
    if (found := _outputs(store, run_id)) != outputs:
        yield f"of `{run_id}` came {found!r:.200}: {run.error}"
    if fold(None, frames) != run:
        yield f"I1: the fold of the journal of `{run_id}` is not the run"
    yield from _lost(run_id, frames, marks)
    yield from taken_twice(frames)
    if run_id == RUN:
        yield from _letters_lost(frames, {mark.about for mark in marks if mark.kind == "posted"})


def _lost(run_id: str, frames: Sequence[Frame], marks: Sequence[Mark]) -> Iterator[str]:
    for mark in marks:
        if mark.kind not in {"frame", "kept"} or mark.about[0] != run_id:
            continue
        if mark.kind == "kept" and len(frames) < mark.about[1]:
            yield f"frame {mark.about[1]} was acknowledged and is gone"
        if mark.kind == "frame" and frames[mark.about[2].seq - 1 : mark.about[2].seq] != [mark.about[2]]:
            yield f"frame {mark.about[2].seq} was acknowledged and is gone: {mark.about[2].events}"


def _letters_lost(frames: Sequence[Frame], posted: set[str]) -> Iterator[str]:
    taken = [event.id for frame in frames for event in frame.events if isinstance(event, MailTaken)]
    if missing := posted - set(taken):
        yield f"letters were posted and never taken: {sorted(missing)}"
    if len(taken) != len(set(taken)):
        yield f"I7: letters were taken twice: {taken}"


def wrong_outside(marks: Sequence[Mark]) -> Iterator[str]:
    """Yield what was done that should not have been: a handler after its commit, or before its start was."""
    completed: set[str] = set()
    started: Counter[str] = Counter()
    for mark in marks:
        if mark.kind == "frame":
            run_id, epoch, frame = mark.about
            for event in frame.events:
                if isinstance(event, InvocationCompleted):
                    completed.add(idempotency_key(run_id, epoch, event.delivery))
                if isinstance(event, InvocationsStarted):
                    started.update(idempotency_key(run_id, epoch, delivery) for delivery in event.deliveries)
        elif mark.kind == "handled":
            key, attempt, executor = mark.about
            if key in completed:
                yield f"`{executor}` was committed and ran again"
            if not started[key]:
                yield f"`{executor}` ran as attempt {attempt}, and began before that was durable"
            started[key] -= 1
    yield from wrong_with_awaits(marks)
    yield from wrong_with_people(marks)
