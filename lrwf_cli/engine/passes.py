"""Taking runs up and letting them go: one by its id, a new one, or all that are due.

After letting go of a run its mail and its wake-up are looked at once more: a letter that was left while the
driver was on its way out would else wait for the next tick.
"""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from lrwf_cli.clock import Clock
from lrwf_cli.core.apply import apply, begin
from lrwf_cli.core.commands import Block, Command, CutOff
from lrwf_cli.core.decide import decide, has_suspect
from lrwf_cli.core.model import UNKNOWN
from lrwf_cli.core.run import Failure, Run
from lrwf_cli.core.waking import wake_at
from lrwf_cli.engine.driver import Driver
from lrwf_cli.engine.given import Assemble, Assembly, Observer, Process
from lrwf_cli.engine.limits import Alarm
from lrwf_cli.engine.post import opened
from lrwf_cli.engine.slots import Slots
from lrwf_cli.engine.strays import Strays
from lrwf_cli.engine.taking_up import take_up
from lrwf_cli.errors import LrwfError, NeedsItsProgram, RunBusy, StateDirectoryError, StateFull, UnknownRun
from lrwf_cli.store.base import Held, Store

__all__ = ["Engine", "Outcome"]


class Outcome(msgspec.Struct, frozen=True):
    """What became of one run in a pass. `run` is `None` when it was busy or could not be read."""

    run_id: str
    run: Run | None = None
    busy: bool = False
    error: LrwfError | None = None


