"""Writes down what was measured: tables of Markdown, each put between its own markers in a document. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from lrwf_cli.errors import LrwfError

__all__ = ["Aim", "Section", "markdown", "placed"]


@dataclass(frozen=True, slots=True)
class Aim:
    """What was aimed at, what was measured, and whether that is enough."""

    what: str
    aim: str
    measured: str
    reached: bool


@dataclass(frozen=True, slots=True)
class Section:
    """What one comparison has found. Rows have a cell for each column; `name` is that of its markers."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    aims: tuple[Aim, ...] = ()
    note: str = ""


def markdown(section: Section) -> str:
    """Return a section as Markdown: its table, its note, its aims."""
    parts = [_table(section.columns, section.rows), section.note]
    if section.aims:
        rows = [(aim.what, aim.aim, aim.measured, "yes" if aim.reached else "**no**") for aim in section.aims]
        parts.append(_table(("aim", "wanted", "measured", "reached"), rows))
    return "\n\n".join(part for part in parts if part)


def placed(document: str, name: str, text: str) -> str:
    """Return `document` with `text` between the markers of `name`, in place of what stands there.

    Raises LrwfError if it does not have these markers, one after the other.
    """
    begin, end = f"<!-- measured: {name} -->\n", f"<!-- end of {name} -->"
    before, found_begin, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        raise LrwfError(f"no place for the figures of `{name}`", hint=f"add the lines `{begin.strip()}` and `{end}`")
    return f"{before}{begin}{text}\n{end}{after}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table: words in the first columns, figures flush right; what looks like a number is one."""
    numeric = [bool(rows) and all(_is_figure(row[number]) for row in rows) for number in range(len(columns))]
    lines = [_line(columns), _line(["---:" if right else "---" for right in numeric]), *map(_line, rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _is_figure(cell: str) -> bool:
    return cell[:1].isdigit() or cell in {"", "-", "none"}
