import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.dispatch import ANY, forms_of
from lrwf_cli.errors import FlowError
from lrwf_cli.flow.check import MessageTypes, check_types
from lrwf_cli.flow.load import parse_flow
from lrwf_cli.flow.problems import Problems
from tests.flow.complaining import complaint, complaints, flow

SWITCH = "{from: a, switch: [{when: 'message', to: b}, {default: c}]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            flow("deploy review", "{from: deploy, to: reveiw}"),
            "6:24: unknown executor 'reveiw' | did you mean 'review'?",
        ),
        (flow("a b", "{from: x, to: b}"), "6:12: unknown executor 'x' | executors: a, b"),
        (flow("a b", "{from: a, to: [b, c1]}"), "6:23: unknown executor 'c1' | executors: a, b"),
        (flow("a b", "{from: [a, zz], to: b}"), "6:16: unknown executor 'zz' | executors: a, b"),
        (
            flow("a b", "{from: a, switch: [{when: message, to: b}, {default: bb}]}"),
            "6:58: unknown executor 'bb' | did you mean 'b'?",
        ),
        (flow("a b", "{from: a, to: b}", start="c"), "2:8: unknown executor 'c' | executors: a, b"),
        (
            flow("a b", "{from: a, to: b}", "{from: a, to: b}"),
            "7:19: the edge a -> b stands twice | remove one: the first is in line 6",
        ),
        (
            flow("a b c", "{from: a, to: b}", "{from: a, to: [c, b]}"),
            "8:23: the edge a -> b stands twice | remove one: the first is in line 7",
        ),
        (
            flow("a b", "{from: a, to: b, when: 'message > 1'}", "{from: a, to: b, when: 'message > 1'}"),
            "7:19: the edge a -> b stands twice | remove one: the first is in line 6",
        ),
        (
            flow("a b c", SWITCH, SWITCH),
            "8:5: the edge a -> b+c stands twice | remove one: the first is in line 7",
        ),
        (
            flow("a b c d", "{from: a, to: [b, c]}", "{from: [b, c], to: d}", "{from: [b, c], to: d, need: any}"),
            "10:5: the edge b+c -> d stands twice | remove one: the first is in line 9",
        ),
        (flow("a b", "{from: a, to: [b, b]}"), "6:23: 'b' stands twice in 'to' | name it once"),
        (
            flow("a b c", "{from: a, to: b}", start="a"),
            (
                "6:3: executor 'c' is never reached from 'a'"
                " | add an edge that leads to it from 'a' or one of its followers, or remove it"
            ),
        ),
        (
            flow("a b c", "{from: a, to: b}"),
            (
                "5:3: several executors to start with: no edge leads to 'a' and 'c'"
                " | add edges that lead to all but one, or name the first one: 'start: a'"
            ),
        ),
        (
            flow("a b", "{from: a, to: b}", "{from: b, to: a}"),
            ("5:1: no executor to start with: an edge leads to each of them | name the first one: 'start: a'"),
        ),
        (
            flow("a", max_iterations=0),
            (
                "2:17: 'max_iterations' must be at least 1, not 0"
                " | give the most supersteps that a run may go deep; the default is 100"
            ),
        ),
        (
            flow("a b", "{from: a, switch: [{when: message, to: b}]}"),
            ("6:15: a switch without a default | add {default: ...} as its last case: a message must go somewhere"),
        ),
        (
            flow("a b", "{from: a, switch: [{default: a}, {when: message, to: b}]}", start="a"),
            "7:24: the default of a switch is not its last case | put it at the end",
        ),
        (
            flow("a b c", SWITCH, "{from: [b, c], to: a, need: 3}", start="a"),
            "9:27: a fan-in that can never fill: it needs 3 of 2 | lower 'need'",
        ),
    ],
)
def test_the_graph_check_finds(text: str, expected: str) -> None:
    """Conformance 12, 13, 19: each fault of a graph with its place and the remedy."""
    assert complaint(text) == f"flow.yaml:{expected}"


