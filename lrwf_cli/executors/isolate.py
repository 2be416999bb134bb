"""Handlers in processes of their own: what blocks, hangs or crashes there can be killed, and takes nobody with it.

A child serves one call. It is made by whoever wires things together (`Launch`), gets the call as JSON on its stdin,
and says there what it wants kept, how far it is, and what came of it (`wire`). What it prints goes to the run's log.
It never outlives this process, and nothing of its session outlives the call.
"""

import asyncio
import codecs
import os
import signal
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple, Self

from lrwf_cli.core.model import ExecutorSpec, Json
from lrwf_cli.core.run import Failure
from lrwf_cli.executors import wire
from lrwf_cli.executors.base import Call, Desk, Failed, Invoker, Result
from lrwf_cli.executors.commands.attendant import DRAIN_S
from lrwf_cli.executors.commands.command import GRACE
from lrwf_cli.executors.commands.leash import Leashed
from lrwf_cli.executors.commands.outcome import how_ended
from lrwf_cli.executors.output import Lines
from lrwf_cli.executors.patience import to_the_end
from lrwf_cli.executors.threads import in_thread

__all__ = ["IsolatingInvoker", "Launch"]

Log = Callable[[str, str], None]

_CHUNK = 64 << 10
_LONGEST = 1 << 30  # bytes that a line may have: a child is no stranger


class Launch(NamedTuple):
    """How to start a child: its arguments, and what it makes the executor of (`setup`), a plain value."""

    argv: tuple[str, ...]
    setup: Json


class IsolatingInvoker:
    """Implements `Invoker`: has the deliveries of some executors handled in children, all others by `inner`.

    `specs` say what grace an executor has when it is cancelled: SIGTERM cancels the handler in the child, SIGKILL ends
    it, and all that it has started. A child that ends without a word is a crash of its handler.
    """

    def __init__(
        self,
        inner: Invoker,
        isolated: Container[str],
        launch: Callable[[], Launch],
        *,
        specs: Mapping[str, ExecutorSpec],
        log: Log | None = None,
    ) -> None:
        self._inner = inner
        self._isolated = isolated
        self._launch = launch
        self._specs = specs
        self._log = log

    async def invoke(self, call: Call, desk: Desk) -> Result:
        """As `Invoker` says. When it returns or raises, nothing of the child's session runs."""
        executor = call.delivery.executor
        if executor not in self._isolated:
            return await self._inner.invoke(call, desk)
        log = partial(self._log, executor) if self._log is not None else None
        spec = self._specs.get(executor)
        grace_s = (spec.grace if spec is not None else GRACE).total_seconds()
        return await _Child(call, desk, self._launch(), log=log, grace_s=grace_s).handle()


