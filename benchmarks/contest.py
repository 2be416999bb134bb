"""Has contestants do the same work in turn, round after round: what disturbs the machine disturbs all alike."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import figures
from benchmarks.process import Command, ProgramFailed, Usage, count_syncs, measure

__all__ = ["Contestant", "Results", "Round", "hold"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Contestant:
    """Somebody who can do the work.

    `prepare` is given an empty folder, makes what it needs there and returns the command to measure; what the
    command keeps, it keeps in the folder `state` in it. `outputs` is what the work must come to: the program
    prints it as `{"outputs": [...]}`, or under another `key`. `None`: the program prints nothing to check.
    """

    name: str
    prepare: Callable[[Path], Command]
    outputs: Any = None
    key: str = "outputs"


@dataclass(frozen=True, slots=True)
class Round:
    """What one contestant did in one round. `inner_s` is the work without start-up, where it was told apart."""

    usage: Usage
    inner_s: float
    kept_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class Results:
    """All rounds of one contestant, the first one first; `syncs` is how often it syncs, `None` if not known."""

    name: str
    rounds: tuple[Round, ...]
    syncs: int | None

    @property
    def walls_s(self) -> list[float]:
        """Wall clock of the whole process, round by round."""
        return [each.usage.wall_s for each in self.rounds]

    @property
    def inners_s(self) -> list[float]:
        """Wall clock of the work without start-up, round by round."""
        return [each.inner_s for each in self.rounds]

    @property
    def cpu_s(self) -> float:
        """CPU seconds of the whole process: the median."""
        return figures.median(each.usage.cpu_s for each in self.rounds)

    @property
    def peak_bytes(self) -> int:
        """Peak memory: the most that any round took."""
        return max(each.usage.peak_bytes for each in self.rounds)

    @property
    def last(self) -> Round:
        """The last round: for what is the same in all."""
        return self.rounds[-1]


def hold(contestants: Sequence[Contestant], rounds: int, folder: Path) -> dict[str, Results]:
    """Have everyone work once uncounted, to warm the caches and count the syncs, then `rounds` times in turn.

    Each work begins in an empty folder with nothing left to be written to the disk: nobody pays for another. The
    order is another one in each round. Raises ProgramFailed when a program fails or comes to something else.
    """
    syncs = {each.name: _in_folder(each, folder, _warm_up) for each in contestants}
    done: dict[str, list[Round]] = {each.name: [] for each in contestants}
    for number in range(rounds):
        shift = number % len(contestants)
        for each in (*contestants[shift:], *contestants[:shift]):
            done[each.name].append(_in_folder(each, folder, _play))
    print(file=sys.stderr)
    return {name: Results(name, tuple(played), syncs[name]) for name, played in done.items()}


def _in_folder(contestant: Contestant, folder: Path, work: Callable[[Contestant, Path], T]) -> T:
    place = folder / "work"
    place.mkdir(parents=True)
    try:
        os.sync()
        print(".", end="", file=sys.stderr, flush=True)
        return work(contestant, place)
    finally:
        shutil.rmtree(place)


def _warm_up(contestant: Contestant, place: Path) -> int | None:
    return count_syncs(contestant.prepare(place))


def _play(contestant: Contestant, place: Path) -> Round:
    usage = measure(contestant.prepare(place))
    told = _told(contestant, usage)
    kept = [path.stat().st_size for path in (place / "state").rglob("*") if path.is_file()]
    return Round(usage, float(told.get("seconds", usage.wall_s)), sum(kept), len(kept))


def _told(contestant: Contestant, usage: Usage) -> dict[str, Any]:
    """Return what the program has told about its work. Raises ProgramFailed if it was not this work."""
    if contestant.outputs is None:
        return {}
    told: dict[str, Any] = json.loads(usage.said[usage.said.index("{") :])
    if told[contestant.key] != contestant.outputs:
        raise ProgramFailed(f"{contestant.name} came to {told[contestant.key]} and not to {contestant.outputs}")
    return told
