"""Two executors that send a ball to and fro, 500 supersteps: lrwf and Microsoft's Agent Framework at the same work.

Both are measured from their own Python API, from the call of `run` to its return, and lrwf once more as a whole
process, from a flow file, with start-up, validation and all.
"""

from functools import partial
from pathlib import Path

from benchmarks import environments, figures, floor, flows
from benchmarks.contest import Contestant, Results, hold
from benchmarks.process import Command, run
from benchmarks.table import Aim, Section

__all__ = ["STROKES", "compare"]

STROKES = 500
FLOOR, PYTHON, PROCESS, PEER = "disk floor", "lrwf, Python", "lrwf run", "agent-framework"
COLUMNS = (
    "scenario",
    "who",
    "supersteps/s",
    "x agent-framework",
    "spread",
    "whole process",
    "CPU",
    "peak memory",
    "on disk",
    "syncs",
)
_WHAT = {
    "small": "small messages",
    "document": "100 KiB kept",
    "history": "history + 1 KiB a step",
    "rewritten": "100 KiB rewritten a step",
}


def compare(folder: Path, *, quick: bool) -> Section:
    """Play every scenario and set the aims against the results."""
    line = _line_length(folder / "line")
    found = {}
    for scenario in _WHAT:
        first = [floor.contestant(FLOOR, "append", line)] if scenario == "small" else []
        found[scenario] = hold([*first, *_players(scenario)], 1 if quick else 5, folder)
    rows = tuple(row for scenario, results in found.items() for row in _rows(_WHAT[scenario], results))
    note = f"The floor's lines are as long as the journal's on average: {line} bytes."
    return Section("rally", COLUMNS, rows, _aims(found), note)


def _players(scenario: str) -> list[Contestant]:
    ways = ((PYTHON, _python), (PROCESS, _process), (PEER, _peer))
    return [Contestant(name, partial(way, scenario), outputs=[1]) for name, way in ways]


def _python(scenario: str, place: Path) -> Command:
    arguments = (scenario, str(STROKES), str(place / "state"))
    return environments.python(place, "-m", "benchmarks.peers.rally_lrwf", *arguments)


def _process(scenario: str, place: Path) -> Command:
    return environments.lrwf(place, "run", str(flows.rally(place / "flow", scenario, STROKES)), "--json")


def _peer(scenario: str, place: Path) -> Command:
    return environments.peer(place, "rally_agent_framework", scenario, str(STROKES), str(place / "state"))


def _line_length(place: Path) -> int:
    """Return how long the journal's lines are on average: what the floor has to write to do the same."""
    place.mkdir()
    run(_process("small", place))
    (journal,) = place.glob("state/runs/*/journal.jsonl")
    lines = journal.read_bytes().splitlines(keepends=True)
    return sum(map(len, lines)) // len(lines)


def _rows(what: str, results: dict[str, Results]) -> list[tuple[str, ...]]:
    return [_row(what, each, results[PEER]) for each in results.values()]


def _row(what: str, mine: Results, peer: Results) -> tuple[str, ...]:
    is_engine = mine.name != FLOOR
    return (
        what,
        mine.name,
        figures.rate(STROKES / figures.median(mine.inners_s)),
        figures.times(_times_faster(peer, mine)) if is_engine else "-",
        f"{figures.spread(mine.inners_s):.0%}",
        figures.seconds(figures.median(mine.walls_s)),
        figures.seconds(mine.cpu_s),
        figures.of_size(mine.peak_bytes),
        figures.of_size(mine.last.kept_bytes),
        "-" if mine.syncs is None else figures.amount(mine.syncs) if mine.syncs else "none",
    )


def _times_faster(peer: Results, mine: Results) -> float:
    """Return how many times as many supersteps a second; a whole process is compared with a whole process."""
    if mine.name == PROCESS:
        return figures.ratio(peer.walls_s, mine.walls_s)
    return figures.ratio(peer.inners_s, mine.inners_s)


def _aims(found: dict[str, dict[str, Results]]) -> tuple[Aim, ...]:
    small, history = found["small"], found["history"]
    share = figures.ratio(small[FLOOR].inners_s, small[PYTHON].inners_s)
    disk = max(history[name].last.kept_bytes for name in (PYTHON, PROCESS))
    peak = max(results[PROCESS].peak_bytes for results in found.values())
    faster = [
        (_WHAT[name], _times_faster(results[PEER], results[PYTHON]))
        for name, results in found.items()
        if name != "rewritten"
    ]
    return (
        Aim("supersteps a second as a part of the floor's appends", ">= 0.6", figures.times(share), share >= 0.6),
        *(Aim(f"faster than agent-framework, {what}", "> 1", figures.times(by), by > 1) for what, by in faster),
        Aim("disk for the growing history", "< 3 MiB", figures.of_size(disk), disk < 3 * 1024**2),
        Aim("peak memory of `lrwf run`", "< 45 MiB", figures.of_size(peak), peak < 45 * 1024**2),
    )
