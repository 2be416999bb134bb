"""A scenario from a YAML file, or from a mapping, checked against the flow that it is for.

Problems are told as those of flow files: each with `path:line:col`, and the nearest right name. Whether an answer fits
what is asked is only known when it is asked, but for the choices that a flow file lists.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import UNSET

from lrwf_cli.errors import FlowError, UsageError
from lrwf_cli.flow.compose import read_tree
from lrwf_cli.flow.durations import format_duration, parse_duration
from lrwf_cli.flow.instants import parse_instant
from lrwf_cli.flow.parts import described
from lrwf_cli.flow.problems import Mark, Problems, listed, quoted, suggestion
from lrwf_cli.flow.tree import Node
from lrwf_cli.testing.scenario import Play, Reply, Scenario

__all__ = ["Cast", "Role", "read_scenario", "scenario_from"]


class Role(msgspec.Struct, frozen=True):
    """What an executor is: of which kind, whether it has a command, what it lets people choose among.

    `judges_codes`: it is a poll that looks at its command's exit code itself.
    """

    kind: str
    has_command: bool = False
    judges_codes: bool = False
    choices: tuple[str, ...] = ()


Cast = Mapping[str, Role]
"""The executors of a flow."""

_SECTIONS: Mapping[str, tuple[Callable[[Role], bool], str]] = {
    "answers": (lambda role: role.kind in {"uses", "ask"}, "asks nobody"),
    "commands": (lambda role: role.has_command, "runs no command"),
    "polls": (lambda role: role.kind in {"uses", "poll"}, "polls nothing"),
    "executors": (lambda role: role.kind == "uses", "is none of Python"),
}
"""The parts of a scenario: which executors may stand in each, and what is wrong with others."""

_KEYS = ("start_at", *_SECTIONS)
_OF_A_PLAY = ("exit", "error", "output", "after", "times")
_OF_A_REPLY = ("choice", "value", "data", "comment", "by", "after")


def read_scenario(path: str, cast: Cast) -> Scenario:
    """Return the scenario in the file at `path`. Raises FlowError with all that is wrong with it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        why = (error.strerror or str(error)).lower() if isinstance(error, OSError) else "not UTF-8"
        raise FlowError((f"{path}: {why}", "give the path of a scenario")) from None
    root = read_tree(text, path)
    return Scenario() if root is None else _scenario(root, Problems(path), cast)


def scenario_from(mapping: Mapping[str, Any], cast: Cast) -> Scenario:
    """Return the scenario that a mapping is, of the same form as a file; durations and instants may be Python's own.

    Raises FlowError with all that is wrong with it.
    """
    problems = Problems("scenario")
    try:
        return _scenario(_node(mapping), problems, cast)
    except FlowError as error:
        raise FlowError(*((text.replace(":1:1:", ":", 1), hint) for text, hint in error.problems)) from None


def _node(value: Any) -> Node:
    """Return a Python value as a tree without places."""
    match value:
        case timedelta():
            value = format_duration(value)
        case datetime():
            value = value.isoformat()
        case Mapping():
            entries = {str(key): _node(each) for key, each in value.items()}
            return Node(entries, _NOWHERE, keys=dict.fromkeys(entries, _NOWHERE))
        case list() | tuple():
            return Node([_node(each) for each in value], _NOWHERE)
    return Node(value, _NOWHERE)


_NOWHERE = Mark(1, 1)


def _scenario(root: Node, problems: Problems, cast: Cast) -> Scenario:
    reader = _Reader(problems, cast)
    if not isinstance(root.value, dict):
        hint = "begin with 'answers:', 'commands:', 'polls:' or 'executors:'"
        problems.add(root.mark, f"a scenario must be a mapping, not {described(root)}", hint)
    reader.known(root, _KEYS, "the scenario")
    found = Scenario(
        start_at=reader.start(root.get("start_at")),
        answers=reader.section(root, "answers", reader.replies),
        commands=reader.section(root, "commands", reader.plays),
        polls=reader.section(root, "polls", reader.statuses),
        executors=reader.section(root, "executors", reader.plays),
    )
    reader.once(root)
    problems.raise_if_any()
    return found


