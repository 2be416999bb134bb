"""What happened, in words: one sentence an event, for `history`, `checkpoints` and `run` in a pipe.

A `Story` is told the frames of one run in order. It remembers only which executor a delivery is for and
how often it was tried; it never looks at a run's state.
"""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

from lrwf_cli.cli.background_story import TELL
from lrwf_cli.cli.expecting import answer_text, name_of, question, value_text
from lrwf_cli.cli.render import safe
from lrwf_cli.core import events as e
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Failure, Notice, Run
from lrwf_cli.core.suspended import Kept, Request, Wait
from lrwf_cli.core.view import instant
from lrwf_cli.store.base import Frame

__all__ = ["Story", "failure_text", "value_text"]

_MANY = 5


class Story:
    """Tells frames, one after the other. `run` is what came before the first of them, if it is not the run's first."""

    def __init__(self, run: Run | None = None) -> None:
        self._executors: dict[str, str] = {}
        self._attempts: dict[str, int] = {}
        self._given_up: set[str] = set()
        self._suspended: set[str] = set()
        self._requests: dict[str, Request] = {}
        self._news: dict[str, str] = {}
        if run is not None:
            self._meet(run)

    def tell(self, frame: Frame) -> Iterator[tuple[e.Event, str]]:
        """Yield each event of `frame` with its sentence. Each frame must be told, and once."""
        for event in frame.events:
            yield event, "; ".join(self._TELL[type(event)](self, event))

    def _meet(self, run: Run) -> None:
        self._executors.clear()
        self._attempts.clear()
        self._given_up = set(run.failed)
        self._suspended = {each.delivery.id for each in run.open_invocations() if each.waits}
        self._requests = dict(run.requests)
        self._news = {notice.id: _news_text(notice) for notice in run.notices.values()}
        for invocation in (*run.open_invocations(), *run.failed.values()):
            self._executors[invocation.delivery.id] = invocation.delivery.executor
            if invocation.attempt > 1:
                self._attempts[invocation.delivery.id] = invocation.attempt

    def _name(self, delivery: str) -> str:
        return safe(self._executors.get(delivery, "?"))

    def _started(self, event: e.RunStarted) -> Iterator[str]:
        self._executors[event.delivery.id] = event.delivery.executor
        yield f"{_person(event.by)}began a run of {safe(event.workflow)} with {value_text(event.input)}"

    def _forked(self, event: e.RunForked) -> Iterator[str]:
        self._meet(event.run)
        yield f"{_person(event.by)}copied run {event.from_run} as of its checkpoint {event.from_seq}"

    def _rewound(self, event: e.RunRewound) -> Iterator[str]:
        self._meet(event.run)
        yield f"{_person(event.by)}went back to checkpoint {event.to}"

    def _driver_started(self, event: e.DriverStarted) -> Iterator[str]:
        yield f"process {event.pid} took the run up"

    def _invocations_started(self, event: e.InvocationsStarted) -> Iterator[str]:
        for delivery in event.deliveries:
            attempt = self._attempts.get(delivery, 1)
            verb = "went on" if delivery in self._suspended else "began"
            self._suspended.discard(delivery)
            yield f"{self._name(delivery)} {verb}" + (f", attempt {attempt}" if attempt > 1 else "")

    def _kept(self, event: e.AwaitsKept) -> Iterator[str]:
        yield f"{self._name(event.delivery)} got on: {_kept_text(event.kept)}"

    def _waits(self, event: e.InvocationSuspended) -> Iterator[str]:
        self._suspended.add(event.delivery)
        yield from self._asks(event.requests)
        name, asked = self._name(event.delivery), {request.id for request in event.requests}
        for wait in event.waits:
            if wait.request not in asked or wait.kind != "request":
                yield f"{name} waits {_wait_text(wait)}"

    def _asked(self, event: e.RequestsOpened) -> Iterator[str]:
        yield from self._asks(event.requests)

    def _asks(self, requests: tuple[Request, ...]) -> Iterator[str]:
        for request in requests:
            self._requests[request.id] = request
            until = f", until {instant(request.ask.expires_at)}" if request.ask.expires_at else ""
            yield f"{safe(request.id)} asks: {question(request)}{until}"

    def _answered(self, event: e.RequestAnswered) -> Iterator[str]:
        request = self._requests.get(event.request)
        if event.delivery is not None:
            self._executors[event.delivery.id] = event.delivery.executor
        what = f": {answer_text(request, event.answer)}" if request else ""
        yield f"{safe(event.request)} {'expired' if event.answer.expired else 'was answered'}{what}"

    def _completed(self, event: e.InvocationCompleted) -> Iterator[str]:
        name = self._name(event.delivery)
        self._executors.pop(event.delivery, None)
        self._attempts.pop(event.delivery, None)
        for delivery in event.deliveries:
            self._executors[delivery.id] = delivery.executor
        yield f"{name} ended"
        yield from self._asks(event.requests)
        if targets := list(dict.fromkeys([*(d.executor for d in event.deliveries), *map(_target, event.joined)])):
            yield f"sent to {', '.join(map(safe, targets))}"
        for output in event.outputs:
            yield f"output {value_text(output.value)}"
        for dropped in event.dropped:
            yield f"no edge took {value_text(dropped.message)}"
        if event.state:
            yield f"set {', '.join(safe(change.key) for change in event.state)}"

    def _failed(self, event: e.InvocationFailed) -> Iterator[str]:
        name = self._name(event.delivery)
        self._suspended.discard(event.delivery)
        if event.handled is not None:
            self._executors[event.handled.id] = event.handled.executor
            yield f"{name} failed: {failure_text(event.error)}"
            yield f"{safe(event.handled.executor)} handles it"
        elif event.retry_at is None:
            self._given_up.add(event.delivery)
            yield f"{name} failed for good: {failure_text(event.error)}"
        else:
            self._count(event.delivery)
            yield f"{name} failed: {failure_text(event.error)}"
            yield f"again at {instant(event.retry_at)}"

    def _cut_off(self, event: e.InvocationsCutOff) -> Iterator[str]:
        for delivery in event.deliveries:
            self._count(delivery)
        names = ", ".join(dict.fromkeys(map(self._name, event.deliveries)))
        yield f"{names} cut off: the process {'died' if event.counted else 'was told to end'}"

    def _woke_up(self, event: e.WokeUp) -> Iterator[str]:
        yield f"woke {', '.join(dict.fromkeys(map(self._name, event.deliveries)))}"

    def _mail_taken(self, event: e.MailTaken) -> Iterator[str]:
        yield f"a letter was read: {safe(event.kind)}"

    def _paused(self, event: e.RunPaused) -> Iterator[str]:
        yield f"{_person(event.by)}paused the run{_reason(event.reason)}"

    def _resumed(self, event: e.RunResumed) -> Iterator[str]:
        yield f"{_person(event.by)}resumed the run" + (", what was stuck from its top" if event.restart else "")

    def _blocked(self, event: e.RunBlocked) -> Iterator[str]:
        where = f" at {self._name(event.delivery)}" if event.delivery else ""
        yield f"the run is blocked{where}: {failure_text(event.error)}"

    def _ending(self, event: e.RunEnding) -> Iterator[str]:
        for delivery in event.deliveries:
            self._executors[delivery.id] = delivery.executor
        ending = event.ending
        error = f": {failure_text(ending.error)}" if ending.error and ending.verdict != "cancelled" else ""
        by = f" by {name_of(ending.by)}" if ending.by else ""
        yield f"the run is to be {ending.verdict.replace('_', ' ')}{by}{error}{_reason(ending.reason)}"
        if event.deliveries:
            yield f"before that: {', '.join(safe(each.executor) for each in event.deliveries)}"

    def _posted(self, event: e.NoticesPosted) -> Iterator[str]:
        self._news.update({notice.id: _news_text(notice) for notice in event.notices})
        yield f"somebody is to be told: {', '.join(map(_news_text, event.notices))}"

    def _told(self, event: e.NoticeDelivered) -> Iterator[str]:
        yield f"somebody was told: {self._news.pop(event.notice, '?')}"

    def _not_told(self, event: e.NoticeFailed) -> Iterator[str]:
        yield f"nobody could be told of {self._news.get(event.notice, '?')}: {failure_text(event.error)}"
        if event.again_at is not None:
            yield f"again at {instant(event.again_at)}"

    def _run_completed(self, _: e.RunCompleted) -> Iterator[str]:
        yield "the run completed"

    def _run_failed(self, event: e.RunFailed) -> Iterator[str]:
        yield f"the run failed: {failure_text(event.error)}"

    def _timed_out(self, event: e.RunTimedOut) -> Iterator[str]:
        yield f"the run timed out: {failure_text(event.error)}"

    def _cancelled(self, event: e.RunCancelled) -> Iterator[str]:
        yield f"{_person(event.by)}cancelled the run{_reason(event.reason)}"

    def _retried(self, event: e.RunRetried) -> Iterator[str]:
        for delivery in self._given_up:
            self._count(delivery)
        self._given_up.clear()
        yield f"{_person(event.by)}retried the run"
        if event.max_iterations:
            yield f"max_iterations is {event.max_iterations}"
        if event.code:
            yield f"with newer code ({event.code[:12]})"

    def _count(self, delivery: str) -> None:
        self._attempts[delivery] = self._attempts.get(delivery, 1) + 1

    _TELL: ClassVar[dict[type, Callable[[Any, Any], Iterator[str]]]] = {
        e.RunStarted: _started,
        e.RunForked: _forked,
        e.RunRewound: _rewound,
        e.DriverStarted: _driver_started,
        e.InvocationsStarted: _invocations_started,
        e.AwaitsKept: _kept,
        e.InvocationSuspended: _waits,
        e.RequestsOpened: _asked,
        e.RequestAnswered: _answered,
        e.InvocationCompleted: _completed,
        e.InvocationFailed: _failed,
        e.InvocationsCutOff: _cut_off,
        e.WokeUp: _woke_up,
        e.MailTaken: _mail_taken,
        e.RunPaused: _paused,
        e.RunResumed: _resumed,
        e.RunBlocked: _blocked,
        e.RunEnding: _ending,
        e.NoticesPosted: _posted,
        e.NoticeDelivered: _told,
        e.NoticeFailed: _not_told,
        e.RunCompleted: _run_completed,
        e.RunFailed: _run_failed,
        e.RunTimedOut: _timed_out,
        e.RunCancelled: _cancelled,
        e.RunRetried: _retried,
        **TELL,
    }


