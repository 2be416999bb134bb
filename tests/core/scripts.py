"""Handlers that wait, written as lists of awaits: what a runtime of kept awaits does, in as few words as it takes.

No test here. A script is played by whoever has a `Scene`: the simulation of the core, or an invoker of the engine's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Ask, Kept, Request, Suspension, Wait

__all__ = ["Await", "Does", "Poll", "Question", "RequestExpired", "Scene", "Sleep", "Waiting", "played"]


class RequestExpired(Exception):
    """Nobody has answered in time, and there is no default."""


class Scene(Protocol):
    """What a script sees of its entry: see `Call`, which has all of it."""

    @property
    def started_at(self) -> datetime: ...
    @property
    def kept(self) -> Mapping[str, Sequence[Kept]]: ...
    @property
    def waits(self) -> tuple[Wait, ...]: ...
    @property
    def requests(self) -> tuple[Request, ...]: ...


@dataclass(frozen=True)
class Waiting:
    """What an await comes to that is not over."""

    wait: Wait
    ask: Ask | None = None


class Await(Protocol):
    """One await of a script. Returns its value, or how it is waited for."""

    def step(self, scene: Scene, lane: str, path: str, wait: Wait | None) -> Any: ...


@dataclass(frozen=True)
class Sleep:
    """Wait so many seconds, or until one of the requests is answered that were open when it began."""

    seconds: float

    def step(self, scene: Scene, lane: str, path: str, wait: Wait | None) -> Any:
        now = scene.started_at
        wait = wait or Wait("timer", lane, path, "sleep", now, now + timedelta(seconds=self.seconds))
        assert wait.due_at is not None
        answers = (request.answer for request in scene.requests if request.id in wait.hears)
        if any(answer is not None and answer.at <= wait.due_at for answer in answers):
            return "response"
        return "timer" if wait.due_at <= now else Waiting(wait)


@dataclass(frozen=True)
class Until:
    """Wait until an instant."""

    at: datetime

    def step(self, scene: Scene, lane: str, path: str, wait: Wait | None) -> Any:
        if self.at <= scene.started_at:
            return "timer"
        return Waiting(wait or Wait("timer", lane, path, "until", scene.started_at, self.at))


@dataclass(frozen=True)
class Poll:
    """Check now and then every so many seconds; the status is complete at check number `checks`."""

    every: float
    checks: int
    check: Callable[[], object] = lambda: None

    def step(self, scene: Scene, lane: str, path: str, wait: Wait | None) -> Any:
        now = scene.started_at
        if wait is not None and wait.due_at is not None and now < wait.due_at:
            return Waiting(wait)
        self.check()
        count = (wait.count if wait else 0) + 1
        if count >= self.checks:
            return count
        since = wait.since if wait else now
        return Waiting(Wait("poll", lane, path, "poll", since, now + timedelta(seconds=self.every), count=count))


@dataclass(frozen=True)
class Question:
    """Ask, and wait for the answer. `expires` is in seconds; with `default`, expiry is an answer; `calls`: go on."""

    prompt: str
    expires: float | None = None
    default: Json = None
    calls: bool = False

    def step(self, scene: Scene, lane: str, path: str, wait: Wait | None) -> Any:
        same = (lane, path, self.prompt)
        found = next((r for r in reversed(scene.requests) if (r.ask.lane, r.ask.path, r.ask.prompt) == same), None)
        if found is not None and found.answer is not None:
            if found.answer.expired and not found.ask.has_default:
                raise RequestExpired(self.prompt)
            return found.answer.value
        ask = found.ask if found else self._ask(scene.started_at, lane, path)
        return Waiting(wait or Wait("request", lane, path, "ask", scene.started_at, ask.expires_at), ask)

    def _ask(self, now: datetime, lane: str, path: str) -> Ask:
        expires_at = None if self.expires is None else now + timedelta(seconds=self.expires)
        has_default = self.default is not None
        return Ask(lane, path, self.prompt, (), None, None, expires_at, has_default, self.default, self.calls)


@dataclass(frozen=True)
class Does:
    """Do something, once; what it returns is kept."""

    what: Callable[[], Json]
    lasts: bool = False

    def step(self, scene: Scene, lane: str, path: str, wait: Wait | None) -> Any:
        return self.what()


class _Stretch:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.kept: list[Kept] = []
        self.waits: list[Wait] = []
        self.asks: list[Ask] = []

    def lane(self, lane: str, awaits: Sequence[Await]) -> list[Any]:
        """Play one lane as far as it goes; return the values that it has."""
        before = {entry.path: entry.value for entry in self.scene.kept.get(lane, ())}
        waits = {wait.path: wait for wait in self.scene.waits if wait.lane == lane}
        values: list[Any] = []
        for number, each in enumerate(awaits, 1):
            path = str(number)
            if path in before:
                values.append(before[path])
                continue
            value = each.step(self.scene, lane, path, waits.get(path))
            if isinstance(value, Waiting):
                self.asks += [value.ask] if value.ask else []
                if not (value.ask and value.ask.calls):
                    self.waits.append(value.wait)
                    break
                value = None
            self.kept.append(Kept(lane, path, type(each).__name__, value=value, lasts=getattr(each, "lasts", False)))
            values.append(value)
        return values


def played(scene: Scene, *lanes: Sequence[Await]) -> Suspension | list[list[Any]]:
    """Play a script from its top: return the values of each lane's awaits, or what it leaves when it suspends."""
    names = [""] if len(lanes) == 1 else [f"/1~{number}" for number in range(len(lanes))]
    stretch = _Stretch(scene)
    values = [stretch.lane(name, awaits) for name, awaits in zip(names, lanes, strict=True)]
    if stretch.waits:
        return Suspension(tuple(stretch.kept), tuple(stretch.waits), tuple(stretch.asks))
    return values
