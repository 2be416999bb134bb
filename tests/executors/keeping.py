"""A keeper in memory, of one lane: enough to see what `ctx` does when it is reached, suspends and comes by again."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from msgspec.structs import replace

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json, Workflow
from lrwf_cli.core.run import Delivery, StateEntry
from lrwf_cli.core.suspended import Answer, Ask, Request, Wait
from lrwf_cli.executors.api import Executor, FunctionExecutor, handlers_of
from lrwf_cli.executors.base import Call
from lrwf_cli.executors.context.context import Context
from lrwf_cli.executors.context.keeper import Place, Step, Waiting
from lrwf_cli.executors.seat import settled

START = datetime(2026, 1, 1, tzinfo=UTC)


class Suspended(BaseException):
    """The lane waits."""


@dataclass
class Progress:
    """A desk that remembers."""

    said: list[tuple[float | None, float | None, str | None]] = field(default_factory=list)

    async def keep(self, kept: object) -> None: ...

    def progress(self, current: float | None, total: float | None, message: str | None) -> None:
        self.said.append((current, total, message))


class Unkept:
    """A keeper that keeps nothing: what a plain handler has."""

    lane = ""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock

    @property
    def now(self) -> datetime:
        return self._clock.now()

    def act(self, act: Json) -> None: ...

    async def own(self, what: str, args: tuple[Any, ...], step: Step) -> Any:
        raise AssertionError(what)

    def note(self, what: str, make: Callable[[Place | None], Json]) -> Json:
        return make(None)

    async def once(
        self, what: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        raise AssertionError(what)


class MemoryKeeper:
    """One entry of a handler; what it keeps outlives it in `stay`."""

    lane = ""

    def __init__(self, stay: "Stay") -> None:
        self.stay = stay
        self._ordinals = count(1)

    @property
    def now(self) -> datetime:
        return self.stay.clock.now()

    def act(self, act: Json) -> None: ...

    async def own(self, what: str, args: tuple[Any, ...], step: Step) -> Any:
        place = Place("", str(next(self._ordinals)))
        if place.path in self.stay.kept:
            value, error = self.stay.kept[place.path]
            if error is not None:
                raise error
            return value
        try:
            value = await step(place, self.stay.waits.get(place.path))
        except Exception as error:
            self.stay.kept[place.path] = (None, error)
            raise
        if isinstance(value, Waiting):
            self.stay.waiting = value
            raise Suspended
        self.stay.kept[place.path] = (value, None)
        return value

    def note(self, what: str, make: Callable[[Place | None], Json]) -> Json:
        place = Place("", str(next(self._ordinals)))
        value, _ = self.stay.kept.setdefault(place.path, (make(place), None))
        return value

    async def once(
        self, what: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        if what not in self.stay.steps:
            self.stay.steps[what] = await settled(function(*args, **kwargs))
        return self.stay.steps[what]


@dataclass
class Stay:
    """A handler from its start to its end, over as many entries as it takes; the clock jumps to what is due."""

    handler: Callable[[Any, Any], Awaitable[Any]] | Executor
    message: Json = None
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    call: dict[str, Any] = field(default_factory=dict)
    codec: Codec = field(default_factory=Codec)
    kept: dict[str, tuple[Any, Exception | None]] = field(default_factory=dict)
    steps: dict[str, Any] = field(default_factory=dict)
    waits: dict[str, Wait] = field(default_factory=dict)
    requests: dict[str, Request] = field(default_factory=dict)
    desk: Progress = field(default_factory=Progress)
    waiting: Waiting | None = None
    entries: int = 0
    ctx: Any = None

    def context(self) -> Context:
        """Return a context for the next entry."""
        made = self.handler if isinstance(self.handler, Executor) else FunctionExecutor(self.handler)
        facts: dict[str, Any] = {
            "run_id": "run-1",
            "workflow": "flow",
            "delivery": Delivery("d", "a", 1, self.message),
            "attempt": 1,
            "maybe_done": False,
            "idempotency_key": "key",
            "started_at": self.clock.now(),
            "input": {},
            "state": {},
            "waits": tuple(self.waits.values()),
            "requests": tuple(self.requests.values()),
        }
        return Context(
            Call(**(facts | self.call)),
            handlers_of(made).all[0],
            handlers=handlers_of(made),
            workflow=Workflow("flow", {}, "a"),
            codec=self.codec,
            keeper=MemoryKeeper(self),
            desk=self.desk,
        )

    async def enter(self) -> tuple[bool, Any]:
        """Run the handler once; return whether it has ended, and what it returned."""
        self.entries += 1
        self.ctx = self.context()
        made = self.handler
        function = getattr(made, handlers_of(made).all[0].attribute) if isinstance(made, Executor) else made
        try:
            return True, await function(self.message, self.ctx)
        except Suspended:
            self.suspend()
            return False, None

    async def end(self) -> Any:
        """Run the handler to its end; time goes to the next instant that it waits for."""
        while True:
            ended, value = await self.enter()
            if ended:
                return value
            self.jump()

    def jump(self) -> None:
        """Let the time come that the handler waits for."""
        due = min(wait.due_at for wait in self.waits.values() if wait.due_at is not None)
        self.clock.jump(max(due - self.clock.now(), timedelta()))
        for request in self.requests.values():
            if request.is_open and request.ask.expires_at is not None and request.ask.expires_at <= self.clock.now():
                self.answer(Answer(self.clock.now(), request.ask.default, expired=True), request.id)
                break

    def suspend(self) -> None:
        """Remember what is waited for, as the core would: requests get their ids."""
        assert self.waiting is not None
        wait = self.waiting.wait
        if self.waiting.ask is not None:
            wait = replace(wait, request=self.open(self.waiting.ask))
        for ask in self.ctx.asks:
            self.open(ask)
        open_ones = tuple(r.id for r in self.requests.values() if r.is_open)
        self.waits = {wait.path: replace(wait, hears=open_ones) if wait.kind == "timer" else wait}

    def open(self, ask: Ask) -> str:
        """Open a request, or find the one that was opened."""
        for request in self.requests.values():
            if (request.ask.lane, request.ask.path, request.ask.prompt) == (ask.lane, ask.path, ask.prompt):
                return request.id
        name = f"a.{len(self.requests) + 1}"
        self.requests[name] = Request(name, "a", "d", ask, self.clock.now())
        return name

    def answer(self, answer: Any, name: str | None = None, **more: Any) -> None:
        """Answer the newest request, or the one of that name."""
        name = name or list(self.requests)[-1]
        made = answer if isinstance(answer, Answer) else Answer(self.clock.now(), answer, **more)
        self.requests[name] = replace(self.requests[name], answer=made)


def state(**values: Json) -> dict[str, StateEntry]:
    """Return shared state, all of version 1."""
    return {key: StateEntry(value) for key, value in values.items()}
