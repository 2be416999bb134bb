"""Which of what is ready begins now, and by when it must be done. Pure."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from lrwf_cli.core import events as e
from lrwf_cli.core.ending import HOOKS_MAY_TAKE
from lrwf_cli.core.model import Workflow
from lrwf_cli.core.run import Invocation, Run

__all__ = ["SUSPECT_AFTER", "has_suspect", "startable"]

SUSPECT_AFTER = 2
"""Crashes after which a delivery that was in flight in all of them runs alone."""


def has_suspect(run: Run) -> bool:
    """Whether the run may end the process that takes it up, so that no other run is to be driven beside it."""
    if run.status != "running":
        return False
    cut_off = (i.crashes + 1 for i in run.started.values())  # found in flight: they count when it is taken up
    return any(n >= SUSPECT_AFTER for n in (*cut_off, *(q[0].crashes for q in run.ready.values())))


def startable(workflow: Workflow, run: Run, slots: int, now: datetime) -> tuple[e.InvocationsStarted, ...]:
    """Return what begins at `now`: what is ready, in order, with at most `slots` places; a suspect by itself."""
    if slots <= 0 or any(i.crashes >= SUSPECT_AFTER for i in run.started.values()):
        return ()
    if suspect := next((q[0] for q in run.ready.values() if q[0].crashes >= SUSPECT_AFTER), None):
        return () if run.started else (_begun(workflow, run, [suspect], now),)
    chosen = list(_chosen(workflow, run, slots))
    return (_begun(workflow, run, chosen, now),) if chosen else ()


def _begun(workflow: Workflow, run: Run, chosen: list[Invocation], now: datetime) -> e.InvocationsStarted:
    if run.ending is not None:
        return e.InvocationsStarted(
            tuple(each.delivery.id for each in chosen), {each.delivery.id: now + HOOKS_MAY_TAKE for each in chosen}
        )
    deadlines = {
        each.delivery.id: now + limit
        for each in chosen
        if each.deadline_at is None and (limit := workflow.executors[each.delivery.executor].deadline) is not None
    }
    return e.InvocationsStarted(tuple(each.delivery.id for each in chosen), deadlines)


def _chosen(workflow: Workflow, run: Run, slots: int) -> Iterator[Invocation]:
    busy: dict[str, int] = {}
    held = [] if run.ending is not None else [i for i in run.waiting.values() if i.delivery.executor in run.ordered]
    for invocation in (*run.started.values(), *held):
        executor = invocation.delivery.executor
        busy[executor] = busy.get(executor, 0) + 1
    for executor, queue in run.ready.items():
        places = min(slots, workflow.executors[executor].max_parallel - busy.get(executor, 0))
        within = (i for i in queue if i.delivery.superstep <= run.max_iterations or run.ending is not None)
        for invocation in islice(within, max(0, places)):
            slots -= 1
            yield invocation
