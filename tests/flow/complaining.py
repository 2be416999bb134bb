"""What the tests of flow files share: the problems of a text, as a person reads them."""

from lrwf_cli.errors import FlowError
from lrwf_cli.flow.load import parse_flow


def complaints(text: str) -> list[str]:
    """Return each problem of a flow file as `flow.yaml:line:col: message | hint`; none for one that is right."""
    try:
        parse_flow(text, "flow.yaml")
    except FlowError as error:
        return [message if hint is None else f"{message} | {hint}" for message, hint in error.problems]
    return []


def complaint(text: str) -> str:
    """Return the only problem of a flow file."""
    (only,) = complaints(text)
    return only


def told(text: str) -> tuple[str, ...]:
    """Return what `lrwf validate` tells of a flow file: a line for each problem, and one for its hint, indented."""
    lines = [line.removeprefix("flow.yaml:").split(" | ", 1) for line in complaints(text)]
    return tuple(each for message, *hint in lines for each in (message, *(f"  {each}" for each in hint)))


def kind(text: str, *more: str) -> str:
    """Return a flow file with the executor `a: text` and more lines."""
    return "\n".join(["name: demo", "executors:", f"  a: {text}", *more, ""])


def flow(executors: str, *edges: str, **keys: object) -> str:
    """Return a flow file with these executors (ids, separated by spaces), edges and other top-level keys."""
    lines = ["name: demo", *(f"{key}: {value}" for key, value in keys.items()), "executors:"]
    lines += [f"  {name}: {{uses: 'tasks:step'}}" for name in executors.split()]
    lines += ["edges:", *(f"  - {edge}" for edge in edges)] if edges else []
    return "\n".join(lines) + "\n"
