"""The graph of a flow file as links that know their places, before it is known to be right. No messages here."""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from lrwf_cli.flow.schema import Edge
from lrwf_cli.flow.tree import Path

__all__ = ["Link", "Outline", "link_of"]


class Link(msgspec.Struct, frozen=True):
    """One edge of the file, or an `on_error`. `sources` and `targets` are ids with the path of each.

    `need` is how many sources make a round of a fan-in.
    `condition` is the text of what decides, so that two links that say the same can be told.
    """

    kind: Literal["to", "fan_in", "switch", "select", "on_error"]
    path: Path
    sources: tuple[tuple[str, Path], ...]
    targets: tuple[tuple[str, Path], ...]
    condition: str = ""
    need: int = 1

    @property
    def source_ids(self) -> tuple[str, ...]:
        """The executors it takes messages from."""
        return tuple(name for name, _ in self.sources)

    @property
    def target_ids(self) -> tuple[str, ...]:
        """The executors it may lead to, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.targets))


class Outline(msgspec.Struct, frozen=True):
    """What the graph check must know. `is_whole` is false when an edge could not be read.

    `start` is `None` when the file names none. `hooks` are the executors that are called after a verdict, with the path
    of each: no edge need lead to them.
    """

    executors: tuple[str, ...]
    links: tuple[Link, ...]
    start: str | None
    is_whole: bool
    hooks: tuple[tuple[str, Path], ...] = ()

    def links_from(self) -> Mapping[str, list[Link]]:
        """Return the links by their sources."""
        leaving: dict[str, list[Link]] = {name: [] for name in self.executors}
        for link in self.links:
            for name in dict.fromkeys(link.source_ids):
                leaving.setdefault(name, []).append(link)
        return leaving


def link_of(edge: Edge, index: int) -> Link:
    """Return the link of an edge whose shape has been checked."""
    path: Path = ("edges", index)
    sources = _ends(edge.from_, (*path, "from"))
    if isinstance(edge.switch, list):
        cases = [
            (name, (*path, "switch", position, key))
            for position, case in enumerate(edge.switch)
            for key, name in (("to", case.to), ("default", case.default))
            if isinstance(name, str)
        ]
        decisions = "\n".join(str(case.when) for case in edge.switch)
        return Link("switch", path, sources, tuple(cases), condition=decisions)
    targets = _ends(edge.to if isinstance(edge.to, str | list) else [], (*path, "to"))
    if isinstance(edge.from_, list):
        return Link("fan_in", path, sources, targets, need=_need(edge))
    if isinstance(edge.select, str):
        return Link("select", path, sources, targets, condition=edge.select)
    return Link("to", path, sources, targets, condition=edge.when if isinstance(edge.when, str) else "")


def _need(edge: Edge) -> int:
    if isinstance(edge.need, int):
        return edge.need
    return 1 if edge.need == "any" else len(edge.from_)


def _ends(names: str | Iterable[str], path: Path) -> tuple[tuple[str, Path], ...]:
    if isinstance(names, str):
        return ((names, path),)
    return tuple((name, (*path, position)) for position, name in enumerate(names))