class _Reader:
    """Reads the parts of one scenario."""

    def __init__(self, problems: Problems, cast: Cast) -> None:
        self._problems = problems
        self._cast = cast

    def known(self, node: Node, keys: Sequence[str], what: str) -> None:
        """Add the keys of a mapping that are none of `keys`."""
        for key in node.entries():
            if key not in keys:
                hint = suggestion(key, keys, "keys here")
                self._problems.add(node.keys[key], f"unknown key {quoted(key)} in {what}", hint)

    def start(self, node: Node | None) -> datetime | None:
        if node is None:
            return None
        found: datetime | None = self._parsed(parse_instant, node, "'start_at'")
        return found

    def section(self, root: Node, name: str, read: Callable[[str, Node], Any]) -> dict[str, Any]:
        """Read one part of a scenario, executor by executor."""
        node = root.get(name)
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self._problems.add(node.mark, f"{quoted(name)} must be a mapping, not {described(node)}", "name executors")
        for executor in node.entries():
            self._check_role(executor, name, node.keys[executor])
        return {executor: read(executor, child) for executor, child in node.entries().items()}

    def _check_role(self, executor: str, section: str, mark: Mark) -> None:
        is_right, wrong = _SECTIONS[section]
        role = self._cast.get(executor)
        if role is None:
            fitting = [name for name, each in self._cast.items() if is_right(each)]
            hint = suggestion(executor, fitting or self._cast, "executors here")
            self._problems.add(mark, f"unknown executor {quoted(executor)} in {quoted(section)}", hint)
        elif not is_right(role):
            others = [name for name, (fits, _) in _SECTIONS.items() if fits(role)]
            hint = f"put it under {listed(others, 'or')}" if others else "remove it: time alone decides what it does"
            self._problems.add(mark, f"{quoted(executor)} in {quoted(section)} {wrong}", hint)

    def once(self, root: Node) -> None:
        """Add the executors of which two parts of a scenario say what they do."""
        pairs = (("commands", "polls"), ("polls", "executors"))
        for one, other in pairs:
            first, second = root.get(one), root.get(other)
            for name in first.entries().keys() & second.entries().keys() if first and second else ():
                mark = second.keys[name] if second else root.mark
                self._problems.add(mark, f"{quoted(name)} stands in {quoted(one)} and in {quoted(other)}", "keep one")

    def replies(self, executor: str, node: Node) -> Reply | list[Reply | None] | None:
        if isinstance(node.value, list):
            return [None if each.value is None else self._reply(executor, each) for each in node.value]
        return self._reply(executor, node)

    def _reply(self, executor: str, node: Node) -> Reply | None:
        name = f"an answer of {quoted(executor)}"
        if not isinstance(node.value, dict):
            if node.value is None:
                self._problems.add(node.mark, f"{name} is empty", "write what is answered, or remove the line")
            return self._chosen(executor, node, Reply(node.plain(), place=self._place(node)))
        self.known(node, _OF_A_REPLY, name)
        said = [key for key in ("choice", "value") if key in node.value]
        if len(said) != 1 and "data" not in node.value:
            self._problems.add(node.mark, f"{name} must have 'choice', 'value' or 'data'", "write {choice: ...}")
        value = node.value[said[0]] if said else None
        reply = Reply(
            None if value is None else value.plain(),
            data=each.plain() if (each := node.get("data")) else None,
            comment=self._text(node, "comment", name),
            by=self._text(node, "by", name),
            after=self._after(node, name),
            place=self._place(value or node),
        )
        return reply if value is None else self._chosen(executor, value, reply)

    def _place(self, node: Node) -> str:
        path = self._problems.path
        return path if node.mark is _NOWHERE else f"{path}:{node.mark.line}:{node.mark.col}"

    def _chosen(self, executor: str, value: Node, reply: Reply) -> Reply:
        """Check a choice, where the flow lists them."""
        role = self._cast.get(executor)
        if role is not None and role.choices and value.value not in role.choices:
            hint = suggestion(str(value.value), role.choices, "choices")
            what = f"an answer of {quoted(executor)} must be {listed(role.choices, 'or')}, not {described(value)}"
            self._problems.add(value.mark, what, hint)
        return reply

    def plays(self, executor: str, node: Node) -> list[Play]:
        return [self._play(executor, each) for each in node.items()] or [Play()]

    def _play(self, executor: str, node: Node) -> Play:
        name = f"what {quoted(executor)} does"
        if not isinstance(node.value, dict):
            hint = "write {exit: 1}, {output: ...} or {after: 5m}"
            self._problems.add(node.mark, f"{name} must be a mapping, not {described(node)}", hint)
        self.known(node, _OF_A_PLAY, name)
        if {"exit", "error"} <= node.entries().keys():
            self._problems.add(node.keys["error"], f"{name} has 'exit' and 'error'", "keep one of them")
        return Play(
            exit=self._integer(node, "exit", (-64, 255), name) or 0,
            error=self._error(node, name),
            output=each.plain() if (each := node.get("output")) else UNSET,
            after=self._after(node, name),
            times=self._integer(node, "times", (1, 1_000_000), name),
        )

    def statuses(self, executor: str, node: Node) -> list[Any]:
        if isinstance(node.value, list) and not node.value:
            hint = "name what the checks find, as in [RUNNING, DONE]"
            self._problems.add(node.mark, f"what {quoted(executor)} finds is an empty list", hint)
        return [each.plain() for each in node.items()] or [None]

    def _error(self, node: Node, name: str) -> str | None:
        error = self._text(node, "error", name)
        if error is not None and not error.partition(":")[0].strip().isidentifier():
            hint = "write it as Name, or 'Name: message'"
            self._problems.add(node.place(("error",)), f"'error' in {name} names no exception", hint)
        return error

    def _text(self, node: Node, key: str, name: str) -> str | None:
        child = node.get(key)
        if child is not None and not (isinstance(child.value, str) and child.value):
            self._problems.add(child.mark, f"{quoted(key)} in {name} must be text, not {described(child)}", "quote it")
        return None if child is None else str(child.value)

    def _integer(self, node: Node, key: str, bounds: tuple[int, int], name: str) -> int | None:
        child = node.get(key)
        if child is None:
            return None
        if isinstance(child.value, int) and not isinstance(child.value, bool) and bounds[0] <= child.value <= bounds[1]:
            return child.value
        what = f"{quoted(key)} in {name} must be an integer from {bounds[0]} to {bounds[1]}, not {described(child)}"
        self._problems.add(child.mark, what, None)
        return None

    def _after(self, node: Node, name: str) -> timedelta:
        child = node.get("after")
        if child is None:
            return timedelta()
        return self._parsed(parse_duration, child, f"'after' in {name}") or timedelta()

    def _parsed(self, parse: Callable[[str], Any], node: Node, name: str) -> Any:
        """Return what `parse` makes of a value; `None` after adding what it refuses."""
        try:
            return parse(str(node.value))
        except UsageError as error:
            self._problems.add(node.mark, f"{name}: {error.message}", error.hint)
            return None
