"""1,000 sleeping runs that are due at once: lrwf's tick, and DBOS on SQLite as it recovers as many workflows.

And one run that sleeps with 10,000 kept awaits behind it. What sleeps is made once; each round has a copy of it.
"""

import os
import shutil
import sys
from functools import partial
from pathlib import Path
from time import sleep

from benchmarks import environments, figures, flows
from benchmarks.contest import Contestant, Results, hold
from benchmarks.process import Command, run
from benchmarks.table import Aim, Section

__all__ = ["AWAITS", "SLEEPERS", "compare"]

SLEEPERS = 1000
AWAITS = 10_000
DBOS_SLEEPS_S = 90
"""How long its workflows sleep; that of `peers.sleepers_dbos`, which cannot be imported here."""

TICK, PEER, VETERAN = "lrwf tick", "DBOS, SQLite", "lrwf tick, 10,000 kept awaits"
COLUMNS = ("who", "runs", "runs/s", "x lrwf", "spread", "whole process", "CPU", "peak memory", "on disk", "syncs")


def compare(folder: Path, *, quick: bool) -> Section:
    """Put them to sleep, then wake them."""
    sleepers, kept = SLEEPERS // 10 if quick else SLEEPERS, folder / "kept"
    contestants = [
        Contestant(PEER, partial(_peer, _asleep_dbos(kept / "dbos", sleepers), sleepers), outputs=[sleepers]),
        Contestant(TICK, partial(_tick, _asleep(kept / "many", "sleep", *[0] * sleepers)), sleepers, "advanced"),
        Contestant(VETERAN, partial(_tick, _asleep(kept / "veteran", "Veteran", AWAITS)), 1, "advanced"),
    ]
    _let_them_sleep()
    results = hold(contestants, 1 if quick else 3, folder)
    rows = tuple(_row(results[name], results[TICK], many) for name, many in ((TICK, sleepers), (PEER, sleepers)))
    return Section("resume", COLUMNS, (*rows, _row(results[VETERAN], None, 1)), _aims(results, sleepers))


def _asleep(place: Path, executor: str, *numbers: int) -> Path:
    """Return a state directory in which a run sleeps for each of `numbers`, and is due."""
    flow = flows.sleeper(place / "flow", executor)
    arguments = ("-m", "benchmarks.peers.sleepers_lrwf", str(flow), str(place / "state"), *map(str, numbers))
    run(environments.python(place, *arguments))
    return place / "state"


def _asleep_dbos(place: Path, sleepers: int) -> Path:
    place.mkdir(parents=True)
    run(environments.peer(place, "sleepers_dbos", "begin", str(sleepers), str(place / "state")))
    return place / "state"


def _let_them_sleep() -> None:
    print("(waiting until all are due) ", end="", file=sys.stderr, flush=True)
    sleep(DBOS_SLEEPS_S)


def _tick(asleep: Path, place: Path) -> Command:
    _copied(asleep, place)
    return environments.lrwf(place, "tick", "--json")


def _peer(asleep: Path, sleepers: int, place: Path) -> Command:
    _copied(asleep, place)
    return environments.peer(place, "sleepers_dbos", "resume", str(sleepers), str(place / "state"))


def _copied(asleep: Path, place: Path) -> None:
    """Copy what sleeps, with nothing left to be written to the disk."""
    shutil.copytree(asleep, place / "state")
    os.sync()


def _row(mine: Results, ours: Results | None, runs: int) -> tuple[str, ...]:
    return (
        mine.name,
        figures.amount(runs),
        figures.rate(runs / figures.median(mine.inners_s)),
        figures.times(figures.ratio(mine.inners_s, ours.inners_s)) if ours else "-",
        f"{figures.spread(mine.inners_s):.0%}",
        figures.seconds(figures.median(mine.walls_s)),
        figures.seconds(mine.cpu_s),
        figures.of_size(mine.peak_bytes),
        figures.of_size(mine.last.kept_bytes),
        "-" if mine.syncs is None else figures.amount(mine.syncs) if mine.syncs else "none",
    )


def _aims(results: dict[str, Results], sleepers: int) -> tuple[Aim, ...]:
    rate = sleepers / figures.median(results[TICK].walls_s)
    by = figures.ratio(results[PEER].inners_s, results[TICK].walls_s)
    veteran = figures.median(results[VETERAN].walls_s)
    return (
        Aim("resumed runs a second, each synced", ">= 300", figures.rate(rate), rate >= 300),
        Aim("faster than DBOS, its start-up left out", "> 1", figures.times(by), by > 1),
        Aim(f"resuming a handler with {AWAITS:,} kept awaits", "< 1 s", figures.seconds(veteran), veteran < 1),
    )
