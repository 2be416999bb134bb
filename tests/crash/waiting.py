"""Scenarios that wait: kept awaits, polls, timers, retries, questions, limits and news, each with what it does outside.

Their handlers are scripts (see `tests.core.scripts`) at the level of the invoker. What a script does outside goes over
the desk, which tells the history.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from lrwf_cli.clock import Clock
from lrwf_cli.core.commands import Effects, Start, StateWrite
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import Direct, ExecutorSpec, FanIn, FanOut, Json, RetryPolicy, Workflow
from lrwf_cli.core.run import Failure, Notice, Run
from lrwf_cli.core.suspended import Kept, Suspension, Wait
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.base import Call, Desk, Failed, Result
from lrwf_cli.store.base import Held, NewRun, Store
from tests.core.scripts import Await, Poll, Question, Scene, Sleep, played
from tests.crash.flows import ORIGIN, sends
from tests.crash.witness import WitnessDesk
from tests.crash.worlds import RUN, News

__all__ = ["CANCELLED", "EAGER", "LATE", "TOLD", "WAITING", "Script", "Waiting"]

MINUTE = 60.0


@dataclass(frozen=True)
class Doing:
    """Do something outside."""

    desk: WitnessDesk | None = None

    def step(self, scene: Scene, lane: str, path: str, wait: Wait | None) -> Any:
        assert self.desk
        self.desk.did(path)


@dataclass(frozen=True)
class Script:
    """What a handler awaits: `eager` ones first, each kept at once, then `then`. The first attempts may fail.

    An eager await, and a `Doing`, does something outside: the desk is told of it, under its place.
    """

    eager: int = 0
    then: Sequence[Await] = ()
    fails: int = 0
    writes: Sequence[StateWrite] = ()

    async def play(self, call: Call, desk: WitnessDesk) -> Result:
        """Go on from where the call says."""
        log = list(call.kept.get("", ()))
        for number in range(len(log) + 1, self.eager + 1):
            desk.did(str(number), after=str(number - 1) if number > 1 else None)
            log.append(Kept("", str(number), "work", value=number))
            await desk.keep([log[-1]])
        awaits = [*([Doing()] * self.eager), *(Doing(desk) if each == Doing() else each for each in self.then)]
        found = played(replace(call, kept={"": tuple(log)}), awaits)
        if isinstance(found, Suspension):
            return found
        if call.attempt <= self.fails:
            return Failed(Failure("OSError", "not yet", call.delivery.executor, call.attempt))
        values = [each for each in found[0][self.eager :] if each is not None]
        return Effects(sends=sends([call.delivery.message, *values]).sends, writes=tuple(self.writes))


@dataclass(frozen=True)
class Waiting:
    """A scenario of scripts. `ends` is how it ends; `tells`: its news are told."""

    workflow: Workflow
    scripts: Mapping[str, Script]
    input: Json = "in"
    letters: tuple[str, ...] = ()
    answer: Json = None
    is_steered: bool = False
    cancels: bool = False
    ends: str = "completed"

    def begin(self, store: Store, clock: Clock, news: News) -> tuple[Held, Assembly]:
        now = clock.now()
        events = decide(self.workflow, None, Start(RUN, self.input, ORIGIN), now)
        held = store.create(NewRun(run_id=RUN, definition="name: flow\n", events=events, at=now))
        return held, self.assemble(store, held, news)

    def assemble(self, store: Store, held: Held, news: News) -> Assembly:
        return Assembly(self.workflow, _Player(self.scripts), _tell if self.workflow.notify else None)


@dataclass(frozen=True)
class _Player:
    scripts: Mapping[str, Script]

    async def invoke(self, call: Call, desk: Desk) -> Result:
        assert isinstance(desk, WitnessDesk)
        return await self.scripts[call.delivery.executor].play(call, desk)


async def _tell(run: Run, notice: Notice) -> Failure | None:
    """Tell news to nobody: `worlds` notes that it was told. Of a request only the second try is heard."""
    return Failure("CommandFailed", "not now") if notice.event == "request" and not notice.tries else None


def _flow(*edges: Any, specs: Mapping[str, Mapping[str, Any]], **more: Any) -> Workflow:
    executors = {each: ExecutorSpec(each, **fields) for each, fields in specs.items()}
    return Workflow("waiting", executors, next(iter(specs)), edges, **more)


_AGAIN = RetryPolicy(max_attempts=2, initial=timedelta(minutes=1), jitter=0)
EAGER = Waiting(_flow(specs={"train": {}}), {"train": Script(eager=2, then=[Poll(MINUTE, 2), Doing()])})
"""A job is submitted and named, polled for a minute, and its result is fetched: the smallest of its kind."""

WAITING = Waiting(
    _flow(
        FanOut("begin", ("train", "approve")),
        FanIn(("train", "approve"), "ship"),
        Direct("ship", "report"),
        specs={"begin": {}, "train": {}, "approve": {}, "ship": {"retry": _AGAIN}, "report": {}},
        timeout=timedelta(hours=1),
    ),
    {
        "begin": Script(),
        "train": Script(eager=1, then=[Poll(MINUTE, 2), Doing(), Sleep(MINUTE)]),
        "approve": Script(then=[Doing(), Question("ship?")]),
        "ship": Script(eager=1, fails=1),
        "report": Script(),
    },
    answer="ship",
)
"""A poll, a timer, a question that is answered, a retry, and a timeout of the run that is not reached."""

LATE = Waiting(
    _flow(
        specs={"ask": {}, "sorry": {}},
        timeout=timedelta(minutes=2),
        after={"timed_out": "sorry"},
    ),
    {"ask": Script(eager=1, then=[Question("ship?")]), "sorry": Script(writes=[StateWrite("sorry", 1)])},
    ends="timed_out",
)
"""Nobody answers, and the run's time is up: somebody is told that it is late."""

TOLD = Waiting(
    _flow(specs={"ask": {}}, notify=frozenset({"request", "completed"})),
    {"ask": Script(then=[Question("ship?", MINUTE, "stop")])},
)
"""Somebody is told, the second time round, of a question that expires, and of the end."""

CANCELLED = Waiting(
    _flow(specs={"ask": {}, "sorry": {}}, after={"cancelled": "sorry"}),
    {"ask": Script(eager=1, then=[Question("ship?")]), "sorry": Script(writes=[StateWrite("sorry", 1)])},
    cancels=True,
    ends="cancelled",
)
"""A person cancels the run instead of answering, and somebody is told."""
