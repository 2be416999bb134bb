"""The run's input: what a flow file declares of it, and whether what is given fits. Nothing is read from disk.

Without a declaration any object will do: then the start handler's type is the declaration, which others check.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

import msgspec
from msgspec import UNSET

from lrwf_cli.core.model import Json
from lrwf_cli.errors import FlowError, InputError
from lrwf_cli.flow.compose import read_tree
from lrwf_cli.flow.problems import listed, quoted, suggestion
from lrwf_cli.flow.schema import Declared, InputType

__all__ = ["Declarations", "canonical", "check_input", "convert_text", "misfit", "read_assignments", "read_input"]

Declarations = Mapping[str, Declared] | None
"""What a flow file says under `input:`; `None` when it says nothing."""

_Problem = tuple[str, str | None]
_WORDS: Mapping[InputType, str] = {
    "string": "text",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "path": "a path",
}


def check_input(
    declared: Declarations, given: Mapping[str, Json], *, folder: str = "", cwd: str = ""
) -> dict[str, Json]:
    """Return the input that a run gets: `given` with the defaults, in declared order.

    A declared key that is neither given nor required and has no default is left out. A relative `path` is joined to
    `cwd` if it was given, to `folder` (the flow file's) if it is a default: no process may count on where it runs.
    Raises InputError with all problems at once: unknown, missing and unfit keys.
    """
    if declared is None:
        return dict(given)
    problems: list[_Problem] = [
        (f"unknown input {quoted(key)}", _known(key, declared)) for key in given if key not in declared
    ]
    result: dict[str, Json] = {}
    for key, declaration in declared.items():
        if key in given:
            result[key] = _absolute(declaration, given[key], cwd)
            problems += _misfits(key, declaration, given[key])
        elif declaration.default is not UNSET:
            result[key] = _absolute(declaration, declaration.default, folder)
        elif declaration.required:
            problems.append((f"input {quoted(key)} is missing", f"give it with --input {key}=..."))
    if problems:
        raise InputError(problems=tuple(problems))
    return result


def _absolute(declaration: Declared, value: Json, folder: str) -> Json:
    return str(PurePath(folder, value)) if declaration.type == "path" and _is("path", value) else value


def _known(key: str, declared: Mapping[str, Declared]) -> str:
    return suggestion(key, declared, "inputs of this workflow")


def _misfits(key: str, declaration: Declared, value: Json) -> list[_Problem]:
    why = misfit(declaration, value)
    return [(f"input {quoted(key)} {why}", declaration.description or None)] if why else []


def misfit(declaration: Declared, value: Json) -> str | None:
    """Return why `value` is not what is declared (`must be ..., not ...`), or `None` if it is."""
    if not _is(declaration.type, value):
        return f"must be {_WORDS[declaration.type]}, not {_described(value)}"
    if declaration.enum is not UNSET and not any(_same(value, each) for each in declaration.enum):
        return f"must be {listed(map(_described, declaration.enum), 'or')}, not {_described(value)}"
    return None


def _is(kind: InputType, value: Json) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _CLASSES[kind]) and (kind != "path" or (bool(value) and "\0" not in str(value)))


_CLASSES: Mapping[InputType, type | tuple[type, ...]] = {
    "string": str,
    "path": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def _same(one: Json, other: Json) -> bool:
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _described(value: Json) -> str:
    match value:
        case str():
            return value
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return canonical(value)


def read_assignments(declared: Declarations, assignments: Sequence[str]) -> dict[str, Json]:
    """Return the input that `--input KEY=VALUE` options give. Raises InputError with all problems at once."""
    given: dict[str, Json] = {}
    problems: list[_Problem] = []
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            problems.append((f"not an input: {quoted(assignment)}", "write it as KEY=VALUE"))
        elif key in given:
            problems.append((f"input {quoted(key)} is given twice", "give it once"))
        else:
            try:
                given[key] = convert_text(declared, key, text)
            except InputError as error:
                given[key] = None
                problems += error.problems
    if problems:
        raise InputError(problems=tuple(problems))
    return given


def convert_text(declared: Declarations, key: str, text: str) -> Json:
    """Return `text` as the type that `key` is declared to have; text where nothing is declared.

    Lists and mappings are written as JSON. Raises InputError for what is not of that type; whether the value is
    allowed is for `check_input`.
    """
    declaration = (declared or {}).get(key)
    if declaration is None or declaration.type in ("string", "path"):
        return text
    try:
        value = _CONVERT[declaration.type](text)
    except (ValueError, RecursionError):
        value = None
    if not _is(declaration.type, value):
        message = f"input {quoted(key)} must be {_WORDS[declaration.type]}, not {quoted(text)}"
        raise InputError(message, hint=_EXAMPLES.get(declaration.type))
    return value


def _integer(text: str) -> int:
    if not re.fullmatch(r"[-+]?[0-9]{1,18}", text.strip()):
        raise ValueError(text)
    return int(text)


def _number(text: str) -> Json:
    return msgspec.json.decode(text.strip().removeprefix("+"))


_CONVERT: Mapping[str, Callable[[str], Json]] = {
    "integer": _integer,
    "number": _number,
    "boolean": lambda text: {"true": True, "false": False}.get(text.strip().lower()),
    "array": msgspec.json.decode,
    "object": msgspec.json.decode,
}
_EXAMPLES: Mapping[str, str] = {
    "boolean": "write true or false",
    "array": """write it as JSON: '["a", "b"]'""",
    "object": """write it as JSON: '{"key": "value"}'""",
}


def read_input(text: str, path: str) -> dict[str, Json]:
    """Return the input in a JSON or YAML text; `path` is for messages. Raises InputError for all that goes wrong.

    YAML has the bounds of a flow file; JSON has those of what can be kept.
    """
    try:
        value = msgspec.json.decode(text) if text.lstrip().startswith("{") else UNSET
    except (ValueError, RecursionError):
        value = UNSET  # YAML in braces, perhaps; else its reader knows the line
    if value is UNSET:
        try:
            tree = read_tree(text, path)
        except FlowError as error:
            raise InputError(problems=error.problems) from None
        value = tree.plain() if tree else None
    if not isinstance(value, dict):
        message = f"{path}: the input must be an object, not {_described(value)}"
        raise InputError(message, hint="write keys and values: 'dataset: cats'")
    return value


def canonical(value: Json) -> str:
    """Return the one JSON text of `value`: keys sorted, no spaces. Two inputs are the same if theirs are."""
    return msgspec.json.encode(value, order="sorted").decode()
