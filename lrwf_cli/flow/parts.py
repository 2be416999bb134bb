"""A part of a flow file (a mapping) to its struct, with every problem in it. Which parts there are is in `read`.

msgspec checks the values, one key at a time: its own errors end at the first and hide the keys of dictionaries.
"""

import re
import typing
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar

import msgspec

from lrwf_cli.errors import UsageError
from lrwf_cli.flow.durations import parse_duration
from lrwf_cli.flow.problems import Mark, Problems, listed, listing, nearest, quoted, suggestion
from lrwf_cli.flow.reserved import RESERVED
from lrwf_cli.flow.scalars import resolve
from lrwf_cli.flow.tree import Node

__all__ = ["Place", "described", "read_part"]

Part = TypeVar("Part", bound=msgspec.Struct)


class Place(msgspec.Struct, frozen=True):
    """A part, for messages: where it stands, what to call it (`""`: the flow), its path for `lrwf schema`."""

    mark: Mark
    name: str
    schema: str

    def named(self, key: str) -> str:
        """Return what to call a key of this part."""
        return f"{quoted(key)} in {self.name}" if self.name else quoted(key)


class _Field(msgspec.Struct, frozen=True):
    attribute: str
    type: Any
    is_required: bool


@cache
def _fields(kind: type[msgspec.Struct]) -> Mapping[str, _Field]:
    """Return the fields of `kind` by key, their types without `UNSET`."""
    return {
        field.encode_name: _Field(field.name, _without_unset(field.type), field.required)
        for field in msgspec.structs.fields(kind)
    }


def _without_unset(kind: Any) -> Any:
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, UnionType):
        rest = tuple(each for each in typing.get_args(kind) if each is not msgspec.UnsetType)
        return typing.Union[rest]  # noqa: UP007 - the types are only known now
    return kind


def read_part(
    kind: type[Part],
    node: Node,
    place: Place,
    problems: Problems,
    nested: Mapping[str, Callable[[Node], object]] | None = None,
) -> Part | None:
    """Return `node` as a `kind`, or `None` after adding what is wrong with it, key by key.

    `nested` reads the keys that are parts themselves; it adds its own problems.
    """
    if not isinstance(node.value, dict):
        mark = node.mark if node.value is not None else place.mark
        what = "indent its keys below it" if place.name else "begin with 'name: ...' and 'executors:'"
        if kind.__name__ in _MEANT and isinstance(node.value, str):
            what = _MEANT[kind.__name__].format(node.value[:60])
        hint = f"{what}. See: {_schema(place.schema)}"
        problems.add(mark, f"{place.name or 'a flow'} must be a mapping, not {described(node)}", hint)
        return None
    before = len(problems)
    fields, readers = _fields(kind), nested or {}
    values: dict[str, object] = {}
    for key, child in node.value.items():
        if key in readers:
            values[fields[key].attribute] = readers[key](child)
        elif key in fields:
            values[fields[key].attribute] = _value(fields[key].type, child, place.named(key), problems)
        else:
            _unknown(key, node.keys[key], place, list(fields), problems)
    _missing(node, place, fields, problems)
    return kind(**values) if len(problems) == before else None


_MEANT = {
    "Wait": "write it as {{for: {}}}",
    "Ask": "write it as {{prompt: {}}}",
    "Poll": "write it as {{run: {}, until: exit_code == 0}}",
    "Secret": "write {{env: NAME}} or {{file: PATH}}: a secret itself does not belong here",
}
"""What is meant where a part is written as a text alone."""


def _unknown(key: str, mark: Mark, place: Place, known: list[str], problems: Problems) -> None:
    if hint := RESERVED.get(place.schema, {}).get(key):
        problems.add(mark, f"{place.named(key)} is not built yet", hint, is_reserved=True)
        return

    def remedy() -> str:
        if not place.schema and key in _ELSEWHERE:
            return f"write it in {_ELSEWHERE[key]}"
        near = nearest(key, known) or next((each for each in _SYNONYMS.get(key, ()) if each in known), None)
        if near in known:
            path = f"{place.schema}.{near}".lstrip(".")
            return f"did you mean {quoted(near)}? See: {_schema(path)}"
        return f"{listing(known, 'keys here')}. See: {_schema(place.schema)}"

    problems.add(mark, f"unknown key {place.named(key)}", remedy)


_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("steps", "tasks", "jobs", "nodes", "activities"), ("executors",)),
    **dict.fromkeys(("args", "kwargs", "params", "parameters", "config", "arguments"), ("with",)),
    **dict.fromkeys(("class", "module", "handler"), ("uses",)),
    "function": ("check", "uses"),
    **dict.fromkeys(("command", "cmd", "shell", "script", "bash", "exec"), ("run",)),
    **dict.fromkeys(("sleep", "delay", "timer", "pause"), ("wait", "for")),
    **dict.fromkeys(("duration", "seconds"), ("for",)),
    **dict.fromkeys(("approval", "approve", "request", "human"), ("ask", "request")),
    **dict.fromkeys(("question", "message", "text"), ("prompt",)),
    **dict.fromkeys(("options", "answers"), ("choices",)),
    "default": ("on_expiry",),
    **dict.fromkeys(("timeout", "expire"), ("expires", "max_duration", "for")),
    **dict.fromkeys(("environment", "variables", "vars"), ("env",)),
    **dict.fromkeys(("sla", "max_duration"), ("timeout",)),
    **dict.fromkeys(("catch", "on_fail", "fallback"), ("on_error", "on_failure")),
    **dict.fromkeys(("concurrency", "parallel", "parallelism"), ("max_parallel",)),
    **dict.fromkeys(("interval", "every", "initial_delay"), ("initial",)),
    "max_delay": ("max",),
    **dict.fromkeys(("backoff", "factor"), ("multiplier",)),
    **dict.fromkeys(("if", "condition"), ("when", "until")),
    **dict.fromkeys(("target", "targets", "then"), ("to",)),
    **dict.fromkeys(("source", "sources"), ("from",)),
    "cases": ("switch",),
    **dict.fromkeys(("transitions", "links", "flow"), ("edges",)),
    **dict.fromkeys(("else", "otherwise"), ("default",)),
    "attempts": ("max_attempts",),
    **dict.fromkeys(("entrypoint", "begin", "first"), ("start",)),
    **dict.fromkeys(("id", "title"), ("name",)),
}
"""What other tools call our keys: the first that there is, is meant."""

