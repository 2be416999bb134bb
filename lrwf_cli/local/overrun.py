"""Reaching handlers that keep the process to themselves past their timeout: the engine's `Alarm`, by signal and thread.

A handler that never returns to the event loop cannot be cancelled. SIGALRM interrupts it wherever it is in Python or
in a call that a signal interrupts (`time.sleep`, reading a socket). One that is deep in foreign code hears no signal:
a watching thread then commits its failure and ends the process, and the next tick goes on with what is left.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from lrwf_cli.core.commands import Command
from lrwf_cli.engine.limits import Overrunning

__all__ = ["EXIT_CODE", "Overruns"]

EXIT_CODE = 1
"""What the process ends with that a handler could not be made to give back."""

_AGAIN_S = 1.0


class _Entry:
    """One handler with a limit: when to begin to interrupt it (monotonic), and how to end it for good."""

    def __init__(self, due: float, overrun: Overrunning, kept: Callable[[Command], None]) -> None:
        self.due = due
        self.overrun = overrun
        self.kept = kept

    @property
    def last(self) -> float:
        """When nothing but the end of the process is left."""
        return self.due + self.overrun.patience_s


class Overruns:
    """Implements `Alarm`. For the main thread's loop; elsewhere, or where SIGALRM is taken, only the thread watches."""

    def __init__(self) -> None:
        self._entries: set[_Entry] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._signals = threading.current_thread() is threading.main_thread() and _is_free(signal.SIGALRM)

    def __call__(self, seconds: float, overrun: Overrunning, *, kept: Callable[[Command], None]) -> Callable[[], None]:
        """As `Alarm` says."""
        entry = _Entry(time.monotonic() + seconds, overrun, kept)
        with self._changed:
            self._entries.add(entry)
            self._changed.notify()
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="lrwf-overruns", daemon=True)
            self._thread.start()
        self._set_alarm()
        return lambda: self._call_off(entry)

    def _call_off(self, entry: _Entry) -> None:
        with self._changed:
            self._entries.discard(entry)
        self._set_alarm()

    def _set_alarm(self) -> None:
        if not self._signals:
            return
        due = min((entry.due for entry in self._entries), default=None)
        if due is None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return
        signal.signal(signal.SIGALRM, self._rung)
        signal.setitimer(signal.ITIMER_REAL, max(due - time.monotonic(), 0.001), _AGAIN_S)

    def _rung(self, _: int, __: FrameType | None) -> None:
        now = time.monotonic()
        for entry in [each for each in self._entries if each.due <= now]:
            entry.overrun.interrupt()

    def _watch(self) -> None:
        while True:
            with self._changed:
                last = min((entry.last for entry in self._entries), default=None)
                self._changed.wait(None if last is None else max(last - time.monotonic(), 0))
                lost = [entry for entry in self._entries if entry.last <= time.monotonic()]
            for entry in lost:
                _end_process(entry)


def _is_free(number: signal.Signals) -> bool:
    return signal.getsignal(number) in (signal.SIG_DFL, None)


def _end_process(entry: _Entry) -> NoReturn:
    """Commit what became of the handler, and end: the loop's thread never comes back from it."""
    command = entry.overrun.given_up
    try:
        entry.kept(command)
    finally:
        error = getattr(command, "error", None)
        what = f"{error.message}, and cannot be interrupted" if error else "a handler cannot be interrupted"
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os.write(2, f"error: {what}\n  hint: give it `isolation: process`; `lrwf tick` goes on\n".encode())
        os._exit(EXIT_CODE)
