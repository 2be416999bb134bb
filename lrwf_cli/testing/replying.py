"""The people of a simulation: they answer a request when the scenario says, whether or not a process drives the run.

Answers are given as `lrwf respond` gives them: checked against what is asked, left by letter, the first one stands.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

import msgspec

from lrwf_cli.core.model import Json
from lrwf_cli.core.outside import request_status
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Answer, Request
from lrwf_cli.engine.passes import Engine
from lrwf_cli.errors import FlowError, ResponseRefused
from lrwf_cli.flow.answers import Given, fitted
from lrwf_cli.store.base import Letter, Store
from lrwf_cli.testing.clock import VirtualClock
from lrwf_cli.testing.scenario import Reply, Scenario, reply_to

__all__ = ["People"]

_SOMEBODY = "somebody"


class _Pending(NamedTuple):
    at: datetime
    number: int
    request: Request
    reply: Reply


class People:
    """Whoever answers the requests of one run. Is told each frame (`meet`)."""

    def __init__(self, scenario: Scenario, store: Store, clock: VirtualClock) -> None:
        self._scenario = scenario
        self._store = store
        self._clock = clock
        self._numbers = count(1)
        self._met: set[str] = set()
        self._pending: list[_Pending] = []
        self._run: Run | None = None
        self._engine: Engine | None = None
        self._broken: FlowError | None = None

    def meet(self, run: Run) -> None:
        """Take note of what is asked; whoever answers will, in time."""
        self._run = run
        for request in run.requests.values():
            if request.id not in self._met:
                self._met.add(request.id)
                self._plan(request)

    def _plan(self, request: Request) -> None:
        number = int(request.id.removeprefix(f"{request.executor}.")) if request.id != request.executor else 1
        reply = reply_to(self._scenario, request.executor, number)
        if reply is not None:
            planned = _Pending(request.opened_at + reply.after, next(self._numbers), request, reply)
            self._pending.append(planned)
            if self._engine is not None:
                self._arm(planned.at)

    def next_at(self) -> datetime | None:
        """Return when somebody answers next; `None`: nobody will."""
        return min((each.at for each in self._pending), default=None)

    @contextmanager
    def beside(self, engine: Engine) -> Iterator[None]:
        """Answer while `engine` drives the run, too. In a running loop."""
        self._engine = engine
        for each in self._pending:
            self._arm(each.at)
        try:
            yield
        finally:
            self._engine = None
        if self._broken is not None:
            raise self._broken

    def _arm(self, at: datetime) -> None:
        pause = max(at - self._clock.now(), timedelta())
        asyncio.get_running_loop().call_later(pause.total_seconds(), self._give_beside)

    def _give_beside(self) -> None:
        """Give the answers that are due while the run is driven; one that does not fit ends the simulation."""
        if self._engine is None:
            return
        try:
            self.give()
        except FlowError as error:
            self._broken = error
            self._engine.stop()
        self._engine.look()

    def give(self) -> None:
        """Give the answers that are due. Raises FlowError for one that does not fit what was asked."""
        now = self._clock.now()
        due = sorted(each for each in self._pending if each.at <= now)
        self._pending = [each for each in self._pending if each.at > now]
        for each in due:
            assert self._run is not None  # noqa: S101 - it has asked
            asked = self._run.requests.get(each.request.id)
            if asked is not None and request_status(self._run, asked) == "open":
                self._answer(self._run, each)

    def _answer(self, run: Run, planned: _Pending) -> None:
        request, reply, now = planned.request, planned.reply, self._clock.now()
        given = _given(request, reply)
        by = reply.by or next(iter(request.ask.allowed_users), _SOMEBODY)
        answer = Answer(now, given.value, given.data, reply.comment, Person(user=by, name=by))
        letter = Letter(
            f"answer{planned.number}", run.id, "answered", now, run.epoch, answer.by, data={"request": request.id}
        )
        self._store.answer(letter, request.id, answer)


def _given(request: Request, reply: Reply) -> Given:
    """Return an answer as it is kept. Raises FlowError, with the place in the scenario, if it does not fit."""
    where = f"{reply.place}: " if reply.place else ""
    allowed = request.ask.allowed_users
    if reply.by is not None and allowed and reply.by not in allowed:
        hint = f"one of these may: {', '.join(allowed)}"
        raise FlowError((f"{where}{reply.by} may not answer {request.id}", hint))
    text = reply.value if reply.value is None or isinstance(reply.value, str) else _text(reply.value)
    try:
        return fitted(request.ask, text, reply.data)
    except ResponseRefused as error:
        raise FlowError((f"{where}{request.id}: {error.message}", error.hint)) from None


def _text(value: Json) -> str:
    """Return a value that is no text as it is typed: a scenario has numbers where a command line has their digits."""
    return msgspec.json.encode(value).decode()
