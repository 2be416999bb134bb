"""What a run expects from outside: what it waits for, and how its requests stand. Pure, and for whoever shows it.

What is due by these instants, and what wakes, is not decided here (see `waking`).
"""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from lrwf_cli.core.run import Invocation, Run
from lrwf_cli.core.suspended import CRASH, Request, Wait

__all__ = ["Expected", "expected", "expected_of", "open_requests", "request_status"]


class Expected(msgspec.Struct, frozen=True):
    """One thing that a run waits for. `due_at` is when it is over at the latest; `None`: no time ends it.

    `kind` is `timer`, `poll`, `retry`, `request`, `background` or `child`; `id` a request's id, else the delivery's.
    `detail` is a word on it for people.
    """

    kind: str
    executor: str
    id: str
    due_at: datetime | None = None
    detail: str | None = None
    request: Request | None = None


def expected(run: Run) -> list[Expected]:
    """Return what `run` waits for, soonest first; what has no instant comes last. Nothing for a run that has ended."""
    if run.is_final:
        return []
    found = [each for invocation in run.waiting.values() for each in expected_of(run, invocation)]
    asked = {each.id for each in found if each.request}
    found += [_question(request) for request in open_requests(run) if request.id not in asked]
    return sorted(found, key=lambda each: (each.due_at is None, each.due_at, each.executor, each.id))


def expected_of(run: Run, invocation: Invocation) -> Iterator[Expected]:
    """Yield what one invocation waits for: each of its lanes, or the next attempt."""
    executor, delivery = invocation.delivery.executor, invocation.delivery.id
    waits = [wait for wait in invocation.waits if wait.path == CRASH] or invocation.waits
    if not waits:
        after = f" after {invocation.error.type}" if invocation.error else ""
        yield Expected("retry", executor, delivery, invocation.due_at, f"attempt {invocation.attempt}{after}")
    for wait in waits:
        request = run.requests.get(wait.request or "")
        if request is None:
            yield Expected(wait.kind, executor, delivery, wait.due_at, _detail(wait))
        elif request.is_open:
            yield _question(request)


def _question(request: Request) -> Expected:
    return Expected("request", request.executor, request.id, request.ask.expires_at, request.ask.prompt, request)


def _detail(wait: Wait) -> str | None:
    if wait.kind != "poll":
        return wait.detail
    return f"poll {wait.count}" + (f", last {wait.detail}" if wait.detail else "")


def open_requests(run: Run) -> list[Request]:
    """Return the requests that may be answered now."""
    return [request for request in run.requests.values() if request_status(run, request) == "open"]


def request_status(run: Run, request: Request) -> str:
    """Return `open`, `answered`, `expired`, `withdrawn` (nobody waits for it any more), or `frozen` until a `retry`."""
    if request.answer is not None:
        return "expired" if request.answer.expired else "answered"
    if request.withdrawn:
        return "withdrawn"
    return "frozen" if run.is_final or run.ending is not None or run.failed else "open"
