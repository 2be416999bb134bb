"""Seeing to background work: begun, looked at, ended, beside everything else, so that it never holds a run up.

Who does it is a port, whose methods block and may be called again after a crash: each is idempotent.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from lrwf_cli.core import commands as c
from lrwf_cli.core.background import Background, Outcome
from lrwf_cli.core.failure import Failure
from lrwf_cli.core.looking_after import unfinished
from lrwf_cli.core.run import Run
from lrwf_cli.engine.inbox import Inbox

__all__ = ["Backgrounds", "Beside"]


class Backgrounds(Protocol):
    """Background work of one run, wherever it is done. From any thread; one call at a time for one work."""

    def begin(self, work: Background) -> int | Outcome:
        """Have it run, unless it does or did already; return its pid, or why it cannot be begun. Durable on return."""

    def look(self, work: Background) -> Outcome | None:
        """Return how it ended; `None`: it is at work."""

    def end(self, work: Background) -> Outcome:
        """End it, and all that it has begun; return how it ended. Nothing of it runs on return."""


class Beside:
    """The background work of one run that a driver sees to. What it cannot do ends the driver."""

    def __init__(self, backgrounds: Backgrounds | None, inbox: Inbox) -> None:
        self._backgrounds = backgrounds
        self._inbox = inbox
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._seen: set[tuple[str, int]] = set()

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def look_again(self) -> None:
        """Have all that runs be looked at: some of it may have ended."""
        self._seen.clear()

    def see_to(self, run: Run, now: datetime) -> None:
        """Begin what was asked for, end what was told to, and look at the rest if that is due, or was not done yet."""
        for work in unfinished(run):
            if work.id in self._tasks:
                continue
            if work.state == "ending":
                self._begin(work, self._end)
            elif work.state == "asked" and run.status not in {"paused", "blocked"}:
                self._begin(work, self._have_begun)
            elif work.state == "running" and self._is_to_be_seen(work, now):
                self._seen.add((work.id, work.begun))
                self._begin(work, self._look)

    async def cancel(self) -> None:
        """Leave it to the next process; what has begun is brought to its end, as it must not be left half done."""
        if self._tasks:
            await asyncio.wait(self._tasks.values())

    def _is_to_be_seen(self, work: Background, now: datetime) -> bool:
        return (work.id, work.begun) not in self._seen or (work.look_at is not None and work.look_at <= now)

    def _begin(self, work: Background, do: Callable[[Backgrounds, Background], c.Command]) -> None:
        self._tasks[work.id] = asyncio.create_task(self._done(work, do))

    async def _done(self, work: Background, do: Callable[[Backgrounds, Background], c.Command]) -> None:
        try:
            if self._backgrounds is None:
                command: c.Command = c.Ended(work.id, work.begun, _NOBODY)
            else:
                command = await asyncio.to_thread(do, self._backgrounds, work)
            self._inbox.put(command)
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever drives must hear of it
            self._inbox.broken = error
        finally:
            del self._tasks[work.id]
            self._inbox.news.set()

    @staticmethod
    def _have_begun(backgrounds: Backgrounds, work: Background) -> c.Command:
        begun = backgrounds.begin(work)
        if isinstance(begun, Outcome):
            return c.Ended(work.id, work.begun, begun)
        return c.Began(work.id, work.begun, begun)

    @staticmethod
    def _look(backgrounds: Backgrounds, work: Background) -> c.Command:
        outcome = backgrounds.look(work)
        return c.Looked() if outcome is None else c.Ended(work.id, work.begun, outcome)

    @staticmethod
    def _end(backgrounds: Backgrounds, work: Background) -> c.Command:
        return c.Ended(work.id, work.begun, backgrounds.end(work))


_NOBODY = Outcome(error=Failure("NobodyBegins", "there is nobody here who could begin background work"))
