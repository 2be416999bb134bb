"""The event loop behind `play`: where any other would wait for its next timer, it moves a clock on to that.

How the loop waits is all that lives here. It is asyncio's own but for `time`, and for what it counts as work that is
done outside of it: while there is such work, it waits for real.
"""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor, wait
from typing import Any, Protocol, TypeVar, TypeVarTuple

from lrwf_cli.errors import LrwfError
from lrwf_cli.executors.threads import DaemonThreads

__all__ = ["PATIENCE_S", "Elapsing", "Stalled", "VirtualLoop"]

PATIENCE_S = 1.0
"""Real seconds for which a thread is waited for in place, so that what goes on beside it keeps its order."""


class Stalled(LrwfError):
    """Nothing is left that could ever happen."""


class Elapsing(Protocol):
    """A clock as the loop sees it."""

    elapsed_s: float
    """Seconds since its start. The loop moves it on."""


T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")
Select = Callable[[float | None], list[tuple[selectors.SelectorKey, int]]]


class _Selector(selectors.DefaultSelector):
    """Looks first, and waits as its loop says."""

    def __init__(self, wait: "Callable[[float | None, Select], list[tuple[selectors.SelectorKey, int]]]") -> None:
        super().__init__()
        self._wait = wait

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready; where nothing is, what is ready once the loop has let time pass."""
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        return self._wait(timeout, super().select)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs on the time of `clock`; `real_time` tells for how many seconds it has really waited.

    `on_stall` is called, once, when it would wait for ever; the second time Stalled is raised.
    """

    def __init__(self, clock: Elapsing, real_time: Callable[[], float]) -> None:
        self._time = clock
        self._real_time = real_time
        self._waited_s = 0.0
        self.on_stall: Callable[[], None] | None = None
        self._daemons = DaemonThreads()
        self._threads: set[asyncio.Future[Any]] = set()
        self._processes: list[asyncio.SubprocessTransport] = []
        self._files = _Selector(self._wait)
        super().__init__(self._files)
        self._clock_resolution = 1e-6  # of a float of seconds, years from its start; the machine's is finer
        self._own_files = len(self._files.get_map())

    def time(self) -> float:
        """Return the clock's time, in seconds."""
        return self._time.elapsed_s

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Arguments], T], *args: *Arguments
    ) -> asyncio.Future[T]:
        """Begin `func` in a thread, and wait for it in place for a moment: those that are done at once are in order."""
        work = (executor or self._daemons).submit(func, *args)
        wait([work], timeout=PATIENCE_S)
        future = asyncio.wrap_future(work, loop=self)
        self._threads.add(future)
        future.add_done_callback(self._threads.discard)
        return future

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        """Begin a process, and remember that it lives."""
        return self._remembered(await super().subprocess_exec(*args, **kwargs))

    async def subprocess_shell(self, *args: Any, **kwargs: Any) -> Any:
        """Begin a process, and remember that it lives."""
        return self._remembered(await super().subprocess_shell(*args, **kwargs))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of what was run in it."""
        return not (asyncio.all_tasks(self) or self._is_busy_outside)

    def leave(self) -> None:
        """Close the loop; a task that does not heed its cancellation is left to itself, and never heard of again."""
        self.set_exception_handler(lambda _loop, _context: None)
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        self.run_until_complete(asyncio.sleep(0) if tasks else self.shutdown_asyncgens())
        self.close()

    def _remembered(self, begun: Any) -> Any:
        self._processes.append(begun[0])
        return begun

    @property
    def _is_busy_outside(self) -> bool:
        """Whether a thread, a process or a connection may still make something happen."""
        self._processes = [each for each in self._processes if each.get_returncode() is None and not each.is_closing()]
        return bool(self._threads or self._processes or len(self._files.get_map()) > self._own_files)

    def _wait(self, timeout: float | None, select: Select) -> list[tuple[selectors.SelectorKey, int]]:
        """Let `timeout` seconds pass on the clock (`None`: nobody has a timer), or wait for what is done outside."""
        if not self._is_busy_outside:
            self._stall() if timeout is None else self._pass(timeout)
            return []
        began = self._real_time()
        ready = select(None if timeout is None else max(0.0, timeout - self._waited_s))
        self._waited_s += self._real_time() - began
        if not ready and timeout is not None and self._waited_s >= timeout:
            self._pass(timeout)
        return ready

    def _pass(self, seconds: float) -> None:
        self._time.elapsed_s += seconds
        self._waited_s = 0.0

    def _stall(self) -> None:
        if self.on_stall is None:
            hint = "set what it waits for, or give it a timeout"
            raise Stalled("what is at work waits for something that nobody will ever do", hint=hint)
        on_stall, self.on_stall = self.on_stall, None
        on_stall()
