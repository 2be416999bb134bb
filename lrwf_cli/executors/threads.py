"""Threads for plain `def` handlers. Daemons: one that never ends must not keep the process from ending."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, NamedTuple

__all__ = ["in_thread"]


class _Job(NamedTuple):
    function: Callable[[], Any]
    context: contextvars.Context
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[tuple[Any, BaseException | None]]"


async def in_thread(function: Callable[[], Any]) -> Any:
    """Call `function` in a thread, with a copy of this context; return or raise what it does.

    There is no bound but that of whoever starts handlers. Cancelling leaves the thread to itself.
    """
    loop = asyncio.get_running_loop()
    job = _Job(function, contextvars.copy_context(), loop, loop.create_future())
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    worker.jobs.put(job)
    result, error = await job.future
    if error is not None:
        raise error
    return result


class _Worker(threading.Thread):
    """Does one job after another."""

    def __init__(self) -> None:
        super().__init__(name="lrwf-handler", daemon=True)
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        self.start()

    def run(self) -> None:
        while True:
            self._do(self.jobs.get())
            _idle.append(self)

    def _do(self, job: _Job) -> None:
        result, error = None, None
        try:
            result = job.context.run(job.function)
        except BaseException as raised:  # noqa: BLE001 - it is raised where the handler is awaited
            error = raised
        with suppress(RuntimeError):  # the loop is closed: nobody waits for it any more
            job.loop.call_soon_threadsafe(_settle, job.future, (result, error))


def _settle(future: "asyncio.Future[Any]", outcome: tuple[Any, BaseException | None]) -> None:
    if not future.done():
        future.set_result(outcome)


_idle: list[_Worker] = []
"""Workers that wait for a job; shared by all runs that a process drives."""
