"""What happens to deliveries and to what their handlers ask: a part of the journal's vocabulary (see `events`)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from lrwf_cli.core.background import Background
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Delivery, Dropped, Failure, Joined, Output
from lrwf_cli.core.suspended import Answer, Kept, Request, Wait

__all__ = [
    "AwaitsKept",
    "EventBase",
    "InvocationCompleted",
    "InvocationFailed",
    "InvocationSuspended",
    "InvocationsCutOff",
    "InvocationsStarted",
    "RequestAnswered",
    "RequestsOpened",
    "StateChange",
    "WokeUp",
]


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class EventBase(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="type", tag=_snake):
    """The base of all events: how they are tagged on disk."""


class InvocationsStarted(EventBase, frozen=True):
    """Handlers are about to be called for these deliveries. `deadlines`: when all of it is over."""

    deliveries: tuple[str, ...]
    deadlines: Mapping[str, datetime] = {}


class AwaitsKept(EventBase, frozen=True):
    """Awaits of a handler at work have returned, and are not run again."""

    delivery: str
    kept: tuple[Kept, ...]


class InvocationSuspended(EventBase, frozen=True):
    """A handler waits for the world: no process is needed until one of `waits` is over.

    `kept` are the awaits since it was entered, `requests` what it asks that was not asked before, `background` what is
    to be begun beside the run.
    """

    delivery: str
    waits: tuple[Wait, ...]
    kept: tuple[Kept, ...] = ()
    requests: tuple[Request, ...] = ()
    background: tuple[Background, ...] = ()


class StateChange(msgspec.Struct, frozen=True, omit_defaults=True):
    """One write of shared state. `conflict`: the key had changed since the handler read it."""

    key: str
    value: Json = None
    op: Literal["set", "append", "extend", "add", "merge", "delete"] = "set"
    conflict: bool = False


class InvocationCompleted(EventBase, frozen=True):
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
    requests: tuple[Request, ...] = ()
    background: tuple[Background, ...] = ()


class InvocationFailed(EventBase, frozen=True):
    """An attempt failed and left no effects. It comes again at `retry_at`; `None` means never.

    `handled`: the failure is a delivery for the executor that handles it (its `on_error`), and the run goes on.
    """

    delivery: str
    error: Failure
    retry_at: datetime | None = None
    handled: Delivery | None = None


class InvocationsCutOff(EventBase, frozen=True):
    """The process ended under these handlers. `counted` is false for reboots and polite signals.

    `anew`: what outlived its process is gone as well, so that there is nothing to go on from.
    """

    deliveries: tuple[str, ...]
    counted: bool = True
    anew: bool = False


class RequestsOpened(EventBase, frozen=True):
    """Somebody is asked whether to try again after a crash. `waits` are by delivery."""

    requests: tuple[Request, ...]
    waits: Mapping[str, Wait]


class RequestAnswered(EventBase, frozen=True):
    """A request has its answer, or has expired; `delivery` brings it to a `@response_handler`, if there is one."""

    request: str
    answer: Answer
    delivery: Delivery | None = None


class WokeUp(EventBase, frozen=True):
    """What these deliveries waited for has come: their instants are past."""

    deliveries: tuple[str, ...]
