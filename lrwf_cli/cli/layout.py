"""What fits where on a terminal: the cells that a text takes, cutting it, columns, lines broken between words.

A letter of Chinese and most emoji take two cells, an accent that stands by itself none. All text here is safe already
(see `render`); the only escapes in it are our own colours, which take no room.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO

__all__ = ["cells", "clip", "columns", "width_of", "wrapped"]

_NARROWEST = 12
_SHALLOW = 4
_WIDTH = 80
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_MORE = "..."


def cells(text: str) -> int:
    """Return how many cells `text`, which is on one line, takes on a terminal."""
    if "\x1b" in text:
        text = _COLOUR.sub("", text)
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(letter: str) -> int:
    import unicodedata

    if unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def clip(text: str, width: int) -> str:
    """Return `text`, cut to `width` cells with an ellipsis if it takes more."""
    if cells(text) <= width:
        return text
    room = max(0, width - len(_MORE))
    while cells(text) > room:
        text = text[: room if len(text) > room else -1]
    return f"{text}{_MORE}"


def columns(
    rows: Iterable[Sequence[str]], *, width: int | None = None, paint: Callable[[int, str], str] | None = None
) -> list[str]:
    """Return one line a row, the cells of a column below one another.

    The last column is not padded; where there is a `width`, it is cut so that the line fits. `paint` gets a column's
    number and a padded cell, and returns what is printed.
    """
    table = [tuple(row) for row in rows]
    widths = [max(map(cells, column)) for column in zip(*table, strict=True)][:-1]
    left = None if width is None else max(_NARROWEST, width - sum(widths) - 2 * len(widths))
    lines = []
    for row in table:
        last = row[-1] if left is None else clip(row[-1], left)
        padded = [*(_padded(cell, room) for cell, room in zip(row, widths, strict=False)), last]
        lines.append("  ".join(paint(n, cell) if paint else cell for n, cell in enumerate(padded)).rstrip())
    return lines


def _padded(cell: str, room: int) -> str:
    return cell + " " * (room - cells(cell))


def width_of(stream: IO[str]) -> int | None:
    """Return how many cells a line has on the terminal that `stream` is; `None` if it is none. COLUMNS goes first."""
    if not stream.isatty():
        return None
    if (said := os.environ.get("COLUMNS", "")).isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _WIDTH
    except OSError:
        return _WIDTH


def wrapped(line: str, width: int | None, hang: int) -> Iterator[str]:
    """Yield `line` in lines of at most `width` cells, all but the first of them `hang` cells to the right.

    Broken between words only: a path or an id that is longer than a line stays whole. `None`: nothing is broken.
    """
    if width is None or cells(line) <= width:
        yield line
        return
    indent = " " * (hang if hang * 2 <= width else _SHALLOW)
    begun, gap, is_blank = "", "", True
    for number, part in enumerate(re.split(r"( +)", line)):
        if number % 2:
            gap = part
        elif is_blank or cells(begun) + len(gap) + cells(part) <= width:
            begun, is_blank = f"{begun}{gap}{part}", is_blank and not part
        else:
            yield begun
            begun = f"{indent}{part}"
    yield begun
