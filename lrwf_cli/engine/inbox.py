"""What the driver is yet to decide: commands in their order, and who waits for one to be durable."""

import asyncio
from collections.abc import Iterable

from lrwf_cli.core.commands import Command

__all__ = ["Inbox"]


class Inbox:
    """Commands for one driver. For one event loop. `broken`: what somebody who works for it could not do."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.broken: BaseException | None = None
        self._commands: list[tuple[Command, asyncio.Future[None] | None]] = []
        self._decided: list[asyncio.Future[None]] = []

    def __len__(self) -> int:
        return len(self._commands)

    def put(self, command: Command, *, told: "asyncio.Future[None] | None" = None) -> None:
        """Add `command`; `told` is resolved when what follows from it is durable."""
        self._commands.append((command, told))
        self.news.set()

    def extend(self, commands: Iterable[Command]) -> None:
        """Add `commands`, of which nobody wants to hear."""
        self._commands.extend((command, None) for command in commands)

    async def wait(self, seconds: float | None = None) -> None:
        """Return when there is news, which is taken, or after so many `seconds`; `None`: however long that takes.

        Raises what is `broken`.
        """
        timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self.news.set)
        try:
            await self.news.wait()
        finally:
            if timer is not None:
                timer.cancel()
        self.news.clear()
        if self.broken is not None:
            raise self.broken

    @property
    def first(self) -> Command | None:
        """The command that is to be decided next."""
        return self._commands[0][0] if self._commands else None

    def instead(self, command: Command) -> None:
        """Put `command` in the place of the first one."""
        self._commands[0] = (command, self._commands[0][1])

    def decided(self) -> None:
        """Remove the first command; whoever wants to hear of it is told by `durable`."""
        _, told = self._commands.pop(0)
        if told is not None:
            self._decided.append(told)

    def durable(self) -> None:
        """Tell those whose commands were decided: it is on disk."""
        decided, self._decided = self._decided, []
        for told in decided:
            if not told.done():
                told.set_result(None)
