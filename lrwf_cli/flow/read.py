"""A tree to a typed flow file, part by part, with all of its problems. How one part is read is in `parts`."""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from lrwf_cli.flow import rules
from lrwf_cli.flow.graph import Link, Outline, link_of
from lrwf_cli.flow.parts import Place, described, read_part
from lrwf_cli.flow.problems import Mark, Problems, quoted
from lrwf_cli.flow.schema import Case, Declared, Defaults, Edge, Executor, FlowFile, Retry
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
        },
    )
    if name := root.get("name"):
        rules.check_name(name, problems)
    if zone := root.get("timezone"):
        rules.check_timezone(zone, problems)
    start = root.get("start")
    outline = Outline(
        executors=tuple(executors.entries()) if (executors := root.get("executors")) else (),
        links=tuple(reader.links),
        start=start.value if start and isinstance(start.value, str) else None,
        is_whole=reader.is_whole and (start is None or isinstance(start.value, str)),
    )
    return (None if problems else flow), outline


class _Reader:
    """Reads the parts of one file; keeps the links of the edges that it could read."""

    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self.links: list[Link] = []
        self.is_whole = True

    def inputs(self, node: Node) -> dict[str, Declared]:
        def one(key: str, child: Node) -> Declared | None:
            rules.check_input_name(key, node, self._problems)
            place = Place(node.keys[key], f"input {quoted(key)}", "input")
            if declared := read_part(Declared, child, place, self._problems):
                rules.check_declared(declared, child, key, self._problems)
            return declared

        return self._mapping(node, "input", one)

    def defaults(self, node: Node) -> Defaults | None:
        place = Place(node.mark, "'defaults'", "defaults")
        retry = self._retry("'retry' of 'defaults'", "defaults.retry")
        return read_part(Defaults, node, place, self._problems, {"retry": retry})

    def executors(self, node: Node) -> dict[str, Executor]:
        if isinstance(node.value, dict) and not node.value:
            self._problems.add(node.mark, "a flow without executors", "add one: 'id: {uses: module:name}'")
        return self._mapping(node, "executors", lambda key, child: self._executor(key, child, node))

    def _executor(self, key: str, child: Node, node: Node) -> Executor | None:
        rules.check_id(key, node, self._problems)
        owner = f"executor {quoted(key)}"
        place = Place(node.keys[key], owner, "executors")
        retry = self._retry(f"'retry' of {owner}", "executors.retry")
        executor = read_part(Executor, child, place, self._problems, {"retry": retry})
        if uses := child.get("uses"):
            rules.check_uses(uses, self._problems)
        if options := child.get("with"):
            rules.check_templates(options, self._problems)
        return executor

    def _retry(self, name: str, schema: str) -> Callable[[Node], Retry | None]:
        return lambda node: read_part(Retry, node, Place(node.mark, name, schema), self._problems)

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

    def _mapping(self, node: Node, key: str, read: Callable[[str, Node], Part | None]) -> dict[str, Part]:
        if not isinstance(node.value, dict):
            hint = f"indent its keys below it. See: lrwf schema {key}"
            self._problems.add(node.mark, f"{quoted(key)} must be a mapping, not {described(node)}", hint)
            return {}
        parts = {name: read(name, child) for name, child in node.value.items()}
        return {name: part for name, part in parts.items() if part is not None}
