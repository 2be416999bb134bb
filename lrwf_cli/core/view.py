"""What a run looks like from outside: the object that `lrwf status --json` prints (design.md, section 8). Pure.

Values come out as plain JSON, large ones as they are kept: whoever prints resolves what is shown.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from lrwf_cli.core.background import Background
from lrwf_cli.core.model import Json, identity
from lrwf_cli.core.outside import expected, request_status
from lrwf_cli.core.person import Person
from lrwf_cli.core.plain import plain
from lrwf_cli.core.progress import parts_of, together
from lrwf_cli.core.run import Ending, Failure, Invocation, Run
from lrwf_cli.core.suspended import Answer, Request

__all__ = ["instant", "outputs", "request_view", "status_view", "summary_view"]


def _no_progress(_: str) -> Json:
    return None


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
        "waiting_on": _waiting_on(run),
        "outputs": [plain(resolve(value)) for value in outputs(run)],
        "error": None if run.error is None else _error(run.error),
    }


def status_view(
    run: Run, resolve: Callable[[Json], Json] = identity, progress: Callable[[str], Json] = _no_progress
) -> dict[str, Any]:
    """Return what `lrwf status --json` prints: the summary, and what there is to see inside.

    `progress` says how far an executor is that is at work, `None` if nobody knows.
    """
    return {
        **summary_view(run, resolve),
        "executors": _executors(run, progress),
        "requests": [request_view(run, request, resolve) for request in run.requests.values()],
        "background": [_background(work) for work in run.background.values()],
        "ending": None if run.ending is None else _ending(run.ending),
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
        "exit_code": error.exit_code,
        "hint": error.hint,
    }


def _background(work: Background) -> dict[str, Any]:
    outcome = work.outcome
    return {
        "id": work.id,
        "executor": work.executor,
        "name": work.begin.name,
        "state": work.state,
        "pid": work.pid,
        "exit_code": None if outcome is None else outcome.exit_code,
        "error": None if outcome is None or outcome.error is None else _error(outcome.error),
        "on_run_end": work.begin.on_run_end,
        "began_at": instant(work.began_at),
        "ended_at": instant(work.ended_at),
    }


def _ending(ending: Ending) -> dict[str, Any]:
    """Return the verdict that stands while what is to be done after it is done."""
    return {
        "verdict": ending.verdict,
        "error": None if ending.error is None else _error(ending.error),
        "reason": ending.reason,
    }


def _waiting_on(run: Run) -> list[dict[str, Any]]:
    """Return what the run waits for, soonest first; what has no instant comes last."""
    return [
        {
            "kind": each.kind,
            "executor": each.executor,
            "id": each.id,
            "due_at": instant(each.due_at),
            "detail": each.detail,
        }
        for each in expected(run)
    ]


def request_view(run: Run, request: Request, resolve: Callable[[Json], Json] = identity) -> dict[str, Any]:
    """Return an element of `requests`: the question, and its answer if it has one.

    `data` is what was asked besides the prompt. `schema` is that of the answer, `None` where there are `choices` or
    anything will do.
    """
    ask, answer = request.ask, request.answer
    return {
        "id": request.id,
        "executor": request.executor,
        "prompt": ask.prompt,
        "choices": list(ask.choices) or None,
        "schema": ask.schema,
        "data": plain(resolve(ask.data)),
        "allowed_users": list(ask.allowed_users),
        "opened_at": instant(request.opened_at),
        "expires_at": instant(ask.expires_at),
        "status": request_status(run, request),
        "answer": None if answer is None else _answer(request, answer, resolve),
    }


def _answer(request: Request, answer: Answer, resolve: Callable[[Json], Json]) -> dict[str, Any]:
    return {
        "choice" if request.ask.choices else "value": plain(resolve(answer.value)),
        "data": plain(resolve(answer.data)),
        "comment": answer.comment,
        "by": None if answer.by is None else _person(answer.by),
        "at": instant(answer.at),
        "expired": answer.expired,
    }


def _person(person: Person) -> dict[str, Any]:
    return {"uid": person.uid, "user": person.user, "name": person.name}


def _executors(run: Run, progress: Callable[[str], Json]) -> list[dict[str, Any]]:
    mine: dict[str, list[Invocation]] = {executor: [] for executor in run.executors}
    for invocation in (*run.open_invocations(), *run.failed.values()):
        mine[invocation.delivery.executor].append(invocation)
    return [_executor(run, executor, invocations, progress) for executor, invocations in mine.items()]


def _executor(run: Run, executor: str, mine: list[Invocation], progress: Callable[[str], Json]) -> dict[str, Any]:
    tally = run.tallies.get(executor)
    state = _state_of(run, executor, mine)
    return {
        "id": executor,
        "state": state,
        "attempt": max((invocation.attempt for invocation in mine), default=1 if tally else 0),
        "progress": _shown(progress(executor), mine) if state in {"running", "waiting"} else None,
        "completed": tally.completed if tally else 0,
        "failed": tally.failed if tally else 0,
    }


def _shown(progress: Json, mine: Iterable[Invocation]) -> Json:
    """Return how far an executor is; `None` if nobody knows. What was said before a message was begun anew is over."""
    starts = {invocation.delivery.id: invocation.start for invocation in mine}
    parts = parts_of(progress).items()
    known = together(part for delivery, part in parts if starts.get(delivery) == part.start)
    if known is None:
        return None
    return {
        "current": known.current,
        "total": known.total,
        "message": known.message,
        "rate": known.rate,
        "left_s": None if known.left is None else known.left.total_seconds(),
        "at": instant(known.at),
    }


def _state_of(run: Run, executor: str, mine: list[Invocation]) -> str:
    """Return one word for people: what the most telling of an executor's deliveries is doing."""
    waiting, ready = ("frozen", "frozen") if run.is_final else ("waiting", "ready")
    places = (("failed", run.failed), ("running", run.started), (waiting, run.waiting))
    for word, place in places:
        if any(invocation.delivery.id in place for invocation in mine):
            return word
    if mine:
        return ready
    if any(executor in queues for queues in run.queues.values()):
        return "joined"
    return "completed" if executor in run.tallies else "pending"
