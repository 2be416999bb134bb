"""What goes between this process and one that a handler has to itself: calls and results as lines of JSON.

A line is a JSON object with one key, which says what it is. `resolve`, the only thing of a call that is no value, is a
matter of the child's own.

To the child: `job` (once, first), `kept` (a number).
From the child: `keep` (a number and awaits), `progress` (what a desk takes), `result` (once, last).
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import fields

from lrwf_cli.core.commands import Effects
from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Kept, Suspension
from lrwf_cli.executors.base import Call, Failed, Result, Stuck

__all__ = ["call_of", "kept_of", "line", "parts_of", "read", "result_of", "told"]

_RESULTS: dict[str, type[Result]] = {each.__name__: each for each in (Effects, Failed, Suspension, Stuck)}
_VALUES = tuple(field for field in fields(Call) if field.name != "resolve")
_Call: Any = msgspec.defstruct("_Call", [(field.name, field.type) for field in _VALUES])


def line(**what: Any) -> bytes:
    """Return one line: a key and what belongs to it."""
    return msgspec.json.encode(what) + b"\n"


def read(data: bytes) -> tuple[str, Any]:
    """Return the key of a line, and what belongs to it."""
    ((what, value),) = msgspec.json.decode(data).items()
    return what, value


def parts_of(call: Call) -> Json:
    """Return the values of a call, its `resolve` left out."""
    return {field.name: getattr(call, field.name) for field in _VALUES}


def call_of(parts: Json, resolve: Callable[[Json], Json]) -> Call:
    """Return a call of its values, with another `resolve`."""
    values = msgspec.convert(parts, _Call)
    return Call(**{field.name: getattr(values, field.name) for field in _VALUES}, resolve=resolve)


def told(result: Result) -> Json:
    """Return a result as a value."""
    return {type(result).__name__: result}


def result_of(value: Json) -> Result:
    """Return the result that was `told`."""
    ((name, parts),) = value.items()
    return msgspec.convert(parts, _RESULTS[name])


def kept_of(value: Json) -> list[Kept]:
    """Return awaits that are to be kept."""
    return msgspec.convert(value, list[Kept])
