from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from lrwf_cli.core.model import Direct, FanIn, FanOut, Json, MultiSelection, RetryPolicy, Scope, Switch, Workflow
from lrwf_cli.errors import ConditionError, ExpressionError
from lrwf_cli.flow.compile import ExecutorFacts, compile_workflow, notices_of, options_of
from lrwf_cli.flow.load import parse_flow
from tests.flow.complaining import flow

SEEN: list[Json] = []


def decode(value: Json) -> object:
    SEEN.append(value)
    return value


def now() -> datetime:
    return datetime(2026, 1, 1, 12, tzinfo=UTC)


def compiled(text: str, facts: Mapping[str, ExecutorFacts] | None = None) -> Workflow:
    return compile_workflow(parse_flow(text, "flow.yaml"), facts or {}, decode=decode, now=now)


def scope(run_input: Json = None, state: Mapping[str, Json] | None = None) -> Scope:
    run = {"id": "demo-1", "workflow": "demo", "started_at": "2026-01-01T11:00:00+00:00"}
    return Scope(run_input, state or {}, run, resolve=lambda value: "big" if value == "@" else value)


def test_edges_become_groups_in_the_order_of_the_file() -> None:
    """Conformance 12, 13, 14: direct, fan-out, fan-in, switch and selection; the order is that of the file."""
    workflow = compiled(
        flow(
            "a b c d e",
            "{from: a, to: b}",
            "{from: b, to: [c, d]}",
            "{from: [c, d], to: e}",
            "{from: [d, c], to: e, need: any}",
            "{from: [d, c, b], to: e, need: 2}",
            "{from: e, switch: [{when: 'message == 1', to: a}, {when: 'message == 2', to: a}, {default: b}]}",
            "{from: e, to: [c, d], select: message}",
            "{from: c, to: [d, e], when: message}",
            start="a",
        )
    )
    direct, fan_out, fan_in, any_of, two_of, switch, selection, first, second = workflow.edges
    assert direct == Direct("a", "b")
    assert fan_out == FanOut("b", ("c", "d"))
    assert (fan_in, any_of) == (FanIn(("c", "d"), "e"), FanIn(("d", "c"), "e", need=1))
    assert two_of == FanIn(("d", "c", "b"), "e", need=2)
    assert isinstance(switch, Switch)
    assert ([target for _, target in switch.cases], switch.default) == (["a", "a"], "b")
    assert [[condition(value, scope()) for condition, _ in switch.cases] for value in (1, 2)] == [
        [True, False],
        [False, True],
    ]
    assert isinstance(selection, MultiSelection)
    assert selection.targets == ("c", "d")
    assert isinstance(first, Direct)
    assert isinstance(second, Direct)
    assert (first.target, second.target) == ("d", "e")
    assert first.condition is second.condition is not None
    assert workflow.start == "a"


def condition_of(text: str) -> Any:
    edge = compiled(flow("a b", f"{{from: a, to: b, when: {text!r}}}")).edges[0]
    assert isinstance(edge, Direct)
    assert edge.condition
    return edge.condition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("message.score > 0.5", True),
        ("input.region == 'eu' and state.count == 2", True),
        ("run.id == 'demo-1' and run.workflow == 'demo'", True),
        ("now() - run.started_at == 3600", True),
        ("'missing' in state", False),
        ("len(state) == 1", True),
        ("len(str(state)) == 11", True),
        ("message.nothing", False),
    ],
)
def test_a_condition_sees_message_input_state_and_run(text: str, expected: bool) -> None:  # noqa: FBT001 - parametrized
    """Design 7: expressions see `message`, `input`, `state`, `run`."""
    condition = condition_of(text)
    message = {"score": 0.9, "nothing": []}
    assert condition(message, scope({"region": "eu"}, {"count": 2})) is expected


def test_only_what_a_condition_looks_at_is_resolved_and_decoded() -> None:
    """A value that is kept beside the journal is read when it is looked at; state, key by key."""
    SEEN.clear()
    assert condition_of("state.a == 'big'")("message", scope("input", {"a": "@", "b": "other"}))
    assert SEEN == ["big"]


