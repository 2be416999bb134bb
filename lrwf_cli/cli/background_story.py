"""What happened to background work, in sentences: a part of the story that `history` and `run` tell."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lrwf_cli.cli.render import safe
from lrwf_cli.core import background_events as e
from lrwf_cli.core.background import Outcome

__all__ = ["TELL"]


def _began(_: Any, event: e.BackgroundBegan) -> Iterator[str]:
    yield f"{safe(event.task)} began in the background" + (f", process {event.pid}" if event.pid else "")


def _looked_after(_: Any, event: e.BackgroundLookedAfter) -> Iterator[str]:
    yield f"{', '.join(map(safe, event.next))} still at work in the background"


def _told(_: Any, event: e.BackgroundTold) -> Iterator[str]:
    yield f"{', '.join(map(safe, event.tasks))} told to end"


def _begun_anew(_: Any, event: e.BackgroundBegunAnew) -> Iterator[str]:
    yield f"{safe(event.task)} was lost and is begun anew"


def _ended(_: Any, event: e.BackgroundEnded) -> Iterator[str]:
    yield f"{safe(event.task)} ended in the background{_how(event.outcome)}"


def _how(outcome: Outcome) -> str:
    return "" if outcome.error is None else f": {safe(outcome.error.message)}"


TELL: Mapping[type, Callable[[Any, Any], Iterator[str]]] = {
    e.BackgroundBegan: _began,
    e.BackgroundLookedAfter: _looked_after,
    e.BackgroundTold: _told,
    e.BackgroundBegunAnew: _begun_anew,
    e.BackgroundEnded: _ended,
}
