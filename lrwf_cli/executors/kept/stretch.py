"""One stretch of a handler, from its start or its wake to its suspension or its end: what all of its lanes share.

A stretch is over when its handler has ended, or when it unwinds: then every lane is cancelled, and no `finally` body
and no `except` of compiled code is entered (see `Lane.is_unwinding`); context managers are left. It unwinds for three
reasons: no lane can go on by itself, so that it suspends; a lane has come by another place than was kept; a lane would
suspend where it must not. Nobody can catch it.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol
from weakref import WeakKeyDictionary

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Kept, Suspension
from lrwf_cli.errors import LrwfError
from lrwf_cli.executors.base import Call
from lrwf_cli.executors.context.keeper import Waiting
from lrwf_cli.executors.kept.activations import Activation, Await, Spawned
from lrwf_cli.executors.kept.acts import in_order
from lrwf_cli.executors.kept.before import Before
from lrwf_cli.executors.kept.ledger import Ledger
from lrwf_cli.executors.kept.quiet import can_run, is_timed
from lrwf_cli.executors.kept.refusals import Blemish, Spot, never_came_by, refused, under_timeout
from lrwf_cli.executors.kept.runtime import here
from lrwf_cli.executors.kept.turns import Turns

__all__ = ["BESIDE", "Doer", "Line", "Stretch"]

BESIDE = "~"
"""Stands for the lane of a `ctx.step` that has no place, as it is inside something foreign. No lane is called so."""

_SETTLED = 8
"""Turns of the loop without a step of any lane after which the callbacks of all that has happened have been called.

What a lane waits for tells it by one callback a turn: a task, the `gather` over it, another one over that.
"""


class Line(ABC):
    """What a stretch knows of a lane. `waiting`: it is suspended; `is_idle`: that, or it is not its turn.

    `is_whole`: its end is kept, so that it is not entered again. `left` are the lanes that it has made and not waited
    for, `acts` what it has done itself.
    """

    id: str
    task: "asyncio.Task[Any]"
    top: Activation
    blocked_on: Any = None
    is_idle: bool = False
    has_ended: bool = False
    waiting: Waiting | None = None
    blemish: Blemish | None = None
    left: Sequence[Spawned] = ()
    is_whole: bool = False
    acts: Sequence[Json] = ()

    def is_over(self) -> bool:
        """Whether it has ended, and all that it has made."""
        return self.has_ended and all(line.is_over() for line in self.left)

    def done(self) -> list[Json]:
        """Return the acts of it, and of the lanes that it has left behind."""
        return in_order([self.acts, *(line.done() for line in self.left)])

    def first_blemish(self) -> Blemish | None:
        """Return the first thing that happened on the way to where the lane is, in its functions from the outermost."""
        found = None
        activation: Activation | None = self.top
        while activation is not None:
            found = next(iter(activation.blemishes()), found)
            activation = activation.outer
        return found

    def spot(self) -> Spot | None:
        """Return where in the flow's code it is."""
        now = self.top.now
        return self.top.spot(now.site if now is not None else None)

    @abstractmethod
    def freeze(self) -> None:
        """Note where the lane is: from here on it unwinds."""


class Doer(Protocol):
    """A handler's context, as far as it is known here."""

    def do_again(self, acts: Sequence[Json]) -> None:
        """Do what was done in an await that is read."""


