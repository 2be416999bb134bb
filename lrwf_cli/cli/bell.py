"""A wait that a signal ends, or a file that comes to stand in a folder. What is to be done then is not known here.

A signal is heard by a pipe that the interpreter writes its number to (`signal.set_wakeup_fd`): none is lost between
two waits, and no handler takes a lock that the wait may have. The kernel tells of a folder by a signal, too
(`F_NOTIFY` of fcntl(2)); where it does not, nothing is heard of it.
"""

import fcntl
import os
import select
import signal
from collections.abc import Iterable
from contextlib import suppress

__all__ = ["Bell"]

_CHUNK = 4096


class Bell:
    """Hears signals from now on, instead of what they would do to this process. One per process, in its main thread.

    `heard` are those of `numbers` so far, in their order; the end of a child ends a wait, too.
    """

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self.heard: list[signal.Signals] = []
        self._numbers = frozenset(numbers)
        self._folder: int | None = None
        self._pipe, writer = os.pipe()
        for fd in (self._pipe, writer):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (*self._numbers, signal.SIGCHLD, signal.SIGIO):
            signal.signal(number, lambda _number, _frame: None)

    def listen(self, folder: str) -> None:
        """Have a file that comes to stand in `folder` end a wait, from now on; idempotent, and of no use elsewhere."""
        if self._folder is not None:
            return
        with suppress(OSError):  # there is no such folder yet, or its file system tells nothing
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.fcntl(fd, fcntl.F_NOTIFY, fcntl.DN_CREATE | fcntl.DN_MULTISHOT)
            except OSError:
                os.close(fd)
                raise
            self._folder = fd

    def wait(self, timeout_s: float) -> bool:
        """Return whether anything was heard, as soon as it is; after `timeout_s` of the monotonic clock, false."""
        if not select.select([self._pipe], [], [], timeout_s)[0]:
            return False
        self.heard += [signal.Signals(number) for number in os.read(self._pipe, _CHUNK) if number in self._numbers]
        return True
