"""One driver for one held run: the committer and the handlers it starts.

Commands are decided and applied in turn, against a run that may be ahead of the disk, and batched into one
frame. Nothing leaves before that frame is synced: no handler is called, no mail burnt, nobody told. If syncing
fails, the exception ends the driver, so that the tentative state is never seen.
"""

import asyncio
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace

from lrwf_cli.clock import Clock
from lrwf_cli.core import commands as c
from lrwf_cli.core.apply import apply, begin
from lrwf_cli.core.decide import decide
from lrwf_cli.core.events import Event, InvocationsStarted
from lrwf_cli.core.run import Run
from lrwf_cli.core.waking import next_due, wake_at
from lrwf_cli.engine.at_work import AtWork
from lrwf_cli.engine.beside import Beside
from lrwf_cli.engine.calls import call_of, refusal_of
from lrwf_cli.engine.given import Assembly, Observer, Process
from lrwf_cli.engine.inbox import Inbox
from lrwf_cli.engine.letters import BACKGROUND
from lrwf_cli.engine.limits import Alarm
from lrwf_cli.engine.post import expiries, opened
from lrwf_cli.engine.slots import Slots
from lrwf_cli.engine.strays import Strays
from lrwf_cli.engine.telling import Telling
from lrwf_cli.errors import FrameTooLarge
from lrwf_cli.store.base import Frame, Held, Letter

__all__ = ["IN_PLACE", "Driver"]

IN_PLACE = timedelta(seconds=1)
"""What is due within this is waited for by the driver; anything later is left to a tick."""

_MOMENT_S = 0.001

CHECKPOINT_EVERY = 256
"""Events after which the fold is cached: reading a run costs what came since."""