_ELSEWHERE: Mapping[str, str] = {
    **dict.fromkeys(
        ("retry", "deadline", "idle_timeout", "grace", "on_error", "on_crash", "max_crashes"),
        "an executor, or in 'defaults' for all of them",
    ),
    **dict.fromkeys(("uses", "run", "poll", "wait", "ask", "max_parallel", "ordered", "isolation"), "an executor"),
}
"""Where keys belong that are written at the top of a file."""


def _schema(path: str) -> str:
    return f"lrwf schema {path}".rstrip()


def _missing(node: Node, place: Place, fields: Mapping[str, _Field], problems: Problems) -> None:
    present = node.entries()
    if RESERVED.get(place.schema, {}).keys() & present.keys():
        return  # what is not built yet may well stand for what is missing
    for key, field in fields.items():
        if field.is_required and key not in present:
            hint = f"add '{key}: ...'. See: {_schema(f'{place.schema}.{key}'.lstrip('.'))}"
            problems.add(place.mark, f"{place.name or 'the flow'} has no {quoted(key)}", hint)


def _value(kind: Any, node: Node, name: str, problems: Problems) -> object:
    if kind is timedelta:
        return _duration(node, name, problems)
    try:
        return msgspec.convert(node.plain(), kind)
    except msgspec.ValidationError as error:
        _explain(str(error), kind, node, name, problems)
        return None


def _duration(node: Node, name: str, problems: Problems) -> timedelta | None:
    try:
        return parse_duration(node.value if isinstance(node.value, str) else str(node.value))
    except UsageError as error:
        is_none = "not a duration" in error.message
        what = f"must be a duration, not {described(node)}" if is_none else f"is {error.message}"
        problems.add(node.mark, f"{name} {what}", error.hint)
        return None


_EXPECTED = r"Expected `(?P<kinds>[^`]+)`(?: (?P<bound>[<>]=) (?P<limit>[0-9.]+))?"
_WORDS = {
    "str": "text",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
}


_SWITCHES: Mapping[str, str] = {"yes": "true", "on": "true", "no": "false", "off": "false"}


def _explain(error: str, kind: Any, node: Node, name: str, problems: Problems) -> None:
    """Add what msgspec's `error` says, in words and with the place of the item it is about."""
    for index in re.findall(r"\[(\d+)\]", error.partition(" - at ")[2]):
        node, name = node.get(int(index)) or node, f"an item of {name}"
    choices = [each for each in _choices(kind) if isinstance(each, str)]
    found = re.match(_EXPECTED, error)
    kinds = [_WORDS.get(each, each) for each in found["kinds"].split(" | ")] if found else []
    if found and found["bound"]:
        bound = "at least" if found["bound"] == ">=" else "at most"
        expected, hint = f"{bound} {float(found['limit']):g}", None
    elif choices:
        kinds = [_WORDS["int"]] if _is_among(int, kind) else []
        expected = " or ".join([*kinds, listed(choices, "or")])
        hint = suggestion(str(node.value), choices, "choices") if isinstance(node.value, str) else None
    else:
        expected, hint = " or ".join(kinds) or error, _remedy(node, kinds)
    problems.add(node.mark, f"{name} must be {expected}, not {described(node)}", hint)


def _choices(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) is Literal:
        return typing.get_args(kind)
    return tuple(choice for each in typing.get_args(kind) for choice in _choices(each))


def _is_among(plain: type, kind: Any) -> bool:
    return kind is plain or any(_is_among(plain, each) for each in typing.get_args(kind))


def _remedy(node: Node, kinds: list[str]) -> str | None:
    if node.value is None:
        return "write a value, or remove the key"
    if kinds == ["true or false"] and isinstance(node.value, str) and node.value in _SWITCHES:
        return f"write {_SWITCHES[node.value]}"
    if kinds == ["a list"] and isinstance(node.value, str):
        return f"write it in brackets: [{node.value[:60]}]"
    if "text" in kinds and isinstance(node.value, int | float):
        return "quote it"
    if "text" not in kinds and isinstance(node.value, str) and not isinstance(resolve(node.value), str):
        return "write it without quotes"
    return None


def described(node: Node) -> str:
    """Return what a node is, for a message: `the text 'a'`, `3`, `a list`, `nothing`."""
    match node.value:
        case None:
            return "nothing"
        case bool() as value:
            return str(value).lower()
        case str() as value:
            return f"the text {quoted(value)}"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case value:
            return str(value)
