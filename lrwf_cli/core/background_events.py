"""What happens to background work: a part of the journal's vocabulary (see `events`)."""

from collections.abc import Mapping
from datetime import datetime

from lrwf_cli.core.background import Outcome
from lrwf_cli.core.invocation_events import EventBase

__all__ = ["BackgroundBegan", "BackgroundBegunAnew", "BackgroundEnded", "BackgroundLookedAfter", "BackgroundTold"]


class BackgroundBegan(EventBase, frozen=True):
    """It runs, as process `pid`. It is looked after at `look_at`."""

    task: str
    pid: int | None
    look_at: datetime


class BackgroundLookedAfter(EventBase, frozen=True):
    """Somebody has looked, and these were at work. The instants are those of the next looks."""

    next: Mapping[str, datetime]


class BackgroundTold(EventBase, frozen=True):
    """These are to end: whoever drives the run sees to it."""

    tasks: tuple[str, ...]


class BackgroundBegunAnew(EventBase, frozen=True):
    """It was lost, and said that it may be begun anew."""

    task: str


class BackgroundEnded(EventBase, frozen=True):
    """It is over."""

    task: str
    outcome: Outcome
