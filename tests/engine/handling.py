"""Support for the engine's tests: handlers as plain functions, engines on a memory store, a world to look at."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.commands import Effects, Send, Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import Direct, EdgeGroup, ExecutorSpec, RetryPolicy, Workflow
from lrwf_cli.core.run import Failure, Origin, Run
from lrwf_cli.core.suspended import Answer, Suspension
from lrwf_cli.engine.beside import Backgrounds
from lrwf_cli.engine.given import Assembly, Observer, Process
from lrwf_cli.engine.limits import MARGIN
from lrwf_cli.engine.passes import Engine, Outcome
from lrwf_cli.engine.telling import Tell
from lrwf_cli.executors.base import Call, Desk, Failed, Result
from lrwf_cli.store.base import Frame, Held, Letter, NewRun, Store
from tests.core.scripts import Await, played

Handler = Callable[[Call], Awaitable[Result]]

MOMENT = timedelta(milliseconds=5)
"""A limit that is soon past, in real time."""

SOON = MOMENT - MARGIN
"""A grace after which a handler is given up on at once: the margin is taken back."""

ORIGIN = Origin(flow="flow.yaml", folder=".", cwd=".", python="python3")


class Handlers:
    """An invoker whose handlers are functions; remembers each call in the order in which they were made.

    `desks` are those of the newest invocation of each executor.
    """

    def __init__(self, **handlers: Handler) -> None:
        self.handlers = handlers
        self.calls: list[Call] = []
        self.desks: dict[str, Desk] = {}

    async def invoke(self, call: Call, desk: Desk) -> Result:
        self.calls.append(call)
        self.desks[call.delivery.executor] = desk
        return await self.handlers[call.delivery.executor](call)

    def names(self) -> list[str]:
        """The executors in the order of their calls."""
        return [call.delivery.executor for call in self.calls]


def sends(*values: Any) -> Handler:
    """A handler that sends `values`."""

    async def handler(_: Call) -> Effects:
        return Effects(sends=tuple(Send(value, ordinal=n) for n, value in enumerate(values)))

    return handler


def passes_on() -> Handler:
    """A handler that sends what it got."""

    async def handler(call: Call) -> Effects:
        return Effects(sends=(Send(call.delivery.message),))

    return handler


def fails(times: int, error: str = "OSError") -> Handler:
    """A handler that fails so often, then sends how often it was tried."""

    async def handler(call: Call) -> Effects | Failed:
        if call.attempt <= times:
            return Failed(Failure(error, "boom", call.delivery.executor, call.attempt))
        return Effects(sends=(Send(call.attempt),))

    return handler


def waits_for(event: asyncio.Event, then: Handler) -> Handler:
    """A handler that waits until `event` is set."""

    async def handler(call: Call) -> Result:
        await event.wait()
        return await then(call)

    return handler


def graph(*edges: EdgeGroup, start: str = "a", retry: RetryPolicy | None = None, **limits: Any) -> Workflow:
    """A workflow of whatever executors the edges name."""
    names = {start: None}
    for edge in edges:
        sources = getattr(edge, "sources", None) or (edge.source,)  # type: ignore[union-attr]
        targets = getattr(edge, "targets", None) or (edge.target,)  # type: ignore[union-attr]
        names |= dict.fromkeys((*sources, *targets))
    specs = {name: ExecutorSpec(name, retry=retry or RetryPolicy()) for name in names}
    return Workflow("test", specs, start, edges, **limits)


def chain(*names: str, **limits: Any) -> Workflow:
    """A workflow of one executor after the other."""
    edges = [Direct(a, b) for a, b in pairwise(names)]
    return graph(*edges, start=names[0], **limits)


def plays(*lanes: Sequence[Await]) -> Handler:
    """A handler that plays a script (see `tests.core.scripts`), then sends the values of its awaits."""

    async def handler(call: Call) -> Result:
        found = played(call, *lanes)
        if isinstance(found, Suspension):
            return found
        return await sends(*(value for values in found for value in values))(call)

    return handler


def one(name: str = "a", /, **spec: Any) -> Workflow:
    """A workflow of one executor."""
    return Workflow("test", {name: ExecutorSpec(name, **spec)}, name)


class World:
    """A store, a clock, and processes that drive: each `process()` is a new one."""

    def __init__(self, store: Store, workflow: Workflow, handlers: Handlers, tell: Tell | None = None) -> None:
        self.tell = tell
        self.backgrounds: Backgrounds | None = None
        self._letters = 0
        self.store = store
        self.clock = ManualClock()
        self.workflow = workflow
        self.handlers = handlers
        self.boot_id = "boot-1"
        self.observers: list[Observer] = []

    def process(self, *, jobs: int = 4, **more: Any) -> Engine:
        """A process that has just begun."""
        return Engine(
            self.store,
            self.clock,
            lambda _held, _definition: self.assembly(),
            process=Process(self.boot_id),
            jobs=jobs,
            observe=self._observe,
            **more,
        )

    def _observe(self, frame: Frame, run: Run) -> None:
        for observe in self.observers:
            observe(frame, run)

    def assembly(self) -> Assembly:
        """What it takes to drive the run."""
        return Assembly(self.workflow, self.handlers, self.tell, self.backgrounds)

    def create(self, run_id: str = "r", message: Any = None) -> Held:
        """Publish a run, held."""
        events = decide(self.workflow, None, Start(run_id, message, ORIGIN), self.clock.now())
        return self.store.create(NewRun(run_id, "name: test\n", events, self.clock.now()))

    def begin(self, run_id: str = "r", message: Any = None, *, jobs: int = 4) -> Run:
        """Begin a run and drive it as far as it goes."""
        return asyncio.run(self.process(jobs=jobs).begin(self.create(run_id, message), self.assembly()))

    def tick(self) -> list[str]:
        """One tick; the statuses of the runs that it drove, or what was wrong with them."""
        due = [each.run_id for each in self.store.due(self.clock.now())]
        outcomes = asyncio.run(self.process().tick(due))
        return [_told(outcome) for outcome in outcomes]

    def answer(self, request: str, value: Any = None, *, run_id: str = "r") -> Answer:
        """Answer as another process does; the answer that stands."""
        letter = self.letter("answered", {"request": request}, run_id=run_id)
        return self.store.answer(letter, request, Answer(self.clock.now(), value))

    def letter(self, kind: str, data: Any = None, *, run_id: str = "r") -> Letter:
        """A letter as of now."""
        self._letters += 1
        now, epoch = self.clock.now(), self.store.load(run_id).epoch
        return Letter(f"letter-{self._letters}", run_id, kind, now, epoch, data=data)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.jump(timedelta(seconds=seconds))


def _told(outcome: Outcome) -> str:
    if outcome.error:
        return type(outcome.error).__name__
    return outcome.run.status if outcome.run else "busy"
