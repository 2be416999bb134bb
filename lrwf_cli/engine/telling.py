"""Telling people the news: beside everything else, so that it never holds a run up."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from lrwf_cli.core.commands import Deliver
from lrwf_cli.core.run import Failure, Notice, Run
from lrwf_cli.engine.inbox import Inbox

__all__ = ["Tell", "Telling"]

Tell = Callable[[Run, Notice], Awaitable[Failure | None]]
"""Tells somebody a piece of news; returns why that was not possible. Ends by itself, within a minute at most."""


async def _nobody(run: Run, notice: Notice) -> Failure:  # noqa: ARG001 - a Tell
    """Stand for a teller where there is none."""
    return Failure("NobodyTells", "there is nobody here who could tell it")


class Telling:
    """The news of one run that are on their way to somebody."""

    def __init__(self, tell: Tell | None, inbox: Inbox) -> None:
        self._tell = tell or _nobody
        self._inbox = inbox
        self._is_over = False
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def begin(self, run: Run, now: datetime) -> None:
        """Tell what is due at `now` and not on its way."""
        for notice in [each for each in run.notices.values() if each.due_at <= now]:
            if notice.id not in self._tasks:
                self._tasks[notice.id] = asyncio.create_task(self._told(run, notice))

    async def _told(self, run: Run, notice: Notice) -> None:
        try:
            error = await self._tell(run, notice)
        except (Exception, asyncio.CancelledError) as broken:  # whatever is wrong with telling is no fault of the run
            if self._is_over:
                raise
            error = Failure(type(broken).__name__, str(broken))
        self._inbox.put(Deliver(notice.id, error))
        del self._tasks[notice.id]

    async def cancel(self) -> None:
        """Leave it to the next process."""
        self._is_over = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1)
