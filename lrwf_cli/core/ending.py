"""What is done after a verdict: one call each of `on_failure` and its kind, then the end. Pure.

The verdict stands before they run and they never change it: what they send goes nowhere, a failure of theirs is shown
and that is all. What was ready or at work when the verdict came is put aside for a `retry`.
"""

from datetime import datetime, timedelta

from lrwf_cli.core import events as e
from lrwf_cli.core.giving_up import report
from lrwf_cli.core.lineage import delivery_id
from lrwf_cli.core.looking_after import is_ending, told_at_end
from lrwf_cli.core.model import Workflow
from lrwf_cli.core.run import Delivery, Dropped, Ending, Failure, Run
from lrwf_cli.core.status import ENDS

__all__ = ["HOOKS_MAY_TAKE", "end", "harmless", "standing"]

HOOKS_MAY_TAKE = timedelta(minutes=10)
"""How long what is done after a verdict may take, all of it."""

Verdict = e.RunCompleted | e.RunFailed | e.RunTimedOut | e.RunCancelled


def end(workflow: Workflow, run: Run, verdict: Verdict, now: datetime) -> tuple[e.Event, ...]:
    """Return `verdict`, or what comes before it if there is something to be done after it, or something to be ended."""
    status = ENDS[e.name_of(verdict)]
    hooks = [(kind, workflow.after[kind]) for kind in (status, "exit") if kind in workflow.after]
    told = told_at_end(run, is_well=status == "completed")
    if run.ending is not None or not (hooks or told or is_ending(run)):
        return (verdict,)
    ending = Ending(status, _error_of(verdict), getattr(verdict, "by", None), getattr(verdict, "reason", None))
    deliveries = tuple(_call(run, kind, executor, ending.error, now) for kind, executor in hooks)
    stopped = (e.BackgroundTold(told),) if told else ()
    return (*stopped, e.RunEnding(ending, deliveries, now + HOOKS_MAY_TAKE))


def _error_of(verdict: Verdict) -> Failure | None:
    if isinstance(verdict, e.RunCancelled):
        return Failure("RunCancelled", verdict.reason or "the run was cancelled")
    return None if isinstance(verdict, e.RunCompleted) else verdict.error


def _call(run: Run, kind: str, executor: str, error: Failure | None, now: datetime) -> Delivery:
    """Return the call of a hook. A run may end more than once, after a `retry`: the instant tells its ends apart."""
    failed = next((i.delivery.message for i in run.failed.values() if error == i.error), None)
    message = report(error, failed if error is not None else run.input)
    place = delivery_id((run.id, str(run.epoch), now.isoformat()), f"after:{kind}")
    return Delivery(place, executor, run.iteration + 1, message)


def standing(ending: Ending) -> Verdict:
    """Return the end of a run whose verdict stands."""
    nothing = Failure("RunFailed", "the run failed")
    match ending.verdict:
        case "failed":
            return e.RunFailed(ending.error or nothing)
        case "timed_out":
            return e.RunTimedOut(ending.error or nothing)
        case "cancelled":
            return e.RunCancelled(ending.by, ending.reason)
        case _:
            return e.RunCompleted()


def harmless(completed: e.InvocationCompleted) -> e.InvocationCompleted:
    """Return what counts of a hook's end: state, and what its executor keeps. Its messages go to nobody."""
    sent = tuple(Dropped(each.source or "", each.superstep, each.message) for each in completed.deliveries)
    return e.InvocationCompleted(
        completed.delivery, dropped=(*completed.dropped, *sent), state=completed.state, saved=completed.saved
    )