def test_the_graph_check_tells_everything_at_once() -> None:
    """Conformance 19: all problems at once, each with `path:line:col`."""
    text = flow("a b c d", "{from: a, to: b}", "{from: a, to: b}", "{from: [b, d], to: c}", start="a", max_iterations=0)
    assert [line.partition(" | ")[0] for line in complaints(text)] == [
        "flow.yaml:3:17: 'max_iterations' must be at least 1, not 0",
        "flow.yaml:8:3: executor 'd' is never reached from 'a'",
        "flow.yaml:11:19: the edge a -> b stands twice",
        "flow.yaml:12:12: a fan-in that can never fill: 'd' is never reached",
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            flow("a b c d", SWITCH, "{from: [b, c], to: d}"),
            (
                "9:12: a fan-in that can never fill: 'b' and 'c' exclude each other in the switch of 'a'"
                " | write 'need: any', or edges with 'when' where the switch is if it gets several messages"
            ),
        ),
        (
            flow("a b c d e", SWITCH, "{from: b, to: d}", "{from: [d, c], to: e}"),
            (
                "11:12: a fan-in that can never fill: 'd' and 'c' exclude each other in the switch of 'a'"
                " | write 'need: any', or edges with 'when' where the switch is if it gets several messages"
            ),
        ),
        (
            flow("a b c d", "{from: a, to: b}", "{from: [b, d], to: c}", "{from: c, to: d}"),
            (
                "9:12: a fan-in that can never fill: 'd' is reached only through it"
                " | take that source out of 'from' and give it an edge of its own, or lower 'need'"
            ),
        ),
    ],
)
def test_a_fan_in_that_can_never_fill_is_told_with_the_reason(text: str, reason: str) -> None:
    """Conformance 19: sources that exclude each other, or that come only after the fan-in itself."""
    assert complaint(text) == f"flow.yaml:{reason}"


@pytest.mark.parametrize(
    "text",
    [
        flow("a b c d", "{from: a, to: [b, c]}", "{from: [b, c], to: d}"),
        flow("a b c d", SWITCH, "{from: [b, c], to: d, need: any}"),
        flow("a b c d", SWITCH, "{from: [b, c], to: d}", "{from: c, to: a, when: message}", start="a"),
        flow(
            "a b c d e", "{from: a, to: [b, e]}", "{from: e, to: b}", SWITCH.replace("a,", "b,").replace("b}", "d}")
        ).replace("{default: c}", "{default: c}"),
        flow("s a x b c d", "{from: s, to: [a, x]}", "{from: x, to: a}", SWITCH, "{from: [b, c], to: d}"),
        flow("a b c d", "{from: a, to: [b, c], select: \"['b', 'c']\"}", "{from: [b, c], to: d}"),
        flow("a b c", "{from: a, to: [b, c]}", "{from: [b, c], to: c, need: any}"),
        flow("a b c d", "{from: a, to: [b, c]}", "{from: [b, c], to: d}", "{from: d, to: [b, c], when: message}"),
        flow("a b c", "{from: a, switch: [{when: message, to: b}, {default: b}]}", "{from: b, to: c}"),
        flow("a", "{from: a, to: a, when: message}"),
        flow("a b", "{from: a, to: b, when: 'message > 1'}", "{from: a, to: b, when: 'message > 2'}"),
        flow("a b", "{from: a, to: b}", "{from: b, to: a, when: message}", start="b"),
    ],
)
def test_graphs_that_are_right_are_let_through(text: str) -> None:
    """Conformance 12, 16, 17: loops, self-loops, two cases with one target, fan-ins in loops and behind `select`."""
    assert complaints(text) == []


def test_an_edge_that_cannot_be_read_hides_only_what_hangs_on_it() -> None:
    """What an edge with a mistake might have led to is not called unreachable; unknown ids are told all the same."""
    text = flow("a b c", "{from: a, too: b}", "{from: c, to: x}")
    assert [line.partition(" | ")[0] for line in complaints(text)] == [
        "flow.yaml:7:15: unknown key 'too' in an edge",
        "flow.yaml:8:19: unknown executor 'x'",
    ]


