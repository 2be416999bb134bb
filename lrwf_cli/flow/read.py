"""A tree to a typed flow file, part by part, with all of its problems. How one part is read is in `parts`."""

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

import msgspec

from lrwf_cli.flow import rules
from lrwf_cli.flow.graph import Link, Outline, link_of
from lrwf_cli.flow.hooks import hooks_of, on_error_links
from lrwf_cli.flow.kinds import Ask, Poll, Secret, Wait
from lrwf_cli.flow.nodes import SEEN, check_kind
from lrwf_cli.flow.parts import Place, described, read_part
from lrwf_cli.flow.problems import Mark, Problems, quoted
from lrwf_cli.flow.schema import Case, Declared, Defaults, Edge, Executor, FlowFile, Notify, Retry
from lrwf_cli.flow.shapes import check_edge
from lrwf_cli.flow.tree import Node

__all__ = ["read_flow"]

Part = TypeVar("Part", bound=msgspec.Struct)


def read_flow(root: Node, problems: Problems) -> tuple[FlowFile | None, Outline]:
    """Return the flow file (`None` if anything is wrong) and the outline of its graph as far as it can be read."""
    reader = _Reader(problems)
    flow = read_part(
        FlowFile,
        root,
        Place(Mark(1, 1), "", ""),
        problems,
        {
            "input": reader.inputs,
            "defaults": reader.defaults,
            "executors": reader.executors,
            "edges": reader.edges,
            "notify": reader.part(Notify, "'notify'", "notify"),
            "env": reader.env("'env'", rules.WITH_NAMES),
            "secrets": reader.secrets("'secrets'", "secrets"),
        },
    )
    _check_keys(root, problems)
    start = root.get("start")
    outline = Outline(
        executors=tuple(executors.entries()) if (executors := root.get("executors")) else (),
        links=(*reader.links, *on_error_links(root)),
        start=start.value if start and isinstance(start.value, str) else None,
        is_whole=reader.is_whole and (start is None or isinstance(start.value, str)),
        hooks=hooks_of(root),
    )
    return (None if problems else flow), outline


def _check_keys(root: Node, problems: Problems) -> None:
    """Check the values of the flow's own keys."""
    if name := root.get("name"):
        rules.check_name(name, problems)
    if zone := root.get("timezone"):
        rules.check_timezone(zone, problems)
    if secrets := root.get("secrets"):
        rules.check_secrets(secrets, "'secrets'", problems)
    for key in ("allowed_users", "pin"):
        if child := root.get(key):
            rules.check_names(child, quoted(key), problems)
    for item in pins.items() if (pins := root.get("pin")) else ():
        rules.check_pattern(item, problems)
    for event, command in (root.get("notify") or Node({}, root.mark)).entries().items():
        rules.check_command(command, f"{quoted(event)} in 'notify'", problems)


