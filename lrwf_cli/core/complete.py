"""What follows from the end of one handler: its effects, routed; its failure, retried or not; what it waits for."""

from datetime import datetime

from msgspec.structs import replace

from lrwf_cli.core.asking import addressed, opened
from lrwf_cli.core.commands import Effects, Fail, Send
from lrwf_cli.core.ending import harmless
from lrwf_cli.core.events import InvocationCompleted, InvocationFailed, InvocationSuspended, StateChange
from lrwf_cli.core.giving_up import given_up
from lrwf_cli.core.lineage import child_path, delivery_id
from lrwf_cli.core.looking_after import addressed_to, asked_for
from lrwf_cli.core.model import FanIn, Json, RetryPolicy, Scope, Workflow
from lrwf_cli.core.retry import delay, is_retryable
from lrwf_cli.core.route import Hop, check_type, route, scope_of
from lrwf_cli.core.run import Delivery, Dropped, Failure, Invocation, Joined, Output, Run
from lrwf_cli.core.state import changes_of, extension, same
from lrwf_cli.core.suspended import Suspension, Wait
from lrwf_cli.errors import LrwfError, SuspensionRefused

__all__ = ["completed", "failed", "suspended"]


def completed(
    workflow: Workflow, run: Run, invocation: Invocation, effects: Effects, now: datetime
) -> InvocationCompleted | InvocationFailed:
    """Return the one event that a handler's end leads to.

    Effects that cannot be (a message that its target cannot handle, a condition that raises) make it a failure
    that is not retried, and then none of them counts.
    """
    try:
        changes = changes_of(run.state, effects.writes, workflow.resolve)
        scope = scope_of(workflow, run, changes)
        event = _Routing(workflow, run, invocation).event(effects, changes, scope)
    except (LrwfError, TypeError) as error:
        return given_up(workflow, run, invocation, _failure(invocation, error))
    if run.ending is not None:
        return harmless(event)
    requests = opened(workflow, run, invocation, effects.asks, now)
    background = asked_for(run, invocation, effects.begins, now)
    return replace(event, requests=requests, background=background) if requests or background else event


def _failure(invocation: Invocation, error: Exception) -> Failure:
    hint = error.hint if isinstance(error, LrwfError) else None
    return Failure(type(error).__name__, str(error), invocation.delivery.executor, invocation.attempt, hint=hint)


def failed(workflow: Workflow, run: Run, invocation: Invocation, command: Fail, now: datetime) -> InvocationFailed:
    """Return the failure, with the instant at which the delivery comes again if its policy says so."""
    policy = command.policy or _policy(workflow, invocation.delivery)
    failures = invocation.failures + 1
    again = command.retryable and failures < policy.max_attempts and is_retryable(policy, command.error)
    if again and run.ending is None:
        retry_at = now + delay(policy, failures, invocation.delivery.id)
        return InvocationFailed(invocation.delivery.id, command.error, retry_at)
    return given_up(workflow, run, invocation, command.error)


def _policy(workflow: Workflow, delivery: Delivery) -> RetryPolicy:
    """Return the policy of the handler of `delivery`. What becomes of a response, its handler says by itself."""
    spec = workflow.executors[delivery.executor]
    own = spec.retry_for(workflow.resolve(delivery.message)) if spec.retry_for and not delivery.answers else None
    return own or spec.retry


def suspended(
    workflow: Workflow, run: Run, invocation: Invocation, suspension: Suspension, now: datetime
) -> InvocationSuspended | InvocationFailed:
    """Return the suspension, with the requests that are new; what is done after a verdict may not suspend."""
    requests = opened(workflow, run, invocation, suspension.asks, now)
    background = asked_for(run, invocation, suspension.begins, now)
    waits = addressed(run, invocation, suspension.waits, requests)
    waits = addressed_to(run, invocation, waits, background)
    if refusal := _refusal(run, invocation, waits):
        return given_up(workflow, run, invocation, _failure(invocation, refusal))
    return InvocationSuspended(invocation.delivery.id, waits, suspension.kept, requests, background)


def _refusal(run: Run, invocation: Invocation, waits: tuple[Wait, ...]) -> SuspensionRefused | None:
    executor = invocation.delivery.executor
    if run.ending is not None:
        what = f"`{executor}` may not wait: it is called after the run's verdict"
        return SuspensionRefused(what, hint="do what waits in an executor of the workflow")
    if not any(wait.due_at or wait.request or wait.task for wait in waits):  # I3: nothing could ever wake it
        what = f"`{executor}` waits for what neither time nor an answer brings"
        return SuspensionRefused(what, hint="wait with what `ctx` offers: a timer, a poll, a question")
    return None