@pytest.mark.parametrize(
    ("edge", "expected"),
    [
        ("{from: a}", "8:6: an edge without 'to' | name the executor that gets the messages: 'to: ...'"),
        (
            "{from: [a, b], to: [c, d]}",
            "8:20: an edge from several executors to several | write one edge for each executor in 'to'",
        ),
        (
            "{from: [a, b], to: c, when: message}",
            "8:27: a fan-in with 'when' | put an executor behind the fan-in, and decide there",
        ),
        (
            "{from: a, to: b, need: 1}",
            "8:22: 'need' without a list in 'from' | give 'from' a list of executors, or remove 'need'",
        ),
        (
            "{from: [a, b], to: c, need: all}",
            "8:33: 'need' in an edge must be an integer or 'any', not the text 'all' | choices: any",
        ),
        ("{from: [a, b], to: c, need: 0}", "8:33: 'need' in an edge must be at least 1, not 0"),
        ("{from: a, to: b, when: true}", "8:28: 'when' in an edge must be text, not true | quote it"),
        ("{from: a, to: [b, c, d], when: 'message.x = 3'}", None),
        (
            "{from: a, to: [b, c, d], when: 'mesage.x'}",
            "8:37: unknown name 'mesage' | did you mean 'message'?",
        ),
        (
            '{from: a, to: [b, c, d], when: "message == ship"}',
            "8:48: unknown name 'ship' | a text goes in quotes; names here: message, input, state, run",
        ),
        (
            "{from: a, to: b, select: '[1]'}",
            "8:22: 'select' without a list in 'to' | give 'to' the list of executors to choose among",
        ),
        (
            "{from: a, to: [b, c], select: '[]', when: message}",
            "8:41: 'select' with 'when' | let 'select' give an empty list instead",
        ),
        (
            "{from: a, switch: [{when: message, to: b}, {default: c}], when: message}",
            "8:63: a switch with 'when' | put it into the cases of the switch",
        ),
        (
            "{from: a, switch: [{when: message}, {default: c}]}",
            "8:24: a case with 'when' | write {when: ..., to: ...} or {default: ...}",
        ),
        ("{from: a, to: []}", "8:19: 'to' is an empty list | name an executor"),
        ("{from: [], to: a}", "8:12: 'from' is an empty list | name an executor"),
        (
            "a -> b",
            "8:5: an edge must be a mapping, not the text 'a -> b' | indent its keys below it. See: lrwf schema edges",
        ),
        (
            "{from: a, to: {b: c}}",
            "8:19: 'to' in an edge must be text or a list, not a mapping",
        ),
    ],
)
def test_the_shape_of_an_edge_is_told_at_the_key_that_does_not_fit(edge: str, expected: str | None) -> None:
    """Design 7: from, to, when, switch, select and need go together in five ways, and in no other."""
    found = complaint(flow("a b c d", edge))
    if expected is None:
        assert found.endswith(": not an expression: 'message.x = 3' | compare with '=='")
    else:
        assert found == f"flow.yaml:{expected}"


# -- types

CONVERT = "give it another handler, or convert the message before"


def types_of(text: str, **types: tuple[Any, Any]) -> list[str]:
    """Return the complaints about types; each executor is `(handles, sends)`, annotations or `None`."""

    def forms(annotation: Any) -> Any:
        if annotation is None:
            return None
        return () if annotation == () else (ANY,) if annotation is Any else forms_of(annotation, {})

    loaded = parse_flow(text, "flow.yaml")
    known = {name: MessageTypes(forms(handles), forms(sends)) for name, (handles, sends) in types.items()}
    problems = Problems("flow.yaml")
    check_types(loaded.outline, loaded.root, problems, known)
    try:
        problems.raise_if_any()
    except FlowError as error:
        return [f"{message} | {hint}" for message, hint in error.problems]
    return []


