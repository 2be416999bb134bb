"""`decide(workflow, run, command, now)`: what follows from what is asked. Pure: same arguments, same events.

Theory of operation
===================

A run is a set of *deliveries*, each one message for one executor, and each in one of four places:

    ready ──InvocationsStarted──▶ started ──InvocationCompleted──▶ (gone; its children are ready)
      ▲                              │
      │◀────InvocationsCutOff────────┤  the process died under it
      │◀──WokeUp── waiting ◀─────────┤  InvocationFailed, retry_at set
      │◀──RunRetried── failed ◀──────┘  InvocationFailed, retry_at None

plus the queues of fan-ins, where messages wait for the other sources' ones. There is no barrier: whatever is
ready starts as soon as its executor has a free place. Nothing refers to an order of arrival across executors, so
two branches never wait for each other.

The engine feeds one command after another; each is decided against the run as it is after the events of the
one before, all of these events go into one frame, and the frame is synced before anything of it is acted upon.
`Advance` is asked until it has no answer: it gives one step at a time, in this order.

1. A run whose deadline is past times out. A run with a failure and `when_failed: stop` fails at once.
2. What is due wakes (unless something has failed for good: then it freezes until `retry`).
3. What is ready starts: one executor's deliveries in order, at most `max_parallel` of them, `slots` in all. A suspect
   (a delivery that was in flight in two crashes) runs alone, so that a third crash convicts it and nobody else.
4. If nothing is in flight and nothing waits, the verdict: failed, stuck with a half-filled fan-in, or completed.

Three rules for whoever edits this file. An event says what happened and carries all that it takes: `apply` must not
need the workflow. Everything that varies is an argument: no clock, no luck, no order of sets. A decision
that reads something must be the reason for the event, not a consequence to be recomputed by a reader.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

from lrwf_cli.core import commands as c
from lrwf_cli.core import events as e
from lrwf_cli.core.complete import completed, failed
from lrwf_cli.core.lineage import delivery_id
from lrwf_cli.core.model import Workflow
from lrwf_cli.core.run import Delivery, Failure, Invocation, Run
from lrwf_cli.core.status import TRANSITIONS
from lrwf_cli.core.verdict import verdict
from lrwf_cli.errors import WrongStatus

__all__ = ["decide", "has_suspect", "wake_at"]

Events = tuple[e.Event, ...]
SUSPECT_AFTER = 2
"""Crashes after which a delivery that was in flight in all of them runs alone."""


def decide(workflow: Workflow, run: Run | None, command: c.Command, now: datetime) -> Events:
    """Return what follows from `command` at `now`; none when nothing does. Changes nothing.

    `run` is `None` only for Start and Fork. Raises WrongStatus for what a person asks of a run that cannot
    have it; what a handler or a process reports too late (Complete, Fail, CutOff, Block) is passed over.
    """
    if isinstance(command, c.Start):
        return _start(workflow, command, now)
    if isinstance(command, c.Fork):
        return (e.RunForked(command.run_id, command.past.id, command.past.seq, command.past, now, command.by),)
    if run is None:
        raise ValueError(f"{type(command).__name__} needs a run")
    return _DECIDE[type(command)](workflow, run, command, now)


def wake_at(run: Run) -> datetime | None:
    """Return when somebody must look at the run again; `None`: never by itself.

    At once if anything is in flight or only the verdict is missing, else at the earliest instant that something
    waits for. A held run still has its deadline.
    """
    if run.is_final:
        return None
    if run.status in {"paused", "blocked"}:
        return run.deadline_at
    if run.in_flight or not run.waiting or run.error is not None:
        return run.updated_at
    due = [invocation.due_at for invocation in run.waiting.values() if invocation.due_at is not None]
    return min([*due, run.deadline_at] if run.deadline_at else due, default=None)


def has_suspect(run: Run) -> bool:
    """Whether the run may end the process that takes it up, so that no other run is to be driven beside it."""
    if run.status != "running":
        return False
    cut_off = (i.crashes + 1 for i in run.started.values())  # found in flight: they count when it is taken up
    return any(n >= SUSPECT_AFTER for n in (*cut_off, *(q[0].crashes for q in run.ready.values())))


def _start(workflow: Workflow, command: c.Start, now: datetime) -> Events:
    first = Delivery(
        id=delivery_id((command.run_id,), "input"), executor=workflow.start, superstep=1, message=command.input
    )
    return (
        e.RunStarted(
            run_id=command.run_id,
            workflow=workflow.name,
            origin=command.origin,
            executors=tuple(workflow.executors),
            delivery=first,
            at=now,
            input=command.input,
            max_iterations=workflow.max_iterations,
            timeout=workflow.timeout,
            by=command.by,
        ),
    )


def _take(workflow: Workflow, run: Run, command: c.Take, _: datetime) -> Events:
    taken = e.DriverStarted(command.pid, command.boot_id)
    if not run.started:
        return (taken,)
    counted = run.boot_id == command.boot_id
    cut_off = e.InvocationsCutOff(tuple(run.started), counted=counted)
    return (cut_off, *(_convicted(workflow, run) if counted else ()), taken)


def _convicted(workflow: Workflow, run: Run) -> Iterator[e.Event]:
    for invocation in run.started.values():
        executor = invocation.delivery.executor
        limit = workflow.executors[executor].max_crashes
        if invocation.crashes + 1 >= limit:
            message = f"the process ended {invocation.crashes + 1} times while `{executor}` was at work"
            error = Failure(
                "ExecutorCrashed", message, executor, invocation.attempt, hint="look at its log, mend it, then retry"
            )
            yield e.InvocationFailed(invocation.delivery.id, error)


def _advance(workflow: Workflow, run: Run, command: c.Advance, now: datetime) -> Events:
    if run.status not in {"running", "waiting"}:
        return _overdue(run, now) if run.status in {"paused", "blocked"} else ()
    return (
        _overdue(run, now)
        or _stopped(workflow, run)
        or _woken(run, now)
        or _startable(workflow, run, command.slots)
        or verdict(workflow, run)
    )


def _overdue(run: Run, now: datetime) -> Events:
    if run.deadline_at is None or now < run.deadline_at:
        return ()
    return (e.RunTimedOut(Failure("RunTimedOut", f"the run was not finished by {run.deadline_at.isoformat()}")),)


def _stopped(workflow: Workflow, run: Run) -> Events:
    if run.error is None or workflow.when_failed != "stop":
        return ()
    return (e.RunFailed(run.error),)


def _woken(run: Run, now: datetime) -> Events:
    if run.error is not None:
        return ()
    due = [(i.due_at, i.delivery.id) for i in run.waiting.values() if i.due_at is not None and i.due_at <= now]
    return (e.WokeUp(tuple(delivery for _, delivery in sorted(due))),) if due else ()


def _startable(workflow: Workflow, run: Run, slots: int) -> Events:
    if slots <= 0 or any(i.crashes >= SUSPECT_AFTER for i in run.started.values()):
        return ()
    if suspect := next((q[0] for q in run.ready.values() if q[0].crashes >= SUSPECT_AFTER), None):
        return () if run.started else (e.InvocationsStarted((suspect.delivery.id,)),)
    chosen = tuple(_chosen(workflow, run, slots))
    return (e.InvocationsStarted(chosen),) if chosen else ()


def _chosen(workflow: Workflow, run: Run, slots: int) -> Iterator[str]:
    busy: dict[str, int] = {}
    for invocation in run.started.values():
        executor = invocation.delivery.executor
        busy[executor] = busy.get(executor, 0) + 1
    for executor, queue in run.ready.items():
        places = min(slots, workflow.executors[executor].max_parallel - busy.get(executor, 0))
        within = (i.delivery.id for i in queue if i.delivery.superstep <= run.max_iterations)
        for delivery in islice(within, max(0, places)):
            slots -= 1
            yield delivery


def _fail(workflow: Workflow, run: Run, command: c.Fail, now: datetime) -> Events:
    invocation = run.started.get(command.delivery)
    if invocation is None:
        return ()
    return (failed(workflow, invocation, command, now),)


def _complete(workflow: Workflow, run: Run, command: c.Complete, _: datetime) -> Events:
    invocation: Invocation | None = run.started.get(command.delivery)
    return () if invocation is None else (completed(workflow, run, invocation, command.effects),)


def _cut_off(_: Workflow, run: Run, __: c.CutOff, ___: datetime) -> Events:
    return (e.InvocationsCutOff(tuple(run.started), counted=False),) if run.started else ()


def _take_mail(workflow: Workflow, run: Run, command: c.TakeMail, now: datetime) -> Events:
    if command.epoch != run.epoch or command.id in run.mail:
        return ()
    taken = e.MailTaken(command.id, command.kind)
    if command.command is None:
        return (taken,)
    try:
        return (taken, *decide(workflow, run, command.command, now))
    except WrongStatus:
        return (taken,)  # asked while it was possible, read when it no longer is: there is nobody to tell


def _pause(_: Workflow, run: Run, command: c.Pause, __: datetime) -> Events:
    return _if_allowed(run, e.RunPaused(command.by, command.reason))


def _resume(_: Workflow, run: Run, command: c.Resume, __: datetime) -> Events:
    return _if_allowed(run, e.RunResumed(command.by))


def _cancel(_: Workflow, run: Run, command: c.Cancel, __: datetime) -> Events:
    return _if_allowed(run, e.RunCancelled(command.by, command.reason))


def _block(_: Workflow, run: Run, command: c.Block, now: datetime) -> Events:
    if run.is_final:
        return ()
    # whoever blocks a run cannot advance it, and its time may be up all the same
    return _overdue(run, now) or ((e.RunBlocked(command.error),) if run.status != "blocked" else ())


def _retry(_: Workflow, run: Run, command: c.Retry, __: datetime) -> Events:
    return _if_allowed(run, e.RunRetried(command.by, command.max_iterations, command.code))


def _rewind(_: Workflow, run: Run, command: c.Rewind, __: datetime) -> Events:
    return _if_allowed(run, e.RunRewound(command.past.seq, command.past, command.by))


def _if_allowed(run: Run, event: e.Event) -> Events:
    name = e.name_of(event)
    if name in TRANSITIONS[run.status]:
        return (event,)
    able = ", ".join(status for status, leads in TRANSITIONS.items() if name in leads)
    verb = name.removeprefix("run_")
    raise WrongStatus(f"run `{run.id}` is {run.status} and cannot be {verb}", hint=f"only a run that is {able} can")


_DECIDE: dict[type, Callable[[Workflow, Run, Any, datetime], Events]] = {
    c.Take: _take,
    c.Advance: _advance,
    c.Complete: _complete,
    c.Fail: _fail,
    c.CutOff: _cut_off,
    c.TakeMail: _take_mail,
    c.Pause: _pause,
    c.Resume: _resume,
    c.Cancel: _cancel,
    c.Block: _block,
    c.Retry: _retry,
    c.Rewind: _rewind,
}
