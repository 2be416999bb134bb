"""The graph check: what executors and edges must be together. All problems at once, each with its place.

What a single edge must be is in `shapes`; why a fan-in never fills is found in `filling`. Types of messages are
checked with what the caller knows of the executors' code: none of it is imported here.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from lrwf_cli.flow.filling import never_filling
from lrwf_cli.flow.graph import Link, Outline
from lrwf_cli.flow.hooks import check_hooks
from lrwf_cli.flow.problems import Mark, Problems, listed, quoted, suggestion
from lrwf_cli.flow.tree import Node, Path

if TYPE_CHECKING:
    from lrwf_cli.core.dispatch import Form

__all__ = ["MessageTypes", "check_graph", "check_types", "start_of"]


def check_graph(outline: Outline, root: Node, problems: Problems) -> None:
    """Add every problem of the graph to `problems`; those of a graph with unknown edges only as far as they show."""
    _check_limit(root, problems)
    if not (known := set(outline.executors)):
        return
    _check_ids(outline, known, root, problems)
    check_hooks(outline, root, problems)
    _check_duplicates(outline.links, root, problems)
    if not (outline.is_whole and _all_known(outline, known)):
        return
    start = start_of(outline)
    if start is None:
        _no_start(outline, root, problems)
    else:
        _check_reach(outline, start, root, problems)


def _check_limit(root: Node, problems: Problems) -> None:
    limit = root.get("max_iterations")
    if limit is not None and type(limit.value) is int and limit.value < 1:
        hint = "give the most supersteps that a run may go deep; the default is 100"
        problems.add(limit.mark, f"'max_iterations' must be at least 1, not {limit.value}", hint)


def _all_known(outline: Outline, known: set[str]) -> bool:
    ends = (name for link in outline.links for name in (*link.source_ids, *link.target_ids))
    return all(name in known for name in ends) and (outline.start is None or outline.start in known)


def _check_ids(outline: Outline, known: set[str], root: Node, problems: Problems) -> None:
    ends = [*(end for link in outline.links for end in (*link.sources, *link.targets)), *outline.hooks]
    if outline.start is not None:
        ends.append((outline.start, ("start",)))
    for name, path in ends:
        if name not in known:
            hint = _Suggestion(name, outline.executors)
            problems.add(root.place(path), f"unknown executor {quoted(name)}", hint)


class _Suggestion(msgspec.Struct, frozen=True):
    """The hint for an unknown executor, searched for when it is shown."""

    name: str
    known: Iterable[str]

    def __call__(self) -> str:
        return suggestion(self.name, self.known, "executors")


def _check_duplicates(links: Iterable[Link], root: Node, problems: Problems) -> None:
    seen: dict[object, Mark] = {}
    for link in links:
        for key, path, name in _identities(link):
            mark = root.place(path)
            first = seen.setdefault(key, mark)
            if first != mark:
                problems.add(mark, f"{name} stands twice", f"remove one: the first is in line {first.line}")


def _identities(link: Link) -> Iterable[tuple[object, Path, str]]:
    """Yield what may be in a file only once: an edge and its condition, however it is written."""
    if link.kind == "to":
        source = link.source_ids[0]
        for target, path in link.targets:
            yield (source, target, link.condition), path, f"the edge {source} -> {target}"
    elif link.kind != "on_error":
        ends = (link.source_ids, tuple(name for name, _ in link.targets))
        names = f"{'+'.join(link.source_ids)} -> {'+'.join(link.target_ids)}"
        yield (link.kind, *ends, link.condition), link.path, f"the edge {names}"


def start_of(outline: Outline) -> str | None:
    """Return the executor that gets the run's input: the named one, else the only one that no edge leads to.

    An edge from an executor to itself does not count, and an `on_error` only as long as that leaves anybody. One that
    is called after a verdict is not meant if there is another. `None` if that is not exactly one.
    """
    candidates = [outline.start] if outline.start is not None else _without_edges_to(outline)
    return candidates[0] if len(candidates) == 1 else None


def _without_edges_to(outline: Outline) -> list[str]:
    edges = [link for link in outline.links if link.kind != "on_error"]
    candidates = _unreached(outline, outline.links) or _unreached(outline, edges)
    hooks = {name for name, _ in outline.hooks}
    return [name for name in candidates if name not in hooks] or candidates


def _unreached(outline: Outline, links: Iterable[Link]) -> list[str]:
    reached = {name for link in links for name in link.target_ids if link.source_ids != (name,)}
    return [name for name in outline.executors if name not in reached]


def _no_start(outline: Outline, root: Node, problems: Problems) -> None:
    candidates = _without_edges_to(outline)
    if not candidates:
        mark = root.place(("edges",), of_key=True)
        hint = f"name the first one: 'start: {outline.executors[0]}'"
        problems.add(mark, "no executor to start with: an edge leads to each of them", hint)
        return
    mark = root.place(("executors", candidates[1]), of_key=True)
    hint = f"add edges that lead to all but one, or name the first one: 'start: {candidates[0]}'"
    problems.add(mark, f"several executors to start with: no edge leads to {listed(candidates)}", hint)


def _check_reach(outline: Outline, start: str, root: Node, problems: Problems) -> None:
    reached = _reached(outline, start)
    hooks = {name for name, _ in outline.hooks}
    for name in outline.executors:
        if name not in reached and name not in hooks:
            mark = root.place(("executors", name), of_key=True)
            hint = f"add an edge that leads to it from {quoted(start)} or one of its followers, or remove it"
            problems.add(mark, f"executor {quoted(name)} is never reached from {quoted(start)}", hint)
    for link, why, hint in never_filling(outline, start, reached):
        problems.add(root.place((*link.path, "from")), f"a fan-in that can never fill: {why}", hint)


def _reached(outline: Outline, start: str) -> set[str]:
    leaving = outline.links_from()
    reached, rest = {start}, [start]
    while rest:
        for link in leaving[rest.pop()]:
            new = [name for name in link.target_ids if name not in reached]
            reached.update(new)
            rest += new
    return reached


class MessageTypes(msgspec.Struct, frozen=True):
    """What the code of an executor says of its messages. `None` is unknown; empty `sends`: it sends nothing."""

    handles: "tuple[Form, ...] | None" = None
    sends: "tuple[Form, ...] | None" = None


def check_types(outline: Outline, root: Node, problems: Problems, types: Mapping[str, MessageTypes]) -> None:
    """Add every edge over which no message can ever be handled; executors that `types` leaves out are unchecked.

    An edge over which some messages can be handled is left to the run, which looks at each.
    """
    unknown = MessageTypes()
    for link in outline.links:
        sends = [_sends(types.get(name, unknown), link) for name in link.source_ids]
        for name, path in (end for end, each in zip(link.sources, sends, strict=True) if each == ()):
            hint = f"have {quoted(name)} send or return something, or remove the edge"
            problems.add(root.place(path), f"{quoted(name)} sends nothing", hint)
        for name, path in link.targets:
            handles = types.get(name, unknown).handles
            if handles is not None and not any(each == () for each in sends):
                what = _WHAT.get(link.kind, f"what {quoted(link.source_ids[0])} sends")
                _check_handled(what, sends[0], (name, path), handles, root, problems)
    for name, path in outline.hooks:
        if (handles := types.get(name, unknown).handles) is not None:
            _check_handled("what it is told after a verdict", _a(dict), (name, path), handles, root, problems)


_WHAT = {"fan_in": "a list from the fan-in", "on_error": "what it is told of a failure"}


def _sends(types: MessageTypes, link: Link) -> "tuple[Form, ...] | None":
    """Return what comes over a link: whatever its sources send, a fan-in makes a list, and a failure is told as one."""
    if link.kind == "on_error":
        return _a(dict)
    return _a(list) if link.kind == "fan_in" and types.sends != () else types.sends


def _a(cls: type) -> "tuple[Form, ...]":
    from lrwf_cli.core.dispatch import Form

    return (Form(cls, cls.__name__),)


def _check_handled(
    what: str,
    sent: "tuple[Form, ...] | None",
    target: tuple[str, Path],
    handles: "tuple[Form, ...]",
    root: Node,
    problems: Problems,
) -> None:
    from lrwf_cli.core.dispatch import may_meet

    if sent is None or any(may_meet(one, other) for one in sent for other in handles):
        return
    names = " or ".join(form.name for form in sent)
    known = ", ".join(form.name for form in handles) or "nothing"
    hint = f"{quoted(target[0])} handles {known}: give it another handler, or convert the message before"
    problems.add(root.place(target[1]), f"{quoted(target[0])} cannot handle {what}: {names}", hint)
