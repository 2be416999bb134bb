"""`apply(run, event)`: what a run is after something happened. The only place where a run changes.

Total over the journal's vocabulary and without any choice: events are facts. The run that is given is used
up (see `run`). Nothing here looks at a workflow, a clock or a file. What happens to single deliveries is in
`apply_invocations`.
"""

from collections.abc import Callable, Iterable
from copy import deepcopy
from datetime import datetime
from typing import Any, Protocol

from msgspec.structs import replace

from lrwf_cli.core import apply_background
from lrwf_cli.core import events as e
from lrwf_cli.core.apply_invocations import APPLY
from lrwf_cli.core.asking import ask_anew
from lrwf_cli.core.background import Outcome
from lrwf_cli.core.looking_after import unfinished
from lrwf_cli.core.places import cut_off, grant, line_up, renew
from lrwf_cli.core.run import Failure, Invocation, Run
from lrwf_cli.core.status import moved, settled

__all__ = ["FOLD", "apply", "begin", "fold"]

FOLD = 2
"""Raised whenever the same events make another run than before: what was folded by another version is folded anew."""


_OF_ANOTHER = Outcome(error=Failure("BackgroundLost", "it is another run's: this one was forked from that"), lost=True)


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
        ordered=dict(event.ordered),
        timeout=event.timeout,
        deadline_at=event.at + event.timeout if event.timeout else None,
        ready={event.delivery.executor: [Invocation(event.delivery)]},
    )


def _forked(event: e.RunForked) -> Run:
    run = _afresh(event.run, event.at)
    run.id, run.seq, run.epoch = event.run_id, 1, 0
    run.forked_from = (event.from_run, event.from_seq)
    run.started_at = run.updated_at = event.at
    for work in unfinished(run):
        run.background[work.id] = replace(work, state="lost", outcome=_OF_ANOTHER, ended_at=event.at)
    return run


def _rewound(run: Run, event: e.RunRewound) -> Run:
    moved(run.status, "run_rewound")
    past = _afresh(event.run, run.updated_at)
    past.seq, past.updated_at, past.epoch = run.seq, run.updated_at, run.epoch + 1
    past.origin, past.boot_id = run.origin, run.boot_id
    for work in unfinished(run):
        if work.id not in past.background:  # what was begun since belongs to nobody any more
            past.background[work.id] = replace(work, state="ending")
    return past


def _afresh(past: Run, at: datetime) -> Run:
    """Return a copy of `past` that goes on at `at`: what was at work begins anew, and nobody holds it.

    A run that had ended then has ended again.
    """
    run = deepcopy(past)
    for invocation in reversed(run.started.values()):
        line_up(run, replace(invocation, started_at=None), front=True)
    run.started.clear()
    renew(run, crashes=0, maybe_done=False, stuck=False)
    grant(run, at - past.updated_at)
    run.mail.clear()
    run.notices.clear()
    if not run.is_final:
        _let_go(run)
        run.deadline_at = at + run.timeout if run.timeout else None
        run.status = "running"
        run.status = settled(run)
    return run


def _driver_started(run: Run, event: e.DriverStarted) -> None:
    run.boot_id = event.boot_id


def _mail_taken(run: Run, event: e.MailTaken) -> None:
    run.mail[event.id] = run.seq


def _run_paused(run: Run, event: e.RunPaused) -> None:
    run.status = moved(run.status, "run_paused")
    run.held_by, run.reason = event.by, event.reason


def _run_resumed(run: Run, event: e.RunResumed) -> None:
    run.status = moved(run.status, "run_resumed")
    _let_go(run)
    _go_on(run, afresh=event.restart)


def _go_on(run: Run, *, afresh: bool) -> None:
    """Let handlers that were stuck try again: `afresh` from their top, else from where they were."""
    for line in run.ready.values():
        line[:] = [_unstuck(run, invocation, afresh) if invocation.stuck else invocation for invocation in line]


def _unstuck(run: Run, invocation: Invocation, afresh: bool) -> Invocation:  # noqa: FBT001 - named at its only caller
    if not afresh:
        return replace(invocation, stuck=False)
    run.kept.pop(invocation.delivery.id, None)
    ask_anew(run, invocation.delivery.id)
    return replace(invocation, stuck=False, start=invocation.start + 1, waits=())


