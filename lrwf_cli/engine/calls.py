"""From an invocation of a run to what its handler is told, and back if what it came to cannot be taken."""

from lrwf_cli.core.commands import Command, Complete, Fail, Keep, Suspend
from lrwf_cli.core.lineage import idempotency_key
from lrwf_cli.core.looking_after import works_of
from lrwf_cli.core.model import Workflow
from lrwf_cli.core.run import Failure, Invocation, Run
from lrwf_cli.core.suspended import Kept, Request
from lrwf_cli.errors import FrameTooLarge
from lrwf_cli.executors.base import Call

__all__ = ["call_of", "refusal_of"]


def call_of(run: Run, workflow: Workflow, invocation: Invocation) -> Call:
    """Return the call for `invocation`, which has just been started. Shares nothing with `run` that may change."""
    delivery = invocation.delivery
    deadlines = [each for each in (run.deadline_at, invocation.deadline_at) if each is not None]
    return Call(
        run_id=run.id,
        workflow=run.workflow,
        delivery=delivery,
        attempt=invocation.attempt,
        maybe_done=invocation.maybe_done,
        idempotency_key=idempotency_key(run.id, run.epoch, delivery.id),
        started_at=run.updated_at,
        input=run.input,
        state=dict(run.state),
        saved=run.saved.get(delivery.executor),
        deadline_at=min(deadlines, default=None),
        start=invocation.start,
        kept=_kept(run, delivery.id),
        steps=tuple(run.steps.get(delivery.id, ())),
        waits=invocation.waits,
        requests=_requests(run, delivery.id, delivery.answers),
        background=works_of(run, invocation),
        timezone=workflow.timezone,
        resolve=workflow.resolve,
    )


def _kept(run: Run, delivery: str) -> dict[str, tuple[Kept, ...]]:
    return {lane: tuple(entries) for lane, entries in run.kept.get(delivery, {}).items()}


def _requests(run: Run, delivery: str, answers: str | None) -> tuple[Request, ...]:
    if not run.requests:
        return ()
    return tuple(r for r in run.requests.values() if (r.delivery == delivery and not r.withdrawn) or r.id == answers)


def refusal_of(run: Run, command: Command | None, error: FrameTooLarge) -> Fail:
    """Return what becomes of a handler whose doings no frame has room for. Raises `error` if they are no handler's."""
    if not isinstance(command, Complete | Suspend | Keep) or command.delivery not in run.started:
        raise error
    at_work = run.started[command.delivery]
    failure = Failure(type(error).__name__, error.message, at_work.delivery.executor, at_work.attempt, hint=error.hint)
    return Fail(command.delivery, failure, retryable=False)
