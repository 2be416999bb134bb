"""Where a message goes: edges, conditions, switches, selections, targets, types; and what becomes of the rest."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects, Send, StateWrite
from lrwf_cli.core.events import InvocationCompleted, InvocationFailed
from lrwf_cli.core.model import (
    Condition,
    Direct,
    EdgeGroup,
    ExecutorSpec,
    FanIn,
    FanOut,
    Json,
    MultiSelection,
    Scope,
    Switch,
    sources_of,
    targets_of,
)
from tests.core.simulation import Simulation, Task, effects, flow


def is_(value: Json) -> Condition:
    """Return the condition that the message is `value`."""
    return lambda message, _: bool(message == value)


def raises(message: Json, scope: Scope) -> bool:
    """Raise, as a condition whose key is missing does."""
    raise KeyError("total")


def never(message: Json, scope: Scope) -> bool:
    """Do not hold."""
    return False


def chooses_badly(message: Json, scope: Scope, targets: tuple[str, ...]) -> list[str]:
    """Raise, as a selection that expects text does."""
    return [target for target in targets if target in message]


def selecting(*ids: str) -> Callable[[Json, Scope, tuple[str, ...]], list[str]]:
    """Return the selection of `ids`, whatever the message."""
    return lambda _, __, ___: list(ids)


def sent(*edges: EdgeGroup, messages: Sequence[Json] = (1,), to: str | None = None, **specs: Any) -> Simulation:
    """Return the run in which `a` sends `messages` and everybody else passes on what it gets."""
    spec = [ExecutorSpec(each, **fields) for each, fields in specs.items()]
    return Simulation(flow("a", *edges, specs=spec), {"a": lambda _: effects(*messages, to=to)}).start()


def taken(simulation: Simulation) -> list[tuple[str, Json]]:
    """Return who got what, in the order in which the handlers ended."""
    found = {
        each.id: each
        for event in simulation.events()
        if isinstance(event, InvocationCompleted)
        for each in event.deliveries
    }
    done = [event.delivery for event in simulation.events() if isinstance(event, InvocationCompleted)]
    return [(found[each].executor, found[each].message) for each in done if each in found]


def failed_with(simulation: Simulation, error: str, *words: str) -> None:
    """Check that the run failed so, once and for all, with these words in its message."""
    run = simulation.now_run
    assert (run.status, simulation.error) == ("failed", error)
    assert run.error is not None
    assert all(word in run.error.message for word in words), run.error.message
    assert run.error.hint or error == "TypeError"
    (failure,) = [event for event in simulation.events() if isinstance(event, InvocationFailed)]
    assert failure.retry_at is None


X, Y = is_("x"), is_("y")
B, C, D = Direct("a", "b"), Direct("a", "c"), Direct("a", "d")
TABLE: list[tuple[str, tuple[EdgeGroup, ...], Sequence[Json], list[tuple[str, Json]]]] = [
    ("one edge, several messages: in order, one call each", (B,), "xyz", [("b", "x"), ("b", "y"), ("b", "z")]),
    ("a fan-out reaches all", (FanOut("a", ("b", "c", "d")),), "x", [("b", "x"), ("c", "x"), ("d", "x")]),
    ("several groups: each takes the message", (B, FanOut("a", ("c", "d"))), "x", [("b", "x"), ("c", "x"), ("d", "x")]),
    ("a condition that holds", (Direct("a", "b", is_("x")),), "x", [("b", "x")]),
    ("a condition that does not, beside one that does", (Direct("a", "b", never), C), "x", [("c", "x")]),
    ("a switch: the first true case", (Switch("a", ((Y, "b"), (X, "c"), (X, "b")), "d"),), "x", [("c", "x")]),
    ("a switch: the default", (Switch("a", ((Y, "b"),), "d"),), "x", [("d", "x")]),
    ("a switch: two cases of one target", (Switch("a", ((Y, "b"), (X, "b")), "d"),), "xy", [("b", "x"), ("b", "y")]),
    ("a selection: any", (MultiSelection("a", ("b", "c", "d"), selecting("d", "b")),), "x", [("b", "x"), ("d", "x")]),
    ("a selection: a duplicate is one", (MultiSelection("a", ("b", "c"), selecting("b", "b")),), "x", [("b", "x")]),
    ("a selection: nobody", (MultiSelection("a", ("b", "c"), selecting()), D), "x", [("d", "x")]),
    ("nothing sent", (B, C), "", []),
]  # fmt: skip


@pytest.mark.parametrize(("edges", "messages", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_who_gets_what(
    edges: tuple[EdgeGroup, ...], messages: Sequence[Json], expected: list[tuple[str, Json]]
) -> None:
    """Conformance 4, 11, 12, 13 and 14: each edge group takes a message in its own way."""
    simulation = sent(*edges, messages=messages)
    assert simulation.now_run.status == "completed"
    assert sorted(taken(simulation)) == sorted(expected)
    assert not simulation.now_run.dropped


def test_messages_of_one_edge_stay_in_order() -> None:
    """Conformance 4: they arrive in the order they were sent, one handler call each."""
    simulation = sent(B, messages=[3, 1, 2])
    assert taken(simulation) == [("b", 3), ("b", 1), ("b", 2)]
    assert simulation.outputs == [3, 1, 2]


@pytest.mark.parametrize(
    "edges",
    [(Direct("a", "b", never),), (MultiSelection("a", ("b", "c"), selecting()),)],
    ids=["a condition", "a selection"],
)
def test_what_no_edge_takes_is_kept_as_dropped(edges: tuple[EdgeGroup, ...]) -> None:
    """Conformance 8, 11 and 13: no error, and nothing vanishes: the run completes and says what was dropped."""
    simulation = sent(*edges, messages=[1, 2])
    run = simulation.now_run
    assert (run.status, simulation.outputs) == ("completed", [])
    assert [(each.source, each.superstep, each.message) for each in run.dropped] == [("a", 1, 1), ("a", 1, 2)]


def test_what_a_last_executor_sends_is_the_outcome() -> None:
    """Conformance 8: without outgoing edges a message is the run's output, after those that were yielded."""
    simulation = Simulation(flow("a"), {"a": lambda _: effects("sent", outputs=["yielded"])}).start()
    assert simulation.outputs == ["yielded", "sent"]
    assert not simulation.now_run.dropped


