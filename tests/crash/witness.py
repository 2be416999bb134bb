"""Somebody who sees what handlers do outside, and tells the history of their life."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from lrwf_cli.core.suspended import Kept
from lrwf_cli.executors.base import Call, Desk, Invoker, Result
from tests.crash.recorder import Did, History

__all__ = ["Witness", "WitnessDesk"]


@dataclass(frozen=True)
class Witness:
    """Tells the history of each handler that is called: that is what a handler does to the world outside."""

    invoker: Invoker
    history: History

    async def invoke(self, call: Call, desk: Desk) -> Result:
        self.history.mark("handled", (call.idempotency_key, call.attempt, call.delivery.executor))
        handed = (*chain.from_iterable(call.kept.values()), *call.steps)
        self.history.mark("entered", (call.delivery.id, call.start, handed))
        return await self.invoker.invoke(call, WitnessDesk(desk, call, self.history))


@dataclass(frozen=True)
class WitnessDesk:
    """Tells the history of what a handler does between two awaits."""

    desk: Desk
    call: Call
    history: History

    def did(self, place: str, *, after: str | None = None, lasts: bool = False) -> None:
        """Do something outside: the await at that place. What comes `after` another one may only when that is durable.

        Instead of its place an await may be called by what it returns. `lasts`: it is kept for later starts too.
        """
        self.history.mark("did", Did(self.call.delivery.id, 0 if lasts else self.call.start, place, after))

    async def keep(self, kept: Sequence[Kept]) -> None:
        await self.desk.keep(kept)

    def progress(self, current: float | None, total: float | None, message: str | None) -> None:
        self.desk.progress(current, total, message)