def test_a_condition_that_fails_names_its_place() -> None:
    """Conformance 11: a condition that raises is an error with the edge's place, and never means false."""
    with pytest.raises(ConditionError) as caught:
        condition_of("message.choise == 1")({"choice": 1}, scope())
    assert caught.value.message == "flow.yaml:6:28: 'message' has no key 'choise', in: 'message.choise == 1'"
    assert caught.value.hint == "did you mean 'choice'?"


def test_a_selection_gives_ids_of_its_targets() -> None:
    """Conformance 13: any subset, empty too; an unknown id, or what is no list, is an error."""
    edge = compiled(flow("a b c", "{from: a, to: [b, c], select: message}")).edges[0]
    assert isinstance(edge, MultiSelection)
    for chosen in ([], ["c"], ["c", "b", "c"]):
        assert edge.select(chosen, scope(), edge.targets) == chosen
    for wrong in (["d"], "b", [1], None, {"b": 1}):
        with pytest.raises(ConditionError) as caught:
            edge.select(wrong, scope(), edge.targets)
        assert caught.value.message.startswith("flow.yaml:7:35: 'select' gave ")
        assert caught.value.hint == "have it give a list of some of 'b' and 'c'"


def test_a_selection_that_fails_names_its_place() -> None:
    """Conformance 13: as a condition, a selection that raises is an error with its place."""
    edge = compiled(flow("a b c", "{from: a, to: [b, c], select: message.ids}")).edges[0]
    assert isinstance(edge, MultiSelection)
    with pytest.raises(ConditionError, match=r"^flow.yaml:7:35: 'message' has no key 'ids', in: 'message.ids'$"):
        edge.select({}, scope(), edge.targets)


def test_limits_and_facts_reach_the_core() -> None:
    """What the file and the code say of an executor is what the core knows of it."""
    facts = {"a": ExecutorFacts(accepts=callable, handles=("str",), max_parallel=4)}
    workflow = compiled(flow("a b", "{from: a, to: b}", max_iterations=7, when_failed="stop"), facts)
    assert (workflow.name, workflow.max_iterations, workflow.when_failed, workflow.timeout) == ("demo", 7, "stop", None)
    spec = workflow.executors["a"]
    assert (spec.id, spec.accepts, spec.handles, spec.max_parallel) == ("a", callable, ("str",), 4)
    assert (workflow.executors["b"].accepts, workflow.executors["b"].retry) == (None, RetryPolicy())


OWN = RetryPolicy(max_attempts=9)


@pytest.mark.parametrize(
    ("defaults", "own", "code", "expected"),
    [
        ("", "", None, RetryPolicy(max_attempts=1)),
        ("", "retry: {}", None, RetryPolicy(max_attempts=3)),
        (
            "",
            "retry: {initial: 5s, retry_on: [OSError]}",
            None,
            RetryPolicy(3, timedelta(seconds=5), retry_on=("OSError",)),
        ),
        ("defaults: {retry: {max_attempts: 4}}", "", None, RetryPolicy(max_attempts=4)),
        (
            "defaults: {retry: {max_attempts: 4, max: 9s}}",
            "retry: {max_attempts: 2}",
            None,
            RetryPolicy(2, max=timedelta(seconds=9)),
        ),
        ("defaults: {retry: {max_attempts: 4}}", "", OWN, OWN),
        ("", "retry: {max_attempts: 2}", OWN, RetryPolicy(max_attempts=2)),
    ],
)
def test_the_nearest_word_on_retries_counts(
    defaults: str, own: str, code: RetryPolicy | None, expected: RetryPolicy
) -> None:
    """Design 9: none without `retry:`; else its keys, then those of `defaults`, then 3 attempts from 1 s to 5 min."""
    text = f"name: demo\n{defaults}\nexecutors:\n  a:\n    uses: m:f\n    {own}\n"
    spec = compiled(text, {"a": ExecutorFacts(retry_for=lambda message: code)}).executors["a"]
    assert ((spec.retry_for and spec.retry_for(None)) or spec.retry) == expected


LIMITED = """
name: demo
timeout: 2h
defaults: {timeout: 1m, deadline: 1h, grace: 1s, on_crash: ask, max_crashes: 2, on_error: c, retry: {exit_codes: [75]}}
executors:
  a: {uses: 'm:f', timeout: 2m, on_crash: fail, max_parallel: 3, ordered: true}
  b: {uses: 'm:f', on_error: a, grace: 0s, max_crashes: 9}
  c: {uses: 'm:f'}
edges: [{from: a, to: b}]
start: a
on_failure: c
on_exit: c
notify: {request: ./tell.sh, blocked: [./page.sh, now]}
"""


