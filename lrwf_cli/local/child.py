"""The process that one call of a handler has to itself: `isolation: process`, and plain handlers with a limit of time.

It is told on stdin what to do and says on stdout what came of it, in lines of JSON (`executors.wire`); what is printed
goes to stderr. It puts the run together as a tick does, from what is pinned in the state directory, and never writes
there.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any, BinaryIO, NoReturn

from lrwf_cli.core.suspended import Kept
from lrwf_cli.core.view import instant
from lrwf_cli.errors import LrwfError
from lrwf_cli.executors import wire
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.executors.failures import described, failed
from lrwf_cli.executors.invoke import PythonInvoker
from lrwf_cli.executors.threads import DaemonThreads
from lrwf_cli.local.assemble import parts_of
from lrwf_cli.store.base import Store
from lrwf_cli.store.files import FileStore

__all__ = ["main"]


def main() -> NoReturn:
    """Handle one call and end, whatever the handler has left behind."""
    told, said = _own_streams()
    what, job = wire.read(told.readline())
    assert what == "job", what  # noqa: S101 - whoever starts this says so
    result = _handled(job, told, said)
    _say(said, result=wire.told(result))
    os._exit(0)  # threads that hang must not keep the process


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Take stdin and stdout for ourselves: handlers read nothing, and what they print, by whatever means, is log."""
    told, said = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return told, said


def _handled(job: Any, told: BinaryIO, said: BinaryIO) -> Result:
    home, run_id = job["setup"]["home"], job["setup"]["run"]
    store = FileStore.open(home)
    call = wire.call_of(job["call"], partial(store.resolve, run_id))
    executor = call.delivery.executor
    try:
        invoker = _invoker(store, run_id, executor)
    except LrwfError as error:
        _print(executor, described(error))
        return failed(error, executor, call.attempt)
    with asyncio.Runner() as runner:
        runner.get_loop().set_default_executor(DaemonThreads())
        return runner.run(_invoked(invoker, call, _Desk(told, said)))


def _invoker(store: Store, run_id: str, executor: str) -> PythonInvoker:
    run = store.load(run_id)
    parts = parts_of(store, run, store.definition(run_id))
    about = {"id": run.id, "workflow": run.workflow, "started_at": instant(run.started_at)}
    executors = parts.executors(store.resolve(run_id, run.input), about, run.origin)
    return PythonInvoker({executor: executors[executor]}, parts.workflow_of(executors), parts.codec, log=_print)


async def _invoked(invoker: PythonInvoker, call: Call, desk: "_Desk") -> Result:
    """Have the call handled; SIGTERM cancels it, once: a service manager and the driver may both send one."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    desk.begin(loop)

    def cancel() -> None:
        loop.add_signal_handler(signal.SIGTERM, lambda: None)
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, cancel)
    try:
        return await invoker.invoke(call, desk)
    except asyncio.CancelledError:
        os._exit(128 + signal.SIGTERM)  # nobody waits for a result any more


class _Desk:
    """The desk of the call, at the other end of the pipes. What has been kept is told by a thread that listens."""

    def __init__(self, told: BinaryIO, said: BinaryIO) -> None:
        self._told = told
        self._said = said
        self._numbers = count()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._loop: asyncio.AbstractEventLoop

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        threading.Thread(target=self._listen, name="lrwf-desk", daemon=True).start()

    async def keep(self, kept: Sequence[Kept]) -> None:
        number = next(self._numbers)
        told = self._waiting[number] = self._loop.create_future()
        _say(self._said, keep=(number, kept))
        await told

    def progress(self, current: float | None, total: float | None, message: str | None) -> None:
        _say(self._said, progress=(current, total, message))

    def _listen(self) -> None:
        try:
            for line in self._told:
                _, number = wire.read(line)
                self._loop.call_soon_threadsafe(_settle, self._waiting.pop(number))
        finally:
            os._exit(1)  # whoever started this is gone


def _settle(told: "asyncio.Future[None]") -> None:
    if not told.done():  # the handler may have been cancelled meanwhile
        told.set_result(None)


def _say(said: BinaryIO, **what: Any) -> None:
    said.write(wire.line(**what))
    said.flush()


def _print(_: str, text: str) -> None:
    data = text.encode(errors="backslashreplace")
    while data:
        data = data[os.write(2, data) :]
