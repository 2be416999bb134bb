"""`apply(run, event)`: what a run is after something happened. The only place where a run changes.

Total over the journal's vocabulary and without any choice: events are facts. The run that is given is used
up (see `run`). Nothing here looks at a workflow, a clock or a file.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import datetime
from typing import Any, Protocol

from msgspec.structs import replace

from lrwf_cli.core import events as e
from lrwf_cli.core.lineage import joined_path
from lrwf_cli.core.places import cut_off, line_up, renew, take_failed, take_ready
from lrwf_cli.core.run import Delivery, Failure, Invocation, Run, StateEntry, Tally
from lrwf_cli.core.state import changed
from lrwf_cli.core.status import moved, settled

__all__ = ["apply", "begin", "fold"]


class FrameLike(Protocol):
    """What `fold` needs of a frame."""

    @property
    def seq(self) -> int:
        """Its number."""

    @property
    def at(self) -> datetime:
        """When it was committed."""

    @property
    def events(self) -> tuple[e.Event, ...]:
        """What happened."""


def fold(run: Run | None, frames: Iterable[FrameLike]) -> Run | None:
    """Return the run after `frames`; `None` in, none out only if there are no frames."""
    for frame in frames:
        if run is not None:
            begin(run, frame.seq, frame.at)
        for event in frame.events:
            run = apply(run, event)
    return run


def begin(run: Run, seq: int, at: datetime) -> None:
    """Open frame `seq`: what is applied from here on happened at `at`."""
    run.seq = seq
    run.updated_at = at


def apply(run: Run | None, event: e.Event) -> Run:
    """Return the run after `event`. A run begins with RunStarted or RunForked, which take `None`."""
    if isinstance(event, e.RunStarted):
        return _started(event)
    if isinstance(event, e.RunForked):
        return _forked(event)
    if run is None:
        raise ValueError(f"a run cannot begin with `{e.name_of(event)}`")
    if isinstance(event, e.RunRewound):
        return _rewound(run, event)
    _APPLY[type(event)](run, event)
    run.status = settled(run)
    return run


def _started(event: e.RunStarted) -> Run:
    return Run(
        id=event.run_id,
        workflow=event.workflow,
        origin=event.origin,
        executors=event.executors,
        started_at=event.at,
        updated_at=event.at,
        seq=1,
        input=event.input,
        max_iterations=event.max_iterations,
        timeout=event.timeout,
        deadline_at=event.at + event.timeout if event.timeout else None,
        ready={event.delivery.executor: [Invocation(event.delivery)]},
    )


def _forked(event: e.RunForked) -> Run:
    run = _afresh(event.run, event.at)
    run.id, run.seq, run.epoch = event.run_id, 1, 0
    run.forked_from = (event.from_run, event.from_seq)
    run.started_at = run.updated_at = event.at
    return run


def _rewound(run: Run, event: e.RunRewound) -> Run:
    moved(run.status, "run_rewound")
    past = _afresh(event.run, run.updated_at)
    past.seq, past.updated_at, past.epoch = run.seq, run.updated_at, run.epoch + 1
    past.origin, past.boot_id = run.origin, run.boot_id
    return past


def _afresh(past: Run, at: datetime) -> Run:
    """Return a copy of `past` that goes on at `at`: what was at work begins anew, and nobody holds it.

    A run that had ended then has ended again.
    """
    run = deepcopy(past)
    for invocation in reversed(run.started.values()):
        line_up(run, replace(invocation, started_at=None), front=True)
    run.started.clear()
    renew(run, crashes=0, maybe_done=False)
    run.mail.clear()
    if not run.is_final:
        _let_go(run)
        run.deadline_at = at + run.timeout if run.timeout else None
        run.status = "running"
        run.status = settled(run)
    return run


def _driver_started(run: Run, event: e.DriverStarted) -> None:
    run.boot_id = event.boot_id


def _invocations_started(run: Run, event: e.InvocationsStarted) -> None:
    for delivery in event.deliveries:
        invocation = take_ready(run, delivery)
        run.started[delivery] = replace(invocation, started_at=run.updated_at, due_at=None)
        run.iteration = max(run.iteration, invocation.delivery.superstep)


def _invocation_completed(run: Run, event: e.InvocationCompleted) -> None:
    invocation = run.started.pop(event.delivery)
    executor = invocation.delivery.executor
    for entry in event.joined:
        run.queues.setdefault(entry.group, {}).setdefault(entry.source, []).append(entry)
    for delivery in event.deliveries:
        line_up(run, Invocation(_with_joined(run, delivery) if delivery.joined else delivery))
    run.outputs.extend(event.outputs)
    run.dropped.extend(event.dropped)
    for change in event.state:
        _change_state(run, change)
    if event.saved is not None:
        run.saved[executor] = changed(run.saved.get(executor), event.saved)
    _count(run, executor, completed=1)


def _with_joined(run: Run, delivery: Delivery) -> Delivery:
    group, sources = delivery.joined or ("", ())
    queues = run.queues[group]
    entries = [queues[source].pop(0) for source in sources]
    for source in [source for source, queue in queues.items() if not queue]:
        del queues[source]
    if not queues:
        del run.queues[group]
    number = run.rounds.get(group, 0)
    run.rounds[group] = number + 1
    path = joined_path([entry.path for entry in entries], number)
    return replace(delivery, message=[entry.message for entry in entries], path=path)


def _change_state(run: Run, change: e.StateChange) -> None:
    entry = run.state.get(change.key)
    if change.op == "delete":
        run.state.pop(change.key, None)
    else:
        run.writes += 1
        run.state[change.key] = StateEntry(changed(entry.value if entry else None, change), run.writes)
    if change.conflict:
        run.conflicts[change.key] = run.conflicts.get(change.key, 0) + 1


def _invocation_failed(run: Run, event: e.InvocationFailed) -> None:
    invocation = take_failed(run, event.delivery)
    _count(run, invocation.delivery.executor, failed=1)
    if event.retry_at is None:
        run.failed[event.delivery] = replace(invocation, error=event.error, started_at=None)
        run.error = run.error or event.error
        return
    run.waiting[event.delivery] = replace(
        invocation,
        attempt=invocation.attempt + 1,
        failures=invocation.failures + 1,
        crashes=0,
        due_at=event.retry_at,
        error=event.error,
        started_at=None,
    )


def _invocations_cut_off(run: Run, event: e.InvocationsCutOff) -> None:
    cut_off(run, event.deliveries, crashes=int(event.counted))


def _woke_up(run: Run, event: e.WokeUp) -> None:
    for delivery in event.deliveries:
        line_up(run, replace(run.waiting.pop(delivery), due_at=None))


def _mail_taken(run: Run, event: e.MailTaken) -> None:
    run.mail[event.id] = run.seq


def _run_paused(run: Run, event: e.RunPaused) -> None:
    run.status = moved(run.status, "run_paused")
    run.held_by, run.reason = event.by, event.reason


def _run_resumed(run: Run, _: e.RunResumed) -> None:
    run.status = moved(run.status, "run_resumed")
    _let_go(run)


def _let_go(run: Run) -> None:
    """Forget who or what held the run; what has failed in it has still failed."""
    run.held_by = run.reason = None
    run.error = next((invocation.error for invocation in run.failed.values()), None)


def _run_blocked(run: Run, event: e.RunBlocked) -> None:
    run.status = moved(run.status, "run_blocked")
    run.error = event.error


def _run_ended(run: Run, event: e.RunCompleted | e.RunFailed | e.RunTimedOut | e.RunCancelled) -> None:
    run.status = moved(run.status, e.name_of(event))
    run.finished_at = run.updated_at
    cut_off(run, tuple(run.started))
    if isinstance(event, e.RunFailed | e.RunTimedOut):
        run.error = event.error
    if isinstance(event, e.RunCancelled):
        run.held_by, run.reason = event.by, event.reason
        run.error = Failure("RunCancelled", event.reason or "the run was cancelled")


def _run_retried(run: Run, event: e.RunRetried) -> None:
    run.status = moved(run.status, "run_retried")
    run.error = run.finished_at = run.held_by = run.reason = None
    run.max_iterations = event.max_iterations or run.max_iterations
    run.deadline_at = run.updated_at + run.timeout if run.timeout else None
    if event.code is not None:
        run.origin = replace(run.origin, code=event.code)
    renew(run, crashes=0)
    for invocation in run.failed.values():
        line_up(run, replace(invocation, attempt=invocation.attempt + 1, failures=0, crashes=0, error=None))
    run.failed.clear()


def _count(run: Run, executor: str, *, completed: int = 0, failed: int = 0) -> None:
    tally = run.tallies.get(executor) or Tally()
    run.tallies[executor] = Tally(tally.completed + completed, tally.failed + failed)


_APPLY: dict[type, Callable[[Run, Any], None]] = {
    e.DriverStarted: _driver_started,
    e.InvocationsStarted: _invocations_started,
    e.InvocationCompleted: _invocation_completed,
    e.InvocationFailed: _invocation_failed,
    e.InvocationsCutOff: _invocations_cut_off,
    e.WokeUp: _woke_up,
    e.MailTaken: _mail_taken,
    e.RunPaused: _run_paused,
    e.RunResumed: _run_resumed,
    e.RunBlocked: _run_blocked,
    e.RunCompleted: _run_ended,
    e.RunFailed: _run_ended,
    e.RunTimedOut: _run_ended,
    e.RunCancelled: _run_ended,
    e.RunRetried: _run_retried,
}
