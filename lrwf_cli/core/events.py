"""What happened: the journal's vocabulary. Past tense, facts only, nothing to recompute.

An event carries routed deliveries, so folding a journal never needs the flow file again. On disk an
event is an object with its snake-case name under `type`; fields that have their default are left out.
Fields may be added with a default, never changed or removed.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Delivery, Dropped, Failure, Joined, Origin, Output, Person, Run

__all__ = [
    "DriverStarted",
    "Event",
    "InvocationCompleted",
    "InvocationFailed",
    "InvocationsCutOff",
    "InvocationsStarted",
    "MailTaken",
    "RunBlocked",
    "RunCancelled",
    "RunCompleted",
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


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class _Event(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag=_snake):
    """The base of all events: how they are tagged on disk."""


class RunStarted(_Event, frozen=True):
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
    by: Person | None = None


class RunForked(_Event, frozen=True):
    """A run began as a copy of another as of its frame `from_seq`; that other one is left alone."""

    run_id: str
    from_run: str
    from_seq: int
    run: Run
    at: datetime
    by: Person | None = None


class RunRewound(_Event, frozen=True):
    """The run is again as it was after frame `to`, in a new epoch; the journal keeps what was undone."""

    to: int
    run: Run
    by: Person | None = None


class DriverStarted(_Event, frozen=True):
    """A process took the run up. `boot_id` tells a reboot from a crash."""

    pid: int
    boot_id: str


class InvocationsStarted(_Event, frozen=True):
    """Handlers are about to be called for these deliveries."""

    deliveries: tuple[str, ...]


class StateChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One write of shared state. `conflict`: the key had changed since the handler read it."""

    key: str
    value: Json = None
    op: Literal["set", "append", "extend", "add", "merge", "delete"] = "set"
    conflict: bool = False


class InvocationCompleted(_Event, frozen=True):
    """A handler ended; here are all of its effects, routed. They count from this frame on.

    `saved` is what `on_checkpoint_save` returned, as a change of what it returned before.
    """

    delivery: str
    deliveries: tuple[Delivery, ...] = ()
    joined: tuple[Joined, ...] = ()
    outputs: tuple[Output, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    state: tuple[StateChange, ...] = ()
    saved: StateChange | None = None


class InvocationFailed(_Event, frozen=True):
    """An attempt failed and left no effects. It comes again at `retry_at`; `None` means never."""

    delivery: str
    error: Failure
    retry_at: datetime | None = None


class InvocationsCutOff(_Event, frozen=True):
    """The process ended under these handlers. `counted` is false for reboots and polite signals."""

    deliveries: tuple[str, ...]
    counted: bool = True


class WokeUp(_Event, frozen=True):
    """What these deliveries waited for has come: their instants are past."""

    deliveries: tuple[str, ...]


class MailTaken(_Event, frozen=True):
    """A letter was read and acted upon in this frame; the same letter is never acted upon again."""

    id: str
    kind: str


class RunPaused(_Event, frozen=True):
    """A person holds the run: what is at work may end, nothing new starts."""

    by: Person | None = None
    reason: str | None = None


class RunResumed(_Event, frozen=True):
    """A person lets the run go on."""

    by: Person | None = None


class RunBlocked(_Event, frozen=True):
    """The run cannot go on without a person."""

    error: Failure


class RunCompleted(_Event, frozen=True):
    """Nothing is left to do."""


class RunFailed(_Event, frozen=True):
    """The run ended with an error; `retry` reopens it."""

    error: Failure


class RunTimedOut(_Event, frozen=True):
    """The run's own time was up."""

    error: Failure


class RunCancelled(_Event, frozen=True):
    """A person ended the run."""

    by: Person | None = None
    reason: str | None = None


class RunRetried(_Event, frozen=True):
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
    | InvocationCompleted
    | InvocationFailed
    | InvocationsCutOff
    | WokeUp
    | MailTaken
    | RunPaused
    | RunResumed
    | RunBlocked
    | RunCompleted
    | RunFailed
    | RunTimedOut
    | RunCancelled
    | RunRetried
)


def name_of(event: Event) -> str:
    """Return the event's name as it stands in the journal."""
    return str(event.__struct_config__.tag)
