"""The scenarios that are enumerated: small flows that together touch every way in which a run changes files."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import count
from pathlib import Path

from msgspec.structs import replace

from lrwf_cli.clock import Clock
from lrwf_cli.core.commands import Effects, Send, Start, StateWrite
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import Direct, ExecutorSpec, FanIn, FanOut, Json, RetryPolicy, Switch, Workflow
from lrwf_cli.core.run import Failure, Origin
from lrwf_cli.core.suspended import Ask, Suspension, Wait
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.base import Call, Desk, Failed, Result
from lrwf_cli.local.assemble import assemble
from lrwf_cli.local.begin import Prepared, begin
from lrwf_cli.local.prepare import prepare
from lrwf_cli.store.base import Held, NewRun, Store
from tests.crash.worlds import RUN, News

__all__ = ["ASKED", "CHAIN", "EXPIRED", "LOOP", "MAIL", "PAIR", "STEERED", "Played", "Quickstart"]

ORIGIN = Origin(flow="flow.yaml", folder="/", cwd="/", python="python")

ROUNDS = 2
LARGE_TEXT = "a value that is kept beside the journal " * 1700


@dataclass(frozen=True)
class Played:
    """A scenario whose handlers are functions in this file, called in the event loop: it always goes the same way."""

    workflow: Workflow
    handlers: Mapping[str, Callable[[Call, News], Awaitable[Result]]]
    input: Json = None
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
        return Assembly(self.workflow, Hands(self.handlers, news))


@dataclass(frozen=True)
class Hands:
    """Calls the handlers of a scenario."""

    handlers: Mapping[str, Callable[[Call, News], Awaitable[Result]]]
    news: News

    async def invoke(self, call: Call, desk: Desk) -> Result:
        return await self.handlers[call.delivery.executor](call, self.news)


@dataclass(frozen=True)
class Quickstart:
    """The quickstart as a user runs it, from its flow file and its pinned code, on the texts of `folder`."""

    folder: Path
    letters: tuple[str, ...] = ()
    answer: Json = None
    is_steered: bool = False
    cancels: bool = False
    ends: str = "completed"

    @cached_property
    def prepared(self) -> Prepared:
        return prepare(str(Path(__file__).parents[2] / "workflows" / "quickstart" / "flow.yaml"))

    def begin(self, store: Store, clock: Clock, news: News) -> tuple[Held, Assembly]:
        return begin(store, self.prepared, RUN, self.prepared.input_from([f"folder={self.folder}"]), clock)

    def assemble(self, store: Store, held: Held, news: News) -> Assembly:
        return assemble(store, held, store.definition(RUN))


def sends(*values: Json) -> Effects:
    """Return the effects of a handler that sends `values`."""
    return Effects(sends=tuple(Send(value, ordinal=number) for number, value in zip(count(), values, strict=False)))


async def pass_on(call: Call, news: News) -> Effects:
    """Send the message on, signed."""
    return sends(f"{call.delivery.message} {call.delivery.executor}")


async def finish(call: Call, news: News) -> Effects:
    """Make the message the run's output."""
    return Effects(outputs=(call.resolve(call.delivery.message),))


CHAIN = Played(
    Workflow(
        name="chain",
        executors={each: ExecutorSpec(id=each) for each in ("first", "second", "last")},
        start="first",
        edges=(Direct("first", "second"), Direct("second", "last")),
    ),
    {"first": pass_on, "second": pass_on, "last": finish},
    input="in",
)
"""One thing after the other."""

PAIR = Played(
    Workflow(
        name="pair",
        executors={each: ExecutorSpec(id=each) for each in ("first", "last")},
        start="first",
        edges=(Direct("first", "last"),),
    ),
    {"first": pass_on, "last": finish},
    input="in",
)
"""The smallest flow in which something follows from something: for what happens twice, and so a thousand times."""

MAIL = Played(CHAIN.workflow, CHAIN.handlers, CHAIN.input, letters=("gossip", "pause"))
"""The same, but two letters lie there before it is driven: one is of no use, the other holds the run."""


