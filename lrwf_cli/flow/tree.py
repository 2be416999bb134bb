"""A YAML text as a tree of values that know where they stand. How it is read is in `compose`."""

from collections.abc import Mapping

import msgspec

from lrwf_cli.core.model import Json
from lrwf_cli.flow.problems import Mark

__all__ = ["Node", "Path", "Scalar"]

Path = tuple[str | int, ...]
"""The way to a node: keys and indexes from the root."""

Scalar = str | int | float | bool | None


class Node(msgspec.Struct, frozen=True):
    """A value and where it stands. An alias is the node it names: what is inside stands where it was written.

    `keys` says where the keys of a mapping stand. `text_at` is where the first character of a text stands
    if each of its characters is one of the line's, else `None`. `nodes`, `depth` and `chars` count this node
    and what is below.
    """

    value: "Scalar | list[Node] | dict[str, Node]"
    mark: Mark
    keys: Mapping[str, Mark] = {}
    text_at: Mark | None = None
    nodes: int = 1
    depth: int = 0
    chars: int = 0

    def plain(self) -> Json:
        """Return the value without places: lists and dictionaries that nobody else holds."""
        match self.value:
            case dict() as entries:
                return {key: node.plain() for key, node in entries.items()}
            case list() as items:
                return [node.plain() for node in items]
            case scalar:
                return scalar

    def entries(self) -> "dict[str, Node]":
        """Return the entries of a mapping; of anything else, none."""
        return self.value if isinstance(self.value, dict) else {}

    def items(self) -> "list[Node]":
        """Return the items of a list; anything else is a list of itself."""
        return self.value if isinstance(self.value, list) else [self]

    def get(self, step: str | int) -> "Node | None":
        """Return the child at a key or an index, or `None`."""
        if isinstance(step, str):
            return self.entries().get(step)
        return self.value[step] if isinstance(self.value, list) and step < len(self.value) else None

    def place(self, path: Path, *, of_key: bool = False) -> Mark:
        """Return where `path` leads to (or its last key); if a part of it is missing, the place of what is there."""
        node, mark = self, self.mark
        for step in path:
            child = node.get(step)
            if child is None:
                break
            mark = node.keys[step] if of_key and isinstance(step, str) else child.mark
            node = child
        return mark

    def offset(self, characters: int) -> Mark:
        """Return the place of a character of this text, or of the text where that is not known."""
        return self.text_at._replace(col=self.text_at.col + characters) if self.text_at else self.mark
