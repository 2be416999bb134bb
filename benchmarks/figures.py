"""Sums up what was measured. Pure: numbers in, numbers and words out."""

from collections.abc import Sequence
from statistics import median

__all__ = ["amount", "median", "of_size", "rate", "ratio", "seconds", "spread", "times"]


def ratio(these: Sequence[float], those: Sequence[float]) -> float:
    """Return how many times `those` `these` are: the median of the ratios round by round.

    Rounds are interleaved, so what disturbs the machine for a while disturbs both sides of a ratio.
    Raises ValueError unless both have the same number of rounds.
    """
    return median(this / that for this, that in zip(these, those, strict=True))


def spread(values: Sequence[float]) -> float:
    """Return how far apart the values are, as a part of their median: 0.1 is a tenth between least and most."""
    return (max(values) - min(values)) / median(values)


def seconds(value_s: float) -> str:
    """Return a duration for people: milliseconds below a second."""
    return f"{value_s * 1000:.0f} ms" if value_s < 0.9995 else f"{value_s:.2f} s"


def of_size(value_bytes: float) -> str:
    """Return a size for people, in units of 1,024."""
    for unit, power in (("B", 0), ("KiB", 1)):
        if value_bytes < 1024 ** (power + 1):
            return f"{value_bytes / 1024**power:.0f} {unit}"
    return f"{value_bytes / 1024**2:.1f} MiB"


def rate(value: float) -> str:
    """Return so many a second for people: three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def times(value: float) -> str:
    """Return a ratio for people."""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def amount(value: float) -> str:
    """Return a number of things for people."""
    return f"{value:,.0f}"