class _Child:
    """One call, in one process."""

    def __init__(
        self, call: Call, desk: Desk, launch: Launch, *, log: Callable[[str], None] | None, grace_s: float
    ) -> None:
        self._call = call
        self._desk = desk
        self._launch = launch
        self._lines = Lines(log or _to_stderr)
        self._grace_s = grace_s
        self._leashed: Leashed | None = None
        self._ending: asyncio.Future[int] | None = None
        self._is_wanted = True
        self._keeping: set[asyncio.Task[None]] = set()

    async def handle(self) -> Result:
        """Return what came of the call."""
        return await to_the_end(self._run(), self._hurry)

    async def _run(self) -> Result:
        async with _Pipes() as pipes:
            if not self._is_wanted:
                raise asyncio.CancelledError
            leashed = self._leashed = pipes.start(self._launch.argv)
            pipes.send(job={"setup": self._launch.setup, "call": wire.parts_of(self._call)})
            printing = asyncio.create_task(self._print(pipes.printed))
            try:
                with _watched(leashed, self._end):
                    result = await self._converse(pipes)
            finally:
                code = await self._end()
                await _drained(printing)
                for task in self._keeping:
                    task.cancel()
            if result is None:
                await in_thread(leashed.end_family)
                return self._crashed(code)
            return result

    def _hurry(self) -> None:
        """Have the handler cancelled, and killed if it does not heed that."""
        if self._is_wanted and self._leashed is not None:
            self._leashed.send(signal.SIGTERM)
            asyncio.get_running_loop().call_later(self._grace_s, self._leashed.send, signal.SIGKILL)
        self._is_wanted = False

    def _end(self) -> "asyncio.Future[int]":
        """Have nothing left of the child, and its output come to an end, whoever else holds that."""
        assert self._leashed is not None  # noqa: S101 - only then it is called
        if self._ending is None:
            self._ending = asyncio.ensure_future(in_thread(self._leashed.end))
        return self._ending

    async def _converse(self, pipes: "_Pipes") -> Result | None:
        """Do what the child asks for until it has a result; `None`: it ended without one."""
        async for data in pipes.said:
            what, value = wire.read(data)
            match what:
                case "result":
                    return wire.result_of(value)
                case "keep":
                    self._keep(pipes, *value)
                case "progress":
                    self._desk.progress(*value)
        return None

    def _keep(self, pipes: "_Pipes", number: int, awaits: Json) -> None:
        async def keep() -> None:
            await self._desk.keep(wire.kept_of(awaits))
            pipes.send(kept=number)

        task = asyncio.create_task(keep())
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def _print(self, printed: asyncio.StreamReader) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        try:
            while data := await printed.read(_CHUNK):
                self._lines.add(decoder.decode(data))
        finally:
            self._lines.add(decoder.decode(b"", final=True))
            self._lines.close()

    def _crashed(self, code: int) -> Failed:
        executor = self._call.delivery.executor
        error = Failure(
            "ExecutorCrashed",
            f"the process of `{executor}` ended {how_ended(code)} while it was at work",
            executor,
            self._call.attempt,
            hint="look at its log, mend it, then retry",
        )
        return Failed(error, crashed=True)


async def _drained(printing: "asyncio.Task[None]") -> None:
    """Return when all is in the log; for what the handler has left to live on, and may print, only a moment."""
    await asyncio.wait((printing,), timeout=DRAIN_S)
    printing.cancel()
    with suppress(asyncio.CancelledError):
        await printing


@contextmanager
def _watched(leashed: Leashed, when_ended: Callable[[], object]) -> Iterator[None]:
    """Have `when_ended` called when the child itself has ended, once."""
    loop, fd = asyncio.get_running_loop(), leashed.watch()

    def ended() -> None:
        loop.remove_reader(fd)
        when_ended()

    loop.add_reader(fd, ended)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        os.close(fd)


def _to_stderr(text: str) -> None:
    sys.stderr.write(text)


class _Pipes:
    """The three pipes between this process and a child: what it is told, what it says, what it prints."""

    said: asyncio.StreamReader
    printed: asyncio.StreamReader

    async def __aenter__(self) -> Self:
        (told, to), (said, to_said), (printed, to_printed) = os.pipe(), os.pipe(), os.pipe()
        self._ends: tuple[int, ...] = (told, to_said, to_printed)
        self._transports: list[asyncio.BaseTransport] = []
        loop = asyncio.get_running_loop()
        self._to, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(to, "wb", 0))
        self._transports.append(self._to)
        self.said, self.printed = [await self._reader(fd) for fd in (said, printed)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self._transports:
            each.close()
        for fd in self._ends:
            os.close(fd)

    def start(self, argv: Sequence[str]) -> Leashed:
        """Start the child at the other ends, where this process stands and with what it sees."""
        ends, self._ends = self._ends, ()
        return Leashed(argv, os.getcwd(), dict(os.environ), ends)  # noqa: PTH109 - pathlib is not worth its import

    def send(self, **what: Any) -> None:
        """Tell the child something; it may have ended."""
        self._to.write(wire.line(**what))

    async def _reader(self, fd: int) -> asyncio.StreamReader:
        reader = asyncio.StreamReader(limit=_LONGEST)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(fd, "rb", 0)
        )
        self._transports.append(transport)
        return reader
