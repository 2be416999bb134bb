"""Driving runs of the file store from an ordinary program: the engine put together, signals, exit."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from lrwf_cli.clock import SystemClock
from lrwf_cli.engine.given import Assemble, Observer, Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.executors.threads import DaemonThreads
from lrwf_cli.local.assemble import Assembler
from lrwf_cli.local.machine import boot_id
from lrwf_cli.local.overrun import Overruns
from lrwf_cli.local.strays import CommandStrays
from lrwf_cli.store.base import Store

__all__ = ["engine", "interruptible"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

T = TypeVar("T")


def engine(
    store: Store,
    *,
    jobs: int,
    observe: Observer | None = None,
    make: Assemble | None = None,
    is_guest: bool = False,
) -> Engine:
    """Return an engine for `store` on this machine; `make` replaces how pinned runs are put together.

    `is_guest`: the process is somebody else's, so that no signal is taken, and it is never ended.
    """
    return Engine(
        store,
        SystemClock(),
        make or Assembler(store),
        process=Process(boot_id(), sweep=CommandStrays()),
        jobs=jobs,
        observe=observe,
        alarm=None if is_guest else Overruns(),
    )


def interruptible(engine: Engine, work: Coroutine[Any, Any, T]) -> tuple[T | None, signal.Signals | None]:
    """Run `work`, which drives `engine`, to its end; return its result, and the signal that cut it short.

    SIGINT, SIGTERM and SIGHUP make every driver cut its handlers off and leave its run due at once. A Ctrl-C after that
    ends the process as it would any other. Another SIGTERM does not: a service manager sends it to every process of a
    service, and so does the process that had started this one.
    """
    caught: list[signal.Signals] = []
    runner = asyncio.Runner()
    loop = runner.get_loop()
    loop.set_default_executor(DaemonThreads())
    for number in _SIGNALS:
        loop.add_signal_handler(number, _stopping(engine, loop, number, caught))
    try:
        result = runner.run(work)
    finally:
        _close(runner)
    return result, caught[0] if caught else None


def _close(runner: asyncio.Runner) -> None:
    """Close the loop, unless a handler is left in it that swallows its cancellation: the process ends without it."""
    loop = runner.get_loop()
    if asyncio.all_tasks(loop):
        loop.set_exception_handler(lambda _loop, _context: None)
    else:
        runner.close()


def _stopping(
    engine: Engine, loop: asyncio.AbstractEventLoop, number: signal.Signals, caught: list[signal.Signals]
) -> Callable[[], None]:
    def stop() -> None:
        caught.append(number)
        loop.remove_signal_handler(signal.SIGINT)
        engine.stop()

    return stop