def test_a_target_restricts_a_message() -> None:
    """Conformance 6: only that target gets it; its other edges and groups are passed by."""
    assert taken(sent(FanOut("a", ("b", "c")), B, Direct("a", "d"), to="b")) == [("b", 1), ("b", 1)]


def test_a_target_is_still_asked_for_its_condition() -> None:
    """Conformance 6: a target says where a message may go, not that it must."""
    simulation = sent(Direct("a", "b", never), C, to="b")
    assert taken(simulation) == []
    assert [each.message for each in simulation.now_run.dropped] == [1]


def test_conditions_of_other_targets_are_not_asked() -> None:
    """Conformance 6: a condition that knows nothing of a message for somebody else cannot fail the run."""
    assert taken(sent(Direct("a", "b", raises), C, to="c")) == [("c", 1)]


def test_a_target_that_no_edge_reaches_is_an_error() -> None:
    """Conformance 6: with the ids that can be reached."""
    simulation = sent(B, C, Direct("c", "d"), to="d")
    failed_with(simulation, "UnknownTarget", "no edge leads from `a` to `d`")
    assert simulation.now_run.error
    assert simulation.now_run.error.hint == "its edges lead to `b`, `c`"
    alone = sent(to="b")
    assert alone.now_run.error
    assert alone.now_run.error.hint == "its edges lead to nobody"


@pytest.mark.parametrize(
    ("edge", "words"),
    [
        (Direct("a", "b", raises), "the condition of edge `a -> b` raised KeyError: 'total'"),
        (Switch("a", ((raises, "b"), (is_(1), "c")), "d"), "the condition of edge `a -> b` raised KeyError: 'total'"),
        (MultiSelection("a", ("b",), chooses_badly), "the selection of `a` raised TypeError: argument"),
        (MultiSelection("a", ("b", "c"), selecting("b", "z")), "named an executor that is not among its targets: `z`"),
    ],
)
def test_an_error_in_a_condition_never_means_false(edge: EdgeGroup, words: str) -> None:
    """Conformance 11 and 13: it fails the run and falls to no default; nothing of what was sent is seen."""
    simulation = sent(edge, Direct("a", "e"))
    failed_with(simulation, "ConditionError", words)
    assert taken(simulation) == []
    assert not simulation.now_run.in_flight


