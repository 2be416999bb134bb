"""A chain of 1,000 steps as one whole process, start-up included: lrwf, doit, Luigi, and DBOS on SQLite.

Each step is a Python function that adds one to what the step before came to, and keeps it as its tool keeps things.
"""

from functools import partial
from pathlib import Path

from benchmarks import environments, figures, flows
from benchmarks.contest import Contestant, Results, hold
from benchmarks.process import Command
from benchmarks.table import Section

__all__ = ["STEPS", "compare"]

STEPS = 1000
OURS = "lrwf run"
COLUMNS = ("who", "wall", "x lrwf", "spread", "CPU", "peak memory", "on disk", "syncs")
_PEERS = (("doit", "chain_doit"), ("Luigi", "chain_luigi"), ("DBOS, SQLite", "chain_dbos"))


def compare(folder: Path, *, quick: bool) -> Section:
    """Run the chain with everyone."""
    contestants = [Contestant(OURS, _ours, outputs=[{"total": STEPS}])]
    contestants += [Contestant(name, partial(_peer, module), outputs=[STEPS]) for name, module in _PEERS]
    results = hold(contestants, 1 if quick else 5, folder)
    rows = tuple(_row(each, results[OURS]) for each in results.values())
    return Section("chain", COLUMNS, rows)


def _ours(place: Path) -> Command:
    return environments.lrwf(place, "run", str(flows.chain(place / "flow", STEPS)), "--json")


def _peer(module: str, place: Path) -> Command:
    return environments.peer(place, module, str(STEPS), str(place / "state"))


def _row(mine: Results, ours: Results) -> tuple[str, ...]:
    return (
        mine.name,
        figures.seconds(figures.median(mine.walls_s)),
        figures.times(figures.ratio(mine.walls_s, ours.walls_s)),
        f"{figures.spread(mine.walls_s):.0%}",
        figures.seconds(mine.cpu_s),
        figures.of_size(mine.peak_bytes),
        figures.of_size(mine.last.kept_bytes),
        "-" if mine.syncs is None else figures.amount(mine.syncs) if mine.syncs else "none",
    )
