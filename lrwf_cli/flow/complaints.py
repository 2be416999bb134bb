"""What PyYAML's parsers complain of, in words for the person who wrote the file.

Both parsers (libyaml's and the Python one) name the same trouble differently; here they meet.
"""

from collections.abc import Mapping
from typing import Any

from lrwf_cli.flow.problems import Mark

__all__ = ["Complaint", "explain"]


Complaint = tuple[Mark, str, str | None]
"""Where, what is wrong, and what to do."""

_INDENTATION = "check the indentation, and quote a text that has quotes or brackets"
_TEMPLATE = ("'${{' in a text without quotes", "quote the text that has '${{' in it")
_UNFIT = ("this does not fit what stands before it", _INDENTATION)
_MISSING = ("a value is missing", "write the value, or null")
_KNOWN: Mapping[str, tuple[str, str]] = {
    "mapping values are not allowed": (
        "a ':' where a value has already begun",
        "quote a text that has ': ' in it, or check the indentation",
    ),
    "sequence entries are not allowed": (
        "a '-' where no list may begin",
        "begin the list on a line of its own, or write [a, b]",
    ),
    "found unexpected end of stream": ("a quote that is never closed", "close the quote"),
    "could not find expected ':'": ("a key without a ':'", "write it as 'key: value', or check the indentation"),
    "unknown escape character": ("an unknown escape in double quotes", "double the backslash, or use single quotes"),
    "expected '-' indicator": ("a key where the items of a list go on", "check the indentation"),
    "expected the node content": _MISSING,
    "expected node content": _MISSING,
    "',' or ']'": ("the list that begins in line {line} is not closed", "put ',' between its items and ']' at its end"),
    "',' or '}'": (
        "the mapping that begins in line {line} is not closed",
        "put ',' between entries and '}' at its end",
    ),
    "expected key": _UNFIT,
    "<block end>": _UNFIT,
    "<document start>": _UNFIT,
    "comment or line break": ("a text that begins with '>' or '|'", "quote it"),
    "expected chomping": ("a text that begins with '>' or '|'", "quote it"),
    "alphabetic or numeric character": ("a text that begins with '*' or '&'", "quote it"),
    "incompatible YAML document": ("a version of YAML that is not known", "remove the line that begins with %YAML"),
}
_FROM_BEGINNING = frozenset({"found unexpected end of stream", "could not find expected ':'"})
"""Complaints whose better place is where the construct begins: it ends at the end of the file."""


def explain(error: Any, text: str) -> Complaint:
    """Return the words for `error`, a `yaml.MarkedYAMLError` raised about `text`."""
    mark, beginning = _mark(error.problem_mark or error.context_mark), error.context_mark
    problem = str(error.problem)
    if "cannot start any token" in problem:
        return _bad_start(mark, _line(text, mark)[mark.col - 1 : mark.col])
    if ("',' or '" in problem or "mapping values" in problem) and "${{" in _line(text, mark)[: mark.col + 1]:
        return (mark, *_TEMPLATE)
    for part, (message, hint) in _KNOWN.items():
        if part in problem:
            place = _mark(beginning) if part in _FROM_BEGINNING and beginning else mark
            return (place, message.format(line=beginning.line + 1) if "{line}" in message else message, hint)
    return (mark, f"not valid YAML: {problem}", None)


def _bad_start(mark: Mark, character: str) -> Complaint:
    if character == "\t":
        return (mark, "a tab where YAML wants spaces", "indent with spaces")
    return (mark, f"a value that begins with {character!r}", "quote it")


def _mark(mark: Any) -> Mark:
    return Mark(mark.line + 1, mark.column + 1)


def _line(text: str, mark: Mark) -> str:
    lines = text.splitlines()
    return lines[mark.line - 1] if mark.line <= len(lines) else ""