class _Routing:
    """Turns the effects of one invocation into the event that commits them."""

    def __init__(self, workflow: Workflow, run: Run, invocation: Invocation) -> None:
        self.workflow = workflow
        self.run = run
        self.parent = invocation.delivery
        self.deliveries: list[Delivery] = []
        self.joined: list[Joined] = []
        self.outputs: list[Json] = []
        self.dropped: list[Dropped] = []
        self.queued: dict[str, dict[str, list[Joined]]] = {}

    def event(self, effects: Effects, changes: tuple[StateChange, ...], scope: Scope) -> InvocationCompleted:
        self.outputs.extend(effects.outputs)
        ways = [(send, hops) for send in effects.sends if (hops := self._ways(send, scope))]
        for number, (send, hops) in enumerate(ways):
            path = child_path(self.parent.path, number, len(ways))
            for position, hop in enumerate(hops):
                self._deliver(send, hop, path, child_path(path, position, len(hops)))
        return InvocationCompleted(
            delivery=self.parent.id,
            deliveries=tuple(self.deliveries),
            joined=tuple(self.joined),
            outputs=tuple(self._output(index, value) for index, value in enumerate(self.outputs)),
            dropped=tuple(self.dropped),
            state=changes,
            saved=self._saved(effects.saved),
        )

    def _ways(self, send: Send, scope: Scope) -> list[Hop]:
        """Return the ways of one message. One that nobody takes is an output at a sink, else dropped."""
        source = self.parent.executor
        hops = route(self.workflow, source, send, scope)
        if not hops and not self.workflow.leaving(source):
            self.outputs.append(send.value)
        elif not hops:
            self.dropped.append(Dropped(source, self.parent.superstep, send.value))
        return hops

    def _deliver(self, send: Send, hop: Hop, sent: tuple[int, ...], path: tuple[int, ...]) -> None:
        """Deliver to `path`; in a fan-in all messages come the same way, and it is where they were sent that counts."""
        child = delivery_id((self.parent.id,), hop.place)
        superstep = self.parent.superstep + 1
        source = self.parent.executor
        if hop.fan_in is None:
            self.deliveries.append(Delivery(child, hop.target, superstep, send.value, source, path))
            return
        entry = Joined(child, hop.fan_in.id, source, superstep, send.value, sent)
        self.joined.append(entry)
        self._queue(hop.fan_in)[source].append(entry)
        self._complete_round(hop.fan_in)

    def _queue(self, fan_in: FanIn) -> dict[str, list[Joined]]:
        """Return the queues of `fan_in` as they are with what this handler has sent so far."""
        if fan_in.id not in self.queued:
            waiting = self.run.queues.get(fan_in.id, {})
            self.queued[fan_in.id] = {source: list(waiting.get(source, ())) for source in fan_in.sources}
        return self.queued[fan_in.id]

    def _complete_round(self, fan_in: FanIn) -> None:
        queues = self._queue(fan_in)
        filled = tuple(source for source in fan_in.sources if queues[source])
        if len(filled) < (fan_in.need or len(fan_in.sources)):
            return
        entries = [queues[source].pop(0) for source in filled]
        check_type(self.workflow, "+".join(filled), fan_in.target, [entry.message for entry in entries])
        self.deliveries.append(
            Delivery(
                id=delivery_id([entry.id for entry in entries], fan_in.target),
                executor=fan_in.target,
                superstep=max(entry.superstep for entry in entries),
                source="+".join(filled),
                joined=(fan_in.id, filled),
            )
        )

    def _output(self, index: int, value: Json) -> Output:
        parent = self.parent
        return Output(parent.superstep, parent.path, parent.executor, parent.id, index, value)

    def _saved(self, saved: Json) -> StateChange | None:
        """Return the change of the executor's own attributes, if there is one."""
        before = self.run.saved.get(self.parent.executor)
        if saved is None or same(saved, before):
            return None
        smaller = extension(before, saved)
        op, value = (smaller.op, smaller.value) if smaller else ("set", saved)
        return StateChange(key=self.parent.executor, op=op, value=value)
