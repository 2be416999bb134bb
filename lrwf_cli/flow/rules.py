"""What one key of a flow file must be beyond its type: names, `uses`, commands, defaults, expressions, `${{ }}`.

What an edge must be is in `shapes`, what an executor must be in `nodes`, what they must be together in `check`.
"""

import re
from collections.abc import Collection

from lrwf_cli.flow.expressions import BadExpression, compile_expression
from lrwf_cli.flow.inputs import misfit
from lrwf_cli.flow.parts import described
from lrwf_cli.flow.problems import Mark, Problems, nearest, quoted
from lrwf_cli.flow.schema import Declared
from lrwf_cli.flow.templates import compile_template
from lrwf_cli.flow.tree import Node

__all__ = [
    "WITH_NAMES",
    "check_command",
    "check_declared",
    "check_env",
    "check_expression",
    "check_id",
    "check_input_name",
    "check_name",
    "check_names",
    "check_pattern",
    "check_secrets",
    "check_templates",
    "check_timezone",
    "check_uses",
]

WITH_NAMES = ("input", "run")
"""Names that expressions see in `with:`: an executor is made before any message comes."""

_ID = r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}"
_NAME = r"[a-z0-9][a-z0-9_-]{0,58}"
_INPUT = r"[A-Za-z][A-Za-z0-9_-]{0,63}"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
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


def check_uses(node: Node, problems: Problems, what: str = "module:name") -> None:
    """Check that `uses` is `module:name`, both dotted at most; whether they exist is for others to find out."""
    text = node.value
    if not isinstance(text, str):
        return
    module, colon, name = text.partition(":")
    parts = (*module.split("."), *name.split("."))
    if colon and all(part.isidentifier() for part in parts) and not module.endswith(".py"):
        return
    hint = f"write it as {what}, with a module beside this file or an installed one"
    if better := _better_uses(module, name):
        hint = f"did you mean {quoted(better)}?"
    problems.add(node.mark, f"{quoted(text)} is not of the form {what}", hint)


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
    """Check that a default and the values of `enum` are of the declared type; what is required needs no default.

    `name` is what to call it: `input 'dataset'`.
    """
    plain = Declared(type=declared.type)
    for item in (node.get("enum") or Node([], node.mark)).items():
        if why := misfit(plain, item.plain()):
            problems.add(item.mark, f"a value of 'enum' of {name} {why}", "mend it, or 'type'")
    default = node.get("default")
    if default is None:
        return
    if why := misfit(declared, default.plain()):
        problems.add(default.mark, f"the default of {name} {why}", "mend it, or 'type' and 'enum'")
    if declared.required:
        problems.add(default.mark, f"{name} is required and has a default", "remove one of the two")


def check_templates(node: Node, names: Collection[str], problems: Problems) -> None:
    """Check that every `${{ }}` below `node` is an expression that can be, where these names are seen."""
    match node.value:
        case str() as text if "${{" in text:
            try:
                compile_template(text, names)
            except BadExpression as error:
                problems.add(node.offset(error.offset), error.message, error.hint)
        case dict() | list() as below:
            for child in below.values() if isinstance(below, dict) else below:
                check_templates(child, names, problems)


def check_expression(node: Node | None, names: Collection[str], problems: Problems) -> None:
    """Check that a text is an expression that can be, where these names are seen."""
    if node is None or not isinstance(node.value, str):
        return
    try:
        compile_expression(node.value, names)
    except BadExpression as error:
        problems.add(node.offset(error.offset), error.message, error.hint)


_INSTEAD = 'write \'env: {NAME: "${{ ... }}"}\' and "$NAME" in the command; the message is on its stdin as JSON'


def check_command(node: Node, name: str, problems: Problems) -> None:
    """Check a command: it is not empty, and nothing of a message is spliced into it."""
    if isinstance(node.value, list) and not node.value:
        problems.add(node.mark, f"{name} is an empty list", "write the program, then its arguments")
    for position, item in enumerate(node.items()):
        text = item.value if isinstance(item.value, str) else "${}"
        if "${{" in text:
            message = f"'${{{{ }}}}' in {name}: nothing of a message is put into a command"
            problems.add(item.offset(text.index("${{")), message, _INSTEAD)
        elif "\0" in text:
            problems.add(item.mark, f"{name} has a null byte in it", "remove it")
        elif position == 0 and not text.strip():
            problems.add(item.mark, f"{name} is empty", "write the command")


def check_env(node: Node, names: Collection[str], name: str, problems: Problems) -> None:
    """Check the variables that a command gets: their names, and their values, in which `${{ }}` sees `names`."""
    match node.value:
        case dict() as entries:
            for key, child in entries.items():
                _check_variable(key, node.keys[key], name, problems)
                if isinstance(child.value, dict | list | None):
                    what = f"{quoted(key)} in {name} must be text or a number, not {described(child)}"
                    problems.add(child.mark, what, "write one value, or remove the key")
                check_templates(child, names, problems)
        case list() as items:
            check_names(node, name, problems)
            for item in items:
                _check_variable(str(item.value), item.mark, name, problems)
        case _:
            hint = "write {NAME: value}, or a list of the names to pass on"
            problems.add(node.mark, f"{name} must be a mapping or a list, not {described(node)}", hint)


def _check_variable(key: str, mark: Mark, name: str, problems: Problems) -> None:
    if not re.fullmatch(_VARIABLE, key):
        hint = "a variable has letters, digits and '_', and no digit first"
        problems.add(mark, f"{quoted(key)} in {name} cannot be a variable", hint)
    elif key.startswith("LRWF_"):
        hint = "choose another name: what begins with LRWF_ comes from lrwf"
        problems.add(mark, f"{quoted(key)} in {name} is not yours to set", hint)


def check_secrets(node: Node, name: str, problems: Problems) -> None:
    """Check where secrets are found: each in one place."""
    for key, child in node.entries().items():
        _check_variable(key, node.keys[key], name, problems)
        said = [each for each in ("env", "file") if each in child.entries()]
        if isinstance(child.value, dict) and len(said) != 1:
            what = "both 'env' and 'file'" if said else "neither 'env' nor 'file'"
            problems.add(node.keys[key], f"{quoted(key)} in {name} has {what}", "write {env: NAME} or {file: PATH}")


def check_pattern(node: Node, problems: Problems) -> None:
    """Check that a pattern of files stays in the flow's folder."""
    text = node.value
    if isinstance(text, str) and (text.startswith("/") or ".." in text.split("/")):
        hint = "write it as seen from the flow file: a run keeps what is beside it"
        problems.add(node.mark, f"{quoted(text)} leads out of the flow's folder", hint)


def check_names(node: Node, name: str, problems: Problems) -> None:
    """Check that a list has words in it, each once."""
    if isinstance(node.value, list) and not node.value:
        problems.add(node.mark, f"{name} is an empty list", "write what is in it, or remove the key")
    seen: list[object] = []
    for item in node.items():
        if item.value in seen:
            problems.add(item.mark, f"{quoted(item.value)} stands twice in {name}", "write it once")
        elif isinstance(item.value, str) and not item.value.strip():
            problems.add(item.mark, f"an item of {name} is empty", "write it, or remove it")
        seen.append(item.value)
