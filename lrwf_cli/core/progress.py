"""How far an executor is: what its handlers say of it, and what others make of that. Pure.

A *part* is what one handler has said. It only goes up, until its message is begun anew: a handler that wakes, or goes
on after a crash, says again what it has said before, and nobody sees it go back. Nothing here is durable or decides
anything.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec

from lrwf_cli.core.model import Json

__all__ = ["Part", "Progress", "further", "parts_of", "shown", "together"]


class Part(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far one handler is. `total` and `current` are in units of its own, `None` if it did not say.

    `start` is that of its invocation, `since` when the process that says so was first at work at it, and `before` how
    far it was then: a rate is made of what has been done since.
    """

    start: int
    at: datetime
    since: datetime
    current: float | None = None
    total: float | None = None
    message: str | None = None
    before: float = 0


class Progress(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far an executor is, with all of its handlers that are under way. `rate` is in units a second.

    `left` is how long it may yet take if it goes on as it did; `None`: nobody can tell. `at`: when that was said.
    """

    at: datetime
    current: float | None = None
    total: float | None = None
    message: str | None = None
    rate: float | None = None
    left: timedelta | None = None


def further(known: Part | None, said: Part, *, is_first: bool) -> Part:
    """Return `known` with what is `said` now. `is_first`: this process has not said anything before."""
    if known is None or known.start != said.start:
        return msgspec.structs.replace(said, since=said.at, before=said.current or 0)
    current = max((each for each in (known.current, said.current) if each is not None), default=None)
    since, before = (said.at, known.current or 0) if is_first else (known.since, known.before)
    total = known.total if said.total is None else said.total
    message = known.message if said.message is None else said.message
    return Part(said.start, said.at, since, current, total, message, before)


def together(parts: Iterable[Part]) -> Progress | None:
    """Return how far all of them are together: sums, and the newest message; `None` if there are none."""
    known = sorted(parts, key=lambda part: part.at)
    if not known:
        return None
    counted = [part.current for part in known if part.current is not None]
    totals = [part.total for part in known if part.total is not None]
    current = sum(counted) if counted else None
    total = sum(totals) if len(totals) == len(known) else None
    rates = [rate for part in known if (rate := _rate(part)) is not None]
    rate = sum(rates) if rates else None
    message = next((part.message for part in reversed(known) if part.message is not None), None)
    return Progress(known[-1].at, current, total, message, rate, _left(current, total, rate))


def shown(parts: Mapping[str, Part]) -> Json:
    """Return what is written down for others: how far all parts are together, and each by its delivery."""
    return {**msgspec.to_builtins(together(parts.values())), "parts": msgspec.to_builtins(parts)}


def parts_of(written: Json) -> dict[str, Part]:
    """Return the parts, by delivery, of what `shown` returned; none of what was not written to its end."""
    try:
        return msgspec.convert(written["parts"], dict[str, Part])
    except (TypeError, KeyError, msgspec.ValidationError):
        return {}


def _rate(part: Part) -> float | None:
    took_s = (part.at - part.since).total_seconds()
    done = (part.current or 0) - part.before
    return done / took_s if took_s > 0 and done > 0 else None


def _left(current: float | None, total: float | None, rate: float | None) -> timedelta | None:
    if current is None or total is None or not rate:
        return None
    left_s = max(total - current, 0) / rate
    return timedelta(seconds=left_s) if left_s < timedelta.max.total_seconds() else None
