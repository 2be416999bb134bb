"""What deliveries and requests are after something happened to them. For `apply` only: it owns the run."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from lrwf_cli.core import invocation_events as e
from lrwf_cli.core.asking import ask_anew, withdraw
from lrwf_cli.core.keeping import keep
from lrwf_cli.core.lineage import joined_path
from lrwf_cli.core.places import cut_off, line_up, take_failed, take_ready
from lrwf_cli.core.run import Delivery, Invocation, Run, StateEntry, Tally
from lrwf_cli.core.state import changed
from lrwf_cli.core.suspended import CRASH, Kept, Request
from lrwf_cli.core.waking import due_at

__all__ = ["APPLY"]


def _invocations_started(run: Run, event: e.InvocationsStarted) -> None:
    for delivery in event.deliveries:
        invocation = take_ready(run, delivery)
        deadline = event.deadlines.get(delivery, invocation.deadline_at)
        run.started[delivery] = replace(invocation, started_at=run.updated_at, due_at=None, deadline_at=deadline)
        run.iteration = max(run.iteration, invocation.delivery.superstep)


def _invocation_completed(run: Run, event: e.InvocationCompleted) -> None:
    invocation = run.started.pop(event.delivery)
    executor = invocation.delivery.executor
    for entry in event.joined:
        run.queues.setdefault(entry.group, {}).setdefault(entry.source, []).append(entry)
    for delivery in event.deliveries:
        line_up(run, Invocation(_with_joined(run, delivery) if delivery.joined else delivery))
    run.outputs.extend(event.outputs)
    run.dropped.extend(event.dropped)
    run.kept.pop(event.delivery, None)
    run.steps.pop(event.delivery, None)
    withdraw(run, event.delivery)
    _open(run, event.requests)
    run.background.update({work.id: work for work in event.background})
    for change in event.state:
        _change_state(run, change)
    if event.saved is not None:
        run.saved[executor] = changed(run.saved.get(executor), event.saved)
    _count(run, executor, completed=1)


def _with_joined(run: Run, delivery: Delivery) -> Delivery:
    group, sources = delivery.joined or ("", ())
    queues = run.queues[group]
    entries = [queues[source].pop(0) for source in sources]
    for source in [source for source, queue in queues.items() if not queue]:
        del queues[source]
    if not queues:
        del run.queues[group]
    number = run.rounds.get(group, 0)
    run.rounds[group] = number + 1
    path = joined_path([entry.path for entry in entries], number)
    return replace(delivery, message=[entry.message for entry in entries], path=path)


def _change_state(run: Run, change: e.StateChange) -> None:
    entry = run.state.get(change.key)
    if change.op == "delete":
        run.state.pop(change.key, None)
    else:
        run.writes += 1
        run.state[change.key] = StateEntry(changed(entry.value if entry else None, change), run.writes)
    if change.conflict:
        run.conflicts[change.key] = run.conflicts.get(change.key, 0) + 1


def _invocation_failed(run: Run, event: e.InvocationFailed) -> None:
    invocation = take_failed(run, event.delivery)
    _count(run, invocation.delivery.executor, failed=1)
    run.kept.pop(event.delivery, None)
    ask_anew(run, event.delivery)
    afresh = replace(invocation, start=invocation.start + 1, error=event.error, started_at=None, waits=(), due_at=None)
    if event.retry_at is not None:
        run.waiting[event.delivery] = replace(
            afresh,
            attempt=invocation.attempt + 1,
            failures=invocation.failures + 1,
            crashes=0,
            due_at=event.retry_at,
        )
    elif event.handled is not None:
        run.steps.pop(event.delivery, None)
        line_up(run, Invocation(event.handled))
    elif run.ending is None:
        run.failed[event.delivery] = replace(afresh, deadline_at=None)
        run.error = run.error or event.error
    else:
        run.steps.pop(event.delivery, None)


def _awaits_kept(run: Run, event: e.AwaitsKept) -> None:
    _keep(run, event.delivery, event.kept)
    invocation = run.started[event.delivery]
    if invocation.crashes:
        run.started[event.delivery] = replace(invocation, crashes=0)


def _keep(run: Run, delivery: str, entries: Iterable[Kept]) -> None:
    for entry in entries:
        keep(run.kept.setdefault(delivery, {}), entry)
        if entry.lasts:
            run.steps.setdefault(delivery, []).append(entry)


def _invocation_suspended(run: Run, event: e.InvocationSuspended) -> None:
    invocation = run.started.pop(event.delivery)
    _keep(run, event.delivery, event.kept)
    _open(run, event.requests)
    run.background.update({work.id: work for work in event.background})
    withdraw(run, event.delivery, but=[wait.request for wait in event.waits])
    waits = replace(invocation, waits=event.waits, started_at=None, crashes=0, maybe_done=False, stuck=False)
    run.waiting[event.delivery] = replace(waits, due_at=due_at(waits))


def _open(run: Run, requests: Iterable[Request]) -> None:
    for request in requests:
        run.requests[request.id] = request
        run.asked[request.executor] = run.asked.get(request.executor, 0) + 1


def _requests_opened(run: Run, event: e.RequestsOpened) -> None:
    _open(run, event.requests)
    for delivery, wait in event.waits.items():
        invocation = take_ready(run, delivery)
        run.waiting[delivery] = replace(invocation, waits=(*invocation.waits, wait))


def _request_answered(run: Run, event: e.RequestAnswered) -> None:
    run.requests[event.request] = replace(run.requests[event.request], answer=event.answer)
    if event.delivery is None:
        return
    if run.ending is None:
        line_up(run, Invocation(event.delivery))
    else:
        run.aside.setdefault(event.delivery.executor, []).append(Invocation(event.delivery))


def _invocations_cut_off(run: Run, event: e.InvocationsCutOff) -> None:
    cut_off(run, event.deliveries, crashes=int(event.counted), starts=int(event.anew))


def _woke_up(run: Run, event: e.WokeUp) -> None:
    woken = [_awake(run.waiting.pop(delivery)) for delivery in event.deliveries]
    for invocation in woken:
        if invocation.delivery.executor not in run.ordered:
            line_up(run, invocation)
    for invocation in reversed(woken):
        if invocation.delivery.executor in run.ordered:  # it has kept its place
            line_up(run, invocation, front=True)


def _awake(invocation: Invocation) -> Invocation:
    return replace(invocation, due_at=None, waits=tuple(wait for wait in invocation.waits if wait.path != CRASH))


def _count(run: Run, executor: str, *, completed: int = 0, failed: int = 0) -> None:
    tally = run.tallies.get(executor) or Tally()
    run.tallies[executor] = Tally(tally.completed + completed, tally.failed + failed)


APPLY: Mapping[type, Callable[[Run, Any], None]] = {
    e.InvocationsStarted: _invocations_started,
    e.InvocationCompleted: _invocation_completed,
    e.InvocationFailed: _invocation_failed,
    e.InvocationSuspended: _invocation_suspended,
    e.InvocationsCutOff: _invocations_cut_off,
    e.AwaitsKept: _awaits_kept,
    e.RequestsOpened: _requests_opened,
    e.RequestAnswered: _request_answered,
    e.WokeUp: _woke_up,
}
