"""What a run looks like from outside: the object that `lrwf status --json` prints (design.md, section 8). Pure.

Values come out as plain JSON, large ones as they are kept: whoever prints resolves what is shown.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from lrwf_cli.core.model import Json, identity
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Failure, Invocation, Run

__all__ = ["instant", "outputs", "status_view", "summary_view"]


def instant(at: datetime | None) -> str | None:
    """Return an instant as it is printed and kept: UTC, milliseconds, a Z."""
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z"


def outputs(run: Run) -> list[Json]:
    """Return the kept outputs by superstep, then lineage: whatever finished first, the order is the same."""
    place = {executor: number for number, executor in enumerate(run.executors)}
    ordered = sorted(run.outputs, key=lambda o: (o.superstep, o.path, place.get(o.executor, 0), o.delivery, o.index))
    return [output.value for output in ordered]


def summary_view(run: Run, resolve: Callable[[Json], Json] = identity) -> dict[str, Any]:
    """Return an element of `lrwf list --json`."""
    return {
        "run_id": run.id,
        "workflow": run.workflow,
        "status": run.status,
        "started_at": instant(run.started_at),
        "updated_at": instant(run.updated_at),
        "finished_at": instant(run.finished_at),
        "iteration": run.iteration,
        "seq": run.seq,
        "waiting_on": [] if run.is_final else _waiting_on(run),
        "outputs": [plain(resolve(value)) for value in outputs(run)],
        "error": None if run.error is None else _error(run.error),
    }


def status_view(run: Run, resolve: Callable[[Json], Json] = identity) -> dict[str, Any]:
    """Return what `lrwf status --json` prints: the summary, and what there is to see inside."""
    return {
        **summary_view(run, resolve),
        "executors": _executors(run),
        "requests": [],
        "background": [],
        "epoch": run.epoch,
        "dropped": [{"executor": d.source, "message": plain(resolve(d.message))} for d in run.dropped],
        "conflicts": dict(run.conflicts),
        "origin": {"flow": run.origin.flow, "python": run.origin.python, "code": run.origin.code},
        "reason": run.reason,
        "forked_from": None if run.forked_from is None else "@".join(map(str, run.forked_from)),
    }


def _error(error: Failure) -> dict[str, Any]:
    return {
        "type": error.type,
        "message": error.message,
        "executor": error.executor,
        "attempt": error.attempt,
        "hint": error.hint,
    }


def _waiting_on(run: Run) -> list[dict[str, Any]]:
    """Return what the run waits for, soonest first; what has no instant comes last."""
    waiting = sorted(run.waiting.values(), key=lambda i: (i.due_at is None, i.due_at, i.delivery.id))
    return [
        {
            "kind": "retry",
            "executor": invocation.delivery.executor,
            "id": invocation.delivery.id,
            "due_at": instant(invocation.due_at),
            "detail": f"attempt {invocation.attempt} after {invocation.error.type}" if invocation.error else None,
        }
        for invocation in waiting
    ]


def _executors(run: Run) -> list[dict[str, Any]]:
    mine: dict[str, list[Invocation]] = {executor: [] for executor in run.executors}
    for invocation in (*run.open_invocations(), *run.failed.values()):
        mine[invocation.delivery.executor].append(invocation)
    return [_executor(run, executor, invocations) for executor, invocations in mine.items()]


def _executor(run: Run, executor: str, mine: list[Invocation]) -> dict[str, Any]:
    tally = run.tallies.get(executor)
    return {
        "id": executor,
        "state": _state_of(run, executor, mine),
        "attempt": max((invocation.attempt for invocation in mine), default=1 if tally else 0),
        "progress": None,
        "completed": tally.completed if tally else 0,
        "failed": tally.failed if tally else 0,
    }


def _state_of(run: Run, executor: str, mine: list[Invocation]) -> str:
    """Return one word for people: what the most telling of an executor's deliveries is doing."""
    places = (("failed", run.failed), ("running", run.started), ("waiting", run.waiting))
    for word, place in places:
        if any(invocation.delivery.id in place for invocation in mine):
            return word
    if mine:
        return "ready"
    if any(executor in queues for queues in run.queues.values()):
        return "joined"
    return "completed" if executor in run.tallies else "pending"
