"""`lrwf tick --watch`: have each run advanced when it becomes due, at that instant, by a tick of its own.

Timers are waited for to the millisecond, mail is heard of when it comes, and what others leave is looked for every
half second: so soon is it noticed, too, that the clock was set, or that the machine has slept.

Handlers never run in the process that stays: one that ends its process, or never ends, holds up nobody else.
"""

import signal
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from time import monotonic

import msgspec

from lrwf_cli.cli import exits
from lrwf_cli.cli.bell import Bell
from lrwf_cli.cli.driving import default_jobs
from lrwf_cli.cli.groups import tick_command
from lrwf_cli.cli.session import Session
from lrwf_cli.errors import UnknownRun
from lrwf_cli.store.idle import anything_due, heartbeat, past_hours, past_timers, stamp

__all__ = ["stand_by"]

_LOOK_EVERY_S = 0.5
_SHORTEST_S = 0.001
_FIRST_DELAY_S = 0.25
_LONGEST_DELAY_S = 60.0


class _Tick(msgspec.Struct):
    """A tick that was started, and for which runs: each with what tells whether anything has come of it since."""

    process: subprocess.Popen[str]
    runs: dict[str, object]


class _Rest(msgspec.Struct):
    """How long a run is let alone of which nothing has come by a tick, so that it cannot be driven. Monotonic."""

    until_s: float
    delay_s: float


def stand_by(session: Session, jobs: int | None) -> int:
    """Stay until SIGINT (returns 130), SIGTERM or SIGHUP (0); the ticks at work are told to end, and waited for."""
    bell = Bell((signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    watch = _Watch(session, default_jobs(jobs))
    try:
        while not bell.heard:
            bell.listen(f"{session.path}/mail")
            watch.look()
            _wait(bell, watch)
    finally:
        watch.end()
    if bell.heard[0] != signal.SIGINT:
        return exits.DONE
    session.complain("interrupted: every run is safe on disk; the next tick goes on")
    return exits.INTERRUPTED


def _wait(bell: Bell, watch: "_Watch") -> None:
    """Return when it is time to look: when something becomes due, or may have, or the process is to end."""
    until_s = monotonic() + watch.pause_s()
    while not bell.heard and (left_s := until_s - monotonic()) > 0:
        if bell.wait(left_s):
            until_s = min(until_s, watch.soonest_s)


class _Watch:
    """What is due, and what is at work. `soonest_s` is when to look again at the soonest for what is no timer.

    Letters that come in quick succession are for one tick: to start one takes longer than to wait for the others.
    """

    def __init__(self, session: Session, jobs: int) -> None:
        self.soonest_s = monotonic()
        self._session = session
        self._jobs = jobs
        self._ticks: list[_Tick] = []
        self._rests: dict[str, _Rest] = {}

    def pause_s(self) -> float:
        """Return how long nothing can become due that is on disk by now, but at most half a second."""
        now = self._session.now().timestamp()
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
        ended = [tick for tick in self._ticks if tick.process.poll() is not None]
        self._ticks = [tick for tick in self._ticks if tick not in ended]
        now = self._session.now()
        is_due = anything_due(self._session.path, now.timestamp())
        due = dict.fromkeys(each.run_id for each in self._session.store.due(now)) if is_due else {}
        for tick in ended:
            self._judge(tick, due)
        self._rests = {run_id: rest for run_id, rest in self._rests.items() if run_id in due}
        if runs := self._startable(due):
            self._ticks.append(self._start(runs))
            self.soonest_s = monotonic() + _LOOK_EVERY_S
        with suppress(OSError):  # a heartbeat that cannot be left is no reason to stop
            heartbeat(self._session.path)

    def end(self) -> None:
        """Have the ticks at work cut their handlers off, and wait for them."""
        for tick in self._ticks:
            tick.process.terminate()
        for tick in self._ticks:
            tick.process.wait()

    def _startable(self, due: Collection[str]) -> dict[str, object]:
        """Return which of the runs that are due a tick is to be started for, in that order."""
        away = {run_id for tick in self._ticks for run_id in tick.runs}
        now_s = monotonic()
        found = {}
        for run_id in due:
            rest = self._rests.get(run_id)
            if run_id in away or (rest is not None and rest.until_s > now_s):
                continue
            with suppress(UnknownRun):  # removed since it was due
                if not self._session.store.is_busy(run_id):
                    found[run_id] = self._session.store.stamp(run_id)
        return found

    def _start(self, runs: dict[str, object]) -> _Tick:
        process = subprocess.Popen(  # noqa: S603  (our own program)
            [*tick_command(sys.executable, self._session, self._jobs), *self._switches()],
            stdin=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C is for this process, which passes it on
        )
        if process.stdin is not None:
            with process.stdin, suppress(BrokenPipeError):
                process.stdin.write("\n".join(runs))
        return _Tick(process, runs)

    def _switches(self) -> list[str]:
        verbosity = self._session.verbosity
        said = ["-v"] * verbosity if verbosity > 0 else ["-q"] * -verbosity
        return ["--these", *said, *(["--json"] if self._session.as_json else [])]

    def _judge(self, tick: _Tick, due: Collection[str]) -> None:
        """Let those runs of a tick that has ended rest that are due all the same, and to which nothing has happened."""
        for run_id, before in tick.runs.items():
            with suppress(UnknownRun):
                if run_id in due and self._session.store.stamp(run_id) == before:
                    self._let_rest(run_id)
                else:
                    self._rests.pop(run_id, None)

    def _let_rest(self, run_id: str) -> None:
        before = self._rests.get(run_id)
        delay_s = min(before.delay_s * 2, _LONGEST_DELAY_S) if before else _FIRST_DELAY_S
        self._rests[run_id] = _Rest(monotonic() + delay_s, delay_s)
