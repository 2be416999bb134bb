"""How things look: text that is safe to print, instants, durations, columns, colours, JSON. Nothing is printed here.

Whatever comes from outside (names, messages, values, what handlers printed) goes through `safe` or `json_text`
before it reaches a terminal or a file: no control character of somebody else's ever gets there.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import IO, Any

from lrwf_cli.core.model import Json

__all__ = [
    "clip",
    "columns",
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

_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
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
_NARROWEST = 12
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


def safe(text: str) -> str:
    """Return `text` on one line, with every character that a terminal would act on made visible.

    Those are the C0 and C1 controls, DEL, line separators, what turns the direction of writing, and lone surrogates.
    """
    return text if text.isprintable() else _UNSAFE.sub(_visible, text)


def safe_lines(text: str) -> list[str]:
    """Return the lines of `text`, each of them safe; tabs become spaces."""
    return [safe(line.removesuffix("\r").expandtabs()) for line in text.split("\n")]


def _visible(match: re.Match[str]) -> str:
    return ascii(match[0])[1:-1]


def clip(text: str, width: int) -> str:
    """Return `text`, cut to `width` characters with an ellipsis if it is longer."""
    return text if len(text) <= width else f"{text[: max(0, width - 3)]}..."


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


def columns(
    rows: Iterable[Sequence[str]], *, width: int | None = None, paint: Callable[[int, str], str] | None = None
) -> list[str]:
    """Return one line a row, the cells of a column below one another.

    The last column is not padded; where there is a `width`, it is cut so that the line fits. `paint` gets a column's
    number and a padded cell, and returns what is printed.
    """
    table = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)][:-1]
    left = None if width is None else max(_NARROWEST, width - sum(widths) - 2 * len(widths))
    lines = []
    for row in table:
        last = row[-1] if left is None else clip(row[-1], left)
        cells = [*(cell.ljust(room) for cell, room in zip(row, widths, strict=False)), last]
        lines.append("  ".join(paint(n, cell) if paint else cell for n, cell in enumerate(cells)).rstrip())
    return lines


def json_text(value: Any) -> str:
    """Return `value` as JSON over several lines, in ASCII: a control character is an escape there."""
    import json

    return json.dumps(value, indent=2).replace("\x7f", "\\u007f")


def json_line(value: Json, *, readable: bool = False) -> str:
    """Return `value` as JSON on one line; `readable` leaves letters outside ASCII as they are."""
    import json

    return _UNSAFE.sub(_json_escape, json.dumps(value, ensure_ascii=not readable))


def _json_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