class Stretch:
    """The shared state of all lanes of one handler; `outcome` is set when it unwinds.

    `itself` is the handler's context: its methods know themselves what they keep. `rehearses` is what the lanes of an
    earlier stretch waited for, where this one is to do the same again and nothing else (see `rehearsal`), and `waiting`
    what they wait for at the end of this one. `is_smooth`: nothing happened that could not be kept. `moves` counts the
    steps of all lanes, `moved` says which was a lane's last.
    """

    def __init__(self, call: Call, codec: Codec, ledger: Ledger, handler: str) -> None:
        self.codec = codec
        self.before = Before(codec, None)
        self.ledger = ledger
        self.handler = handler
        self.itself: Doer | None = None
        self.resolve: Callable[[Json], Json] = call.resolve
        self.logs: Mapping[str, dict[str, Kept]] = {
            lane: {entry.path: entry for entry in entries} for lane, entries in call.kept.items()
        }
        self.turns = Turns(entry.turn for entries in call.kept.values() for entry in entries)
        self.lanes: dict[asyncio.Task[Any], Line] = {}
        self.many = False
        self.moves = 0
        self.moved: dict[str, int] = {}
        self.rehearses: Mapping[tuple[str, str], Waiting] | None = None
        self.waiting: Mapping[tuple[str, str], Waiting] = {}
        self.is_smooth = True
        self.outcome: Suspension | LrwfError | None = None
        self.defect: Exception | None = None
        self.is_over = False
        self.is_unwinding = False
        self.idle = 0
        self.outer = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._still = -1
        self._runner: Line | None = None
        self.abandoned: list[tuple[Line, Any]] = []
        self.beside: WeakKeyDictionary[asyncio.Task[Any], tuple[Line, Await]] = WeakKeyDictionary()

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody outside cancels the handler: what follows of it is nobody's, and kept neither."""
        return self.outer is not None and self.outer.cancelling() > 0

    def stop(self, error: LrwfError) -> NoReturn:
        """End the stretch without a result: a person must decide. Nobody can catch what this raises for long."""
        if not self.is_over:
            self.outcome = error
            self.unwind()
        raise asyncio.CancelledError(error.message)

    def unwind(self) -> None:
        """Cancel all lanes but the one whose step this is: whoever asks raises there what ends it."""
        self.is_unwinding = True
        self.end(list(self.lanes.values()))

    def end(self, lines: Sequence[Line]) -> None:
        """Keep nothing any more, and have `lines` unwound."""
        self.is_over = True
        for line in lines:
            line.freeze()
        for line in lines:
            if line is not here.lane:
                line.task.cancel()

    def is_alone(self, lane: str, begun: Await) -> bool:
        """Whether no other lane has moved since an await of `lane` began, but those that were made inside it."""
        inside = (f"{lane}/{begun.path}.", f"{lane}/{begun.path}~") if begun.path else (f"{lane}/",)
        others = (name for name, moved in self.moved.items() if moved > begun.since and name != lane)
        return all(name.startswith(inside) for name in others)

    def stir(self) -> None:
        """Look soon whether any lane can go on: one of them has made a step, and some are idle."""
        is_watched, self._still = self._still >= 0, 0
        if not is_watched:
            self._loop.call_soon(self._watch)

    def _watch(self) -> None:
        if self.is_over or not self.idle or self._somebody_can_run():
            self._still = -1
            return
        self._still += 1
        if self._still <= (_SETTLED if len(self.lanes) > 1 else 0):
            self._loop.call_soon(self._watch)
        else:
            self._still = -1
            self._rest()

    def _rest(self) -> None:
        """Come to rest; hand a defect of ours to whoever waits for the handler, which nobody else would wake."""
        try:
            self._come_to_rest()
        except Exception as defect:  # noqa: BLE001 - whatever it is, it must be heard
            self.defect, self.is_over = defect, True
            for line in self.lanes.values():
                line.task.cancel()

    def _somebody_can_run(self) -> bool:
        """Look first at the lane that could run when this was asked before: it mostly still can."""
        runner = self._runner
        if runner is not None and not runner.has_ended and can_run(runner, self.lanes):
            return True
        self._runner = next((line for line in self.lanes.values() if can_run(line, self.lanes)), None)
        return self._runner is not None

    def _come_to_rest(self) -> None:
        """Suspend: no lane can go on by itself."""
        waiting = [line for line in self.lanes.values() if line.waiting is not None]
        error = self.unread() or (self._refusal(waiting[0]) if waiting else never_came_by(None, self.handler))
        if error is not None:
            self.outcome = error
        else:
            each = [line.waiting for line in waiting if line.waiting is not None]
            self.waiting = {(one.wait.lane, one.wait.path): one for one in each}
            asks = tuple(one.ask for one in each if one.ask is not None)
            self.outcome = Suspension(self.ledger.take(), tuple(one.wait for one in each), asks)
        self.unwind()

    def unread(self, error: BaseException | None = None) -> LrwfError | None:
        """Return what is wrong if something that was kept has not come by, because of an `error` perhaps."""
        left = [entry for log in self.logs.values() for entry in log.values() if entry.lane != BESIDE]
        return never_came_by(min(left, key=lambda entry: entry.turn), self.handler, error) if left else None

    def _refusal(self, suspended: Line) -> LrwfError | None:
        """Return why the handler must not suspend as it is; the lanes that wait for others count too."""
        what = suspended.waiting.wait.what if suspended.waiting is not None else ""
        for line in self.lanes.values():
            blemish = line.first_blemish()
            if blemish is not None:
                return refused(blemish, what, suspended.spot())
            if is_timed(line.task):
                return under_timeout(what, suspended.spot())
        return None
