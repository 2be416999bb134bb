"""What is kept of an await that is over, and when its lane goes on.

An awaited `async def` of the flow is kept as a whole once it has returned, in place of all that was kept inside, and
what it has changed of what it was given with it. One whose outcome or changes cannot be kept, or that has left tasks
behind which still run, is entered again on the way back. So is what the process alone knows of; of that, only its turn
is kept.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Kept
from lrwf_cli.errors import NotEncodable
from lrwf_cli.executors.kept.activations import Activation, Await
from lrwf_cli.executors.kept.acts import in_order
from lrwf_cli.executors.kept.outcomes import Outcome, entry_of
from lrwf_cli.executors.kept.reach import NotRestorable
from lrwf_cli.executors.kept.refusals import Blemish, Spot, changed_arguments, not_keepable, unkept
from lrwf_cli.executors.kept.stretch import Line, Stretch

__all__ = ["Settling"]


class Settling(Line):
    """What a lane does when something is over."""

    def __init__(self, stretch: Stretch, id: str) -> None:  # noqa: A002 - what a lane has
        self.stretch = stretch
        self.id = id
        self.name = self.digest = ""
        self.is_foreign = False
        self.is_frozen = False
        self.made_at: Spot | None = None

    async def turn(self, turn: int | None) -> None:
        """Return when it is the turn of what is kept, and take it; `None`: when all that is kept has come by."""
        turns = self.stretch.turns
        gate = turns.gate_after_all() if turn is None else turns.gate(turn)
        try:
            while gate is not None:
                try:
                    await self.idle(gate)
                except asyncio.CancelledError:
                    if not self.is_whole or self.is_frozen or self.stretch.is_cancelled or turn is None:
                        raise
                    gate = turns.gate(turn)  # that it is cancelled has led to the end that is kept
                else:
                    break
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

    def settle_plainly(self, begun: Await, inner: Activation | None, value: Any) -> bool:
        """Keep a value where nothing else is to be done, as mostly; else do nothing and return false."""
        stretch = self.stretch
        if stretch.many or stretch.ledger.eager or stretch.is_over or begun.kind != "foreign":
            return False
        if begun.spawned or begun.acts or self.is_frozen:
            return False
        if begun.reach is not None and not begun.reach.is_left_alone(value):
            return False
        if inner is not None:
            if inner.spawned or inner.acts:
                return False
            folds = inner.holds
        else:
            folds = False
        try:
            kept = stretch.codec.encode(value, "value")
        except NotEncodable:
            return False
        self.top.holds = True
        stretch.ledger.add(Kept(self.id, begun.path, begun.what, begun.digest, kept, None, folds))
        return True

    async def settled(self, begun: Await, inner: Activation | None, outcome: Outcome) -> Any:
        """Keep an outcome, if it can be, when it is its turn; return or raise it.

        What is to be entered again has a turn all the same: whether it is kept may hang on who was at work meanwhile,
        and on the way back others may be.
        """
        stretch = self.stretch
        if self.is_frozen:
            raise asyncio.CancelledError
        if stretch.is_over or stretch.is_cancelled:
            return outcome.get()
        if begun.kind == "lane" and self.top.now is not None:
            begun.acts = self.top.now.acts  # a foreign lane: all that it does is done in one await
        entry = self._kept(begun, inner, outcome)
        if begun.turn or (stretch.many and entry is not None):
            await self.turn(begun.turn or None)
            entry = entry and replace(entry, turn=stretch.turns.new())
        self._note_acts(begun, inner, entry)
        if entry is not None:
            self.top.holds = True
            self.is_whole = begun.kind == "lane" and not entry.anew and not entry.changes
            stretch.ledger.add(entry)
            if stretch.ledger.eager or entry.lasts:
                await stretch.ledger.handed_over()
                if self.is_frozen:
                    raise asyncio.CancelledError
                if stretch.ledger.eager and not entry.anew and outcome.error is None and not _returns_given(entry):
                    return stretch.codec.decode(entry.value)
        return outcome.get()

    def _kept(self, begun: Await, inner: Activation | None, outcome: Outcome) -> Kept | None:
        """Return what is to be kept of an await that has come to its outcome."""
        spawned = begun.spawned if inner is None else inner.spawned
        # what is foreign is made of its tasks, and of nothing that is entered again
        is_whole = inner is not None or all(lane.is_whole for lane in spawned)
        if begun.kind != "anew" and not begun.turn and is_whole and all(lane.is_over() for lane in spawned):
            try:
                return self._entry(begun, inner, outcome)
            except NotEncodable as problem:
                if inner is None and not spawned and not begun.joins:
                    self.note_unkept(begun, self._why_not(begun, outcome, problem))
        if begun.kind == "lane" and isinstance(outcome.error, asyncio.CancelledError):
            self.top.forget_cancelled()
        self._absorb(begun, inner)
        if begun.turn or not self.stretch.many or (inner is not None and self.stretch.turns.are_left):
            return None  # on the way back what is entered again ends with the last await in it
        return Kept(self.id, begun.path, begun.what, begun.digest, anew=True)

    def _why_not(self, begun: Await, outcome: Outcome, problem: NotEncodable) -> Blemish:
        spot = self.spot_of(begun)
        if isinstance(problem, NotRestorable):
            return changed_arguments(spot, begun.what, problem)
        return not_keepable(spot, begun.what, problem, outcome.error)

    def _entry(self, begun: Await, inner: Activation | None, outcome: Outcome) -> Kept:
        folds = bool(begun.spawned) or (inner is not None and (inner.holds or bool(inner.spawned)))
        changes = None
        if begun.reach is not None:
            changes = begun.reach.changes(outcome.value, partial(self.stretch.is_alone, self.id, begun))
        if changes is not None and "returns" in changes:
            outcome = Outcome()
        entry = entry_of(self.stretch.codec, self.id, begun, outcome, folds=folds)
        lanes = (*begun.spawned, *(inner.spawned if inner is not None else ()))
        acts = in_order([begun.acts, inner.acts if inner is not None else (), *(lane.done() for lane in lanes)])
        return replace(entry, acts=acts or None, changes=changes) if acts or changes else entry

    def _note_acts(self, begun: Await, inner: Activation | None, entry: Kept | None) -> None:
        """Make what was done in an await that is over a matter of the function that awaits it, or of the lane."""
        acts: Sequence[Json] = [*begun.acts, *(inner.acts if inner is not None else ())]
        if entry is not None and not entry.anew:
            acts = entry.acts or ()
        if begun.kind == "lane":
            self.acts = acts
        else:
            self.top.add_acts(acts)

    def do_again(self, begun: Await, acts: Sequence[Json]) -> None:
        """Have what was done in an await that is read done again."""
        if self.stretch.itself is not None:
            self.stretch.itself.do_again(acts)
        if begun.kind == "lane":
            self.acts = acts
        else:
            self.top.add_acts(acts)

    def note_unkept(self, begun: Await, blemish: Blemish) -> None:
        """Note that an outcome is lost with the process; refuse it where each must be kept as it returns."""
        self.stretch.is_smooth = False
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
        self.top.add_spawned(*begun.spawned)
        if inner is not None:
            self.top.add_spawned(*inner.spawned)
            self.top.holds = self.top.holds or inner.holds
            self.top.blemish = self.top.blemish or inner.blemish

    def spot_of(self, begun: Await) -> Spot:
        """Return where an await stands."""
        spot = self.top.spot(begun.site) or self.made_at
        return spot or Spot(self.stretch.handler, 0, 0, self.name)


def _returns_given(entry: Kept) -> bool:
    """Whether an await has returned something that it was given, or that is in it now."""
    return entry.changes is not None and "returns" in entry.changes