def test_a_message_that_can_never_be_handled_is_an_impossible_edge() -> None:
    """Conformance 19: impossible types are told before anything runs, with both types."""
    text = flow("a b c", "{from: a, to: [b, c]}")
    assert types_of(text, a=(str, dict[str, int]), b=(str | int, None), c=(dict, None)) == [
        f"flow.yaml:7:20: 'b' cannot handle what 'a' sends: dict[str, int] | 'b' handles str, int: {CONVERT}"
    ]


def test_a_fan_in_sends_a_list() -> None:
    """Conformance 19: what stands behind a fan-in must handle a list."""
    text = flow("a b c d", "{from: a, to: [b, c]}", "{from: [b, c], to: d}")
    assert types_of(text, d=(str, None)) == [
        f"flow.yaml:9:24: 'd' cannot handle a list from the fan-in: list | 'd' handles str: {CONVERT}"
    ]
    assert types_of(text, b=(str, str), c=(str, int), d=(list[str], None)) == []


def test_an_edge_from_an_executor_that_sends_nothing_is_told() -> None:
    """Design 9: `None` as what a handler sends is nothing."""
    assert types_of(flow("a b", "{from: a, to: b}"), a=(str, ()), b=(str, None)) == [
        "flow.yaml:6:12: 'a' sends nothing | have 'a' send or return something, or remove the edge"
    ]


@pytest.mark.parametrize(
    ("sends", "handles"),
    [(None, str), (str, None), (Any, str), (str, Any), (str | int, int), (bool, bool), (object, str), (int, float)],
)
def test_types_that_may_fit_are_left_to_the_run(sends: Any, handles: Any) -> None:
    """What is unknown, or fits for some messages, is no error: the run looks at each message."""
    assert types_of(flow("a b", "{from: a, to: b}"), a=(str, sends), b=(handles, None)) == []


# -- any graph

IDS = ["a", "b", "c", "d", "e"]
LISTS = st.lists(st.sampled_from(IDS), min_size=1, max_size=3, unique=True)
EDGES = st.one_of(
    st.fixed_dictionaries({"from": st.sampled_from(IDS), "to": st.sampled_from(IDS)}),
    st.fixed_dictionaries({"from": st.sampled_from(IDS), "to": LISTS}),
    st.fixed_dictionaries({"from": LISTS, "to": st.sampled_from(IDS)}, optional={"need": st.just("any")}),
    st.builds(
        lambda source, case, default: {
            "from": source,
            "switch": [{"when": "message", "to": case}, {"default": default}],
        },
        st.sampled_from(IDS),
        st.sampled_from(IDS),
        st.sampled_from(IDS),
    ),
)


def fires(edges: list[dict[str, Any]]) -> set[int]:
    """Return the fan-ins that fill when every executor sends each message on, whatever switches decide; brute force."""
    arrived, filled = {"a"}, set()
    for _ in range(30):
        for number, edge in enumerate(edges):
            if isinstance(edge["from"], list):
                need = 1 if edge.get("need") == "any" else len(edge["from"])
                if sum(source in arrived for source in edge["from"]) >= need:
                    filled.add(number)
                    arrived.add(edge["to"])
            elif edge["from"] in arrived:
                targets = edge.get("to", [case.get("to", case.get("default")) for case in edge.get("switch", [])])
                arrived.update(targets if isinstance(targets, list) else [targets])
    return filled


FIRST_EDGE = 10
"""The line of the first edge in a flow of five executors that names its start."""


@given(st.lists(EDGES, max_size=6))
def test_any_graph_is_right_or_told_why(edges: list[dict[str, Any]]) -> None:
    """A fan-in that fills is never refused for a source that does not come, and one that does not is never let by."""
    found = complaints(flow(" ".join(IDS), *map(json.dumps, edges), start="a"))
    filled = {FIRST_EDGE + number for number in fires(edges)}
    silent = [line for line in found if "fan-in" in line and "exclude each other" not in line]
    assert filled.isdisjoint(int(line.split(":")[1]) for line in silent)
    if len(filled) < sum(isinstance(edge["from"], list) for edge in edges):
        assert found
