"""What follows from a failure for good, a crash, or a deadline that has passed. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from lrwf_cli.core.invocation_events import InvocationFailed, RequestsOpened
from lrwf_cli.core.lineage import delivery_id
from lrwf_cli.core.model import Json, Workflow
from lrwf_cli.core.run import Delivery, Failure, Invocation, Run
from lrwf_cli.core.suspended import CRASH, Ask, Request, Wait

__all__ = ["crashed", "given_up", "late", "refused_by_person", "report"]


def given_up(workflow: Workflow, run: Run, invocation: Invocation, error: Failure) -> InvocationFailed:
    """Return the failure of a delivery that does not come again: its `on_error` handles it, or the run fails."""
    spec = workflow.executors[invocation.delivery.executor]
    if spec.on_error is None or run.ending is not None:
        return InvocationFailed(invocation.delivery.id, error)
    return InvocationFailed(invocation.delivery.id, error, handled=_handed(invocation.delivery, spec.on_error, error))


def _handed(failed: Delivery, executor: str, error: Failure) -> Delivery:
    return Delivery(
        id=delivery_id((failed.id,), "on_error"),
        executor=executor,
        superstep=failed.superstep + 1,
        message=report(error, failed.message),
        source=failed.executor,
        path=failed.path,
    )


def report(error: Failure | None, message: Json) -> Json:
    """Return what a handler of failures is given: the error in plain words, and the message it was about."""
    if error is None:
        return {"error": None, "message": message}
    return {
        "error": {
            "type": error.type,
            "message": error.message,
            "executor": error.executor,
            "attempt": error.attempt,
            "exit_code": error.exit_code,
        },
        "message": message,
    }


def late(workflow: Workflow, run: Run, now: datetime) -> Iterator[InvocationFailed]:
    """Yield the failures of deliveries whose deadline has passed while no handler was at work on them.

    What is suspended when something has failed for good is frozen, until a `retry`.
    """
    waiting = run.waiting.values() if run.error is None else ()
    idle = (*(i for line in run.ready.values() for i in line), *waiting)
    for invocation in idle:
        if invocation.deadline_at is not None and invocation.deadline_at <= now:
            yield given_up(workflow, run, invocation, _past_deadline(invocation, invocation.deadline_at))


def _past_deadline(invocation: Invocation, deadline: datetime) -> Failure:
    executor = invocation.delivery.executor
    what = f"`{executor}` was not done by its deadline, {deadline.isoformat(timespec='seconds')}"
    hint = "give it a longer `deadline`, then retry"
    mro = ("ExecutorTimeoutError", "TimeoutError", "OSError", "Exception", "BaseException")
    return Failure("ExecutorTimeoutError", what, executor, invocation.attempt, hint=hint, mro=mro)


def crashed(
    workflow: Workflow,
    run: Run,
    invocations: Iterable[Invocation],
    now: datetime,
    *,
    counted: bool,
    error: Failure | None = None,
) -> Iterator[InvocationFailed | RequestsOpened]:
    """Yield what follows for attempts that were cut off and are ready again, besides coming again.

    `error` says what is known of how they ended, if that is not only that their process did.
    """
    unsure: list[Invocation] = []
    for invocation in invocations:
        spec = workflow.executors[invocation.delivery.executor]
        crashes = invocation.crashes + int(counted)
        if counted and crashes >= spec.max_crashes:
            yield given_up(workflow, run, invocation, _convicted(invocation, crashes))
        elif run.ending is not None:
            continue
        elif spec.on_crash == "fail":
            yield given_up(workflow, run, invocation, error or _unknown(invocation, invocation.attempt))
        elif spec.on_crash == "ask":
            unsure.append(invocation)
    if unsure:
        yield _asked(workflow, run, unsure, now)


def _convicted(invocation: Invocation, crashes: int) -> Failure:
    executor = invocation.delivery.executor
    message = f"the process ended {crashes} times while `{executor}` was at work"
    return Failure(
        "ExecutorCrashed", message, executor, invocation.attempt, hint="look at its log, mend it, then retry"
    )


def _unknown(invocation: Invocation, attempt: int) -> Failure:
    executor = invocation.delivery.executor
    message = f"the process ended while `{executor}` was at work, so that it may have done its work or not"
    hint = "look whether it was done; `lrwf retry` does it again"
    return Failure("ExecutorCrashed", message, executor, attempt, hint=hint)


def _asked(workflow: Workflow, run: Run, unsure: list[Invocation], now: datetime) -> RequestsOpened:
    requests, waits = [], {}
    asked = dict(run.asked)
    for invocation in unsure:
        executor = invocation.delivery.executor
        number = asked[executor] = asked.get(executor, 0) + 1
        question = f"`{executor}` was cut off by a crash and may have done its work. Try again?"
        request = Request(
            id=executor if number == 1 else f"{executor}.{number}",
            executor=executor,
            delivery=invocation.delivery.id,
            ask=Ask("", CRASH, question, choices=("retry", "fail"), allowed_users=workflow.allowed_users),
            opened_at=now,
            superstep=invocation.delivery.superstep,
            path=invocation.delivery.path,
        )
        requests.append(request)
        waits[invocation.delivery.id] = Wait("request", "", CRASH, "on_crash", now, request=request.id)
    return RequestsOpened(tuple(requests), waits)


def refused_by_person(workflow: Workflow, run: Run) -> Iterator[InvocationFailed]:
    """Yield the failures of what somebody, asked after a crash, does not want to be tried again."""
    for invocation in run.waiting.values() if run.requests else ():
        request = next((run.requests[w.request or ""] for w in invocation.waits if w.path == CRASH), None)
        if request is not None and request.answer is not None and request.answer.value == "fail":
            yield given_up(workflow, run, invocation, _unknown(invocation, invocation.attempt - 1))
