"""The handlers that are at work for one driver: begun, limited, ended; what they come back with goes to its inbox."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial

from lrwf_cli.clock import Clock
from lrwf_cli.core import commands as c
from lrwf_cli.core.commands import Effects
from lrwf_cli.core.model import ExecutorSpec, Json
from lrwf_cli.core.progress import Part
from lrwf_cli.core.run import Failure, Invocation
from lrwf_cli.core.suspended import Kept, Suspension
from lrwf_cli.engine.inbox import Inbox
from lrwf_cli.engine.limits import MARGIN, Limits, Overrun, Overrunning
from lrwf_cli.engine.progress import Shown
from lrwf_cli.engine.slots import Slots
from lrwf_cli.executors.base import Call, Failed, Invoker, Result, Stuck

__all__ = ["ARM_EVERY_S", "AtWork", "command_of"]

ARM_EVERY_S = 1.0
"""How often, at most, signs of life move an alarm; so much later than a limit it goes off, in seconds."""


def command_of(delivery: str, result: Result) -> c.Command:
    """Return what the core is told of what a handler came back with."""
    match result:
        case Failed():
            return c.Fail(
                delivery,
                result.error,
                retryable=result.retryable,
                crashed=result.crashed,
                counted=result.counted,
                policy=result.policy,
            )
        case Suspension():
            return c.Suspend(delivery, result)
        case Stuck():
            return c.Block(result.error, delivery)
        case _:
            return c.Complete(delivery, result)


class AtWork:
    """All handlers of one driver. Whoever is past a limit and does not end is left to itself, and heard no more."""

    def __init__(
        self,
        invoker: Invoker,
        clock: Clock,
        inbox: Inbox,
        slots: Slots,
        *,
        show: Callable[[str, Json], None],
        shown: Callable[[str], Json],
        alarm: Callable[[float, Overrunning], Callable[[], None]] | None,
    ) -> None:
        self.keeping = 0
        self.invoker = invoker
        self._clock = clock
        self.inbox = inbox
        self._slots = slots
        self._show = show
        self._known = shown
        self._shown: dict[str, Shown] = {}
        self.alarm = alarm
        self._handlers: dict[str, _Handler] = {}

    def __bool__(self) -> bool:
        return bool(self._handlers)

    def begin(self, call: Call, spec: ExecutorSpec, invocation: Invocation) -> None:
        """Have a delivery handled. Its place has been taken; it is given back when the handler ends."""
        handler = _Handler(self, call, spec, invocation)
        self._handlers[call.delivery.id] = handler
        handler.begin(self._clock)

    def cut_off(self, still: Collection[str], grace_s: float | None = None) -> None:
        """Cancel the handlers of deliveries that are not in `still`: nothing of them counts any more."""
        for delivery in self._handlers.keys() - set(still):
            self._handlers[delivery].cut_off(grace_s)

    async def cancel(self, grace_s: float | None = None) -> None:
        """Cancel all handlers and wait for them as long as they are granted; what they come back with still counts."""
        handlers = list(self._handlers.values())
        for handler in handlers:
            handler.leave()
        if handlers:
            patience = max(handler.patience_s(grace_s) for handler in handlers)
            await asyncio.wait([handler.task for handler in handlers], timeout=patience)
        for handler in handlers:
            handler.give_up()

    def say(self, call: Call, current: float | None, total: float | None, message: str | None) -> None:
        """Show how far a handler is, soon."""
        now = self._clock.now()
        self.shown(call.delivery.executor).say(call.delivery.id, Part(call.start, now, now, current, total, message))

    def shown(self, executor: str) -> Shown:
        """Return the progress of an executor; what is known of it is read when it is first asked for."""
        if executor not in self._shown:
            self._shown[executor] = Shown(partial(self._known, executor), partial(self._show, executor))
        return self._shown[executor]

    def free(self, delivery: str) -> None:
        """Give a handler's place back before the driver decides what starts next; idempotent."""
        if self._handlers.pop(delivery, None) is not None:
            self._slots.give()
            self.inbox.news.set()


