"""What the methods of `ctx` have of the kept-await runtime: the next place, what is kept there, a way to suspend.

An interface and its values only. Who takes places and reads what is kept is in `kept`; what `ctx` offers on top
of this (polls, timers, requests) is not known here.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Ask, Wait

__all__ = ["Keeper", "Place", "Step", "Waiting"]


class Place(msgspec.Struct, frozen=True):
    """Where a handler is: a lane and a path in it (see `core.suspended`)."""

    lane: str
    path: str


class Waiting(msgspec.Struct, frozen=True):
    """What an own await returns when it cannot go on: its lane suspends until the core wakes the handler.

    `ask`: the question that it waits for an answer to; given at each suspension for as long as it is open.
    """

    wait: Wait
    ask: Ask | None = None


Step = Callable[[Place, Wait | None], Awaitable[Any]]
"""What an own await does: given where it is, and what it waited for there before this entry (`None`: it is reached for
the first time), it returns its value or raises, which is kept, or returns `Waiting`."""


class Keeper(Protocol):
    """The kept awaits of one invocation. From its loop only, unless a method says otherwise."""

    @property
    def now(self) -> datetime:
        """The instant of the clock, but never before the one as of which this entry was decided."""

    @property
    def lane(self) -> str:
        """The id of the lane that is at work: of the handler itself, and of a thread, it is empty."""

    def act(self, act: Json) -> None:
        """Note an effect, in the form of JSON: a list that begins with its number among this handler's.

        Where it happens inside an await that is kept as a whole, the context is told to do it again when that is read.
        From any thread. Raises UsageError inside an await that lrwf offers: that may be begun several times.
        """

    async def own(self, what: str, args: tuple[Any, ...], step: Step) -> Any:
        """Return or raise what is kept at the next place of the current lane; else what `step` does, and keep that.

        `what` and `args` (where they have a JSON form) tell on the way back whether it is the same await. If `step`
        returns `Waiting`, the lane is suspended and this does not return. Raises SuspensionRefused where the lane
        cannot suspend, and if `what` is asked for in a thread or outside of the handler's own tasks.
        """

    def note(self, what: str, make: Callable[[Place | None], Json]) -> Json:
        """Return the encoded value that is kept at the next place, else what `make` returns of it, and keep that.

        For what a handler reads and does not await: the time, the state. Outside of the handler's own lanes (in a
        thread) nothing is kept, and `make` is called with `None`.
        """

    async def once(
        self, what: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """Call `function` once per delivery, whatever becomes of its attempts, and keep the outcome at once.

        Found again by `what`, the arguments, and how often both have come by. A plain function runs in a thread.
        """
