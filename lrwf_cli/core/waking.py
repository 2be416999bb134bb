"""When a run wants to be woken, and what in it is due: timers, polls, answers, deadlines, news. Pure."""

from collections.abc import Iterator
from datetime import datetime

from lrwf_cli.core.asking import is_asking
from lrwf_cli.core.looking_after import dues, is_awaited
from lrwf_cli.core.run import Invocation, Run
from lrwf_cli.core.suspended import CRASH, Wait

__all__ = ["due_at", "has_come", "next_due", "wake_at", "woken"]


def wake_at(run: Run) -> datetime | None:
    """Return when somebody must look at the run again; `None`: never by itself.

    At once if anything is in flight or only the verdict is missing, else at the earliest instant that something
    waits for. A held run still has its deadline, and an ended one may have news to tell.
    """
    news = [notice.due_at for notice in run.notices.values()]
    news += dues(run) if run.status not in {"paused", "blocked"} else ()
    if run.is_final:
        return min(news, default=None)
    deadline = [run.deadline_at] if run.deadline_at is not None and run.ending is None else []
    if run.status in {"paused", "blocked"}:
        return min([*news, *deadline], default=None)
    if run.in_flight or run.error is not None or not (run.waiting or is_asking(run) or is_awaited(run)):
        return run.updated_at
    return min([*_instants(run), *news, *deadline], default=None)


def next_due(run: Run) -> datetime | None:
    """Return when the next thing of a run that is driven is due, whatever else is at work; `None`: nothing is.

    News do not count: they may be on their way for as long as it takes.
    """
    if run.status not in {"running", "waiting"} or run.error is not None or run.ending is not None:
        return run.deadline_at if run.ending is None and not run.is_final else None
    return min([*_instants(run), *([run.deadline_at] if run.deadline_at else [])], default=None)


def _instants(run: Run) -> Iterator[datetime]:
    for invocation in run.waiting.values():
        if has_come(run, invocation):
            yield run.updated_at
        for at in (invocation.due_at, invocation.deadline_at):
            if at is not None:
                yield at
    for request in run.requests.values():
        if request.is_open and request.ask.expires_at is not None:
            yield request.ask.expires_at


def due_at(invocation: Invocation) -> datetime | None:
    """Return the earliest instant that one of a suspended invocation's lanes waits for."""
    return min((wait.due_at for wait in _asked_first(invocation) if wait.due_at is not None), default=None)


def woken(run: Run, now: datetime) -> tuple[str, ...]:
    """Return the deliveries that wait for nothing any more, by the instants at which that came about."""
    due = [
        (invocation.due_at or now, invocation.delivery.id)
        for invocation in run.waiting.values()
        if _is_due(invocation, now) or has_come(run, invocation)
    ]
    return tuple(delivery for _, delivery in sorted(due))


def _is_due(invocation: Invocation, now: datetime) -> bool:
    """Whether its time has come. An expiry does not count: that is an answer, and comes as one."""
    if invocation.due_at is None or invocation.due_at > now:  # thousands may wait: nothing else is looked at
        return False
    return not invocation.waits or any(
        w.due_at is not None and w.due_at <= now and w.kind != "request" for w in _asked_first(invocation)
    )


def has_come(run: Run, invocation: Invocation) -> bool:
    """Whether one of the answers, or the end of the background work, that it waits for is there."""
    if not run.requests and not run.background:
        return False
    return any(_is_answered(run, wait) or _is_over(run, wait) for wait in _asked_first(invocation))


def _is_over(run: Run, wait: Wait) -> bool:
    return wait.task in run.background and run.background[wait.task].is_over


def _is_answered(run: Run, wait: Wait) -> bool:
    """Whether its answer is there, or one that ends it before its time: a later one, by whose clock ever, does not."""
    heard = [run.requests[name].answer for name in wait.hears if name in run.requests]
    if any(answer is not None and (wait.due_at is None or answer.at <= wait.due_at) for answer in heard):
        return True
    return wait.request in run.requests and run.requests[wait.request].answer is not None


def _asked_first(invocation: Invocation) -> tuple[Wait, ...]:
    """Return what it waits for: after a crash of which somebody is asked, for that answer before all else."""
    return tuple(wait for wait in invocation.waits if wait.path == CRASH) or invocation.waits
