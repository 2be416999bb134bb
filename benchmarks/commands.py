"""Whole commands, beside what it costs to start the interpreter at all, and to import click.

What a command finds is made once; each call is a process of its own. A ratio says more than a duration: both sides
of it had the same machine.
"""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import sleep, time

from benchmarks import environments, figures, flows
from benchmarks.contest import Contestant, Results, hold
from benchmarks.process import Command, run
from benchmarks.table import Aim, Section
from lrwf_cli.store.idle import stamp

__all__ = ["WAITING", "compare"]

WAITING = 100_000
"""Runs that wait, for the ticks that find nothing due."""

PASS, CLICK = "python -c pass", 'python -c "import click"'
EMPTY, WEEKS, HOUR = "lrwf tick, nothing waits", "lrwf tick, 100,000 wait", "lrwf tick, 100,000 wait within the hour"
SHORT, LONG, WIDE = "lrwf status, 1 step", "lrwf status, 1,000 steps", "lrwf status, 1,000 executors"
RUN = "lrwf run, 1 step"
COLUMNS = ("command", "wall", f"x `{PASS}`", "x `import click`", "spread", "CPU", "peak memory", "syncs")


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of `lrwf` in a folder of its own that is not emptied."""

    folder: Path
    arguments: tuple[str, ...]

    def prepare(self, _: Path) -> Command:
        return environments.lrwf(self.folder, *self.arguments)


def compare(folder: Path, *, quick: bool) -> Section:
    """Make what the commands find, then call them."""
    kept = folder / "kept"
    calls = {
        EMPTY: _ticking(kept / "empty", 0, timedelta()),
        WEEKS: _ticking(kept / "weeks", WAITING, timedelta(weeks=6)),
        SHORT: _status(kept / "short", flows.rally(kept / "short" / "flow", "small", 1)),
        LONG: _status(kept / "long", flows.rally(kept / "long" / "flow", "small", 1000)),
        WIDE: _status(kept / "wide", flows.chain(kept / "wide" / "flow", 1000)),
        RUN: _run(kept / "run"),
        HOUR: _ticking(kept / "hour", WAITING, timedelta()),
    }
    contestants = [Contestant(PASS, partial(_python, "pass")), Contestant(CLICK, partial(_python, "import click"))]
    contestants += [Contestant(name, call.prepare) for name, call in calls.items()]
    results = hold(contestants, 5 if quick else 21, folder)
    rows = tuple(_row(each, results) for each in results.values())
    return Section("commands", COLUMNS, rows, _aims(results))


def _python(code: str, place: Path) -> Command:
    return environments.python(place, "-c", code)


def _run(place: Path) -> _Call:
    """Have the state directory made by a first run, so that the measured ones find one as usual."""
    flow = flows.chain(place / "flow", 1)
    call = _Call(place, ("run", str(flow), "--json"))
    run(call.prepare(place))
    return call


def _status(place: Path, flow: Path) -> _Call:
    run(environments.lrwf(place, "run", str(flow), "--id", "measured"))
    return _Call(place, ("status", "measured"))


def _ticking(place: Path, waiting: int, within: timedelta) -> _Call:
    """Have `waiting` runs wait, evenly over the time `within`; none at all: all of them for the end of this hour."""
    _run(place)
    _wait_for_a_young_hour()
    hour_ends_at = (datetime.now(UTC) + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0).timestamp()
    first, step = (hour_ends_at - 1, 0.0) if not within else (time() + 3600, within.total_seconds() / waiting)
    for number in range(waiting):
        due = stamp(first + number * step)
        timer = place / "state" / "timers" / due[:11] / f"{due}~waits-{number:06}"
        timer.parent.mkdir(mode=0o700, exist_ok=True)
        timer.touch(mode=0o600)
    return _Call(place, ("tick",))


def _wait_for_a_young_hour() -> None:
    """Return when the hour has five minutes left: a tick must not find due what is to wait until its end."""
    left_s = 3600 - time() % 3600
    if left_s < 300:
        print(f"(waiting {left_s:.0f} s for the hour to turn) ", end="", file=sys.stderr, flush=True)
        sleep(left_s)


def _row(mine: Results, results: dict[str, Results]) -> tuple[str, ...]:
    return (
        f"`{mine.name}`" if mine.name in (PASS, CLICK) else mine.name,
        figures.seconds(figures.median(mine.walls_s)),
        figures.times(figures.ratio(mine.walls_s, results[PASS].walls_s)),
        figures.times(figures.ratio(mine.walls_s, results[CLICK].walls_s)),
        f"{figures.spread(mine.walls_s):.0%}",
        figures.seconds(mine.cpu_s),
        figures.of_size(mine.peak_bytes),
        "-" if mine.syncs is None else figures.amount(mine.syncs) if mine.syncs else "none",
    )


def _aims(results: dict[str, Results]) -> tuple[Aim, ...]:
    peak = max(each.peak_bytes for name, each in results.items() if name.startswith("lrwf"))
    aims = (
        (WEEKS, PASS, 2.0),
        (SHORT, CLICK, 1.5),
        (RUN, CLICK, 3.0),
        (LONG, SHORT, 1.1),
    )
    return (
        *(_aim(results[what], results[base], limit) for what, base, limit in aims),
        Aim("peak memory of these commands", "< 45 MiB", figures.of_size(peak), peak < 45 * 1024**2),
    )


def _aim(what: Results, base: Results, limit: float) -> Aim:
    measured = figures.ratio(what.walls_s, base.walls_s)
    return Aim(f"{what.name}, as against {base.name}", f"<= {limit}", figures.times(measured), measured <= limit)
