"""Threads for plain `def` handlers. Daemons: one that never ends must not keep the process from ending."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any

__all__ = ["DaemonThreads", "in_thread"]


async def in_thread(function: Callable[[], Any]) -> Any:
    """Call `function` in a thread, with a copy of this context; return or raise what it does.

    There is no bound but that of whoever starts handlers. Cancelling leaves the thread to itself.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
    call = partial(contextvars.copy_context().run, function)
    _begin(partial(_do, call, loop, future))
    result, error = await future
    if error is not None:
        raise error
    return result


class DaemonThreads(ThreadPoolExecutor):
    """For `asyncio.to_thread` of handlers: as `ThreadPoolExecutor`, but nobody ever waits for a thread to end.

    A thread that hangs after its handler was given up on would else keep the loop from closing and the process alive.
    """

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Call `fn` in a thread; there is no bound to their number."""
        future: Future[Any] = Future()
        _begin(partial(_settle_later, future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - as inherited
        """Leave the threads to themselves."""


def _do(
    call: Callable[[], Any], loop: asyncio.AbstractEventLoop, future: "asyncio.Future[tuple[Any, BaseException | None]]"
) -> None:
    result, error = None, None
    try:
        result = call()
    except BaseException as raised:  # noqa: BLE001 - it is raised where the handler is awaited
        error = raised
    with suppress(RuntimeError):  # the loop is closed: nobody waits for it any more
        loop.call_soon_threadsafe(_settle, future, (result, error))


def _settle(future: "asyncio.Future[Any]", outcome: tuple[Any, BaseException | None]) -> None:
    if not future.done():
        future.set_result(outcome)


def _settle_later(future: "Future[Any]", call: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as raised:  # noqa: BLE001 - it is raised where the call is awaited
        future.set_exception(raised)
    else:
        future.set_result(result)


def _begin(job: Callable[[], None]) -> None:
    """Have `job` done by a worker that is idle, or by a new one. It must not raise."""
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    worker.jobs.put(job)


class _Worker(threading.Thread):
    """Does one job after another."""

    def __init__(self) -> None:
        super().__init__(name="lrwf-handler", daemon=True)
        self.jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.start()

    def run(self) -> None:
        while True:
            self.jobs.get()()
            _idle.append(self)


_idle: list[_Worker] = []
"""Workers that wait for a job; shared by all runs that a process drives."""
