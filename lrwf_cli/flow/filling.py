"""Why a fan-in of a flow file can never fill. Only what is certain is told; pure graph theory, no messages of YAML.

Three reasons: a source is never reached; a source comes only after the fan-in itself; the sources are cases of
one switch that decides once, so that one of them excludes the other. "Once" takes it that an executor sends one
message for each that it gets; one that sends several to a switch before a fan-in should use edges with `when`.
"""

from collections.abc import Iterator, Mapping

from lrwf_cli.flow.graph import Link, Outline
from lrwf_cli.flow.problems import listed, quoted

__all__ = ["never_filling"]


def never_filling(outline: Outline, start: str, reached: set[str]) -> Iterator[tuple[Link, str, str]]:
    """Yield each fan-in that can never fill, with the reason and a hint. `reached` is what `start` leads to."""
    fan_ins = [link for link in outline.links if link.kind == "fan_in"]
    if not fan_ins:
        return
    graph = _Graph(outline, start)
    arrived = graph.arrived()
    for link in fan_ins:
        missing = [name for name in link.source_ids if name not in arrived]
        if len(link.source_ids) - len(missing) < link.need:
            yield from _missing(link, missing, reached, graph)
        elif switch := graph.excluding_switch(link):
            cases = f"{listed(link.source_ids)} exclude each other in the switch of {quoted(switch.source_ids[0])}"
            hint = "write 'need: any', or edges with 'when' where the switch is if it gets several messages"
            yield link, cases, hint


def _missing(link: Link, missing: list[str], reached: set[str], graph: "_Graph") -> Iterator[tuple[Link, str, str]]:
    lost = [name for name in missing if name not in reached]
    later = [name for name in missing if name in graph.after(link.target_ids[0])]
    if lost:
        yield link, f"{listed(lost)} {_is(lost)} never reached", "add the edge that is missing, or lower 'need'"
    elif later:
        why = f"{listed(later)} {_is(later)} reached only through it"
        yield link, why, "take that source out of 'from' and give it an edge of its own, or lower 'need'"


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


class _Graph:
    """Walks over one outline."""

    def __init__(self, outline: Outline, start: str) -> None:
        self._outline = outline
        self._start = start
        self._leaving = outline.links_from()
        self._after: dict[str, set[str]] = {}
        self._only: list[tuple[Link, Mapping[str, set[str]]]] | None = None

    def arrived(self, switch: Link | None = None, case: str | None = None) -> set[str]:
        """Return the executors that a message can come to; a fan-in lets one through once enough sources have.

        With `switch`, as if that one always took `case`.
        """
        arrived: set[str] = set()
        rest = [self._start]
        while rest:
            name = rest.pop()
            if name in arrived:
                continue
            arrived.add(name)
            for link in self._leaving[name]:
                if sum(source in arrived for source in link.source_ids) >= link.need:
                    rest += link.target_ids if link is not switch or case is None else (case,)
        return arrived

    def after(self, name: str) -> set[str]:
        """Return what `name` leads to by any edge; itself too if it is in a loop."""
        if name not in self._after:
            found: set[str] = set()
            rest = [name]
            while rest:
                for link in self._leaving[rest.pop()]:
                    new = [target for target in link.target_ids if target not in found]
                    found.update(new)
                    rest += new
            self._after[name] = found
        return self._after[name]

    def excluding_switch(self, fan_in: Link) -> Link | None:
        """Return a switch that decides once and, whatever it decides, lets too few sources of `fan_in` through."""
        for switch, arrivals in self._switches():
            if all(sum(name in arrived for name in fan_in.source_ids) < fan_in.need for arrived in arrivals.values()):
                return switch
        return None

    def _switches(self) -> list[tuple[Link, Mapping[str, set[str]]]]:
        if self._only is None:
            counts = self._message_counts()
            self._only = [
                (link, {case: self.arrived(link, case) for case in link.target_ids})
                for link in self._outline.links
                if link.kind == "switch" and counts.get(link.source_ids[0]) == 1
            ]
        return self._only

    def _message_counts(self) -> Mapping[str, int]:
        """Return how many messages come to an executor, 2 standing for more; in and behind loops nobody knows."""
        reached = self.after(self._start) | {self._start}
        coming = dict.fromkeys(reached, 0)
        for name in reached:
            for link in self._leaving[name]:
                for target in link.target_ids:
                    coming[target] += 1
        counts = dict.fromkeys(reached, 0)
        counts[self._start] = 1
        known: dict[str, int] = {}
        rest = [name for name in reached if not coming[name]]
        while rest:
            name = rest.pop()
            known[name] = min(counts[name], 2)
            for link in self._leaving[name]:
                for target in link.target_ids:
                    counts[target] += _share(link, name, known[name])
                    coming[target] -= 1
                    if not coming[target]:
                        rest.append(target)
        return known


def _share(link: Link, source: str, count: int) -> int:
    """Return how many messages of `link` are owed to `source`: a round of a fan-in is its first source's.

    What an `on_error` brings nobody knows, so that nothing is certain behind it.
    """
    if link.kind == "on_error":
        return 2
    if link.kind != "fan_in":
        return count
    if link.need < len(link.source_ids):
        return 2
    return count if source == link.source_ids[0] else 0
