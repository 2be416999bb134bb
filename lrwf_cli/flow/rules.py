"""What one key of a flow file must be beyond its type: names, `uses`, defaults, `${{ }}`.

What an edge must be is in `shapes`, what edges and executors must be together in `check`.
"""

import re

from lrwf_cli.flow.expressions import BadExpression
from lrwf_cli.flow.inputs import misfit
from lrwf_cli.flow.problems import Problems, nearest, quoted
from lrwf_cli.flow.schema import Declared
from lrwf_cli.flow.templates import compile_template
from lrwf_cli.flow.tree import Node

__all__ = [
    "WITH_NAMES",
    "check_declared",
    "check_id",
    "check_input_name",
    "check_name",
    "check_templates",
    "check_timezone",
    "check_uses",
]

WITH_NAMES = ("input", "run")
"""Names that expressions see in `with:`: an executor is made before any message comes."""

_ID = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}"
_NAME = r"[a-z0-9][a-z0-9_-]{0,58}"
_INPUT = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_LETTERS = "small letters, digits, '-' and '_'"


def check_name(node: Node, problems: Problems) -> None:
    """Check a workflow's name: it begins the ids of its runs, which are names of files."""
    name = node.value
    if isinstance(name, str) and not re.fullmatch(_NAME, name):
        rule = f"a name has {_LETTERS}, and at most 59"
        problems.add(node.mark, f"{quoted(name)} cannot be a workflow's name", f"{rule}{_better(name, _NAME)}")


def check_id(name: str, node: Node, problems: Problems) -> None:
    """Check an executor's id: it is a name of files, and a person types it."""
    if not re.fullmatch(_ID, name):
        rule = "an id has letters, digits, '-' and '_', and at most 64"
        problems.add(node.keys[name], f"{quoted(name)} cannot be an executor's id", f"{rule}{_better(name, _ID)}")


def check_input_name(name: str, node: Node, problems: Problems) -> None:
    """Check an input's name: expressions and command lines must be able to say it."""
    if not re.fullmatch(_INPUT, name):
        hint = "begin with a letter, and go on with letters, digits, '-' and '_'"
        problems.add(node.keys[name], f"{quoted(name)} cannot be an input's name", hint)


def _better(name: str, pattern: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    better = re.sub(r"[^a-z0-9_-]+", "_", words).strip("_-")
    return f": {better}" if re.fullmatch(pattern, better) else ""


def check_uses(node: Node, problems: Problems) -> None:
    """Check that `uses` is `module:name`, both dotted at most; whether they exist is for others to find out."""
    text = node.value
    if not isinstance(text, str):
        return
    module, colon, name = text.partition(":")
    parts = (*module.split("."), *name.split("."))
    if colon and all(part.isidentifier() for part in parts) and not module.endswith(".py"):
        return
    hint = "write it as module:name, with a module beside this file or an installed one"
    if better := _better_uses(module, name):
        hint = f"did you mean {quoted(better)}?"
    problems.add(node.mark, f"{quoted(text)} is not of the form module:name", hint)


def _better_uses(module: str, name: str) -> str | None:
    module = module.strip().removeprefix("./").replace("/", ".")
    if not name:
        module, _, name = module.rpartition(".")
    module, name = module.removesuffix(".py"), name.strip().removesuffix("()")
    is_right = name != "py" and all(part.isidentifier() for part in (*module.split("."), *name.split(".")))
    return f"{module}:{name}" if is_right else None


def check_timezone(node: Node, problems: Problems) -> None:
    """Check that `timezone` is a name of the IANA database that this machine knows."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    if not isinstance(node.value, str):
        return
    try:
        ZoneInfo(node.value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(node.value, sorted(available_timezones()))
        hint = f"did you mean {quoted(near)}?" if near else "write it as Europe/Paris, or UTC"
        problems.add(node.mark, f"unknown timezone: {quoted(node.value)}", hint)


def check_declared(declared: Declared, node: Node, name: str, problems: Problems) -> None:
    """Check that a default and the values of `enum` are of the declared type; what is required needs no default."""
    plain = Declared(type=declared.type)
    for item in (node.get("enum") or Node([], node.mark)).items():
        if why := misfit(plain, item.plain()):
            problems.add(item.mark, f"a value of 'enum' of input {quoted(name)} {why}", "mend it, or 'type'")
    default = node.get("default")
    if default is None:
        return
    if why := misfit(declared, default.plain()):
        problems.add(default.mark, f"the default of input {quoted(name)} {why}", "mend it, or 'type' and 'enum'")
    if declared.required:
        problems.add(default.mark, f"input {quoted(name)} is required and has a default", "remove one of the two")


def check_templates(node: Node, problems: Problems) -> None:
    """Check that every `${{ }}` below `node` is an expression that can be."""
    match node.value:
        case str() as text if "${{" in text:
            try:
                compile_template(text, WITH_NAMES)
            except BadExpression as error:
                problems.add(node.offset(error.offset), error.message, error.hint)
        case dict() | list() as below:
            for child in below.values() if isinstance(below, dict) else below:
                check_templates(child, problems)
