"""How a lane does an await, or reads what was kept of it; how it waits, and how it ends.

An awaited `async def` of the flow is kept as a whole once it has returned, in place of all that was kept inside. One
whose outcome cannot be kept, or that has left tasks behind which still run, is entered again on the way back. So is
what the process alone knows of; of that, only its turn is kept.
"""

import asyncio
from types import CoroutineType
from typing import Any

from msgspec.structs import replace

from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Kept, Wait
from lrwf_cli.errors import NotDecodable, NotEncodable
from lrwf_cli.executors.keeper import Place, Step, Waiting
from lrwf_cli.executors.kept.activations import Activation, Await
from lrwf_cli.executors.kept.acts import LANE, in_order
from lrwf_cli.executors.kept.codes import is_compiled
from lrwf_cli.executors.kept.outcomes import STUCK, Outcome, close_unstarted, entry_of, outcome_of
from lrwf_cli.executors.kept.reach import Reach
from lrwf_cli.executors.kept.refusals import (
    Blemish,
    Spot,
    changed_arguments,
    diverged,
    not_decodable,
    not_keepable,
    refused,
    survived,
    unkept,
)
from lrwf_cli.executors.kept.stretch import Line, Stretch

__all__ = ["Doing"]


class Doing(Line):
    """What a lane does."""

    def __init__(self, stretch: Stretch, id: str) -> None:  # noqa: A002 - what a lane has
        self.stretch = stretch
        self.id = id
        self.name = ""
        self.is_foreign = False
        self.is_frozen = False
        self.made_at: Spot | None = None
        self._log = stretch.logs.get(id, {})

    def find(self, begun: Await) -> Kept | None:
        """Return what is kept of an await, to be read; `None`: it is to be done. Ends the stretch if it was another."""
        kept = self._log.pop(begun.path, None)
        if kept is None:
            return None
        if kept.what != begun.what or kept.digest != begun.digest:
            self.stretch.stop(diverged(self._spot(begun), kept, begun.what))
        self.top.holds = True
        if not kept.anew:
            return kept
        begun.turn = kept.turn
        return None

    async def read(self, kept: Kept, begun: Await) -> Any:
        """Return or raise what is kept, when it is its turn."""
        await self._turn(kept.turn)
        try:
            value, error = self.stretch.resolve(kept.value), self.stretch.resolve(kept.error)
            outcome = outcome_of(self.stretch.codec, value, error)
        except NotDecodable as problem:
            self.stretch.stop(not_decodable(self._spot(begun), kept.what, problem))
        if kept.acts is not None:
            self._do_again(begun, self.stretch.resolve(kept.acts))
        return outcome.get()

    async def do(self, begun: Await, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Make the call, await it, keep what it comes to, and return or raise that."""
        top, inner, given = self.top, None, None
        top.now = begun
        try:
            if begun.kind == "foreign" and not self.stretch.many:
                given = Reach.of_call(args, kwargs)
            awaited = function(*args, **kwargs)
            if type(awaited) is CoroutineType and is_compiled(awaited.cr_code):
                inner = self._entered(begun, awaited, function, args, kwargs)
            outcome = Outcome(await awaited)
        except BaseException as error:  # noqa: BLE001 - what is no outcome is raised on
            self._judge(top, begun, error)
            outcome = Outcome(error=error)
        finally:
            self.top, top.now = top, None
        if given is not None and inner is None and not self.stretch.many and given.has_changed():
            self._note_unkept(begun, changed_arguments(self._spot(begun), begun.what))
        try:
            return await self._settled(begun, inner, outcome)
        finally:
            del outcome  # its traceback holds this frame

    def _entered(
        self, begun: Await, awaited: "CoroutineType[Any, Any, Any]", function: Any, args: Any, kwargs: Any
    ) -> Activation | None:
        """Begin an activation of a function of the flow; `None` if somebody else has begun with it before."""
        if awaited.cr_frame is None or awaited.cr_suspended or awaited.cr_running:
            return None
        is_itself = getattr(function, "__code__", None) is awaited.cr_code
        reach = Reach.of_function(function, args, kwargs) if is_itself else Reach.of(awaited)
        self.top = Activation(awaited, f"{begun.path}.", self.top, reach)
        return self.top

    async def _turn(self, turn: int | None) -> None:
        """Return when it is the turn of what is kept, and take it; `None`: when all that is kept has come by."""
        turns = self.stretch.turns
        gate = turns.gate_after_all() if turn is None else turns.gate(turn)
        try:
            if gate is not None:
                await self.idle(gate)
        finally:
            if turn is not None:
                turns.take(turn)

    async def idle(self, future: "asyncio.Future[None]") -> None:
        """Wait for what only another lane, or nobody, brings."""
        self.is_idle = True
        self.stretch.idle += 1
        try:
            await future
        finally:
            self.is_idle = False
            self.stretch.idle -= 1
        if self.is_frozen:
            raise asyncio.CancelledError

    async def own(self, begun: Await, step: Step, place: Place, wait: Wait | None) -> Any:
        """Do, or read, an await that lrwf itself offers."""
        kept = self.find(begun)
        if kept is not None:
            return await self.read(kept, begun)
        return await self.do(begun, self._own, (step, place, wait), {})

    async def _own(self, step: Step, place: Place, wait: Wait | None) -> Any:
        came_to = await step(place, wait)
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
        begun = Await("", self.name, "", "lane")
        if self.top.now is not None:
            begun.acts = self.top.now.acts  # a foreign lane: all that it does is done in one await
        kept = self.find(begun)
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
            return await self._settled(begun, None if self.is_foreign else self.top, outcome)
        finally:
            del outcome  # its traceback holds this frame

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

    def _judge(self, top: Activation, begun: Await, error: BaseException) -> None:
        """Raise `error` on if it is no outcome of what was awaited, but an end of this lane or of all."""
        if isinstance(error, GeneratorExit | KeyboardInterrupt) or self.is_frozen:
            raise error
        if isinstance(error, STUCK):
            self.stretch.stop(error)
        if isinstance(error, asyncio.CancelledError) and self.task.cancelling():
            if top.blemish is None:
                top.blemish = survived(self._spot(begun, top), begun.what)
            raise error

    async def _settled(self, begun: Await, inner: Activation | None, outcome: Outcome) -> Any:
        """Keep an outcome, if it can be, when it is its turn; return or raise it.

        What is entered again and not kept has no turn: it ends with the last await in it, which has.
        """
        stretch = self.stretch
        if self.is_frozen:
            raise asyncio.CancelledError
        if stretch.is_over or stretch.is_cancelled:
            return outcome.get()
        entry = self._kept(begun, inner, outcome)
        if stretch.many and (entry is not None or begun.turn):
            await self._turn(begun.turn or None)
            entry = entry and replace(entry, turn=stretch.turns.new())
        self._note_acts(begun, inner, entry)
        if entry is not None:
            self.top.holds = True
            self.is_whole = begun.kind == "lane" and not entry.anew
            stretch.ledger.add(entry)
            if stretch.ledger.eager or entry.lasts:
                await stretch.ledger.handed_over()
                if self.is_frozen:
                    raise asyncio.CancelledError
                if stretch.ledger.eager and not entry.anew and outcome.error is None:
                    return stretch.codec.decode(entry.value)
        return outcome.get()

    def _kept(self, begun: Await, inner: Activation | None, outcome: Outcome) -> Kept | None:
        """Return what is to be kept of an await that has come to its outcome."""
        spawned = begun.spawned if inner is None else inner.spawned
        is_whole = inner is None or inner.reach is None or not inner.reach.has_changed()
        if inner is None:  # what is foreign is made of its tasks, and of nothing that is entered again
            is_whole = all(lane.is_whole for lane in spawned)
        if begun.kind != "anew" and not begun.turn and is_whole and all(lane.is_over() for lane in spawned):
            try:
                return self._entry(begun, inner, outcome)
            except NotEncodable as problem:
                if inner is None and not spawned:
                    self._note_unkept(begun, not_keepable(self._spot(begun), begun.what, problem, outcome.error))
        self._absorb(begun, inner)
        if begun.turn or not self.stretch.many or inner is not None:
            return None
        return Kept(self.id, begun.path, begun.what, begun.digest, anew=True)

    def _entry(self, begun: Await, inner: Activation | None, outcome: Outcome) -> Kept:
        folds = bool(begun.spawned) or (inner is not None and (inner.holds or bool(inner.spawned)))
        entry = entry_of(self.stretch.codec, self.id, begun, outcome, folds=folds)
        lanes = (*begun.spawned, *(inner.spawned if inner is not None else ()))
        acts = in_order([begun.acts, inner.acts if inner is not None else (), *(lane.done() for lane in lanes)])
        return replace(entry, acts=acts) if acts else entry

    def _note_acts(self, begun: Await, inner: Activation | None, entry: Kept | None) -> None:
        """Make what was done in an await that is over a matter of the function that awaits it, or of the lane."""
        acts = [*begun.acts, *(inner.acts if inner is not None else ())]
        if entry is not None and not entry.anew:
            acts = entry.acts or []
        if begun.kind == "lane":
            self.acts = acts
        else:
            self.top.acts.extend(acts)

    def _do_again(self, begun: Await, acts: list[Json]) -> None:
        if self.stretch.itself is not None:
            self.stretch.itself.do_again(acts)
        if begun.kind == "lane":
            self.acts = acts
        else:
            self.top.acts.extend(acts)

    def _note_unkept(self, begun: Await, blemish: Blemish) -> None:
        """Note that an outcome is lost with the process; refuse it where each must be kept as it returns."""
        if self.stretch.ledger.eager or begun.kind == "step":
            self.stretch.stop(unkept(blemish))
        if begun.kind == "lane":
            self.blemish = blemish
        elif self.top.blemish is None:
            self.top.blemish = blemish

    def _absorb(self, begun: Await, inner: Activation | None) -> None:
        """Make what was made in an await that is not kept as a whole a matter of the function that awaits it."""
        if begun.kind == "lane":
            self.left = list(self.top.spawned)
            self.blemish = self.blemish or self.first_blemish()
            return
        self.top.spawned.extend(begun.spawned)
        if inner is not None:
            self.top.spawned.extend(inner.spawned)
            self.top.holds = self.top.holds or inner.holds
            self.top.blemish = self.top.blemish or inner.blemish

    def _spot(self, begun: Await, top: Activation | None = None) -> Spot:
        spot = (top or self.top).spot(begun.site) or self.made_at
        return spot or Spot(self.stretch.handler, 0, 0, self.name)
