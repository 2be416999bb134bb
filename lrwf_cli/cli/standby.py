"""`lrwf tick --watch`: have each run advanced when it becomes due, at that instant, by a tick of its own.

Timers are waited for to the millisecond; mail and what others leave is looked for every half second.

Handlers never run in the process that stays: one that ends its process, or never ends, holds up nobody else.
"""

import signal
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from threading import Event
from time import time
from types import FrameType

import msgspec

from lrwf_cli.cli import exits
from lrwf_cli.cli.driving import default_jobs
from lrwf_cli.cli.groups import tick_command
from lrwf_cli.cli.session import Session
from lrwf_cli.store.idle import anything_due, heartbeat, past_hours, past_timers, stamp

__all__ = ["stand_by"]

_LOOK_EVERY_S = 0.5
_SHORTEST_S = 0.001
_FIRST_DELAY = timedelta(milliseconds=250)
_LONGEST_DELAY = timedelta(minutes=1)


class _Tick(msgspec.Struct):
    """A tick that was started, and for which runs."""

    process: subprocess.Popen[str]
    run_ids: list[str]


class _Rest(msgspec.Struct):
    """How long a run is let alone that was due again right after its tick: it cannot be driven, or others drive it."""

    until: datetime
    delay: timedelta


def stand_by(session: Session, jobs: int | None) -> int:
    """Stay until SIGINT (returns 130), SIGTERM or SIGHUP (0); the ticks at work are told to end, and waited for."""
    stop = Event()
    caught: list[int] = []

    def end(number: int, _: FrameType | None) -> None:
        caught.append(number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    watch = _Watch(session, default_jobs(jobs))
    try:
        while not stop.wait(watch.pause_s()):
            watch.look()
    finally:
        watch.end()
    if caught[0] != signal.SIGINT:
        return exits.DONE
    session.complain("interrupted: every run is safe on disk; the next tick goes on")
    return exits.INTERRUPTED


class _Watch:
    def __init__(self, session: Session, jobs: int) -> None:
        self._session = session
        self._jobs = jobs
        self._ticks: list[_Tick] = []
        self._rests: dict[str, _Rest] = {}

    def pause_s(self) -> float:
        """Return how long nothing can become due that is on disk by now, but at most half a second."""
        now = time()
        limit = stamp(now + _LOOK_EVERY_S)
        try:
            hours = [hour for hour in past_hours(self._session.path, limit) if hour >= stamp(now)[:11]]
            coming = [at for hour in hours for at, _ in past_timers(self._session.path, hour, limit) if at > stamp(now)]
        except OSError:  # the look says what is wrong
            coming = []
        if not coming:
            return _LOOK_EVERY_S
        return max(_SHORTEST_S, datetime.fromisoformat(min(coming)).timestamp() - now)

    def look(self) -> None:
        """Start a tick for what is due now and in nobody's hands."""
        now = self._session.now()
        self._reap(now)
        if anything_due(self._session.path, time()):
            if run_ids := self._due(now):
                self._ticks.append(self._start(run_ids))
        elif not self._ticks:
            with suppress(OSError):  # a heartbeat that cannot be left is no reason to stop
                heartbeat(self._session.path)

    def end(self) -> None:
        """Have the ticks at work cut their handlers off, and wait for them."""
        for tick in self._ticks:
            tick.process.terminate()
        for tick in self._ticks:
            tick.process.wait()

    def _due(self, now: datetime) -> list[str]:
        away = {run_id for tick in self._ticks for run_id in tick.run_ids}
        due = [each.run_id for each in self._session.store.due(now) if each.run_id not in away]
        found = []
        for run_id in due:
            if run_id in self._rests and self._rests[run_id].until > now:
                continue
            if self._session.store.is_busy(run_id):
                self._let_rest(run_id, now)
            else:
                found.append(run_id)
        return found

    def _start(self, run_ids: list[str]) -> _Tick:
        process = subprocess.Popen(  # noqa: S603  (our own program)
            [*tick_command(sys.executable, self._session, self._jobs), *self._switches()],
            stdin=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C is for this process, which passes it on
        )
        if process.stdin is not None:
            with process.stdin, suppress(BrokenPipeError):
                process.stdin.write("\n".join(run_ids))
        return _Tick(process, run_ids)

    def _switches(self) -> list[str]:
        verbosity = self._session.verbosity
        said = ["-v"] * verbosity if verbosity > 0 else ["-q"] * -verbosity
        return ["--these", *said, *(["--json"] if self._session.as_json else [])]

    def _reap(self, now: datetime) -> None:
        for tick in [each for each in self._ticks if each.process.poll() is not None]:
            self._ticks.remove(tick)
            still_due = {due.run_id for due in self._session.store.due(now)}
            for run_id in tick.run_ids:
                if run_id in still_due:
                    self._let_rest(run_id, now)
                else:
                    self._rests.pop(run_id, None)

    def _let_rest(self, run_id: str, now: datetime) -> None:
        before = self._rests.get(run_id)
        delay = min(before.delay * 2, _LONGEST_DELAY) if before else _FIRST_DELAY
        self._rests[run_id] = _Rest(now + delay, delay)
