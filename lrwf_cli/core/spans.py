"""Durations as authors write them in Python: a `timedelta`, or a number of seconds. As text they are in `flow`."""

from datetime import timedelta

from lrwf_cli.errors import UsageError

__all__ = ["LONGEST", "Span", "span_of"]

Span = timedelta | float
"""A `timedelta`, or seconds."""

LONGEST = timedelta(days=3653)
"""Ten years, their leap days included. A longer one is a slip of the finger."""

_HINT = "give seconds, or a timedelta"


def span_of(value: Span, what: str) -> timedelta:
    """Return `value` as a duration, to the millisecond; `what` names it in messages.

    Raises UsageError for what is no duration, for negative ones and those over ten years.
    """
    if isinstance(value, bool) or not isinstance(value, timedelta | float | int):
        raise UsageError(f"{what} is no duration: {value!r:.60}", hint=_HINT)
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds < 0:
        raise UsageError(f"{what} is negative: {value!s:.60}", hint="a duration is at least 0")
    if not seconds <= LONGEST.total_seconds():  # nor is what is not a number
        raise UsageError(f"{what} is longer than ten years: {value!s:.60}", hint=_HINT)
    span = value if isinstance(value, timedelta) else timedelta(seconds=value)
    return timedelta(milliseconds=round(span / timedelta(milliseconds=1)))
