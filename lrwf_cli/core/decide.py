"""`decide(workflow, run, command, now)`: what follows from what is asked. Pure: same arguments, same events.

Theory of operation
===================

A run is a set of *deliveries*, each one message for one executor, and each in one of four places:

    ready ──InvocationsStarted──▶ started ──InvocationCompleted──▶ (gone; its children are ready)
      ▲                              │
      │◀────InvocationsCutOff────────┤  the process died under it
      │◀──WokeUp── waiting ◀─────────┤  InvocationSuspended; InvocationFailed, retry_at set
      │◀──RunRetried── failed ◀──────┘  InvocationFailed, retry_at None (with `on_error`: gone; its report is ready)

plus the queues of fan-ins, where messages wait for the other sources' ones. There is no barrier: whatever is
ready starts as soon as its executor has a free place. Nothing refers to an order of arrival across executors, so
two branches never wait for each other.

The engine feeds one command after another; each is decided against the run as it is after the events of the
one before, all of these events go into one frame, and the frame is synced before anything of it is acted upon.
`Advance` is asked until it has no answer: it gives one step at a time, in this order.

1. A run whose deadline is past times out. A run with a failure and `when_failed: stop` fails at once.
2. What is past its own deadline fails. What is due wakes: timers, polls, retries, answers. (Not when something has
   failed for good: then what is suspended freezes until `retry`.)
3. What is ready starts: one executor's deliveries in order, at most `max_parallel` of them, `slots` in all. A suspect
   (a delivery that was in flight in two crashes) runs alone, so that a third crash convicts it and nobody else.
4. If nothing is in flight and nothing waits, the verdict: failed, stuck with a half-filled fan-in, or completed. What
   is to be done after it (`ending`) comes first, and then the end.

Three rules for whoever edits this file. An event says what happened and carries all that it takes: `apply` must not
need the workflow. Everything that varies is an argument: no clock, no luck, no order of sets. A decision
that reads something must be the reason for the event, not a consequence to be recomputed by a reader.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from lrwf_cli.core import commands as c
from lrwf_cli.core import events as e
from lrwf_cli.core.asking import answered
from lrwf_cli.core.complete import completed, failed, suspended
from lrwf_cli.core.ending import end, standing
from lrwf_cli.core.giving_up import crashed, given_up, late, refused_by_person
from lrwf_cli.core.lineage import delivery_id
from lrwf_cli.core.looking_after import ended, first_look, forsaken, is_ending, looked, told, unfinished
from lrwf_cli.core.model import Workflow
from lrwf_cli.core.notices import again_at, news
from lrwf_cli.core.run import Delivery, Failure, Run
from lrwf_cli.core.starting import has_suspect, startable
from lrwf_cli.core.status import TRANSITIONS
from lrwf_cli.core.verdict import verdict
from lrwf_cli.core.waking import woken
from lrwf_cli.errors import WrongStatus

__all__ = ["decide", "has_suspect"]

Events = tuple[e.Event, ...]
E = TypeVar("E", bound=e.Event)


def decide(workflow: Workflow, run: Run | None, command: c.Command, now: datetime) -> Events:
    """Return what follows from `command` at `now`; none when nothing does. Changes nothing.

    `run` is `None` only for Start and Fork. Raises WrongStatus for what a person asks of a run that cannot
    have it; what a handler or a process reports too late (Complete, Suspend, Keep, Fail, CutOff, Block) is passed over.
    """
    if isinstance(command, c.Start):
        return _start(workflow, command, now)
    if isinstance(command, c.Fork):
        return (e.RunForked(command.run_id, command.past.id, command.past.seq, command.past, now, command.by),)
    if run is None:
        raise ValueError(f"{type(command).__name__} needs a run")
    events = _DECIDE[type(command)](workflow, run, command, now)
    return (*events, *forsaken(run, events), *news(workflow, run, events, now))


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
            ordered={spec.id: spec.max_parallel for spec in workflow.executors.values() if spec.ordered},
            by=command.by,
        ),
    )


def _take(workflow: Workflow, run: Run, command: c.Take, now: datetime) -> Events:
    taken = e.DriverStarted(command.pid, command.boot_id)
    if not run.started:
        return (taken,)
    counted = run.boot_id == command.boot_id
    outlive = {d for d, i in run.started.items() if workflow.executors[i.delivery.executor].harvests}
    found = [i for d, i in run.started.items() if d not in outlive]
    cut_off = [
        e.InvocationsCutOff(tuple(i.delivery.id for i in found), counted=counted),
        e.InvocationsCutOff(tuple(d for d in run.started if d in outlive), counted=False),
    ]
    follows = crashed(workflow, run, found, now, counted=counted)
    return (*(each for each in cut_off if each.deliveries), *follows, taken)


def _advance(workflow: Workflow, run: Run, command: c.Advance, now: datetime) -> Events:
    if run.status not in {"running", "waiting"}:
        return _overdue(workflow, run, now) if run.status in {"paused", "blocked"} else ()
    if run.ending is not None:
        return startable(workflow, run, command.slots, now) or _finished(run)
    return (
        _overdue(workflow, run, now)
        or _stopped(workflow, run, now)
        or tuple(late(workflow, run, now))
        or _woken(workflow, run, now)
        or startable(workflow, run, command.slots, now)
        or tuple(event for each in verdict(workflow, run) for event in end(workflow, run, each, now))
    )


def _finished(run: Run) -> Events:
    return (standing(run.ending),) if run.ending is not None and not run.in_flight and not is_ending(run) else ()


def _overdue(workflow: Workflow, run: Run, now: datetime) -> Events:
    if run.deadline_at is None or now < run.deadline_at or run.ending is not None:
        return ()
    error = Failure("RunTimedOut", f"the run was not finished by {run.deadline_at.isoformat()}")
    return end(workflow, run, e.RunTimedOut(error), now)


def _stopped(workflow: Workflow, run: Run, now: datetime) -> Events:
    if run.error is None or workflow.when_failed != "stop":
        return ()
    return end(workflow, run, e.RunFailed(run.error), now)


def _woken(workflow: Workflow, run: Run, now: datetime) -> Events:
    if run.error is not None:
        return ()
    if refused := tuple(refused_by_person(workflow, run)):
        return refused
    due = woken(run, now)
    return (e.WokeUp(due),) if due else ()


def _fail(workflow: Workflow, run: Run, command: c.Fail, now: datetime) -> Events:
    invocation = run.started.get(command.delivery)
    if invocation is None:
        return ()
    if not command.crashed:
        return (failed(workflow, run, invocation, command, now),)
    harvests = workflow.executors[invocation.delivery.executor].harvests
    cut_off = e.InvocationsCutOff((command.delivery,), counted=command.counted, anew=harvests)
    follows = crashed(workflow, run, [invocation], now, counted=command.counted, error=command.error)
    return (cut_off, *follows)


def _complete(workflow: Workflow, run: Run, command: c.Complete, now: datetime) -> Events:
    invocation = run.started.get(command.delivery)
    return () if invocation is None else (completed(workflow, run, invocation, command.effects, now),)


def _suspend(workflow: Workflow, run: Run, command: c.Suspend, now: datetime) -> Events:
    invocation = run.started.get(command.delivery)
    if invocation is None:
        return ()
    told_now = told(run, invocation, command.suspension.tells)
    return (suspended(workflow, run, invocation, command.suspension, now), *told_now)


def _keep(_: Workflow, run: Run, command: c.Keep, __: datetime) -> Events:
    return (e.AwaitsKept(command.delivery, command.kept),) if command.delivery in run.started else ()


def _respond(_: Workflow, run: Run, command: c.Respond, __: datetime) -> Events:
    return answered(run, command.request, command.answer)  # a frozen one too: a `retry` is to find it


def _deliver(_: Workflow, run: Run, command: c.Deliver, now: datetime) -> Events:
    notice = run.notices.get(command.notice)
    if notice is None:
        return ()
    if command.error is None:
        return (e.NoticeDelivered(notice.id),)
    return (e.NoticeFailed(notice.id, command.error, again_at(notice, now)),)


def _began(_: Workflow, run: Run, command: c.Began, now: datetime) -> Events:
    work = run.background.get(command.task)
    if work is None or work.is_over or work.begun != command.begun or work.began_at is not None:
        return ()
    return (e.BackgroundBegan(work.id, command.pid, first_look(now)),)


def _ended(_: Workflow, run: Run, command: c.Ended, __: datetime) -> Events:
    return ended(run, command.task, command.begun, command.outcome)


def _looked(_: Workflow, run: Run, __: c.Looked, now: datetime) -> Events:
    return looked(run, now)


def _tell(_: Workflow, run: Run, command: c.Tell, __: datetime) -> Events:
    tasks = tuple(each.id for each in unfinished(run) if each.state != "ending" and each.id in command.tasks)
    return (e.BackgroundTold(tasks),) if tasks else ()


def _cut_off(_: Workflow, run: Run, __: c.CutOff, ___: datetime) -> Events:
    return (e.InvocationsCutOff(tuple(run.started), counted=False),) if run.started else ()


def _take_mail(workflow: Workflow, run: Run, command: c.TakeMail, now: datetime) -> Events:
    if command.epoch != run.epoch or command.id in run.mail:
        return ()
    taken = e.MailTaken(command.id, command.kind)
    if command.command is None:
        return (taken,)
    try:
        return (taken, *_DECIDE[type(command.command)](workflow, run, command.command, now))
    except WrongStatus:
        return (taken,)  # asked while it was possible, read when it no longer is: there is nobody to tell


def _pause(_: Workflow, run: Run, command: c.Pause, __: datetime) -> Events:
    return _if_allowed(run, e.RunPaused(command.by, command.reason))


def _resume(_: Workflow, run: Run, command: c.Resume, __: datetime) -> Events:
    return _if_allowed(run, e.RunResumed(command.by, command.restart))


def _cancel(workflow: Workflow, run: Run, command: c.Cancel, now: datetime) -> Events:
    (cancelled,) = _if_allowed(run, e.RunCancelled(command.by, command.reason))
    return end(workflow, run, cancelled, now) if run.ending is None else (standing(run.ending),)


def _block(workflow: Workflow, run: Run, command: c.Block, now: datetime) -> Events:
    if run.is_final or (command.delivery is not None and command.delivery not in run.started):
        return ()
    if run.ending is not None and command.delivery is not None:  # what is called after a verdict may not hold it up
        return (given_up(workflow, run, run.started[command.delivery], command.error),)
    # whoever blocks a run cannot advance it, and its time may be up all the same
    blocked = run.status == "blocked" and command.delivery is None
    return _overdue(workflow, run, now) or (() if blocked else (e.RunBlocked(command.error, command.delivery),))


def _retry(_: Workflow, run: Run, command: c.Retry, __: datetime) -> Events:
    return _if_allowed(run, e.RunRetried(command.by, command.max_iterations, command.code))


def _rewind(_: Workflow, run: Run, command: c.Rewind, __: datetime) -> Events:
    return _if_allowed(run, e.RunRewound(command.past.seq, command.past, command.by))


def _if_allowed(run: Run, event: E) -> tuple[E]:
    name = e.name_of(event)
    if name in TRANSITIONS[run.status]:
        return (event,)
    able = " or ".join(status for status, leads in TRANSITIONS.items() if name in leads)
    verb = name.removeprefix("run_")
    raise WrongStatus(f"run `{run.id}` is {run.status} and cannot be {verb}", hint=f"only a run that is {able} can")


_DECIDE: dict[type, Callable[[Workflow, Run, Any, datetime], Events]] = {
    c.Take: _take,
    c.Advance: _advance,
    c.Complete: _complete,
    c.Fail: _fail,
    c.Suspend: _suspend,
    c.Keep: _keep,
    c.Respond: _respond,
    c.Deliver: _deliver,
    c.Began: _began,
    c.Ended: _ended,
    c.Looked: _looked,
    c.Tell: _tell,
    c.CutOff: _cut_off,
    c.TakeMail: _take_mail,
    c.Pause: _pause,
    c.Resume: _resume,
    c.Cancel: _cancel,
    c.Block: _block,
    c.Retry: _retry,
    c.Rewind: _rewind,
}