def failure_text(failure: Failure) -> str:
    """Return why something failed, on one line."""
    return f"{safe(failure.type)}: {safe(failure.message)}" if failure.message else safe(failure.type)


def _kept_text(kept: tuple[Kept, ...]) -> str:
    what = [safe(each.what) for each in kept]
    return ", ".join(what[:_MANY]) + (f" and {len(what) - _MANY} more" if len(what) > _MANY else "")


def _wait_text(wait: Wait) -> str:
    at = instant(wait.due_at)
    if wait.kind == "request":
        return f"for an answer to {safe(wait.request or '?')}"
    if wait.kind == "timer":
        return f"until {at}" if at else "for an answer"
    if wait.kind == "poll":
        last = f", last {safe(wait.detail)}" if wait.detail else ""
        return f"after poll {wait.count}{last}, next at {at}"
    return f"for {wait.kind} {safe(wait.detail or '')}".rstrip()


def _news_text(notice: Notice) -> str:
    return safe(" ".join(filter(None, (notice.event, notice.request))))


def _target(joined: Any) -> str:
    return str(joined.group).rpartition(">")[2]


def _person(person: Person | None) -> str:
    name = name_of(person)
    return f"{name} " if name else ""


def _reason(reason: str | None) -> str:
    return f": {safe(reason)}" if reason else ""