class _Reader:
    """Reads the parts of one file; keeps the links of the edges that it could read."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.links: list[Link] = []
        self.is_whole = True

    def part(
        self, kind: type[Part], name: str, schema: str, nested: Mapping[str, Callable[[Node], object]] | None = None
    ) -> Callable[[Node], Part | None]:
        """Return what reads a part called `name`."""
        return lambda node: read_part(kind, node, Place(node.mark, name, schema), self._problems, nested)

    def inputs(self, node: Node) -> dict[str, Declared]:
        return self._declarations(node, "input", "input")

    def _declarations(self, node: Node, schema: str, what: str) -> dict[str, Declared]:
        """Read what is declared of the run's input, or of an answer."""

        def one(key: str, child: Node) -> Declared | None:
            rules.check_input_name(key, node, self._problems)
            place = Place(node.keys[key], f"{what} {quoted(key)}", schema)
            if declared := read_part(Declared, child, place, self._problems):
                rules.check_declared(declared, child, f"{what} {quoted(key)}", self._problems)
            return declared

        return self._mapping(node, quoted(schema.rpartition(".")[2]), schema, one)

    def defaults(self, node: Node) -> Defaults | None:
        retry = self.part(Retry, "'retry' of 'defaults'", "defaults.retry")
        env = self.env("'env' of 'defaults'", SEEN)
        return self.part(Defaults, "'defaults'", "defaults", {"retry": retry, "env": env})(node)

    def env(self, name: str, names: Collection[str]) -> Callable[[Node], object]:
        """Return what reads `env`, where `${{ }}` sees `names`."""

        def read(node: Node) -> object:
            rules.check_env(node, names, name, self._problems)
            return node.plain()

        return read

    def secrets(self, name: str, schema: str) -> Callable[[Node], object]:
        """Return what reads `secrets`."""

        def one(key: str, child: Node) -> Secret | None:
            return self.part(Secret, f"{quoted(key)} in {name}", schema)(child)

        return lambda node: self._mapping(node, name, schema, one)

    def executors(self, node: Node) -> dict[str, Executor]:
        if isinstance(node.value, dict) and not node.value:
            hint = "add one: 'id: {uses: module:name}'"
            self._problems.add(node.mark, "a flow without executors", hint)
        return self._mapping(node, "'executors'", "executors", lambda key, child: self._executor(key, child, node))

    def _executor(self, key: str, child: Node, node: Node) -> Executor | None:
        rules.check_id(key, node, self._problems)
        owner = f"executor {quoted(key)}"
        place = Place(node.keys[key], owner, "executors")
        schema = {"schema": lambda each: self._declarations(each, "executors.ask.schema", "answer")}
        nested = {
            "retry": self.part(Retry, f"'retry' of {owner}", "executors.retry"),
            "poll": self.part(Poll, f"'poll' of {owner}", "executors.poll"),
            "wait": self.part(Wait, f"'wait' of {owner}", "executors.wait", {"for": _text, "until": _text}),
            "ask": self.part(Ask, f"'ask' of {owner}", "executors.ask", schema),
            "env": self.env(f"'env' of {owner}", SEEN),
            "secrets": self.secrets(f"'secrets' of {owner}", "executors.secrets"),
        }
        executor = read_part(Executor, child, place, self._problems, nested)
        check_kind(child, place, self._problems)
        return executor

    def edges(self, node: Node) -> list[Edge]:
        if not self._is_list(node, "'edges'", "edges"):
            self.is_whole = False
            return []
        read = [self._edge(child, index) for index, child in enumerate(node.items())]
        return [edge for edge in read if edge is not None]

    def _edge(self, node: Node, index: int) -> Edge | None:
        place = Place(node.mark, "an edge", "edges")
        edge = read_part(Edge, node, place, self._problems, {"switch": self._switch})
        if edge is not None and check_edge(edge, node, self._problems):
            self.links.append(link_of(edge, index))
        else:
            self.is_whole = False
        return edge

    def _switch(self, node: Node) -> list[Case]:
        if not self._is_list(node, "'switch' in an edge", "edges.switch"):
            return []
        places = [Place(child.mark, "a case", "edges.switch") for child in node.items()]
        read = [
            read_part(Case, child, place, self._problems) for child, place in zip(node.items(), places, strict=True)
        ]
        return [case for case in read if case is not None]

    def _is_list(self, node: Node, name: str, schema: str) -> bool:
        if isinstance(node.value, list):
            return True
        hint = f"begin each item with '- '. See: lrwf schema {schema}"
        self._problems.add(node.mark, f"{name} must be a list, not {described(node)}", hint)
        return False

    def _mapping(self, node: Node, name: str, schema: str, read: Callable[[str, Node], Part | None]) -> dict[str, Part]:
        if not isinstance(node.value, dict):
            hint = f"indent its keys below it. See: lrwf schema {schema}"
            self._problems.add(node.mark, f"{name} must be a mapping, not {described(node)}", hint)
            return {}
        parts = {key: read(key, child) for key, child in node.value.items()}
        return {key: part for key, part in parts.items() if part is not None}


def _text(node: Node) -> str:
    """Return a time as it was written, whatever YAML takes it for: whether it is one is checked with its kind."""
    return str(node.value)
