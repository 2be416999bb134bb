"""News: which events somebody is told of, and how often it is tried. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from lrwf_cli.core import events as e
from lrwf_cli.core.model import RetryPolicy, Workflow
from lrwf_cli.core.retry import delay
from lrwf_cli.core.run import Failure, Notice, Run
from lrwf_cli.core.suspended import Request

__all__ = ["EVENTS", "again_at", "news"]

_AGAIN = RetryPolicy(max_attempts=10, initial=timedelta(seconds=10), multiplier=3, max=timedelta(hours=1))
"""How often, and how long apart, somebody is told who could not be told: for about six hours."""

_VERDICTS = {
    e.RunCompleted: "completed",
    e.RunFailed: "failed",
    e.RunTimedOut: "timed_out",
    e.RunCancelled: "cancelled",
    e.RunBlocked: "blocked",
}

EVENTS = ("request", *_VERDICTS.values())
"""What there is to be told of."""


def news(workflow: Workflow, run: Run, events: Sequence[e.Event], now: datetime) -> tuple[e.Event, ...]:
    """Return the event that posts what `events` are news of; none if nobody is to be told of them."""
    if not workflow.notify:
        return ()
    posted = tuple(n for event in events for n in _notices(run, event, now) if n.event in workflow.notify)
    return (e.NoticesPosted(posted),) if posted else ()


def _notices(run: Run, event: e.Event, now: datetime) -> Iterator[Notice]:
    if isinstance(event, e.InvocationSuspended | e.InvocationCompleted | e.RequestsOpened):
        yield from (_of_request(run, request, now) for request in event.requests)
    elif (kind := _VERDICTS.get(type(event))) is not None:
        error: Failure | None = getattr(event, "error", None)
        yield Notice(f"{kind}@{now.isoformat()}", kind, now, now, error.executor if error else None, error=error)


def _of_request(run: Run, request: Request, now: datetime) -> Notice:
    return Notice(f"request:{request.id}~{run.epoch}", "request", now, now, request.executor, request.id)


def again_at(notice: Notice, now: datetime) -> datetime | None:
    """Return when to try again to tell `notice`; `None`: not any more."""
    tries = notice.tries + 1
    return now + delay(_AGAIN, tries, notice.id) if tries < _AGAIN.max_attempts else None