def test_the_nearest_word_on_limits_counts() -> None:
    """An executor's own key, then its code's, then that of `defaults`, then none; `on_error` of all is not its own."""
    minutes = [timedelta(minutes=number) for number in range(61)]
    code = ExecutorFacts(timeout=minutes[7], idle_timeout=minutes[8])
    workflow = compiled(LIMITED, dict.fromkeys("abc", code))
    a, b, c = (workflow.executors[name] for name in "abc")
    assert [spec.timeout for spec in (a, b, c)] == [minutes[2], minutes[7], minutes[7]]
    assert [spec.deadline for spec in (a, b, c)] == [minutes[60]] * 3
    assert [spec.idle_timeout for spec in (a, b, c)] == [minutes[8]] * 3
    assert [spec.grace.total_seconds() for spec in (a, b, c)] == [1, 0, 1]
    assert [spec.on_crash for spec in (a, b, c)] == ["fail", "ask", "ask"]
    assert [spec.max_crashes for spec in (a, b, c)] == [2, 9, 2]
    assert [spec.on_error for spec in (a, b, c)] == ["c", "a", None]
    assert [(spec.max_parallel, spec.ordered) for spec in (a, b)] == [(3, True), (1, False)]
    assert a.retry == RetryPolicy(max_attempts=3, exit_codes=(75,))
    without = compiled(LIMITED).executors["b"]
    assert (without.timeout, without.idle_timeout) == (minutes[1], None)


def test_what_comes_after_a_verdict_reaches_the_core() -> None:
    """Design 4, 9: hooks by the verdict, the events of which somebody is told, and the run's own limit."""
    workflow = compiled(LIMITED)
    assert workflow.timeout == timedelta(hours=2)
    assert dict(workflow.after) == {"failed": "c", "exit": "c"}
    assert workflow.notify == {"request", "blocked"}
    assert notices_of(parse_flow(LIMITED, "x").flow) == {"request": "./tell.sh", "blocked": ["./page.sh", "now"]}


def test_options_are_rendered_with_the_input_and_the_run() -> None:
    """Design 9: `${{ }}` in `with:`; one expression keeps its type."""
    text = (
        "name: demo\nexecutors:\n  a:\n    uses: m:f\n"
        "    with: {n: '${{ input.n }}', s: 'run ${{ run.id }}', l: ['${{ input.n + 1 }}'], plain: 1, no: null}\n"
    )
    loaded = parse_flow(text, "flow.yaml")
    run = {"id": "demo-1", "workflow": "demo", "started_at": now()}
    options = options_of(loaded, "a", run_input={"n": 3}, run=run, now=now)
    assert options == {"n": 3, "s": "run demo-1", "l": [4], "plain": 1, "no": None}
    with pytest.raises(ExpressionError) as caught:
        options_of(loaded, "a", run_input={"m": 3}, run=run, now=now)
    assert caught.value.message == "flow.yaml:5:15: 'input' has no key 'n', in: 'input.n'"


def test_a_pinned_text_compiles_to_the_same_workflow() -> None:
    """Conformance 50: a run goes on with the text it is pinned to, and nothing else is needed."""
    text = flow("a b", "{from: a, to: b, when: 'message > 1'}", "{from: b, to: a}", start="a")
    one, other = compiled(text), compiled(parse_flow(text, "elsewhere.yaml").text)
    assert msgspec.structs.replace(one, edges=()) == msgspec.structs.replace(other, edges=())
    assert len(one.edges) == len(other.edges)


def test_a_large_flow_is_loaded_and_compiled() -> None:
    """A thousand executors with a condition each are within the bounds."""
    names = [f"e{number}" for number in range(1000)]
    edges = [f"{{from: e{n}, to: e{n + 1}, when: 'message.n > {n}'}}" for n in range(999)]
    workflow = compiled(flow(" ".join(names), *edges))
    assert (len(workflow.executors), len(workflow.edges), workflow.start) == (1000, 999, "e0")
