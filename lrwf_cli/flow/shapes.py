"""What an edge of a flow file must be: which keys go together, its switch, its expressions.

What edges and executors must be together is in `check`.
"""

from collections.abc import Iterator

from msgspec import UNSET

from lrwf_cli.flow.problems import Problems, listed, quoted
from lrwf_cli.flow.rules import check_expression
from lrwf_cli.flow.schema import Case, Edge
from lrwf_cli.flow.tree import Node

__all__ = ["EDGE_NAMES", "check_edge"]

EDGE_NAMES = ("message", "input", "state", "run")
"""Names that expressions see on an edge."""


def check_edge(edge: Edge, node: Node, problems: Problems) -> bool:
    """Add what is wrong with the shape of an edge and with its expressions; return whether its shape is right."""
    before = len(problems)
    for key, message, hint in _misshapen(edge):
        problems.add(node.keys.get(key, node.mark), message, hint)
    for key in ("from", "to"):
        if child := node.get(key):
            _check_names(child, key, problems)
    if isinstance(edge.switch, list):
        _check_switch(edge.switch, node, problems)
    is_right = len(problems) == before
    for key in ("when", "select"):
        check_expression(node.get(key), EDGE_NAMES, problems)
    return is_right


def _misshapen(edge: Edge) -> Iterator[tuple[str, str, str]]:
    """Yield key, message and hint of what does not go together."""
    present = {key for key in ("to", "when", "switch", "select", "need") if getattr(edge, key) is not UNSET}
    if not present & {"to", "switch"}:
        yield "from", "an edge without 'to'", "name the executor that gets the messages: 'to: ...'"
    yield from _misshapen_fan_in(edge, present) if isinstance(edge.from_, list) else _misshapen_choice(edge, present)


def _misshapen_fan_in(edge: Edge, present: set[str]) -> Iterator[tuple[str, str, str]]:
    for key in sorted(present & {"when", "switch", "select"}):
        yield key, f"a fan-in with {quoted(key)}", "put an executor behind the fan-in, and decide there"
    if isinstance(edge.to, list):
        yield "to", "an edge from several executors to several", "write one edge for each executor in 'to'"
    if isinstance(edge.need, int) and edge.need > len(edge.from_):
        yield "need", f"a fan-in that can never fill: it needs {edge.need} of {len(edge.from_)}", "lower 'need'"


def _misshapen_choice(edge: Edge, present: set[str]) -> Iterator[tuple[str, str, str]]:
    if "need" in present:
        yield "need", "'need' without a list in 'from'", "give 'from' a list of executors, or remove 'need'"
    if "switch" in present:
        for key in sorted(present & {"to", "when", "select"}):
            yield key, f"a switch with {quoted(key)}", "put it into the cases of the switch"
    elif "select" in present and not isinstance(edge.to, list):
        yield "select", "'select' without a list in 'to'", "give 'to' the list of executors to choose among"
    elif {"select", "when"} <= present:
        yield "when", "'select' with 'when'", "let 'select' give an empty list instead"


def _check_names(node: Node, key: str, problems: Problems) -> None:
    names = [item.value for item in node.items()]
    if not names:
        problems.add(node.mark, f"{quoted(key)} is an empty list", "name an executor")
    for position, item in enumerate(node.items()):
        if item.value in names[:position]:
            problems.add(item.mark, f"{quoted(item.value)} stands twice in {quoted(key)}", "name it once")


def _check_switch(cases: list[Case], node: Node, problems: Problems) -> None:
    switch = node.get("switch") or node
    for position, (case, child) in enumerate(zip(cases, switch.items(), strict=True)):
        given = {key for key in ("when", "to", "default") if getattr(case, key) is not UNSET}
        if given == {"default"}:
            if position < len(cases) - 1:
                problems.add(child.mark, "the default of a switch is not its last case", "put it at the end")
        elif given != {"when", "to"}:
            what = f"a case with {listed(sorted(given))}" if given else "an empty case"
            problems.add(child.mark, what, "write {when: ..., to: ...} or {default: ...}")
        check_expression(child.get("when"), EDGE_NAMES, problems)
    if all(case.default is UNSET for case in cases):
        hint = "add {default: ...} as its last case: a message must go somewhere"
        problems.add(node.keys["switch"], "a switch without a default", hint)
