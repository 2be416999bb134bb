"""The places of a run's deliveries, and how one is moved from place to place. For `apply` only: it owns the run.

Ready ones stand in line at their executor, in the order in which they were sent; started, waiting and failed
ones are found by their id. Which event leads from where to where is drawn in `decide`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from lrwf_cli.core.run import Invocation, Run
from lrwf_cli.core.suspended import CRASH

__all__ = ["cut_off", "grant", "line_up", "renew", "take_failed", "take_ready"]


def line_up(run: Run, invocation: Invocation, *, front: bool = False) -> None:
    """Put `invocation` at the end of its executor's line, or before all others."""
    line = run.ready.setdefault(invocation.delivery.executor, [])
    line.insert(0 if front else len(line), invocation)


def take_ready(run: Run, delivery: str) -> Invocation:
    """Remove and return a ready invocation. It is nearly always the first of its line. Raises KeyError."""
    for executor, line in run.ready.items():
        for place, invocation in enumerate(line):
            if invocation.delivery.id == delivery:
                del line[place]
                if not line:
                    del run.ready[executor]
                return invocation
    raise KeyError(delivery)


def take_failed(run: Run, delivery: str) -> Invocation:
    """Remove and return what has failed: it was at work, or waited past its deadline, or is convicted of a crash.

    The cut-off has counted the next attempt of what was cut off.
    """
    if delivery in run.started:
        return run.started.pop(delivery)
    if delivery in run.waiting:
        waiting = run.waiting.pop(delivery)
        cut = any(wait.path == CRASH for wait in waiting.waits)
        return replace(waiting, attempt=waiting.attempt - 1) if cut else waiting
    convicted = take_ready(run, delivery)
    return replace(convicted, attempt=convicted.attempt - 1) if convicted.maybe_done else convicted


def cut_off(run: Run, deliveries: Sequence[str], *, crashes: int = 0, starts: int = 0) -> None:
    """Put what was at work before what waits for its turn, in the order in which it began."""
    for delivery in reversed(deliveries):
        cut = run.started.pop(delivery)
        again = replace(cut, attempt=cut.attempt + 1, start=cut.start + starts, crashes=cut.crashes + crashes)
        line_up(run, replace(again, maybe_done=True, started_at=None), front=True)


def renew(run: Run, **fields: Any) -> None:
    """Set `fields` of everything that is not yet handled."""
    for line in (*run.ready.values(), *run.aside.values()):
        line[:] = [replace(invocation, **fields) for invocation in line]
    for place in (run.started, run.waiting):
        place.update({delivery: replace(invocation, **fields) for delivery, invocation in place.items()})


def grant(run: Run, stood: timedelta) -> None:
    """Give a run that stood still for so long its time back: what waits has what it had left, the rest all of it."""
    for line in (*run.ready.values(), *run.aside.values()):
        line[:] = [replace(invocation, deadline_at=None) for invocation in line]
    for delivery, invocation in run.waiting.items():
        if invocation.deadline_at is not None:
            run.waiting[delivery] = replace(invocation, deadline_at=invocation.deadline_at + stood)
