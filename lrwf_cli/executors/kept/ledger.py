"""What an invocation has kept since it was entered: gathered until it suspends, or handed over as it comes."""

import asyncio

from lrwf_cli.core.keeping import keep
from lrwf_cli.core.suspended import Kept
from lrwf_cli.executors.base import Desk

__all__ = ["Ledger"]


class Ledger:
    """New entries, in the order in which they returned. `eager`: each is handed over before its lane goes on.

    `all` is a list where somebody wants to know of all of them, whatever has become of them.
    """

    def __init__(self, desk: Desk, *, eager: bool) -> None:
        self.eager = eager
        self.all: list[Kept] | None = None
        self._desk = desk
        self._log: dict[str, list[Kept]] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._handing: asyncio.Task[None] | None = None

    def add(self, entry: Kept) -> None:
        """Gather an entry; what it makes superfluous is forgotten."""
        if self.all is not None:
            self.all.append(entry)
        if entry.folds:
            keep(self._log, entry)
        else:
            self._log.setdefault(entry.lane, []).append(entry)

    def take(self) -> tuple[Kept, ...]:
        """Return what has not been handed over, and forget it."""
        log, self._log = self._log, {}
        return tuple(entry for entries in log.values() for entry in entries)

    def handed_over(self) -> "asyncio.Future[None]":
        """Hand over all that is gathered by the end of this turn of the loop; the result is done when it is durable.

        The results are done in the order in which they were asked for.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if self._handing is None:
            # not by `create_task`: it must be no task of the handler, whose step this is
            self._handing = asyncio.Task(self._hand_over(), loop=asyncio.get_running_loop())
        return future

    async def _hand_over(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                await self._keep(waiting)
        finally:
            self._handing = None

    async def _keep(self, waiting: "list[asyncio.Future[None]]") -> None:
        """Hand over what there is, and tell those that wait for it how that went: they are who it is the matter of."""
        try:
            if entries := self.take():
                await self._desk.keep(entries)
        except asyncio.CancelledError:
            for future in waiting:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - raised in each lane that waits
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
        for future in waiting:
            if not future.done():
                future.set_result(None)