async def ask(call: Call, news: News) -> Effects | Suspension:
    """Ask whether to ship, and wait for the answer; without one within a minute it is `stop`."""
    if call.requests and (answer := call.requests[-1].answer) is not None:
        return sends(answer.value)
    until = call.started_at + timedelta(minutes=1)
    question = Ask("", "1", "Ship?", choices=("ship", "stop"), expires_at=until, has_default=True, default="stop")
    return Suspension((), (Wait("request", "", "1", "ask", call.started_at, until),), (question,))


async def ask_for_ever(call: Call, news: News) -> Effects | Suspension:
    """Ask whether to ship, and wait for the answer, however long that takes."""
    asked = await ask(call, news)
    if isinstance(asked, Effects):
        return asked
    return Suspension((), (replace(asked.waits[0], due_at=None),), (Ask("", "1", "Ship?", choices=("ship", "stop")),))


ASKED = Played(PAIR.workflow, {"first": ask_for_ever, "last": finish}, PAIR.input, answer="ship")
"""Nothing wakes this run but an answer."""

EXPIRED = Played(PAIR.workflow, {"first": ask, "last": finish}, PAIR.input)
"""The same question, and nobody answers."""


async def enlarge(call: Call, news: News) -> Effects:
    """Send something large."""
    return sends(LARGE_TEXT)


async def measure(call: Call, news: News) -> Effects | Failed:
    """Yield how large the message is; the first attempt fails for good."""
    if call.attempt == 1:
        return Failed(Failure("ValueError", "not today", "last", call.attempt), retryable=False)
    return Effects(outputs=(len(call.resolve(call.delivery.message)),))


STEERED = Played(PAIR.workflow, {"first": enlarge, "last": measure}, PAIR.input, is_steered=True)
"""A run that fails and is retried, then rewound, then forked: each by a person, between two ticks."""


async def open_round(call: Call, news: News) -> Effects:
    """Send the number of the round to both branches."""
    number = int(call.delivery.message)
    write = StateWrite("rounds", number, op="append") if "rounds" in call.state else StateWrite("rounds", [number])
    return Effects(sends=sends(number).sends, writes=(write,))


async def quick(call: Call, news: News) -> Effects:
    """Be done at once."""
    return sends({"quick": call.delivery.message})


async def slow(call: Call, news: News) -> Effects | Failed:
    """Be at work until `quick` has been committed; the first round fails once, and comes again a minute later."""
    number = int(call.delivery.message)
    if call.attempt == 1:  # later ones may be suspects, that have to be at work alone
        await news.until("quick", number)
    if number == 1 and call.attempt == 1:
        return Failed(Failure("ConnectionError", "not yet", "slow", call.attempt, mro=("ConnectionError", "OSError")))
    return sends({"slow": number})


async def join(call: Call, news: News) -> Effects:
    """Send what both branches said, with something large."""
    return sends({"round": call.delivery.message[0]["quick"], "text": LARGE_TEXT})


async def judge(call: Call, news: News) -> Effects:
    """Go round once more, or end."""
    number = call.resolve(call.delivery.message)["round"]
    return sends(number + 1 if number < ROUNDS else f"done after {number}")


async def report(call: Call, news: News) -> Effects:
    """Tell how it went: what arrived, and what was left in the shared state."""
    return Effects(outputs=(call.delivery.message, call.state["rounds"].value))


def _is_a_number(message: Json, _: object) -> bool:
    return isinstance(message, int)


LOOP = Played(
    Workflow(
        name="loop",
        executors={
            each: ExecutorSpec(id=each, retry=RetryPolicy(max_attempts=2, initial=timedelta(minutes=1), jitter=0))
            for each in ("begin", "quick", "slow", "join", "judge", "report")
        },
        start="begin",
        edges=(
            FanOut("begin", ("quick", "slow")),
            FanIn(("quick", "slow"), "join"),
            Direct("join", "judge"),
            Switch("judge", ((_is_a_number, "begin"),), default="report"),
        ),
    ),
    {"begin": open_round, "quick": quick, "slow": slow, "join": join, "judge": judge, "report": report},
    input=1,
)
"""Fan-out, fan-in and a loop, with a retry that a timer brings, shared state, and a value too large for the journal."""