def test_a_type_that_the_target_cannot_handle_fails_the_run() -> None:
    """Conformance 7: both types are named, who sent it, and what else was sent with it is not seen either."""
    only_text = {"accepts": lambda value: isinstance(value, str), "handles": ("str", "Order")}
    simulation = sent(C, B, messages=["fine", 7], b=only_text)
    failed_with(simulation, "MessageTypeError", "`b` cannot handle a `int` from `a`", "it handles `str`, `Order`")
    assert taken(simulation) == []
    assert not simulation.state
    nothing = {"accepts": lambda _: False}
    assert "it handles nothing" in str(sent(B, b=nothing).now_run.error)


def test_types_are_named_as_people_name_them() -> None:
    """Conformance 7: an encoded value goes by its own type's name."""
    value = Codec().encode(frozenset({1}))
    simulation = sent(B, messages=[value], b={"accepts": lambda _: False, "handles": ("int",)})
    failed_with(simulation, "MessageTypeError", "a `frozenset` from `a`")


def test_a_joined_list_is_checked_too() -> None:
    """Conformance 7: a fan-in's target must handle a list; who sent the parts is named."""
    simulation = sent(FanOut("a", ("b", "c")), FanIn(("b", "c"), "d"), d={"accepts": lambda value: value == 1})
    failed_with(simulation, "MessageTypeError", "`d` cannot handle a `list` from `b+c`")
    assert [*simulation.now_run.queues] == ["b+c>d"]


def test_a_condition_sees_input_run_and_state_as_they_will_be() -> None:
    """A condition is asked when the sender's own writes are about to be committed, and may read all of the state."""
    seen: list[Any] = []

    def looks(message: Json, scope: Scope) -> bool:
        state = {key: scope.resolve(value) for key, value in scope.state.items()}
        seen.append((message, scope.input, state, len(scope.state), "gone" in scope.state, dict(scope.run)))
        return True

    def second(task: Task) -> Effects:
        writes = (StateWrite("new", 1), StateWrite("gone", None, "delete"), StateWrite("log", "b", "append"))
        return effects("x", writes=writes)

    first = effects("x", writes=(StateWrite("gone", 1), StateWrite("log", "a", "append"), StateWrite("kept", 5)))
    workflow = flow("a", Direct("a", "b"), Direct("b", "c", looks))
    Simulation(workflow, {"a": lambda _: first, "b": second}, large=4).start({"n": 1})
    about = {"id": "sim", "workflow": "flow", "started_at": "2026-11-22T09:00:00+00:00"}
    assert seen == [("x", {"n": 1}, {"log": ["a", "b"], "kept": 5, "new": 1}, 3, False, about)]


def test_two_lanes_and_two_edges_make_different_deliveries() -> None:
    """Ids tell apart what was sent twice, along two edges, or from two lanes of one handler."""
    lanes = Effects((Send(1, lane="", ordinal=0), Send(1, lane="", ordinal=1), Send(1, lane="t1", ordinal=0)))
    simulation = Simulation(flow("a", B, FanOut("a", ("b", "c"))), {"a": lambda _: lanes}).start()
    assert len(simulation.committed) == 1 + 3 * 3
    assert simulation.outputs == [1] * 9


def test_outputs_are_listed_by_descent() -> None:
    """Conformance 8: by superstep, then lineage, whatever finished first and whatever the executors are called."""
    edges = (FanOut("a", ("z", "b")), FanOut("z", ("y", "x")), FanOut("b", ("w", "v")))
    simulation = Simulation(flow("a", *edges), {each: lambda task: effects(task.delivery.executor) for each in "vwxy"})
    simulation.handlers |= {"z": lambda _: effects(0, outputs=["z"]), "b": lambda _: effects(0, outputs=["b"])}
    assert simulation.start().outputs == ["z", "b", "y", "x", "w", "v"]


def test_the_graph_knows_its_neighbours() -> None:
    """Each target once, in declared order, however many edges lead to it."""
    switch = Switch("a", ((never, "c"), (never, "b")), "c")
    join = FanIn(("a", "b"), "d", 1)
    workflow = flow("a", B, switch, join)
    assert workflow.reachable_from("a") == ("b", "c", "d")
    assert workflow.leaving("a") == (B, switch, join)
    assert workflow.leaving("d") == ()
    assert (targets_of(switch), sources_of(join), sources_of(switch), join.id) == (
        ("c", "b"),
        ("a", "b"),
        ("a",),
        "a+b>d",
    )
