"""Workflows built in Python: the graph that comes of the calls, and what is wrong with it, with its line."""

import asyncio
import inspect
import linecache
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core.model import Direct, FanIn, FanOut, Json, MultiSelection, Scope, Switch
from lrwf_cli.errors import FlowError, NotDecodable
from lrwf_cli.executors.agent import AgentExecutor
from lrwf_cli.executors.api import Executor, FunctionExecutor, executor, handler
from lrwf_cli.executors.retrying import retry
from lrwf_cli.flow.builder import BuiltWorkflow, Case, Default, WorkflowBuilder
from lrwf_cli.local.storage import InMemoryCheckpointStorage

SCOPE = Scope(None, {}, {})


@dataclass
class Order:
    n: int


class Agent:
    def run(self, message: str) -> str:
        return message


def node(name: str, takes: Any = Any, gives: Any = Any) -> FunctionExecutor:
    def handle(message: Any) -> Any:
        return message

    handle.__annotations__ = {"message": takes, "return": gives}
    return executor(id=name)(handle)


A, B, C, D = (node(name) for name in "abcd")


def problems(build: Callable[[], object]) -> list[str]:
    """Return what is wrong, each without its place, which is checked to be a line of this file that builds."""
    with pytest.raises(FlowError) as caught:
        build()
    texts = []
    for message, _ in caught.value.problems:
        path, line, _, text = message.split(":", 3)
        assert path == __file__
        assert "uilder" in linecache.getline(path, int(line)) or ".add_" in linecache.getline(path, int(line))
        texts.append(text.strip())
    return texts


def test_the_calls_come_to_a_graph() -> None:
    """Conformance 11-14: each call is one group of edges, in order; the executors are found by their ids."""
    built = (
        WorkflowBuilder(name="flow", max_iterations=7, start_executor=A)
        .add_edge(A, B)
        .add_chain([B, C, D])
        .add_fan_out_edges(D, [A, B])
        .add_fan_in_edges([A, B], C)
        .build()
    )
    assert (built.core.name, built.core.max_iterations, built.core.start, built.name) == ("flow", 7, "a", "flow")
    assert built.core.edges == (
        Direct("a", "b"),
        Direct("b", "c"),
        Direct("c", "d"),
        FanOut("d", ("a", "b")),
        FanIn(("a", "b"), "c"),
    )
    assert dict(built.executors) == {"a": A, "b": B, "c": C, "d": D}
    assert built.start is A
    assert set(built.core.executors) == set("abcd")


def test_the_start_is_found_or_named() -> None:
    """Design 7: without a name, the only executor that no edge leads to is the first."""
    assert WorkflowBuilder().add_edge(A, B).build().core.start == "a"
    assert WorkflowBuilder().add_edge(A, B).add_edge(B, A).set_start_executor(B).build().core.start == "b"
    assert WorkflowBuilder(start_executor=A).build().core.edges == ()
    assert WorkflowBuilder(start_executor="a").add_edge(A, "b").add_edge(B, "a").build().core.start == "a"


def test_conditions_get_decoded_copies() -> None:
    """Conformance 11, 22: a condition sees the message as a value; what it changes hurts nobody."""

    def large(order: Order) -> bool:
        order.n += 1
        return order.n > 2

    built = WorkflowBuilder().add_edge(A, B, condition=large).build()
    (edge,) = built.core.edges
    assert isinstance(edge, Direct)
    assert edge.condition is not None
    built.codec.register(Order)
    message = built.codec.encode(Order(2))
    assert edge.condition(message, SCOPE)
    assert edge.condition(message, SCOPE)
    assert not edge.condition(built.codec.encode(Order(1)), SCOPE)
    with pytest.raises(NotDecodable):
        edge.condition({"$type": "no:where"}, SCOPE)


def test_conditions_read_what_is_kept_elsewhere() -> None:
    """A large message is resolved before a condition looks at it."""

    def resolve(value: Json) -> Json:
        return 3 if value == {"$blob": "x"} else value

    (edge,) = WorkflowBuilder().add_edge(A, B, lambda n: n == 3).build().core.edges
    assert isinstance(edge, Direct)
    assert edge.condition is not None
    assert edge.condition({"$blob": "x"}, Scope(None, {}, {}, resolve))


def test_a_condition_that_raises_or_is_async_raises() -> None:
    """Conformance 11: an error in a condition is never false; neither is a coroutine true."""

    async def later(n: int) -> bool:
        return True

    def hidden(n: int) -> Any:
        coroutine = later(n)
        coroutine.close()
        return coroutine

    for condition, error in ((lambda n: n.nothing, AttributeError), (hidden, TypeError)):
        (edge,) = WorkflowBuilder().add_edge(A, B, condition).build().core.edges
        assert isinstance(edge, Direct)
        assert edge.condition is not None
        with pytest.raises(error):
            edge.condition(1, SCOPE)