class _Handler:
    """One handler at work. It is also the desk that its invocation has."""

    def __init__(self, owner: AtWork, call: Call, spec: ExecutorSpec, invocation: Invocation) -> None:
        self._owner = owner
        self._call = call
        self._spec = spec
        self._is_over = False
        self._is_cut_off = False
        self._given_up = False
        self._goes_on = True
        self._limits = Limits(spec, invocation, cancel=self._cancel, give_up=self.give_up)
        self._has_told = False
        self._disarm: Callable[[], None] | None = None
        self._armed_at = 0.0
        self.task: asyncio.Task[None]

    def begin(self, clock: Clock) -> None:
        self._limits.begin(clock.now())
        self._arm()
        self.task = asyncio.create_task(self._handle())
        self.task.add_done_callback(self._ended)

    def _arm(self) -> None:
        """Have an alarm go off for the limits as they are now, some time after them."""
        soonest = self._limits.soonest()
        if self._owner.alarm is not None and soonest is not None:
            self._call_off()
            self._armed_at = asyncio.get_running_loop().time()
            self._disarm = self._owner.alarm(soonest.total_seconds() + ARM_EVERY_S, self._limits)

    def _call_off(self) -> None:
        if self._disarm is not None:
            self._disarm()
            self._disarm = None

    def patience_s(self, grace_s: float | None) -> float:
        """Return how long it may take to end: `grace_s` if that is given, else what its executor has."""
        return self._spec.grace.total_seconds() + MARGIN.total_seconds() if grace_s is None else grace_s

    def leave(self) -> None:
        """Have it end because its process does. Told once: a second word would cut its tidying up short."""
        if not self._is_over:
            self._is_over = True
            self.task.cancel()

    def cut_off(self, grace_s: float | None) -> None:
        """Have it end because nobody wants what it does any more; idempotent."""
        self._is_cut_off = True
        if not self._is_over:
            self.leave()
            asyncio.get_running_loop().call_later(self.patience_s(grace_s), self.give_up)

    async def keep(self, kept: Sequence[Kept]) -> None:
        if self._given_up or self._is_cut_off:
            raise asyncio.CancelledError
        told = asyncio.get_running_loop().create_future()
        self._owner.keeping += 1
        self._owner.inbox.put(c.Keep(self._call.delivery.id, tuple(kept)), told=told)
        try:
            await told
        finally:
            self._owner.keeping -= 1

    def progress(self, current: float | None, total: float | None, message: str | None) -> None:
        if self._given_up:
            return
        self._limits.alive()
        if self._disarm is not None and asyncio.get_running_loop().time() - self._armed_at >= ARM_EVERY_S:
            self._arm()
        if (current, total, message) != (None, None, None):
            self._has_told = True
            self._owner.say(self._call, current, total, message)

    async def _handle(self) -> None:
        delivery = self._call.delivery
        self._limits.enter()
        try:
            result = await self._owner.invoker.invoke(self._call, self)
        except (asyncio.CancelledError, Overrun) as error:
            if self._limits.past is None and self._is_over:
                raise
            result = Failed(Failure("CancelledError", str(error), delivery.executor, self._call.attempt))
        cut_off = self._is_over and isinstance(result, Failed | Stuck)  # it was told to end, and made this of it
        if self._given_up or (cut_off and self._limits.past is None):
            return
        self._goes_on = not isinstance(self._limits.past or result, Effects)
        self._owner.inbox.put(command_of(delivery.id, self._limits.past or result))
        self._owner.free(delivery.id)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Look after what `_handle` could not: it was cancelled before it began, or is broken itself."""
        self._limits.end()
        self._call_off()
        if self._given_up:
            with suppress(asyncio.CancelledError):
                task.exception()
            return
        self._tell_last()
        self._owner.free(self._call.delivery.id)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._owner.inbox.broken = error

    def _tell_last(self) -> None:
        """Show how far it came; one that has suspended, or was cut off, goes on from there."""
        if self._has_told:
            shown = self._owner.shown(self._call.delivery.executor)
            shown.flush() if self._goes_on else shown.over(self._call.delivery.id)

    def _cancel(self) -> None:
        self.task.cancel()

    def give_up(self) -> None:
        """Leave a handler to itself that does not end: nothing of it counts any more. Idempotent."""
        if self.task.done() or self._given_up:
            return
        self._given_up = True
        self._call_off()
        self._tell_last()
        if self._limits.past is not None:
            self._owner.inbox.put(command_of(self._call.delivery.id, self._limits.past))
        self._owner.free(self._call.delivery.id)
