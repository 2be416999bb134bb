"""From the frames of a run to its agenda: which events are told, in which words, and what is left out.

Left out is what says nothing to people: wake-ups, mail, kept awaits, the beginning of what ends at the same instant,
and all checks of a poll but the first and the last that find the same.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from lrwf_cli.cli.expecting import answer_text, question, value_text
from lrwf_cli.cli.render import duration_text, safe
from lrwf_cli.cli.story import failure_text
from lrwf_cli.core import events as e
from lrwf_cli.core.outside import open_requests
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Request, Wait
from lrwf_cli.store.base import Frame
from lrwf_cli.testing.agenda import Agenda, Entry

__all__ = ["Recorder"]


class _Line(msgspec.Struct):
    """A line that may still change. `order` is its place among those of the same instant."""

    order: int
    entry: Entry
    is_shown: bool = True


class _Asked(msgspec.Struct):
    """A poll that goes on: what it found last, and the line that says how often it has found that again."""

    wait: Wait
    again: _Line | None = None
    times: int = 0


class Recorder:
    """Is told each frame of one run, and writes its agenda. `resolve` gives values that are kept elsewhere."""

    def __init__(self, resolve: Callable[[Any], Any]) -> None:
        self._resolve = resolve
        self._lines: list[_Line] = []
        self._count = 0
        self._at = self._start = datetime.min.replace(tzinfo=UTC)
        self._executors: dict[str, str] = {}
        self._began: dict[str, _Line] = {}
        self._waits: dict[str, tuple[Wait, ...]] = {}
        self._polls: dict[tuple[str, str, str], _Asked] = {}
        self._requests: dict[str, Request] = {}
        self._news: dict[str, str] = {}

    def __call__(self, frame: Frame, run: Run) -> None:
        """Take note of a frame, with the run as of it. As `Observer`."""
        self._at = frame.at
        for event in frame.events:
            tell = self._TELL.get(type(event))
            if tell is not None:
                tell(self, event, run)

    def agenda(self, run: Run, zone: tzinfo | None) -> Agenda:
        """Return what was noted, and what an unfinished run is left waiting for."""
        for line in self._began.values():
            line.is_shown = True
        if not run.is_final:
            self._left(run)
        shown = [line for line in self._lines if line.is_shown]
        shown.sort(key=lambda line: (line.entry.at, line.order))
        return Agenda(tuple(line.entry for line in shown), zone)

    def note(self, event: str, detail: str, executor: str | None = None, *, is_shown: bool = True) -> _Line:
        """Add a line for this instant."""
        line = _Line(0, Entry(self._at, self._at - self._start, event, detail, executor), is_shown)
        self._lines.append(line)
        self._move(line)
        return line

    def _move(self, line: _Line) -> None:
        """Have a line be the newest one."""
        self._count += 1
        line.order = self._count
        line.entry = replace(line.entry, at=self._at, after=self._at - self._start)

    def _left(self, run: Run) -> None:
        if run.in_flight:
            names = ", ".join(sorted({self._name(delivery) for delivery in self._began}))
            self.note("stuck", f"nothing would ever end what is at work: {names}")
        elif run.status == "waiting":
            names = ", ".join(safe(each.id) for each in open_requests(run))
            self.note("waiting", f"the run waits for an answer to {names}" if names else "the run waits")

    def _name(self, delivery: str) -> str:
        return safe(self._executors.get(delivery, "?"))

    def _value(self, value: Any) -> str:
        return value_text(self._resolve(value))

    def _run_started(self, event: e.RunStarted, _: Run) -> None:
        self._start = self._at
        self._executors[event.delivery.id] = event.delivery.executor
        given = plain(self._resolve(event.input))
        self.note("began", f"the run begins on {self._at:%Y-%m-%d}" + (f" with {self._value(given)}" if given else ""))

    def _invocations_started(self, event: e.InvocationsStarted, run: Run) -> None:
        for delivery in event.deliveries:
            invocation = run.started.get(delivery)
            if invocation is None or delivery in self._waits:
                continue
            attempt = f", attempt {invocation.attempt}" if invocation.attempt > 1 else ""
            self._began[delivery] = self.note("began", f"begins{attempt}", self._name(delivery), is_shown=False)

    def _is_over(self, delivery: str) -> None:
        """Show when something began if that is not now."""
        began = self._began.pop(delivery, None)
        if began is not None:
            began.is_shown = began.entry.at != self._at

    def _suspended(self, event: e.InvocationSuspended, _: Run) -> None:
        self._is_over(event.delivery)
        before = self._waits.get(event.delivery, ())
        self._waits[event.delivery] = event.waits
        self._asks(event.requests)
        for wait in event.waits:
            if wait in before or wait.kind == "request":
                continue
            if wait.kind == "poll":
                self._checked(event.delivery, wait)
            else:
                what = f"waits {self._until(wait.due_at)}" if wait.due_at else "waits for an answer"
                self.note("waits", what, self._name(event.delivery))

    def _checked(self, delivery: str, wait: Wait) -> None:
        key = (delivery, wait.lane, wait.path)
        known = self._polls.get(key)
        found, again = safe(wait.detail or "nothing"), f"again in {self._until(wait.due_at)}"
        if known is None or known.wait.detail != wait.detail or known.wait.since != wait.since:
            self._polls[key] = _Asked(wait)
            self.note("checked", f"not yet: {found}; {again}", self._name(delivery))
            return
        known.times += 1
        if known.again is None:
            known.again = self.note("checked", "", self._name(delivery))
        self._move(known.again)
        known.again.entry = replace(known.again.entry, detail=f"still {found} at check {wait.count}; {again}")

    def _until(self, at: datetime | None) -> str:
        """Return how long it is to an instant; below a minute with tenths, which tell a jitter from none."""
        if at is None:
            return "some time"
        pause = (at - self._at).total_seconds()
        return f"{round(pause, 1):g}s" if pause < 60 else duration_text(at - self._at)

    def _requests_opened(self, event: e.RequestsOpened, _: Run) -> None:
        self._asks(event.requests)

    def _asks(self, requests: tuple[Request, ...]) -> None:
        for request in requests:
            self._requests[request.id] = request
            expires = f", expires in {self._until(request.ask.expires_at)}" if request.ask.expires_at else ""
            self.note("asked", f"asks: {question(request)}{expires}{_as(request)}", safe(request.executor))

    def _request_answered(self, event: e.RequestAnswered, _: Run) -> None:
        if event.delivery is not None:
            self._executors[event.delivery.id] = event.delivery.executor
        request = self._requests[event.request]
        word, verb = ("expired", "expired") if event.answer.expired else ("answered", "answered")
        self.note(word, f"{verb}: {answer_text(request, event.answer)}{_as(request)}", safe(request.executor))

    def _completed(self, event: e.InvocationCompleted, _: Run) -> None:
        self._is_over(event.delivery)
        name = self._name(event.delivery)
        self._forget(event.delivery)
        for delivery in event.deliveries:
            self._executors[delivery.id] = delivery.executor
        self.note("done", "; ".join(["done", *self._effects(event)]), name)
        self._asks(event.requests)

    def _effects(self, event: e.InvocationCompleted) -> Iterator[str]:
        sent = [(delivery.executor, delivery.message) for delivery in event.deliveries if delivery.joined is None]
        sent += [(joined.group.rpartition(">")[2], joined.message) for joined in event.joined]
        if sent:
            targets = ", ".join(dict.fromkeys(safe(target) for target, _ in sent))
            values = list(dict.fromkeys(self._value(message) for _, message in sent))
            what = values[0] if len(values) == 1 else f"{len(values)} messages"
            yield f"sends {what} to {targets}"
        for output in event.outputs:
            yield f"yields {self._value(output.value)}"
        for dropped in event.dropped:
            yield f"no edge takes {self._value(dropped.message)}"
        if event.state:
            yield f"sets {', '.join(safe(change.key) for change in event.state)}"

    def _failed(self, event: e.InvocationFailed, _: Run) -> None:
        self._is_over(event.delivery)
        self._forget(event.delivery)
        if event.handled is not None:
            self._executors[event.handled.id] = event.handled.executor
            then = f"; {safe(event.handled.executor)} handles it"
        else:
            then = f"; again in {self._until(event.retry_at)}" if event.retry_at is not None else ", for good"
        self.note("failed", f"fails: {failure_text(event.error)}{then}", self._name(event.delivery))

    def _forget(self, delivery: str) -> None:
        self._waits.pop(delivery, None)
        self._polls = {key: asked for key, asked in self._polls.items() if key[0] != delivery}

    def _ending(self, event: e.RunEnding, _: Run) -> None:
        for delivery in event.deliveries:
            self._executors[delivery.id] = delivery.executor
        verdict = event.ending.verdict.replace("_", " ")
        error = f": {failure_text(event.ending.error)}" if event.ending.error else ""
        self.note("ending", f"the run is to be {verdict}{error}")

    def _posted(self, event: e.NoticesPosted, _: Run) -> None:
        for notice in event.notices:
            self._news[notice.id] = " ".join(filter(None, (notice.event, notice.request)))

    def _told(self, event: e.NoticeDelivered, _: Run) -> None:
        self.note("notified", f"somebody is told: {safe(self._news.pop(event.notice, '?'))}")

    def _ended(self, event: Any, _: Run) -> None:
        error = f": {failure_text(event.error)}" if getattr(event, "error", None) else ""
        word = e.name_of(event).removeprefix("run_")
        verb = "is" if word in {"blocked", "cancelled"} else "has" if word == "timed_out" else ""
        self.note(word, " ".join(filter(None, ("the run", verb, word.replace("_", " ")))) + error)

    _TELL: ClassVar[dict[type, Callable[[Any, Any, Run], None]]] = {
        e.RunStarted: _run_started,
        e.InvocationsStarted: _invocations_started,
        e.InvocationSuspended: _suspended,
        e.RequestsOpened: _requests_opened,
        e.RequestAnswered: _request_answered,
        e.InvocationCompleted: _completed,
        e.InvocationFailed: _failed,
        e.RunEnding: _ending,
        e.NoticesPosted: _posted,
        e.NoticeDelivered: _told,
        e.RunBlocked: _ended,
        e.RunCompleted: _ended,
        e.RunFailed: _ended,
        e.RunTimedOut: _ended,
        e.RunCancelled: _ended,
    }


def _as(request: Request) -> str:
    """Return what a request is called, where that is not what its executor is called."""
    return "" if request.id == request.executor else f" ({safe(request.id)})"