class Driver:
    """Drives a held run until it is finished or nothing of it is in flight.

    One `drive` per instance. The caller holds the run and lets it go afterwards (see `passes`).
    """

    def __init__(
        self,
        held: Held,
        assembly: Assembly,
        clock: Clock,
        *,
        process: Process,
        slots: Slots,
        observe: Observer | None = None,
        grace_s: float | None = None,
        alarm: Alarm | None = None,
    ) -> None:
        self._held = held
        self._strays = Strays(held, process.sweep)
        self._run = held.run
        self._workflow = replace(assembly.workflow, resolve=held.resolve)
        self._clock = clock
        self._process = process
        self._slots = slots
        self._observe = observe
        self._grace_s = grace_s
        self._inbox = Inbox()
        self._committing = threading.Lock()
        self._at_work = AtWork(
            assembly.invoker,
            clock,
            self._inbox,
            slots,
            show=held.progress,
            shown=held.shown,
            alarm=partial(alarm, kept=self._commit_from_outside) if alarm else None,
        )
        self._telling = Telling(assembly.tell, self._inbox)
        self._beside = Beside(assembly.backgrounds, self._inbox)
        self._stopping, self._mail_is_due = False, True
        self._bell: asyncio.TimerHandle | None = None
        self._pending: list[Event] = []
        self._taken = 0
        self._uncached = 0

    async def drive(self) -> Run:
        """Return the run when it is finished, when nothing of it is in flight, or after `stop`.

        What it returns is durable, and so is its next wake-up, unless it was stopped: then it is due at once.
        Raises what the store raises; the handlers are cancelled then and nothing of them counts.
        """
        self._inbox.put(c.Take(self._process.pid, self._process.boot_id))
        self._ring()
        try:
            while not self._stopping:
                await self._commit(self._read_mail())
                if not self._is_idle():
                    await self._wait()
                elif not await self._wait_in_place():
                    break
            await self._end()
        finally:
            if self._bell:
                self._bell.cancel()
            self._slots.give(self._taken)
            await self._at_work.cancel(self._grace_s)
            await self._telling.cancel()
            await self._beside.cancel()
        return self._run

    def stop(self) -> None:
        """Ask the driver to cut its handlers off and to leave the run for the next one. Returns at once."""
        self._stopping = True
        self._inbox.news.set()

    def look(self) -> None:
        """Have the mail looked at now, without waiting until it is time for that. Returns at once."""
        self._mail_is_due = True
        self._inbox.news.set()

    def _decide_all(self) -> list[Event]:
        """Decide what is in the inbox, then what follows, as one tentative frame; what it has no room for waits."""
        now = self._clock.now()
        try:
            while self._decide_inbox(now) or self._decide_what_follows(now):
                pass
        except FrameTooLarge as error:
            if not self._pending:
                self._inbox.instead(refusal_of(self._run, self._inbox.first, error))
            self._mail_is_due = True
            self._inbox.news.set()
        pending, self._pending = self._pending, []
        return pending

    def _decide_inbox(self, now: datetime) -> bool:
        any_at_all = self._inbox.first is not None
        while (command := self._inbox.first) is not None:
            self._decide(command, now)
            self._inbox.decided()
        return any_at_all

    def _decide_what_follows(self, now: datetime) -> bool:
        if self._stopping:
            return False
        if due := expiries(self._held, self._run, now):
            self._inbox.extend(due)
            return True
        return self._decide(c.Advance(self._slots.free), now)

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
                self._taken += len(event.deliveries)
        return True

    async def _commit(self, letters: Sequence[Letter] = ()) -> None:
        """Decide what there is to decide, make that durable, then act on it."""
        self._committing.acquire()
        events: Sequence[Event] = ()
        try:
            events = self._decide_all()
        finally:
            if not events:
                self._committing.release()
        frame = await self._append(events) if events else None
        if frame is not None:
            await self._strays.end(self._run, self._grace_s)
            self._start_handlers(events)
            self._cache(len(events))
            if self._observe is not None:
                self._observe(frame, self._run)
        if letters and not self._mail_is_due:
            self._held.burn([letter.id for letter in letters])
        self._at_work.cut_off(self._run.started, self._grace_s)
        self._inbox.durable()
        self._telling.begin(self._run, self._clock.now())
        self._beside.see_to(self._run, self._clock.now())
        if self._run.is_final:
            await self._at_work.cancel(self._grace_s)
            await self._strays.end_all(self._run, self._grace_s)

    async def _append(self, events: Sequence[Event]) -> Frame:
        append = partial(self._write, events, self._run.updated_at)
        if self._slots.in_use > self._taken + self._at_work.keeping:
            return await asyncio.to_thread(append)
        return append()

    def _write(self, events: Sequence[Event], at: datetime) -> Frame:
        try:
            return self._held.append(events, at)
        finally:
            self._committing.release()  # here, because the driver may never hear that it is written

    def _commit_from_outside(self, command: c.Command) -> None:
        """Commit `command` from another thread, because this driver's is lost to a handler; the process ends then.

        What was decided is written first. It is no crash of the other handlers.
        """
        with self._committing:
            for each in (command, c.CutOff()):
                self._decide(each, self._clock.now())
            if self._pending:
                self._held.append(self._pending, self._run.updated_at)

    def _cache(self, events: int) -> None:
        self._uncached += events
        if self._uncached >= CHECKPOINT_EVERY:
            self._held.checkpoint(self._run)
            self._uncached = 0

    def _start_handlers(self, events: Sequence[Event]) -> None:
        for delivery in [d for event in events if isinstance(event, InvocationsStarted) for d in event.deliveries]:
            self._start_handler(delivery)

    def _start_handler(self, delivery: str) -> None:
        self._taken -= 1
        invocation = self._run.started.get(delivery)
        if invocation is None:  # the same frame ended the run
            self._slots.give()
            return
        spec = self._workflow.executors[invocation.delivery.executor]
        self._at_work.begin(call_of(self._run, self._workflow, invocation), spec, invocation)

    def _ring(self) -> None:
        """Have the mail looked at now, and again after a while as long as the driver is at work."""
        self.look()
        if self._process.mail_every_s is not None:
            self._bell = asyncio.get_running_loop().call_later(self._process.mail_every_s, self._ring)

    def _read_mail(self) -> list[Letter]:
        if not self._mail_is_due:
            return []
        self._mail_is_due = False
        taken = list(opened(self._held, self._held.letters(), self._clock.now()))
        self._inbox.extend(command for _, command in taken)
        if any(command.kind == BACKGROUND for _, command in taken):
            self._beside.look_again()
        for _, command in taken:
            if isinstance(command.command, c.Cancel) and command.command.grace is not None:
                self._grace_s = command.command.grace.total_seconds()
        return [letter for letter, _ in taken]

    def _is_idle(self) -> bool:
        at_work = self._at_work or self._telling or self._beside or len(self._inbox)
        return not (at_work or (self._run.in_flight and self._run.status == "running"))

    async def _wait_in_place(self) -> bool:
        """Wait for what is due within a moment; return whether there was such a thing."""
        at = wake_at(self._run)
        if at is None or at - self._clock.now() > IN_PLACE:
            return False
        await self._clock.sleep(max(at - self._clock.now(), timedelta()))
        return True

    async def _wait(self) -> None:
        """Return when a handler has ended, a place is free, something is due, or mail may have come."""
        if self._run.ready and not self._slots.free:
            self._slots.when_free(self._inbox.news.set)
        at, every_s = next_due(self._run), self._process.mail_every_s
        due_s = None if at is None else max((at - self._clock.now()).total_seconds(), _MOMENT_S)
        rings_first = due_s is not None and every_s is not None and every_s < due_s
        await self._inbox.wait(None if rings_first else due_s)

    async def _end(self) -> None:
        if self._stopping:
            await self._cut_off()
        else:
            self._held.wake_at(wake_at(self._run))
        if self._uncached:
            self._held.checkpoint(self._run)

    async def _cut_off(self) -> None:
        """Have the handlers end, commit what they still come back with, and leave the others for the next driver."""
        ending = asyncio.ensure_future(self._at_work.cancel(self._grace_s))
        ending.add_done_callback(lambda _: self._inbox.news.set())
        try:
            while not ending.done():
                await self._inbox.wait()
                await self._commit()
        finally:
            ending.cancel()
        self._inbox.put(c.CutOff())
        while len(self._inbox):
            await self._commit()
