"""Threads for plain `def` handlers. Daemons: one that never ends must not keep the process from ending."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any

__all__ = ["DaemonThreads", "in_thread"]


async def in_thread(function: Callable[[], Any]) -> Any:
    """Call `function` in a thread, with a copy of this context; return or raise what it does.

    There is no bound but that of whoever starts handlers. Cancelling leaves the thread to itself.
    """
    call = partial(contextvars.copy_context().run, function)
    result, error = await asyncio.get_running_loop().run_in_executor(_threads, _outcome, call)
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


def _outcome(call: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    """Return what `call` returns or raises: no future can be given every exception."""
    try:
        return call(), None
    except BaseException as raised:  # noqa: BLE001 - it is raised where the handler is awaited
        return None, raised


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

_threads = DaemonThreads()
