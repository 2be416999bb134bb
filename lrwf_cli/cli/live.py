"""The live picture of a run on a terminal: a line an executor, erased at the end. The only home of rich.

What it shows comes from durable frames only. The driver's thread writes rows, the picture's thread reads them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, ClassVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from lrwf_cli.cli.expecting import glance
from lrwf_cli.cli.layout import clip
from lrwf_cli.cli.render import duration_text, safe
from lrwf_cli.core import events as e
from lrwf_cli.core.outside import Expected, expected_of
from lrwf_cli.core.run import Run
from lrwf_cli.store.base import Frame

__all__ = ["Board", "picture"]

_SPARE_LINES = 3
_LONGEST_NAME = 40
_COLOURS = {"running": "cyan", "waiting": "blue", "completed": "green", "failed": "red"}


class _Row:
    """How one executor is getting on."""

    def __init__(self) -> None:
        self.running = 0
        self.completed = 0
        self.failed = 0
        self.attempt = 1
        self.since: datetime | None = None
        self.waits: dict[str, list[Expected]] = {}
        self.has_given_up = False

    @property
    def state(self) -> str:
        if self.running:
            return "running"
        if self.has_given_up:
            return "failed"
        if self.waits:
            return "waiting"
        return "completed" if self.completed else "pending"

    def facts(self, now: datetime) -> str:
        """Return what there is to say about it besides its state."""
        facts = [duration_text(now - self.since)] if self.running and self.since else []
        facts += [self._wait(now)] if self.state == "waiting" else []
        facts += [f"attempt {self.attempt}"] if self.attempt > 1 and self.state != "waiting" else []
        facts += [f"{self.running} at once"] if self.running > 1 else []
        facts += [f"{self.completed} done"] if self.completed > 1 or (self.completed and self.running) else []
        facts += [f"{self.failed} failed"] if self.failed else []
        return ", ".join(facts)

    def _wait(self, now: datetime) -> str:
        """Return what it waits for first, and for how much more."""
        found = sorted(
            (each for waits in list(self.waits.values()) for each in waits),
            key=lambda each: (each.due_at is None, each.due_at, each.id),
        )
        return (glance(found[0], now) if found else "") + (f" and {len(found) - 1} more" if len(found) > 1 else "")


class Board:
    """Follows a run, frame by frame. What a frame costs does not grow with the run."""

    def __init__(self, run: Run) -> None:
        self.meet(run)

    def meet(self, run: Run) -> None:
        """Begin anew from `run`."""
        self._run_id = run.id
        self._began = run.started_at
        self._executors: dict[str, str] = {}
        self._rows = {executor: _Row() for executor in run.executors}
        for executor, tally in run.tallies.items():
            self._rows[executor].completed = tally.completed
            self._rows[executor].failed = tally.failed
        for invocation in (*run.open_invocations(), *run.failed.values()):
            delivery = invocation.delivery
            self._executors[delivery.id] = delivery.executor
            self._rows[delivery.executor].attempt = invocation.attempt
        for delivery_id in run.waiting:
            self._waits(delivery_id, run)

    def __call__(self, frame: Frame, run: Run) -> None:
        """Take note of a durable frame."""
        for event in frame.events:
            note = self._NOTE.get(type(event))
            if note is not None:
                note(self, event, frame.at, run)

    def _waits(self, delivery: str, run: Run) -> None:
        """Take note of what a delivery waits for, if it still does as of the frame."""
        if delivery in run.waiting:
            self._of(delivery).waits[delivery] = list(expected_of(run, run.waiting[delivery]))

    def _of(self, delivery: str) -> _Row:
        """Return the row that a delivery counts in; one that nobody sees if others made it meanwhile."""
        return self._rows.get(self._executors.get(delivery, ""), _Row())

    def _started(self, event: e.InvocationsStarted, at: datetime, _: Run) -> None:
        for delivery in event.deliveries:
            row = self._of(delivery)
            row.running += 1
            row.since = at
            row.waits.pop(delivery, None)

    def _suspended(self, event: e.InvocationSuspended, _: datetime, run: Run) -> None:
        row = self._of(event.delivery)
        row.running = max(0, row.running - 1)
        self._waits(event.delivery, run)

    def _asked(self, event: e.RequestsOpened, _: datetime, run: Run) -> None:
        for delivery in event.waits:
            self._waits(delivery, run)

    def _answered(self, event: e.RequestAnswered, _: datetime, run: Run) -> None:  # noqa: ARG002 - as its siblings
        if event.delivery is not None:
            self._executors[event.delivery.id] = event.delivery.executor

    def _woke(self, event: e.WokeUp, _: datetime, run: Run) -> None:  # noqa: ARG002 - the same
        for delivery in event.deliveries:
            self._of(delivery).waits.pop(delivery, None)

    def _completed(self, event: e.InvocationCompleted, _: datetime, run: Run) -> None:  # noqa: ARG002 - the same
        row = self._of(event.delivery)
        self._executors.pop(event.delivery, None)
        row.running = max(0, row.running - 1)
        row.completed += 1
        row.attempt = 1
        for delivery in event.deliveries:
            self._executors[delivery.id] = delivery.executor

    def _failed(self, event: e.InvocationFailed, _: datetime, run: Run) -> None:
        row = self._of(event.delivery)
        row.waits.pop(event.delivery, None)
        row.running = max(0, row.running - 1)
        row.failed += 1
        if event.retry_at is not None:
            row.attempt += 1
            self._waits(event.delivery, run)
        elif event.handled is not None:
            self._executors[event.handled.id] = event.handled.executor
        else:
            row.has_given_up = True

    def _ending(self, event: e.RunEnding, _: datetime, run: Run) -> None:  # noqa: ARG002 - the same
        for row in self._rows.values():
            row.running = 0
        self._executors.update({delivery.id: delivery.executor for delivery in event.deliveries})

    def _cut_off(self, event: e.InvocationsCutOff, _: datetime, run: Run) -> None:  # noqa: ARG002 - the same
        for delivery in event.deliveries:
            row = self._of(delivery)
            row.running = max(0, row.running - 1)
            row.attempt += 1

    _NOTE: ClassVar[dict[type, Callable[[Any, Any, datetime, Run], None]]] = {
        e.InvocationsStarted: _started,
        e.InvocationSuspended: _suspended,
        e.InvocationCompleted: _completed,
        e.InvocationFailed: _failed,
        e.InvocationsCutOff: _cut_off,
        e.RequestsOpened: _asked,
        e.RequestAnswered: _answered,
        e.WokeUp: _woke,
        e.RunEnding: _ending,
    }

    def lines(self, now: datetime, *, height: int) -> Iterator[tuple[str, str, str, str]]:
        """Yield name, state, facts and colour of each executor; when there is no room for all, of those at work."""
        rows = [(executor, row, row.state) for executor, row in self._rows.items()]
        if len(rows) > height:
            rows = [each for each in rows if each[2] not in {"completed", "pending"}][: height - 1]
        for executor, row, state in rows:
            yield clip(safe(executor), _LONGEST_NAME), state, row.facts(now), _COLOURS.get(state, "dim")
        if left := len(self._rows) - len(rows):
            yield f"and {left} more", "", "", ""

    def heading(self, now: datetime) -> str:
        """Return the line above the executors."""
        return f"{self._run_id}  {duration_text(now - self._began)}"


@contextmanager
def picture(run: Run) -> Iterator[Board]:
    """Draw `run` on the terminal until the end of the context; then the terminal is as it was."""
    board = Board(run)
    console = Console(stderr=True, highlight=False)

    def draw() -> RenderableType:
        now = datetime.now(UTC)
        table = Table.grid(padding=(0, 2))
        for name, state, facts, colour in board.lines(now, height=console.size.height - _SPARE_LINES):
            table.add_row(Text(f"  {name}"), Text(state, colour), Text(facts, "dim"))
        return Group(Text(board.heading(now), "bold"), table)

    live = Live(get_renderable=draw, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    with live:
        yield board