class Engine:
    """Drives runs of one store in one process, with at most `jobs` handlers at work.

    A handler that is cancelled has `grace_s` seconds to end (`None`: what its executor says); after that it is left to
    itself. `alarm` reaches handlers that keep the loop to themselves; without one, those are waited for.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        assemble: Assemble,
        *,
        process: Process,
        jobs: int,
        observe: Observer | None = None,
        grace_s: float | None = None,
        alarm: Alarm | None = None,
    ) -> None:
        self.store = store
        self.clock = clock
        self._assemble = assemble
        self._process = process
        self._slots = Slots(jobs)
        self._observe = observe
        self._grace_s = grace_s
        self._alarm = alarm
        self._drivers: set[Driver] = set()
        self._stopping = False

    def stop(self) -> None:
        """Have every driver cut its handlers off and leave its run to be taken up again. Returns at once."""
        self._stopping = True
        for driver in self._drivers:
            driver.stop()

    def look(self) -> None:
        """Have every driver look at its mail now. Returns at once."""
        for driver in self._drivers:
            driver.look()

    @property
    def is_stopping(self) -> bool:
        """Whether `stop` was called: nothing is taken up any more."""
        return self._stopping

    async def advance(self, run_id: str) -> Run:
        """Drive a run until it is finished or waiting; return it as it then is.

        Raises UnknownRun, RunBusy, JournalCorrupt, and CodeMissing or FlowError when it cannot be driven: then
        the run is blocked, durably.
        """
        run, seq = await self._hold_and_drive(self.store.hold(run_id)), -1
        while run.seq != seq and not self._stopping and self._due_again([run_id]):
            run, seq = await self._hold_and_drive(self.store.hold(run_id)), run.seq
        return run

    async def begin(self, held: Held, assembly: Assembly) -> Run:
        """Drive a run that was just created, then as `advance`."""
        try:
            run = await self._drive(held, assembly)
        except StateFull:
            self._excuse(held)
            raise
        finally:
            held.release()
        return await self.advance(run.id) if not self._stopping and self._due_again([run.id]) else run

    async def tick(self, run_ids: Sequence[str]) -> list[Outcome]:
        """Advance each of `run_ids`, together; what is wrong with one is its outcome and stops no other.

        One that is due again afterwards is advanced again, but not for a wake-up that nothing has come of.
        """
        outcomes: dict[str, Outcome] = {}
        again = list(run_ids)
        while again and not self._stopping:
            news = {outcome.run_id: outcome for outcome in await self._pass(again)}
            moved = [each for each, outcome in news.items() if _has_moved(outcome, outcomes.get(each))]
            outcomes |= news
            again = self._due_again(moved) if moved else []
        return list(outcomes.values())

    async def _pass(self, run_ids: Sequence[str]) -> list[Outcome]:
        """Advance runs in the order given, at most as many at once as there are places; suspects later, one by one."""
        results: list[Outcome] = []
        suspects: list[str] = []
        queue = iter(run_ids)

        async def work() -> None:
            for run_id in queue:
                if self._stopping:
                    return
                outcome = await self._outcome(run_id, alone=len(run_ids) == 1)
                if outcome is None:
                    suspects.append(run_id)
                else:
                    results.append(outcome)

        await asyncio.gather(*(work() for _ in range(min(self._slots.places, len(run_ids)))))
        for run_id in suspects:
            outcome = None if self._stopping else await self._outcome(run_id, alone=True)
            results += [outcome] if outcome else []
        return results

    async def _outcome(self, run_id: str, *, alone: bool) -> Outcome | None:
        """Advance a run; `None`: it may end this process, and there are others in it that are not to go with it."""
        try:
            held = self.store.hold(run_id) if alone else await take_up(self.store, run_id)
            if self._stopping:
                held.wake_at(wake_at(held.run))
            if self._stopping or (not alone and has_suspect(held.run)):
                held.release()
                return None
            return Outcome(run_id, await self._hold_and_drive(held))
        except (RunBusy, UnknownRun):
            return Outcome(run_id, busy=True)
        except LrwfError as error:
            return Outcome(run_id, error=error)

    async def _hold_and_drive(self, held: Held) -> Run:
        strays = Strays(held, self._process.sweep)
        try:
            await strays.end(held.run)
            if not self._needs_driving(held):
                held.wake_at(wake_at(held.run))
                return held.run
            try:
                assembly = self._assemble(held, self.store.definition(held.run.id))
            except StateDirectoryError:
                raise
            except LrwfError as error:
                self._take_note(held, error)
                await strays.end(held.run)
                raise
            return await self._drive(held, assembly)
        except StateFull:
            self._excuse(held)
            raise
        finally:
            held.release()

    def _excuse(self, held: Held) -> None:
        """Keep, if there is room for that, that the disk cut the handlers off: no crash is to be held against them."""
        run_id = held.run.id
        held.release()  # what this driver knows is ahead of the disk
        with suppress(LrwfError):
            on_disk = self.store.hold(run_id)
            try:
                commit(on_disk, self.clock, CutOff())
            finally:
                on_disk.release()

    def _needs_driving(self, held: Held) -> bool:
        """Whether there is anything to do: a look that finds nothing leaves no trace."""
        at, now = wake_at(held.run), self.clock.now()
        return (at is not None and at <= now) or any(True for _ in opened(held, held.letters(), now))

    def _take_note(self, held: Held, error: LrwfError) -> None:
        """Do what can be done for a run that cannot be put together here: take its mail, end it when its time is up.

        It is blocked, unless it only waits for the program that built it.
        """
        failure = Failure(type(error).__name__, error.message, hint=error.hint)
        now = self.clock.now()
        taken = list(opened(held, held.letters(), now))
        for _, command in taken:
            commit(held, self.clock, command)
        deadline = held.run.deadline_at
        if not isinstance(error, NeedsItsProgram) or (deadline is not None and deadline <= now):
            commit(held, self.clock, Block(failure))
        held.burn([letter.id for letter, _ in taken])

    async def _drive(self, held: Held, assembly: Assembly) -> Run:
        driver = Driver(
            held,
            assembly,
            self.clock,
            process=self._process,
            slots=self._slots,
            observe=self._observe,
            grace_s=self._grace_s,
            alarm=self._alarm,
        )
        self._drivers.add(driver)
        try:
            return await driver.drive()
        finally:
            self._drivers.discard(driver)

    def _due_again(self, run_ids: Iterable[str]) -> list[str]:
        mine = set(run_ids)
        return [due.run_id for due in self.store.due(self.clock.now()) if due.run_id in mine]


def _has_moved(outcome: Outcome, before: Outcome | None) -> bool:
    """Whether something has come of taking a run up, so that taking it up again may lead further."""
    if outcome.run is None or outcome.error is not None:
        return False
    return before is None or before.run is None or before.run.seq != outcome.run.seq


def commit(held: Held, clock: Clock, command: Command) -> Run:
    """Decide `command` on a held run that nobody drives, durably, wake-up included; return the run.

    For what concerns the run only: no workflow is looked at. Raises WrongStatus.
    """
    now = clock.now()
    events = held.lighten(decide(UNKNOWN, held.run, command, now))
    if events:
        begin(held.run, held.run.seq + 1, now)
        for event in events:
            held.run = apply(held.run, event)
        held.append(events, now)
        held.checkpoint(held.run)
    held.wake_at(wake_at(held.run))
    return held.run
