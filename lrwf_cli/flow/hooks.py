"""What comes after a failure or a verdict: `on_error` as links of the graph, `on_failure` and its kind as hooks.

A hook gets one call, and what it sends goes nowhere: no edge need lead to it, and those that leave it lead nobody on.
"""

from collections.abc import Mapping

from lrwf_cli.flow.graph import Link, Outline
from lrwf_cli.flow.nodes import kind_of
from lrwf_cli.flow.problems import Problems, quoted
from lrwf_cli.flow.tree import Node, Path

__all__ = ["HOOKS", "check_hooks", "hooks_of", "on_error_links"]

HOOKS: Mapping[str, str] = {
    "on_failure": "failed",
    "on_timeout": "timed_out",
    "on_cancel": "cancelled",
    "on_exit": "exit",
}
"""The keys that name a hook, each with what it comes after (see `Workflow.after`)."""

_MAY_SUSPEND = ("poll", "wait", "ask")


def hooks_of(root: Node) -> tuple[tuple[str, Path], ...]:
    """Return the executors that a flow names as hooks, each with the path of its name."""
    named = ((root.get(key), key) for key in HOOKS)
    return tuple((node.value, (key,)) for node, key in named if node is not None and isinstance(node.value, str))


def on_error_links(root: Node) -> list[Link]:
    """Return a link for each executor whose failures another one handles: its own `on_error`, else that of `defaults`.

    The one that `defaults` names is not its own.
    """
    defaults = root.get("defaults")
    general = defaults.get("on_error") if defaults else None
    links = []
    for name, node in (root.get("executors") or Node({}, root.mark)).entries().items():
        own = node.get("on_error")
        path: Path = ("executors", name, "on_error") if own else ("defaults", "on_error")
        target = own or general
        if target is not None and isinstance(target.value, str) and (own is not None or target.value != name):
            links.append(Link("on_error", path, ((name, path),), ((target.value, path),)))
    return links


def check_hooks(outline: Outline, root: Node, problems: Problems) -> None:
    """Add hooks that would wait, and handlers of failures that lead back to themselves."""
    executors = root.get("executors") or Node({}, root.mark)
    for name, path in outline.hooks:
        kind = kind_of(executors.get(name) or Node({}, root.mark))
        if kind in _MAY_SUSPEND:
            message = f"{quoted(path[0])} names {quoted(name)}, and what comes after a verdict may not {kind}"
            problems.add(root.place(path), message, "name an executor with 'uses' or 'run'")
    _check_loops({link.source_ids[0]: link for link in outline.links if link.kind == "on_error"}, root, problems)


def _check_loops(handled: Mapping[str, Link], root: Node, problems: Problems) -> None:
    told: set[str] = set()
    for name in handled:
        way = [name]
        while way[-1] in handled and (following := handled[way[-1]].target_ids[0]) not in way:
            way.append(following)
        if way[-1] not in handled or told & set(way):
            continue
        loop = way[way.index(handled[way[-1]].target_ids[0]) :]
        told.update(loop)
        steps = " -> ".join([*loop, loop[0]])
        hint = "remove the 'on_error' of one of them: then its failure is the run's"
        problems.add(root.place(handled[loop[0]].path), f"an 'on_error' that leads back to itself: {steps}", hint)