def _let_go(run: Run) -> None:
    """Forget who or what held the run; what has failed in it has still failed."""
    run.held_by = run.reason = None
    run.error = next((invocation.error for invocation in run.failed.values()), None)


def _run_blocked(run: Run, event: e.RunBlocked) -> None:
    if run.status != "blocked" or event.delivery is None:
        run.status = moved(run.status, "run_blocked")
        run.error = event.error
    if event.delivery is not None:
        line_up(run, replace(run.started.pop(event.delivery), stuck=True, started_at=None), front=True)


def _run_ending(run: Run, event: e.RunEnding) -> None:
    run.status = moved(run.status, "run_ending")
    cut_off(run, tuple(run.started))
    run.ending = event.ending
    run.aside, run.ready = run.ready, {}
    for delivery in event.deliveries:
        line_up(run, Invocation(delivery, deadline_at=event.deadline_at))


def _run_ended(run: Run, event: e.RunCompleted | e.RunFailed | e.RunTimedOut | e.RunCancelled) -> None:
    run.status = moved(run.status, e.name_of(event))
    run.finished_at = run.updated_at
    cut_off(run, tuple(run.started))
    _take_up_what_is_aside(run)
    if isinstance(event, e.RunCompleted):
        run.error = None
    if isinstance(event, e.RunFailed | e.RunTimedOut):
        run.error = event.error
    if isinstance(event, e.RunCancelled):
        run.held_by, run.reason = event.by, event.reason
        run.error = Failure("RunCancelled", event.reason or "the run was cancelled")


def _take_up_what_is_aside(run: Run) -> None:
    """Have what was done after a verdict be over: it is forgotten, and what was put aside for it is ready again."""
    if run.ending is not None:
        for invocation in (*run.started.values(), *(each for line in run.ready.values() for each in line)):
            run.kept.pop(invocation.delivery.id, None)
            run.steps.pop(invocation.delivery.id, None)
        run.started.clear()
        run.ready, run.aside, run.ending = run.aside, {}, None


def _run_retried(run: Run, event: e.RunRetried) -> None:
    run.status = moved(run.status, "run_retried")
    _take_up_what_is_aside(run)
    stood = run.updated_at - (run.finished_at or run.updated_at)
    run.error = run.finished_at = run.held_by = run.reason = None
    run.max_iterations = event.max_iterations or run.max_iterations
    run.deadline_at = run.updated_at + run.timeout if run.timeout else None
    if event.code is not None:
        run.origin = replace(run.origin, code=event.code)
    renew(run, crashes=0)
    grant(run, stood)
    _go_on(run, afresh=False)
    for invocation in run.failed.values():
        line_up(run, replace(invocation, attempt=invocation.attempt + 1, failures=0, crashes=0, error=None))
    run.failed.clear()


def _notices_posted(run: Run, event: e.NoticesPosted) -> None:
    run.notices.update({notice.id: notice for notice in event.notices})


def _notice_delivered(run: Run, event: e.NoticeDelivered) -> None:
    del run.notices[event.notice]


def _notice_failed(run: Run, event: e.NoticeFailed) -> None:
    notice = run.notices.pop(event.notice)
    if event.again_at is not None:
        run.notices[notice.id] = replace(notice, due_at=event.again_at, tries=notice.tries + 1)


_APPLY: dict[type, Callable[[Run, Any], None]] = {
    **APPLY,
    **apply_background.APPLY,
    e.DriverStarted: _driver_started,
    e.MailTaken: _mail_taken,
    e.RunPaused: _run_paused,
    e.RunResumed: _run_resumed,
    e.RunBlocked: _run_blocked,
    e.RunEnding: _run_ending,
    e.NoticesPosted: _notices_posted,
    e.NoticeDelivered: _notice_delivered,
    e.NoticeFailed: _notice_failed,
    e.RunCompleted: _run_ended,
    e.RunFailed: _run_ended,
    e.RunTimedOut: _run_ended,
    e.RunCancelled: _run_ended,
    e.RunRetried: _run_retried,
}
