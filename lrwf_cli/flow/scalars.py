"""What an unquoted word of YAML is: YAML 1.2's core schema, less what surprises people.

`017` stays text (an old octal, a zip code), as do `on`, `no`, `12:30`, `1_000` and dates, which only YAML 1.1
takes for something else. What no kept value can hold is an error: NaN, infinity, integers over 64 bits.
"""

import math
import re

from lrwf_cli.flow.tree import Scalar

__all__ = ["UnfitScalar", "resolve"]

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = r"[-+]?(?:0|[1-9][0-9]*)"
_BASED = r"0o[0-7]+|0x[0-9a-fA-F]+"
_FLOAT = r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
_NOT_FINITE = r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
# patterns, not compiled ones: a flow without numbers needs none of them
_FIRST = frozenset("0123456789+-.~nNtTfF")


class UnfitScalar(ValueError):
    """A number that no kept value can hold; the message says why."""


def resolve(text: str) -> Scalar:
    """Return what the unquoted `text` means. Raises UnfitScalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST:
        return text
    if re.fullmatch(_INTEGER, text) or re.fullmatch(_BASED, text):
        return _integer(text)
    if re.fullmatch(_FLOAT, text):
        return _finite(float(text))
    if re.fullmatch(_NOT_FINITE, text):
        raise UnfitScalar("infinity and NaN cannot be kept")
    return text


def _integer(text: str) -> int:
    value = int(text, 0) if len(text) <= 32 else 2**63
    if not -(2**63) <= value < 2**63:
        raise UnfitScalar("the integer does not fit in 64 bits")
    return value


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise UnfitScalar("the number is too large")
    return value
