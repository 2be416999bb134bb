"""What background work is after something happened to it. For `apply` only: it owns the run."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from lrwf_cli.core import background_events as e
from lrwf_cli.core.background import State
from lrwf_cli.core.run import Run

__all__ = ["APPLY"]


def _change(run: Run, task: str, **changes: Any) -> None:
    run.background[task] = replace(run.background[task], **changes)


def _began(run: Run, event: e.BackgroundBegan) -> None:
    work = run.background[event.task]
    state: State = "running" if work.state == "asked" else work.state
    _change(run, event.task, state=state, pid=event.pid, began_at=run.updated_at, look_at=event.look_at, looks=0)


def _looked_after(run: Run, event: e.BackgroundLookedAfter) -> None:
    for task, look_at in event.next.items():
        _change(run, task, look_at=look_at, looks=run.background[task].looks + 1)


def _told(run: Run, event: e.BackgroundTold) -> None:
    for task in event.tasks:
        _change(run, task, state="ending")


def _begun_anew(run: Run, event: e.BackgroundBegunAnew) -> None:
    begun = run.background[event.task].begun + 1
    _change(run, event.task, state="asked", begun=begun, pid=None, began_at=None, look_at=None, looks=0)


def _ended(run: Run, event: e.BackgroundEnded) -> None:
    was_told = run.background[event.task].state == "ending"
    state: State = "cancelled" if was_told else "lost" if event.outcome.lost else "ended"
    _change(run, event.task, state=state, outcome=event.outcome, ended_at=run.updated_at, look_at=None)


APPLY: Mapping[type, Callable[[Run, Any], None]] = {
    e.BackgroundBegan: _began,
    e.BackgroundLookedAfter: _looked_after,
    e.BackgroundTold: _told,
    e.BackgroundBegunAnew: _begun_anew,
    e.BackgroundEnded: _ended,
}
