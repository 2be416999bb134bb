"""The disk's own floor: how many lines a second can be appended and synced, and how many files replaced."""

from collections.abc import Callable
from pathlib import Path

from benchmarks import environments, figures
from benchmarks.contest import Contestant, hold
from benchmarks.process import Command
from benchmarks.table import Section

__all__ = ["TIMES", "compare", "contestant"]

TIMES = 500
"""Appends or replacements in one round."""

_LINE = 700
"""Bytes of a line where nobody says better: about a frame of the ping-pong with small messages."""


def contestant(name: str, way: str, size: int = _LINE) -> Contestant:
    """Return the contestant that does nothing but `append` or `replace` `size` bytes, durably."""
    return Contestant(name, _prepare(way, size), outputs=[TIMES])


def compare(folder: Path, *, quick: bool) -> Section:
    """Measure the floor by itself."""
    ways = (("append a line, fdatasync", "append"), ("replace a file, fsync, fsync its folder", "replace"))
    results = hold([contestant(*way) for way in ways], 3 if quick else 9, folder)
    rows = tuple(
        (each.name, figures.rate(TIMES / figures.median(each.inners_s)), f"{figures.spread(each.inners_s):.0%}")
        for each in results.values()
    )
    return Section("floor", (f"{_LINE} bytes, {TIMES} times", "a second", "spread"), rows)


def _prepare(way: str, size: int) -> Callable[[Path], Command]:
    def prepare(place: Path) -> Command:
        return environments.python(
            place, "-m", "benchmarks.peers.floor", way, str(size), str(TIMES), str(place / "state")
        )

    return prepare
