"""Wall clocks and instants: what a time that names no zone means, and what summer time does to it."""

from datetime import UTC, datetime, timedelta, tzinfo

from lrwf_cli.errors import UsageError

__all__ = ["instant_of", "zone_of"]


def zone_of(name: str | None) -> tzinfo | None:
    """Return the zone called `name`, as in `Europe/Paris`; `None` for `None`, which is the machine's own.

    Raises UsageError for an unknown one, with the nearest right name.
    """
    if name is None:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, TypeError, LookupError):  # for want of one way to say: there is no such zone
        raise UsageError(f"unknown time zone: {name!r:.60}", hint=_remedy(str(name))) from None


def _remedy(name: str) -> str:
    from difflib import get_close_matches
    from zoneinfo import available_timezones

    known = available_timezones()
    folded = {each.casefold(): each for each in known}
    near = get_close_matches(name.casefold(), folded, n=1)
    return f"did you mean {folded[near[0]]!r}?" if near else "give an IANA name, as in 'Europe/Paris' or 'UTC'"


def instant_of(at: datetime, zone: tzinfo | None) -> datetime:
    """Return the instant (aware, UTC) of `at`; a naive one is what a clock in `zone` shows (`None`: the machine's).

    A time that the change to summer time skips is the instant of the change, when the clock has just gone past it. One
    that comes twice is the first, with `fold=1` the second (PEP 495). Raises UsageError for what UTC has no date for.
    """
    zone = at.tzinfo or zone
    try:
        return _instant(at.replace(tzinfo=None), zone)
    except (OverflowError, ValueError, OSError):
        raise UsageError(f"there is no such instant: {at}", hint="give a year from 2 to 9998") from None


def _instant(wall: datetime, zone: tzinfo | None) -> datetime:
    instant = _utc(wall, zone)
    if _wall(instant, zone) == wall.replace(fold=0):
        return instant
    one, other = (_utc(wall.replace(fold=fold), zone) for fold in (0, 1))
    return _change(min(one, other), max(one, other), zone)


def _change(before: datetime, after: datetime, zone: tzinfo | None) -> datetime:
    """Return the whole second between `before` and `after` at which the clock in `zone` is put forward."""
    low, high = before.replace(microsecond=0), after.replace(microsecond=0)
    offset = _offset(low, zone)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if _offset(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(instant: datetime, zone: tzinfo | None) -> timedelta:
    return _wall(instant, zone) - instant.replace(tzinfo=None)


def _utc(wall: datetime, zone: tzinfo | None) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)  # without a zone, `astimezone` takes it for the machine's


def _wall(instant: datetime, zone: tzinfo | None) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)
