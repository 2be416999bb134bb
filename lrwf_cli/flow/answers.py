"""Whether an answer fits what was asked: its choices and its schema, in the grammar of a flow's `input:`.

For whoever answers, before the answer stands: no code of the flow is needed. A schema is a mapping of names, and then
the answer is an object; or one declaration `{"type": ...}`, and then it is a bare value. What becomes of an answer in
the handler that asked is not decided here.
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Ask
from lrwf_cli.errors import InputError, ResponseRefused
from lrwf_cli.flow.inputs import convert_text, misfit
from lrwf_cli.flow.kinds import Declared
from lrwf_cli.flow.problems import listed, quoted, suggestion

__all__ = ["Given", "described", "fields_of", "fitted", "read_field", "whole"]

_NAME = "the answer"
Fields = Mapping[str, Declared]


class Given(NamedTuple):
    """An answer as it is kept: the choice or the bare value, and an object beside it (or alone)."""

    value: Json = None
    data: Json = None


def fields_of(ask: Ask) -> Fields:
    """Return what an object in an answer has to be made of; empty if anything will do."""
    if not isinstance(ask.schema, dict) or isinstance(ask.schema.get("type"), str):
        return {}
    return {name: msgspec.convert(each, Declared) for name, each in ask.schema.items()}


def whole(ask: Ask) -> Declared | None:
    """Return what a bare value has to be; `None` if nothing is declared, or the answer is an object of fields."""
    if ask.choices or not isinstance(ask.schema, dict) or not isinstance(ask.schema.get("type"), str):
        return None
    return msgspec.convert(ask.schema, Declared)


def fitted(ask: Ask, text: str | None, data: Json, *, cwd: str = "", folder: str = "") -> Given:
    """Return the answer that `text` and `data`, an object, give. Raises ResponseRefused: what is wrong, and where.

    `None` stands for what is not given. A relative path is joined to `cwd`, and to `folder` if it is a default. Where
    an object of one field is asked for, `text` is that field.
    """
    try:
        return _fitted(ask, text, data, cwd, folder)
    except ResponseRefused as error:
        raise ResponseRefused(error.message, hint=error.hint or f"give {described(ask)}") from None


def _fitted(ask: Ask, text: str | None, data: Json, cwd: str, folder: str) -> Given:
    if data is not None and not isinstance(data, dict):
        raise ResponseRefused("the data of an answer must be an object")
    fields, declared = fields_of(ask), whole(ask)
    if text is None and (data is None or ask.choices):
        raise ResponseRefused("an answer is missing")
    if ask.choices:
        return Given(_choice(ask, text or ""), _object(fields, data or {}, cwd, folder) if fields else data)
    if fields:
        return Given(None, _object(fields, _given(fields, text, data), cwd, folder))
    if declared is None:
        return Given(text, data)
    value = data if text is None else read_field(_NAME, declared, text)
    _check(declared, value)
    return Given(None, data) if text is None else Given(_absolute(declared, value, cwd), data)


def _choice(ask: Ask, text: str) -> str:
    if text in ask.choices:
        return text
    hint = suggestion(text, ask.choices, "choices")
    raise ResponseRefused(f"{_NAME} must be {listed(ask.choices, 'or')}, not {quoted(text)}", hint=hint)


def _given(fields: Fields, text: str | None, data: Json) -> dict[str, Json]:
    """Return the object that is given: as data, as JSON in the text, or as the text of the only field."""
    if text is None:
        return dict(data)
    if data is not None:
        raise ResponseRefused("a value and data are given, and the answer is one object", hint="leave out the value")
    if (read := _as_object(text)) is not None:
        return read
    if len(fields) > 1:
        raise ResponseRefused(f"{_NAME} must be an object, not {quoted(text)}")
    ((name, declared),) = fields.items()
    return {name: read_field(quoted(name), declared, text)}


def _as_object(text: str) -> dict[str, Json] | None:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_field(name: str, declared: Declared, text: str) -> Json:
    """Return `text` as what is declared; `name` is for the message of ResponseRefused."""
    try:
        return convert_text({"": declared}, "", text)
    except InputError as error:
        raise ResponseRefused(error.message.replace("input ''", name, 1), hint=error.hint) from None


def _check(declared: Declared, value: Json) -> None:
    if why := misfit(declared, value):
        raise ResponseRefused(f"{_NAME} {why}", hint=declared.description or None)


def _object(fields: Fields, given: dict[str, Json], cwd: str, folder: str) -> dict[str, Json]:
    """Return `given` with the defaults, in declared order. Raises ResponseRefused with all that is wrong."""
    wrong = [(f"unknown key {quoted(key)}", suggestion(key, fields, "keys")) for key in given if key not in fields]
    found: dict[str, Json] = {}
    for name, declared in fields.items():
        if name in given:
            found[name] = _absolute(declared, given[name], cwd)
            if why := misfit(declared, given[name]):
                wrong.append((f"{quoted(name)} {why}", declared.description or ""))
        elif declared.default is not UNSET:
            found[name] = _absolute(declared, declared.default, folder)
        elif declared.required:
            wrong.append((f"{quoted(name)} is missing", declared.description or ""))
    if wrong:
        hint = next((hint for _, hint in wrong if hint), None)
        raise ResponseRefused(f"{_NAME} does not fit: {'; '.join(what for what, _ in wrong)}", hint=hint)
    return found


def _absolute(declared: Declared, value: Json, folder: str) -> Json:
    return str(PurePath(folder, value)) if declared.type == "path" and isinstance(value, str) else value


def described(ask: Ask) -> str:
    """Return in words what an answer has to be."""
    fields, declared = fields_of(ask), whole(ask)
    beside = f"--data with {listed(fields)}" if fields else ""
    if ask.choices:
        return f"{listed(ask.choices, 'or')}{f', and {beside}' if beside else ''}"
    if beside:
        return beside
    if declared is not None:
        return f"--data: {declared.type}" if declared.type == "object" else f"a value: {declared.type}"
    return "a value, or --data"
