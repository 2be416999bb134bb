"""Durations as people write them: `90s`, `15m`, `1h30m`, `3d`, or ISO 8601 `PT1H`. Nothing else lives here."""

import re
from datetime import timedelta

from lrwf_cli.errors import UsageError

__all__ = ["LONGEST", "PATTERN", "format_duration", "parse_duration"]

LONGEST = timedelta(days=3650)
"""Ten years. A longer one is a slip of the finger, and far dates overflow what the state files can hold."""

_UNITS = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
_OWN = r"\s*".join(rf"(?:{_NUMBER}{unit})?" for unit in _UNITS)
_ISO = rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
_WORDS = {"second": "s", "sec": "s", "minute": "m", "min": "m", "hour": "h", "hr": "h", "day": "d", "week": "w"}
_EXAMPLES = "write it like 90s, 15m, 1h30m or 3d"

PATTERN = r"^([0-9.]+(w|d|h|ms|m|s)\s*)+$|^P[0-9.WDTHMS]+$"
"""For editors: a little wider than what `parse_duration` takes."""


def parse_duration(text: str) -> timedelta:
    """Return the duration that `text` says, to the millisecond.

    Units are `w d h m s ms`, each at most once, the largest first, with decimals if need be; or ISO 8601
    without years and months, whose length varies. Raises UsageError (without a place) for anything else, for
    negative durations, and for those over ten years.
    """
    word = text.strip() if len(text) <= 64 else ""
    match = re.fullmatch(_OWN, word) or re.fullmatch(_ISO, word)
    parts = match.groups() if match else ()
    if not any(parts):
        raise UsageError(f"not a duration: {text[:64]!r}", hint=_remedy(text[:64].strip()))
    milliseconds = sum(float(part) * unit for part, unit in zip(parts, _UNITS.values(), strict=False) if part)
    if milliseconds > LONGEST / timedelta(milliseconds=1):
        raise UsageError(f"longer than ten years: {text!r}", hint="give a duration of at most 3650d")
    return timedelta(milliseconds=round(milliseconds))


def _remedy(text: str) -> str:
    if text.startswith("-"):
        return "a duration cannot be negative"
    if re.fullmatch(_NUMBER, text) and len(text) <= 9:
        return f"add a unit: {text}s, {text}m, {text}h or {text}d"
    if worded := re.fullmatch(rf"{_NUMBER}\s*([A-Za-z]+?)s?", text):
        number, word = worded.groups()
        unit = _WORDS.get(word.lower(), word.lower())
        if unit in _UNITS:
            return f"write it as {number}{unit}"
    if re.match(r"P[0-9.]+[YM]", text):
        return "years and months vary in length: give days, as P30D or 30d"
    return _EXAMPLES


def format_duration(duration: timedelta) -> str:
    """Return the shortest text that `parse_duration` reads as `duration` (whole milliseconds, not negative).

    Days are the largest unit: `90s` comes out as `1m30s`, nothing as `0s`.
    """
    rest = round(duration / timedelta(milliseconds=1))
    text = ""
    for unit in ("d", "h", "m", "s", "ms"):
        count, rest = divmod(rest, _UNITS[unit])
        text += f"{count}{unit}" if count else ""
    return text or "0s"