def test_a_switch_has_cases_and_a_default() -> None:
    """Conformance 12: cases in order, the default last; two cases may name one target."""
    cases: list[Case | Default] = [
        Case(lambda n: n > 10, B),
        Case(condition=lambda n: n > 5, target=B),
        Default(target=C),
    ]
    (group,) = WorkflowBuilder(start_executor=A).add_switch_case_edge_group(A, cases).build().core.edges
    assert isinstance(group, Switch)
    assert ([target for _, target in group.cases], group.default) == (["b", "b"], "c")
    assert [[condition(n, SCOPE) for condition, _ in group.cases] for n in (11, 6, 1)] == [
        [True, True],
        [False, True],
        [False, False],
    ]


def test_a_selection_names_targets() -> None:
    """Conformance 13: the function gets the message and the targets' ids, and returns ids."""

    def select(n: int, ids: list[str]) -> list[str]:
        return ids[:n]

    builder = WorkflowBuilder(start_executor=A)
    (group,) = builder.add_multi_selection_edge_group(A, [B, C], selection_func=select).build().core.edges
    assert isinstance(group, MultiSelection)
    assert [group.select(n, SCOPE, group.targets) for n in (0, 1, 2)] == [[], ["b"], ["b", "c"]]


def test_what_messages_an_executor_takes_is_known_to_the_core() -> None:
    """Conformance 7: the graph knows which encoded messages an executor can handle, and their names."""
    typed = node("typed", Order | int)
    built = WorkflowBuilder(start_executor=typed).build()
    spec = built.core.executors["typed"]
    assert spec.handles == ("Order", "int")
    assert spec.accepts is not None
    messages = [Order(1), 3, "text", True]
    assert [spec.accepts(built.codec.encode(message)) for message in messages] == [True, True, False, False]


def test_types_of_the_executors_modules_can_be_kept() -> None:
    """Conformance 47: what a module defines, and what handlers and their fields name, may be sent."""

    @dataclass
    class Inner:
        n: int

    @dataclass
    class Outer:
        parts: list[Inner]

    stray = node("stray", Inner)
    stray.function.__module__ = "nowhere"
    codec = WorkflowBuilder(start_executor=node("x", Outer)).add_edge("x", stray).build().codec
    for value in (Order(1), Outer([Inner(1)])):
        assert codec.decode(codec.encode(value)) == value


def test_mistakes_in_the_graph_are_told_with_their_line() -> None:
    """Conformance 19: unknown, duplicate, unreachable, unfillable, a limit of 0: all at once, each with its line."""
    builder = WorkflowBuilder(name="Bad name", max_iterations=0, start_executor=A)
    builder.add_edge(A, B).add_edge(A, B)
    builder.add_edge(A, "bb")
    found = problems(builder.build)
    assert found == [
        "'Bad name' cannot be a workflow's name",
        "'max_iterations' must be at least 1, not 0",
        "the edge a -> b stands twice",
        "unknown executor 'bb'",
    ]
    assert problems(WorkflowBuilder(start_executor=A).add_edge(A, B).add_edge(C, D).build) == [
        "executor 'c' is never reached from 'a'",
        "executor 'd' is never reached from 'a'",
    ]
    unfilled = WorkflowBuilder(start_executor=A).add_edge(A, B).add_fan_in_edges([B, C], D).add_edge(D, C)
    assert problems(unfilled.build) == ["a fan-in that can never fill: 'c' is reached only through it"]


@pytest.mark.parametrize(
    ("build", "problem"),
    [
        (lambda: WorkflowBuilder().build(), "a workflow without executors"),
        (lambda: WorkflowBuilder().add_edge(A, B).add_edge(B, A).build(), "not clear which executor to start with"),
        (lambda: WorkflowBuilder().add_edge(A, C).add_edge(B, C).build(), "not clear which executor to start with"),
        (lambda: WorkflowBuilder(start_executor=A).add_chain([A]).build(), "a chain of fewer than two"),
        (lambda: WorkflowBuilder(start_executor=A).add_fan_out_edges(A, []).build(), "`targets` is an empty list"),
        (lambda: WorkflowBuilder(start_executor=A).add_fan_out_edges(A, [B, B]).build(), "'b' stands twice"),
        (lambda: WorkflowBuilder(start_executor=A).add_fan_in_edges([], A).build(), "`sources` is an empty list"),
        (lambda: WorkflowBuilder().add_edge(A, B, condition=7).build(), "`condition` is not a plain function"),  # type: ignore[arg-type]
        (lambda: WorkflowBuilder().add_edge(A, node("a")).build(), "two executors are called 'a'"),
        (lambda: WorkflowBuilder(start_executor=node("a b")).build(), "'a b' cannot be an executor's id"),
        (
            lambda: WorkflowBuilder().add_edge(node("x", gives=int), node("y", str)).build(),
            "'y' cannot handle what 'x' sends: int",
        ),
        (
            lambda: WorkflowBuilder().add_edge(node("x", gives=None), B).build(),
            "'x' sends nothing",
        ),
    ],
)
def test_what_cannot_be_built_is_named(build: Callable[[], object], problem: str) -> None:
    """Conformance 19: the same checks as for flow files, and those that only Python needs."""
    assert any(problem in each for each in problems(build))


