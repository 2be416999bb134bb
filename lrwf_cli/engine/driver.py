"""One driver for one held run: the committer and the handlers it starts.

Commands are decided and applied in turn, against a run that may be ahead of the disk, and batched into one
frame. Nothing leaves before that frame is synced: no handler is called, no mail burnt, nobody told. If syncing
fails, the exception ends the driver, so that the tentative state is never seen.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec
from msgspec.structs import replace

from lrwf_cli.clock import Clock
from lrwf_cli.core import commands as c
from lrwf_cli.core.apply import apply, begin
from lrwf_cli.core.decide import decide
from lrwf_cli.core.events import Event, InvocationsStarted
from lrwf_cli.core.lineage import idempotency_key
from lrwf_cli.core.model import Workflow
from lrwf_cli.core.run import Failure, Invocation, Run
from lrwf_cli.core.waking import wake_at
from lrwf_cli.engine.letters import command_in
from lrwf_cli.engine.slots import Slots
from lrwf_cli.errors import FrameTooLarge
from lrwf_cli.executors.base import Call, Failed, Invoker
from lrwf_cli.store.base import Frame, Held, Letter

__all__ = ["GRACE_S", "IN_PLACE", "Driver", "Observer", "Process"]

IN_PLACE = timedelta(seconds=1)
"""What is due within this is waited for by the driver; anything later is left to a tick."""

MAIL_EVERY_S = 0.5
"""How often a driver that waits for its handlers looks for letters, in real seconds."""

GRACE_S = 5.0
"""How long cancelled handlers may take to end, in real seconds."""

CHECKPOINT_EVERY = 256
"""Events after which the fold is cached: reading a run costs what came since."""

Observer = Callable[[Frame, Run], None]
"""Called after each frame is durable, with the run as of it; must not change the run."""


class Process(msgspec.Struct, frozen=True):
    """Who drives: what tells a crash of this process from a reboot of its machine."""

    boot_id: str
    pid: int = msgspec.field(default_factory=os.getpid)


class Driver:
    """Drives a held run until it is finished or nothing of it is in flight.

    One `drive` per instance. The caller holds the run and lets it go afterwards (see `passes`).
    """

    def __init__(
        self,
        held: Held,
        workflow: Workflow,
        invoker: Invoker,
        clock: Clock,
        *,
        process: Process,
        slots: Slots,
        observe: Observer | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        self._held = held
        self._run = held.run
        self._workflow = replace(workflow, resolve=held.resolve)
        self._invoker = invoker
        self._clock = clock
        self._process = process
        self._slots = slots
        self._observe = observe
        self._grace_s = grace_s
        self._inbox: list[c.Command] = []
        self._news = asyncio.Event()
        self._handlers: dict[str, asyncio.Task[None]] = {}
        self._stopping = False
        self._broken: BaseException | None = None
        self._mail_is_due = True
        self._bell: asyncio.TimerHandle | None = None
        self._pending: list[Event] = []
        self._uncached = 0

    async def drive(self) -> Run:
        """Return the run when it is finished, when nothing of it is in flight, or after `stop`.

        What it returns is durable, and so is its next wake-up, unless it was stopped: then it is due at once.
        Raises what the store raises; the handlers are cancelled then and nothing of them counts.
        """
        self._inbox.append(c.Take(self._process.pid, self._process.boot_id))
        self._ring()
        try:
            while not self._stopping:
                letters = self._read_mail()
                events = self._decide_all()
                await self._commit(events, () if self._mail_is_due else letters)
                if not self._is_idle():
                    await self._wait()
                elif not await self._wait_in_place():
                    break
            await self._end()
        finally:
            if self._bell:
                self._bell.cancel()
            await self._cancel_handlers()
        return self._run

    def stop(self) -> None:
        """Ask the driver to cut its handlers off and to leave the run for the next one. Returns at once."""
        self._stopping = True
        self._news.set()

    def _decide_all(self) -> list[Event]:
        """Decide what is in the inbox, then what follows, as one tentative frame; what it has no room for waits."""
        now = self._clock.now()
        try:
            while self._inbox:
                self._decide(self._inbox[0], now)
                del self._inbox[0]
            while not self._stopping and self._decide(c.Advance(self._slots.free), now):
                pass
        except FrameTooLarge as error:
            if not self._pending:
                self._refuse_first(error)
            self._mail_is_due = True
            self._news.set()
        pending, self._pending = self._pending, []
        return pending

    def _refuse_first(self, error: FrameTooLarge) -> None:
        """Have the handler fail whose effects no frame has room for. Raises `error` if it is no handler's."""
        command = self._inbox[0] if self._inbox else None
        if not isinstance(command, c.Complete):
            raise error
        at_work = self._run.started[command.delivery]
        failure = Failure(
            type(error).__name__, error.message, at_work.delivery.executor, at_work.attempt, hint=error.hint
        )
        self._inbox[0] = c.Fail(command.delivery, failure, retryable=False)

    def _decide(self, command: c.Command, now: datetime) -> bool:
        events = decide(self._workflow, self._run, command, now)
        if not events:
            return False
        if not self._pending:
            begin(self._run, self._run.seq + 1, now)
        for event in self._held.lighten(events):
            self._run = apply(self._run, event)
            self._pending.append(event)
            if isinstance(event, InvocationsStarted):
                self._slots.take(len(event.deliveries))
        return True

    async def _commit(self, events: Sequence[Event], letters: Sequence[Letter]) -> None:
        """Make the tentative frame durable, then act on it."""
        if events:
            frame = await self._append(events)
            self._start_handlers(events)
            self._cache(len(events))
            if self._observe is not None:
                self._observe(frame, self._run)
        if letters:
            self._held.burn([letter.id for letter in letters])
        if self._run.is_final:
            await self._cancel_handlers()

    async def _append(self, events: Sequence[Event]) -> Frame:
        append = partial(self._held.append, events, self._run.updated_at)
        if self._slots.in_use > self._starting(events):
            return await asyncio.to_thread(append)
        return append()

    @staticmethod
    def _starting(events: Sequence[Event]) -> int:
        return sum(len(event.deliveries) for event in events if isinstance(event, InvocationsStarted))

    def _cache(self, events: int) -> None:
        self._uncached += events
        if self._uncached >= CHECKPOINT_EVERY:
            self._held.checkpoint(self._run)
            self._uncached = 0

    def _start_handlers(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, InvocationsStarted):
                for delivery in event.deliveries:
                    self._start_handler(self._run.started.get(delivery))

    def _start_handler(self, invocation: Invocation | None) -> None:
        if invocation is None:  # the same frame ended the run
            self._slots.give()
            return
        delivery = invocation.delivery.id
        task = asyncio.create_task(self._handle(self._call(invocation)))
        self._handlers[delivery] = task
        task.add_done_callback(lambda done: self._handler_ended(delivery, done))

    def _call(self, invocation: Invocation) -> Call:
        run, delivery = self._run, invocation.delivery
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
            deadline_at=run.deadline_at,
            resolve=self._held.resolve,
        )

    async def _handle(self, call: Call) -> None:
        delivery = call.delivery.id
        try:
            result = await self._invoker.invoke(call)
        except asyncio.CancelledError as error:
            if self._stopping or self._run.is_final:
                raise
            result = Failed(Failure("CancelledError", str(error), call.delivery.executor, call.attempt))
        if isinstance(result, Failed):
            self._inbox.append(c.Fail(delivery, result.error, result.retryable))
        else:
            self._inbox.append(c.Complete(delivery, result))
        self._free(delivery)

    def _handler_ended(self, delivery: str, task: asyncio.Task[None]) -> None:
        """Look after what `_handle` could not: it was cancelled before it began, or is broken itself."""
        self._free(delivery)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = error

    def _free(self, delivery: str) -> None:
        """Give the handler's place back before the driver decides what starts next; idempotent."""
        if self._handlers.pop(delivery, None) is not None:
            self._slots.give()
            self._news.set()

    def _ring(self) -> None:
        """Have the mail looked at now, and again after a while as long as the driver is at work."""
        self._mail_is_due = True
        self._news.set()
        self._bell = asyncio.get_running_loop().call_later(MAIL_EVERY_S, self._ring)

    def _read_mail(self) -> list[Letter]:
        if not self._mail_is_due:
            return []
        self._mail_is_due = False
        letters = self._held.letters()
        self._inbox += [c.TakeMail(each.id, each.epoch, each.kind, command_in(each)) for each in letters]
        return letters

    def _is_idle(self) -> bool:
        return not (self._handlers or self._inbox or (self._run.in_flight and self._run.status == "running"))

    async def _wait_in_place(self) -> bool:
        """Wait for what is due within a moment; return whether there was such a thing."""
        at = wake_at(self._run)
        if at is None or at - self._clock.now() > IN_PLACE:
            return False
        await self._clock.sleep(max(at - self._clock.now(), timedelta()))
        return True

    async def _wait(self) -> None:
        """Return when a handler has ended, a place is free, somebody asked to stop, or mail may have come."""
        if self._run.ready and not self._slots.free:
            self._slots.when_free(self._news.set)
        await self._news.wait()
        self._news.clear()
        if self._broken is not None:
            raise self._broken

    async def _end(self) -> None:
        if self._stopping:
            await self._cancel_handlers()
            self._inbox.append(c.CutOff())
            while self._inbox:
                await self._commit(self._decide_all(), ())
        else:
            self._held.wake_at(wake_at(self._run))
        if self._uncached:
            self._held.checkpoint(self._run)

    async def _cancel_handlers(self) -> None:
        handlers = list(self._handlers.values())
        for task in handlers:
            task.cancel()
        if handlers:
            await asyncio.wait(handlers, timeout=self._grace_s)
