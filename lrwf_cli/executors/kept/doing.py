"""How a lane does an await, or reads what was kept of it; how it suspends, and how it ends."""

import asyncio
from types import CoroutineType
from typing import Any

from lrwf_cli.core.suspended import START, Kept, Wait
from lrwf_cli.errors import NotDecodable
from lrwf_cli.executors.context.keeper import Place, Step, Waiting
from lrwf_cli.executors.kept.activations import Activation, Await
from lrwf_cli.executors.kept.acts import LANE
from lrwf_cli.executors.kept.codes import is_compiled, is_compiled_coroutine
from lrwf_cli.executors.kept.outcomes import STUCK, Outcome, close_unstarted, made_again, outcome_of
from lrwf_cli.executors.kept.reach import Reach
from lrwf_cli.executors.kept.refusals import diverged, not_decodable, refused, survived
from lrwf_cli.executors.kept.settling import Settling
from lrwf_cli.executors.kept.stretch import Stretch

__all__ = ["Doing"]


class Doing(Settling):
    """What a lane does."""

    def __init__(self, stretch: Stretch, id: str) -> None:  # noqa: A002 - what a lane has
        super().__init__(stretch, id)
        self.log = stretch.logs.get(id, {})

    def find(self, begun: Await) -> Kept | None:
        """Return what is kept of an await, to be read; `None`: it is to be done. Ends the stretch if it was another."""
        kept = self.log.pop(begun.path, None)
        if kept is None:
            return None
        if kept.what != begun.what or not _is_given_the_same(kept, begun):
            self.stretch.stop(diverged(self.spot_of(begun), kept, begun.what))
        self.top.holds = True
        if not kept.anew:
            return kept
        begun.turn = kept.turn
        return None

    async def read(self, kept: Kept, begun: Await) -> Any:
        """Return or raise what is kept, when it is its turn."""
        if kept.turn:
            await self.turn(kept.turn)
        try:
            value, error = self.stretch.resolve(kept.value), self.stretch.resolve(kept.error)
            outcome = outcome_of(self.stretch.codec, value, error)
            if kept.changes is not None:
                begun.reach = begun.reach.now() if begun.reach is not None and kept.turn else begun.reach
                outcome = made_again(begun, self.stretch.resolve(kept.changes), outcome)
        except NotDecodable as problem:
            self.stretch.stop(not_decodable(self.spot_of(begun), kept.what, problem))
        if kept.acts is not None:
            self.do_again(begun, self.stretch.resolve(kept.acts))
        return outcome.get()

    async def do(self, begun: Await, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the call, await it, keep what it comes to, and return or raise that."""
        top, inner = self.top, None
        begun.since = self.stretch.moves
        top.now = begun
        try:
            awaited = function(*args, **kwargs)
            if type(awaited) is CoroutineType and is_compiled(awaited.cr_code):
                inner = self._entered(begun, awaited)
            elif self.stretch.rehearses is not None and begun.is_outside():
                close_unstarted((awaited,))
                await self.idle(asyncio.get_running_loop().create_future())  # what was not kept is not done again
            value = await awaited
        except BaseException as error:  # noqa: BLE001 - what is no outcome is raised on
            self.top, top.now = top, None
            self._judge(begun, inner, error)
            outcome = Outcome(error=error)
        else:
            self.top, top.now = top, None
            if inner is None and self.stretch.many and not self.stretch.is_alone(self.id, begun):
                begun.reach = None  # other lanes may have changed it
            if begun.is_timed:
                begun.kind = "anew"
            if self.settle_plainly(begun, inner, value):
                return value
            outcome = Outcome(value)
        try:
            return await self.settled(begun, inner, outcome)
        finally:
            del outcome  # its traceback holds this frame

    def _entered(self, begun: Await, awaited: "CoroutineType[Any, Any, Any]") -> Activation | None:
        """Begin an activation of a function of the flow; `None` if somebody else has begun with it before."""
        if awaited.cr_frame is None or awaited.cr_suspended or awaited.cr_running:
            return None
        self.top = Activation(awaited, f"{begun.path}.", self.top)
        return self.top

    async def own(self, begun: Await, step: Step, place: Place, wait: Wait | None) -> Any:
        """Do, or read, an await that lrwf itself offers."""
        kept = self.find(begun)
        if kept is not None:
            return await self.read(kept, begun)
        return await self.do(begun, self._own, (step, place, wait), {})

    async def _own(self, step: Step, place: Place, wait: Wait | None) -> Any:
        known = self.stretch.rehearses
        came_to = await step(place, wait) if known is None else known.get((place.lane, place.path))
        if came_to is None and known is not None:
            await self.idle(asyncio.get_running_loop().create_future())
        if isinstance(came_to, Waiting):
            await self._park(came_to)
        return came_to

    async def _park(self, waiting: Waiting) -> None:
        """Suspend; never return. Ends the stretch if the lane could not be brought back to where it is."""
        blemish = self.first_blemish()
        if blemish is not None:
            self.stretch.stop(refused(blemish, waiting.wait.what, self.spot()))
        self.waiting = waiting
        try:
            await self.idle(asyncio.get_running_loop().create_future())
        finally:
            self.waiting = None

    async def run(self, coroutine: Any) -> Any:
        """Run a lane that a task of the handler's own is."""
        self.begin()
        begun = Await("", self.name, self.digest, "lane")
        begun.since = self.stretch.moves
        if not self.is_foreign and is_compiled_coroutine(coroutine):
            begun.reach = Reach.of_coroutine(self.stretch.before, coroutine)
        try:
            kept = self.find(begun)
            if kept is None and self.top.frame is not None:
                await self._start()
                begun.since = self.stretch.moves
        except BaseException:
            close_unstarted((coroutine,))
            raise
        if kept is not None:
            close_unstarted((coroutine,))
            self.is_whole = True
            return await self.read(kept, begun)
        try:
            outcome = Outcome(await coroutine)
        except (GeneratorExit, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            if self.is_frozen or (isinstance(error, asyncio.CancelledError) and self.stretch.is_cancelled):
                raise
            outcome = Outcome(error=error)
        try:
            return await self.settled(begun, None if self.is_foreign else self.top, outcome)
        finally:
            del outcome  # its traceback holds this frame

    def is_ending(self) -> bool:
        """Whether its end is kept: all that it has still to do is to read that, even if it is cancelled."""
        return "" in self.log and not self.stretch.is_over

    async def _start(self) -> None:
        """Begin with a function of the flow when it is its turn: what others have done by then is as it was."""
        begun = Await(START, self.name, self.digest, "anew")
        self.find(begun)
        await self.turn(begun.turn or None)
        if not begun.turn and not self.stretch.is_over:
            turn = self.stretch.turns.new()
            self.stretch.ledger.add(Kept(self.id, START, self.name, self.digest, anew=True, turn=turn))
        self.top.holds = True

    async def run_root(self, coroutine: Any) -> Outcome:
        """Run the handler itself."""
        self.begin()
        try:
            return Outcome(await coroutine)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is the handler's
            return Outcome(error=error)
        finally:
            self.stretch.is_over = True

    def begin(self) -> None:
        """Take the place among the lanes that have not ended."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a lane is a task
        self.task = task
        self.stretch.lanes[task] = self
        LANE.set(self)

    def _judge(self, begun: Await, inner: Activation | None, error: BaseException) -> None:
        """Raise `error` on if it is no outcome of what was awaited, but an end of this lane or of all."""
        if isinstance(error, GeneratorExit | KeyboardInterrupt) or self.is_frozen:
            raise error
        if isinstance(error, STUCK):
            self.stretch.stop(error)
        if isinstance(error, asyncio.CancelledError) and self.task.cancelling():
            self.stretch.is_smooth = False
            known = inner.blemish if inner is not None else None
            spot, is_in_process = self.spot_of(begun), begun.kind == "anew"
            self.top.note_cancelled(known or survived(spot, begun.what, is_in_process=is_in_process))
            raise error


def _is_given_the_same(kept: Kept, begun: Await) -> bool:
    """Whether the arguments are those that were kept; of the end of a lane there were none kept at first."""
    return kept.digest == begun.digest or (begun.kind == "lane" and not kept.digest)