async def _async_condition(message: Any) -> bool:
    return True


@pytest.mark.parametrize(
    "cases",
    [
        [],
        [Case(bool, B)],
        [Default(B), Case(bool, C)],
        [Case(bool, B), Default(C), Default(D)],
        [Case(_async_condition, B), Default(C)],
    ],
)
def test_a_switch_needs_one_default_at_its_end(cases: list[Case | Default]) -> None:
    """Conformance 12: a default is required and may only be last; conditions are plain functions."""
    builder = WorkflowBuilder(start_executor=A).add_edge(A, B).add_edge(A, C).add_edge(A, D)
    (problem,) = problems(builder.add_switch_case_edge_group(A, cases).build)
    assert "its default" in problem or "not a plain function" in problem


def test_wrong_handlers_are_told_at_build() -> None:
    """Conformance 10: a handler of the wrong shape is told with its own line."""

    class Odd(Executor):
        @handler
        def handle(self, message) -> None: ...  # type: ignore[no-untyped-def]

    with pytest.raises(FlowError, match=r"test_builder\.py:\d+: handler `Odd\.handle` does not say"):
        WorkflowBuilder(start_executor=Odd("odd")).build()


def test_what_is_no_executor_is_refused_where_it_is_given() -> None:
    """A class, or a function without `@executor`, is told at once."""
    for wrong, hint in ((Executor, "make an instance"), (print, "decorate a function")):
        with pytest.raises(FlowError, match="is not an executor") as caught:
            WorkflowBuilder().add_edge(A, wrong)  # type: ignore[arg-type]
        assert hint in str(caught.value.hint)


def test_storage_is_kept_for_whoever_runs_it() -> None:
    """`with_checkpointing` says where runs are kept."""
    storage = object()
    built = WorkflowBuilder(start_executor=A).with_checkpointing(storage).build()
    assert isinstance(built, BuiltWorkflow)
    assert built.storage is storage
    assert WorkflowBuilder(start_executor=A, checkpoint_storage=storage).build().storage is storage


def test_limits_and_zone_of_a_workflow() -> None:
    """Conformance 32: `with_timeout` bounds the whole run; what an executor was made with bounds its handlers."""

    @retry(max_attempts=2)
    @executor
    def bounded(message: str) -> None: ...

    core = (
        WorkflowBuilder(start_executor=bounded, timezone="Europe/Paris").with_timeout(timedelta(hours=1)).build().core
    )
    assert (core.timeout, core.timezone) == (timedelta(hours=1), "Europe/Paris")
    assert core.executors["bounded"].retry_for is not None
    limits: dict[str, Any] = {"timeout": 90, "deadline": timedelta(hours=2), "idle_timeout": 0.5}
    spec = WorkflowBuilder(start_executor=AgentExecutor(Agent(), "it", **limits)).build().core.executors["it"]
    assert (spec.timeout, spec.deadline) == (timedelta(seconds=90), timedelta(hours=2))
    assert spec.idle_timeout == timedelta(milliseconds=500)
    assert spec.retry_for is None


@pytest.mark.parametrize("timeout", [-1, 0, timedelta(days=4000), float("nan"), "1h"])
def test_an_absurd_timeout_of_a_workflow_is_told_with_its_line(timeout: Any) -> None:
    """Negative and absurd durations are found when the workflow is built, with the place; so is an unknown zone."""
    builder = WorkflowBuilder(start_executor=A, timezone="Europe/Pari")
    here = inspect.stack()[0].lineno
    with pytest.raises(FlowError) as caught:
        builder.with_timeout(timeout).build()
    said = [(message, hint) for message, hint in caught.value.problems]
    assert any(m.startswith(f"{__file__}:{here + 2}:") and "the workflow's `timeout`" in m for m, _ in said)
    assert any("unknown time zone: 'Europe/Pari'" in m and h == "did you mean 'Europe/Paris'?" for m, h in said)


def test_a_built_workflow_runs_and_streams() -> None:
    """Design 6: `run`, `run_stream` and `run_stream_from_checkpoint` of one workflow, in memory."""
    inputs = node("double", int, int)
    built = WorkflowBuilder(name="doubling", start_executor=inputs).build()
    storage = InMemoryCheckpointStorage()

    async def scenario() -> tuple[Any, list[Any], list[Any]]:
        result = await built.run(4)
        kept = WorkflowBuilder(name="doubling", start_executor=inputs, checkpoint_storage=storage).build()
        events = [event async for event in kept.run_stream(4, run_id="one")]
        again = [event async for event in kept.run_stream_from_checkpoint("one@1", storage)]
        return result, events, again

    result, events, again = asyncio.run(scenario())
    assert (result.status, result.get_outputs()) == ("completed", [4])
    assert events
    assert again
