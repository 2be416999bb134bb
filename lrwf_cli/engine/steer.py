"""What a person asks of a run, whether or not a process drives it.

With the run's lock at hand it is done here and now. Without it, what can be left as a letter is left for
the driver; the rest says that the run is busy. Everything is durable on return.
"""

from contextlib import suppress
from itertools import takewhile

from lrwf_cli.clock import Clock
from lrwf_cli.core.apply import fold
from lrwf_cli.core.commands import Cancel, Command, Fork, Retry, Rewind
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import UNKNOWN
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Run
from lrwf_cli.core.waking import wake_at
from lrwf_cli.engine.letters import command_in
from lrwf_cli.engine.passes import commit
from lrwf_cli.errors import RunBusy, UsageError, WrongStatus
from lrwf_cli.store.base import Letter, NewRun, Store

__all__ = ["fork", "past_of", "retry", "rewind", "send"]


def send(store: Store, clock: Clock, letter: Letter) -> Run | None:
    """Do what `letter` asks: at once, or by mail if a process drives the run (then `None` is returned).

    A cancel always goes by mail: something may be done about it (`on_cancel`), and whoever drives the run does that.
    Raises WrongStatus if the run cannot have it, UnknownRun.
    """
    command = command_in(letter)
    if command is None:
        raise UsageError(f"a letter of an unknown kind: `{letter.kind}`")
    if isinstance(command, Cancel):
        decide(UNKNOWN, store.load(letter.run_id), command, clock.now())  # what cannot be is refused now
    else:
        with suppress(RunBusy):
            return _apply(store, clock, letter.run_id, command)
    store.post(letter)
    return None


def retry(store: Store, clock: Clock, run_id: str, command: Retry) -> Run:
    """Reopen a run that ended badly or is blocked; it is due at once. Raises WrongStatus, RunBusy."""
    return _apply(store, clock, run_id, command)


def rewind(store: Store, clock: Clock, run_id: str, to: int, by: Person | None = None) -> Run:
    """Set a run back to what it was after frame `to`, in a new epoch. Raises UsageError, RunBusy."""
    return _apply(store, clock, run_id, Rewind(past_of(store, run_id, to), by))


def fork(store: Store, clock: Clock, run_id: str, new_id: str, *, at: int, by: Person | None = None) -> Run:
    """Begin run `new_id` as a copy of `run_id` as of frame `at`; it is due at once. Raises RunConflict, UsageError."""
    past = past_of(store, run_id, at)
    now = clock.now()
    events = decide(UNKNOWN, None, Fork(new_id, past, by), now)
    code = past.origin.code
    new = NewRun(
        run_id=new_id,
        definition=store.definition(run_id),
        events=events,
        at=now,
        code_digest=code,
        code=store.code(code) if code else None,
        blobs_of=run_id,
    )
    held = store.create(new)
    try:
        held.wake_at(wake_at(held.run))
        return held.run
    finally:
        held.release()


def past_of(store: Store, run_id: str, seq: int) -> Run:
    """Return a run as of its frame `seq`. Raises UsageError if there is no such frame."""
    run = fold(None, takewhile(lambda frame: frame.seq <= seq, store.frames(run_id)))
    if run is None or run.seq != seq:
        raise UsageError(f"run `{run_id}` has no checkpoint {seq}", hint=f"choose one of: lrwf checkpoints {run_id}")
    return run


def _apply(store: Store, clock: Clock, run_id: str, command: Command) -> Run:
    held = store.hold(run_id)
    try:
        return commit(held, clock, command)
    except WrongStatus:
        held.wake_at(wake_at(held.run))  # what was refused is no reason to wake the run
        raise
    finally:
        held.release()
