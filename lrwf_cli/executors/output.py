"""What handlers print: to a log of their own, whoever prints, task or thread; never to lrwf's stdout.

While a handler is at work, `sys.stdout` and `sys.stderr` are proxies that ask the context of whoever writes where
to write to. Threads inherit that context through `asyncio.to_thread` and our own pool; one that a handler starts
with `threading.Thread` does not, and what programs print that it starts does not pass through here at all.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, TextIO, cast

__all__ = ["LONGEST_LINE", "Lines", "routed"]

LONGEST_LINE = 64 * 1024
"""Characters after which a line is written although it has not ended."""

_sink: ContextVar[Callable[[str], None] | None] = ContextVar("lrwf_output", default=None)
_lock = threading.Lock()
_installed: list[tuple["_Stream", "_Stream"]] = []
_users = 0


class _Stream:
    """Stands for a stream of the process; passes on what is written without a sink in its context."""

    def __init__(self, beneath: TextIO | None) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        sink = _sink.get()
        if sink is not None:
            sink(text)
        elif self.beneath is not None:
            self.beneath.write(text)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.beneath is not None:
            self.beneath.flush()

    def isatty(self) -> bool:
        return _sink.get() is None and self.beneath is not None and self.beneath.isatty()

    @property
    def buffer(self) -> Any:
        return _Bytes(self) if _sink.get() is not None else getattr(self.beneath, "buffer", None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.beneath, name)


class _Bytes:
    """The binary side of a stream: what is written is taken for UTF-8."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        self._stream.write(bytes(data).decode(errors="backslashreplace"))
        return len(data)

    def flush(self) -> None:
        self._stream.flush()


class Lines:
    """Gathers text into whole lines for `write`, so that handlers do not interleave within one. Thread-safe."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest = ""
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        """Take text; write the lines that it completes."""
        with self._lock:
            whole, newline, self._rest = (self._rest + text).rpartition("\n")
            if len(self._rest) > LONGEST_LINE:
                whole, newline, self._rest = f"{whole}{newline}{self._rest}", "\n", ""
            if newline:
                self._emit(whole + newline)

    def close(self) -> None:
        """Write what is left as a line. What comes later is written too, once it has a line's end."""
        with self._lock:
            rest, self._rest = self._rest, ""
            if rest:
                self._emit(f"{rest}\n")

    def _emit(self, text: str) -> None:
        token = _sink.set(None)  # a log that prints must not end up here again
        try:
            self._write(text)
        finally:
            _sink.reset(token)


@contextmanager
def routed(sink: Callable[[str], None]) -> Iterator[None]:
    """Send to `sink` what this context, and tasks and threads that begin with a copy of it, print meanwhile."""
    token = _sink.set(sink)
    _install()
    try:
        yield
    finally:
        _uninstall()
        with suppress(ValueError):  # another context closes a handler that would not end: there it was never set
            _sink.reset(token)


def _install() -> None:
    global _users  # noqa: PLW0603 - sys.stdout is global, and so is who stands before it
    with _lock:
        _users += 1
        if _users == 1:
            _installed[:] = [(_Stream(sys.stdout), _Stream(sys.stderr))]
            sys.stdout, sys.stderr = (cast("TextIO", stream) for stream in _installed[0])


def _uninstall() -> None:
    """Put the streams back when nobody needs them any more, unless somebody else has replaced them meanwhile."""
    global _users  # noqa: PLW0603 - as above
    with _lock:
        _users -= 1
        if _users:
            return
        out, err = _installed.pop()
        if cast("Any", sys.stdout) is out:
            sys.stdout = cast("TextIO", out.beneath)
        if cast("Any", sys.stderr) is err:
            sys.stderr = cast("TextIO", err.beneath)
