"""What happened: the journal's vocabulary. Past tense, facts only, nothing to recompute.

An event carries routed deliveries, so folding a journal never needs the flow file again. On disk an
event is an object with its snake-case name under `type`; fields that have their default are left out.
Fields may be added with a default, never changed or removed. What happens to single deliveries is in
`invocation_events`; whoever needs an event finds it here.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from lrwf_cli.core.background_events import (
    BackgroundBegan,
    BackgroundBegunAnew,
    BackgroundEnded,
    BackgroundLookedAfter,
    BackgroundTold,
)
from lrwf_cli.core.invocation_events import (
    AwaitsKept,
    EventBase,
    InvocationCompleted,
    InvocationFailed,
    InvocationsCutOff,
    InvocationsStarted,
    InvocationSuspended,
    RequestAnswered,
    RequestsOpened,
    StateChange,
    WokeUp,
)
from lrwf_cli.core.model import Json
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Delivery, Ending, Failure, Notice, Origin, Run

__all__ = [
    "AwaitsKept",
    "BackgroundBegan",
    "BackgroundBegunAnew",
    "BackgroundEnded",
    "BackgroundLookedAfter",
    "BackgroundTold",
    "DriverStarted",
    "Event",
    "InvocationCompleted",
    "InvocationFailed",
    "InvocationSuspended",
    "InvocationsCutOff",
    "InvocationsStarted",
    "MailTaken",
    "NoticeDelivered",
    "NoticeFailed",
    "NoticesPosted",
    "RequestAnswered",
    "RequestsOpened",
    "RunBlocked",
    "RunCancelled",
    "RunCompleted",
    "RunEnding",
    "RunFailed",
    "RunForked",
    "RunPaused",
    "RunResumed",
    "RunRetried",
    "RunRewound",
    "RunStarted",
    "RunTimedOut",
    "StateChange",
    "WokeUp",
    "name_of",
]


class RunStarted(EventBase, frozen=True):
    """A run began: its input is on its way to the start executor."""

    run_id: str
    workflow: str
    origin: Origin
    executors: tuple[str, ...]
    delivery: Delivery
    at: datetime
    input: Json = None
    max_iterations: int = 100
    timeout: timedelta | None = None
    ordered: Mapping[str, int] = {}
    by: Person | None = None


class RunForked(EventBase, frozen=True):
    """A run began as a copy of another as of its frame `from_seq`; that other one is left alone."""

    run_id: str
    from_run: str
    from_seq: int
    run: Run
    at: datetime
    by: Person | None = None


class RunRewound(EventBase, frozen=True):
    """The run is again as it was after frame `to`, in a new epoch; the journal keeps what was undone."""

    to: int
    run: Run
    by: Person | None = None


class DriverStarted(EventBase, frozen=True):
    """A process took the run up. `boot_id` tells a reboot from a crash."""

    pid: int
    boot_id: str


class MailTaken(EventBase, frozen=True):
    """A letter was read and acted upon in this frame; the same letter is never acted upon again."""

    id: str
    kind: str


class RunPaused(EventBase, frozen=True):
    """A person holds the run: what is at work may end, nothing new starts."""

    by: Person | None = None
    reason: str | None = None


class RunResumed(EventBase, frozen=True):
    """A person lets the run go on. `restart`: without the kept awaits of the handlers that could not go on."""

    by: Person | None = None
    restart: bool = False


class RunBlocked(EventBase, frozen=True):
    """The run cannot go on without a person. `delivery` is the one whose handler cannot, if it is one's fault."""

    error: Failure
    delivery: str | None = None


class RunEnding(EventBase, frozen=True):
    """There is a verdict, and something to be done after it: these deliveries, or background work that is to end."""

    ending: Ending
    deliveries: tuple[Delivery, ...]
    deadline_at: datetime


class NoticesPosted(EventBase, frozen=True):
    """Somebody is to be told what this frame says."""

    notices: tuple[Notice, ...]


class NoticeDelivered(EventBase, frozen=True):
    """Somebody was told."""

    notice: str


class NoticeFailed(EventBase, frozen=True):
    """Somebody could not be told. It is tried again at `again_at`; `None` means never."""

    notice: str
    error: Failure
    again_at: datetime | None = None


class RunCompleted(EventBase, frozen=True):
    """Nothing is left to do."""


class RunFailed(EventBase, frozen=True):
    """The run ended with an error; `retry` reopens it."""

    error: Failure


class RunTimedOut(EventBase, frozen=True):
    """The run's own time was up."""

    error: Failure


class RunCancelled(EventBase, frozen=True):
    """A person ended the run."""

    by: Person | None = None
    reason: str | None = None


class RunRetried(EventBase, frozen=True):
    """What failed is ready again, with a new count of attempts and crashes; what froze is thawed."""

    by: Person | None = None
    max_iterations: int | None = None
    code: str | None = None


Event = (
    RunStarted
    | RunForked
    | RunRewound
    | DriverStarted
    | InvocationsStarted
    | AwaitsKept
    | InvocationSuspended
    | InvocationCompleted
    | InvocationFailed
    | InvocationsCutOff
    | RequestsOpened
    | RequestAnswered
    | WokeUp
    | BackgroundBegan
    | BackgroundLookedAfter
    | BackgroundTold
    | BackgroundBegunAnew
    | BackgroundEnded
    | MailTaken
    | RunPaused
    | RunResumed
    | RunBlocked
    | RunEnding
    | NoticesPosted
    | NoticeDelivered
    | NoticeFailed
    | RunCompleted
    | RunFailed
    | RunTimedOut
    | RunCancelled
    | RunRetried
)


def name_of(event: Event) -> str:
    """Return the event's name as it stands in the journal."""
    return str(event.__struct_config__.tag)
