"""How things look: text that is safe to print, instants, durations, colours, JSON. Nothing is printed here.

Whatever comes from outside (names, messages, values, what handlers printed) goes through `safe` or `json_text`
before it reaches a terminal or a file: no control character of somebody else's ever gets there.
"""

import os
import re
from datetime import datetime, timedelta
from typing import IO, Any

import msgspec

__all__ = [
    "duration_text",
    "has_colours",
    "instant_text",
    "json_line",
    "json_text",
    "painted",
    "safe",
    "safe_lines",
    "status_text",
]

_UNSAFE = (
    *(*range(0x20), *range(0x7F, 0xA0)),  # the controls C0, DEL and C1
    *(0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)),  # what turns the direction of writing
    *(0x2028, 0x2029, 0xFEFF),  # line and paragraph separators, the byte order mark
    *(0xAD, 0x180E, 0x200B, *range(0x2060, 0x2065), *range(0x206A, 0x2070), *range(0xFFF9, 0xFFFC)),  # what nobody sees
    *range(0xE0000, 0xE0080),  # tags: letters that nobody sees
)


def _escaped(letter: str) -> str:
    """Return a letter as JSON escapes it: two of them where it has a place beyond the first 65,536."""
    units = letter.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))


_ESCAPED = {code: _escaped(chr(code)) for code in _UNSAFE}
_VISIBLE = {code: ascii(chr(code))[1:-1] for code in _UNSAFE}
_NOT_ASCII = re.compile("[^\x00-\x7e]")
_STATUS_COLOURS = {
    "running": "36",
    "waiting": "34",
    "paused": "33",
    "blocked": "35",
    "completed": "32",
    "failed": "31",
    "timed_out": "31",
    "cancelled": "33",
}
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def safe(text: str) -> str:
    """Return `text` on one line, with every character that a terminal would act on made visible.

    Lone surrogates are left to the stream, which makes them visible in the same way.
    """
    return text if text.isprintable() else text.translate(_VISIBLE)


def safe_lines(text: str) -> list[str]:
    """Return the lines of `text`, each of them safe; tabs become spaces."""
    return [safe(line.removesuffix("\r").expandtabs()) for line in text.split("\n")]


def instant_text(at: datetime | None, now: datetime) -> str:
    """Return an instant for people, in UTC and as a distance from `now`."""
    if at is None:
        return "-"
    distance = at - now
    relative = f"in {duration_text(distance)}" if distance > timedelta() else f"{duration_text(-distance)} ago"
    return f"{at:%Y-%m-%d %H:%M:%S}Z, {relative}"


def duration_text(duration: timedelta) -> str:
    """Return a duration for people: its two largest units, below ten seconds with tenths."""
    seconds = max(0.0, duration.total_seconds())
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    rest = round(seconds)
    parts: list[tuple[int, str]] = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count or parts:
            parts.append((count, unit))
    return " ".join(f"{count}{unit}" for count, unit in parts[:2] if count)


def has_colours(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal that wants colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, colour: str, stream: IO[str]) -> str:
    """Return `text` in a colour (the number of an SGR sequence) if `stream` shows colours."""
    return f"\x1b[{colour}m{text}\x1b[0m" if has_colours(stream) else text


def status_text(status: str, stream: IO[str]) -> str:
    """Return a run's status (spaces around it do no harm) in its colour, where there are colours."""
    return painted(status, _STATUS_COLOURS.get(status.strip(), "0"), stream)


def json_text(value: Any) -> str:
    """Return `value` as JSON over several lines, in ASCII: a control character is an escape there."""
    return _in_ascii(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def json_line(value: Any, *, readable: bool = False) -> str:
    """Return `value` as JSON on one line; `readable` leaves letters outside ASCII as they are."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=0).decode()
    return text.translate(_ESCAPED) if readable else _in_ascii(text)


def _in_ascii(text: str) -> str:
    return _NOT_ASCII.sub(lambda match: _escaped(match[0]), text)
