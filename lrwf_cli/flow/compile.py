"""A loaded flow file to the core's `Workflow`: edges and conditions. Decides nothing that `check` has not seen.

What holds for a single executor is in `policies`. Conditions get encoded values; what they look at is decoded when an
expression asks for it, and only then.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import msgspec
from msgspec import UNSET

from lrwf_cli.core.model import (
    Condition,
    Direct,
    EdgeGroup,
    FanIn,
    FanOut,
    Json,
    MultiSelection,
    Scope,
    Selection,
    Switch,
    Workflow,
)
from lrwf_cli.errors import ConditionError, ExpressionError
from lrwf_cli.flow.expressions import Expression, compile_expression
from lrwf_cli.flow.hooks import HOOKS
from lrwf_cli.flow.kinds import Command
from lrwf_cli.flow.load import LoadedFlow
from lrwf_cli.flow.policies import ExecutorFacts, specs_of
from lrwf_cli.flow.problems import listed, quoted
from lrwf_cli.flow.schema import Edge, FlowFile
from lrwf_cli.flow.shapes import EDGE_NAMES
from lrwf_cli.flow.templates import render
from lrwf_cli.flow.tree import Path

__all__ = ["ExecutorFacts", "compile_workflow", "notices_of", "options_of"]

Decode = Callable[[Json], object]
Now = Callable[[], datetime]


def compile_workflow(loaded: LoadedFlow, facts: Mapping[str, ExecutorFacts], *, decode: Decode, now: Now) -> Workflow:
    """Return the workflow that `loaded` declares; an executor that `facts` leaves out takes every message.

    `decode` turns a kept value (its blobs resolved) into what expressions see; `now` is what `now()` in an
    expression returns. The conditions raise ConditionError with their place in the file.
    """
    flow = loaded.flow
    compiler = _Compiler(loaded, decode, now)
    return Workflow(
        name=flow.name,
        executors=specs_of(loaded, facts),
        start=loaded.start,
        edges=tuple(group for index, edge in enumerate(flow.edges) for group in compiler.groups(edge, index)),
        max_iterations=flow.max_iterations,
        timeout=None if flow.timeout is UNSET else flow.timeout,
        when_failed=flow.when_failed,
        after={verdict: name for key, verdict in HOOKS.items() if (name := getattr(flow, key)) is not UNSET},
        notify=frozenset(notices_of(flow)),
        timezone=None if flow.timezone is UNSET else flow.timezone,
        allowed_users=() if flow.allowed_users is UNSET else tuple(flow.allowed_users),
    )


def notices_of(flow: FlowFile) -> dict[str, Command]:
    """Return the commands that are told what happens, by the event."""
    said = {} if flow.notify is UNSET else msgspec.structs.asdict(flow.notify)
    return {event: command for event, command in said.items() if command is not UNSET}


def options_of(
    loaded: LoadedFlow, executor: str, *, run_input: object, run: Mapping[str, object], now: Now
) -> dict[str, Json]:
    """Return the keyword arguments of `executor`: its `with:`, each `${{ }}` in it rendered with `input` and `run`.

    `run` has `id`, `workflow` and `started_at`. Raises ExpressionError, with the place of the argument.
    """
    names = {"input": run_input, "run": run}
    options: dict[str, Json] = {}
    for key, value in loaded.flow.executors[executor].with_.items():
        try:
            options[key] = render(value, names, now)
        except ExpressionError as error:
            place = loaded.place(("executors", executor, "with", key))
            raise ExpressionError(f"{place}: {error.message}", hint=error.hint) from error
    return options


class _Compiler:
    """Turns the edges of one flow into groups."""

    def __init__(self, loaded: LoadedFlow, decode: Decode, now: Now) -> None:
        self._loaded = loaded
        self._decode = decode
        self._now = now

    def groups(self, edge: Edge, index: int) -> Iterator[EdgeGroup]:
        """Yield what `edge` is to the core: one group, or one for each target of a fan-out with a condition."""
        path: Path = ("edges", index)
        match edge:
            case Edge(from_=list() as sources, to=str() as target, need=need):
                yield FanIn(
                    tuple(sources), target, need=1 if need == "any" else need if isinstance(need, int) else None
                )
            case Edge(from_=str() as source, switch=list() as cases):
                *first, last = cases
                conditions = [
                    (self._condition(str(case.when), (*path, "switch", number, "when")), str(case.to))
                    for number, case in enumerate(first)
                ]
                yield Switch(source, tuple(conditions), str(last.default))
            case Edge(from_=str() as source, to=list() as targets, select=str() as select):
                yield MultiSelection(source, tuple(targets), self._selection(select, (*path, "select")))
            case Edge(from_=str() as source, to=list() as targets, when=str() as when):
                condition = self._condition(when, (*path, "when"))
                yield from (Direct(source, target, condition) for target in targets)
            case Edge(from_=str() as source, to=list() as targets):
                yield FanOut(source, tuple(targets))
            case Edge(from_=str() as source, to=str() as target, when=when):
                yield Direct(source, target, self._condition(when, (*path, "when")) if isinstance(when, str) else None)

    def _condition(self, text: str, path: Path) -> Condition:
        expression = compile_expression(text, EDGE_NAMES)

        def condition(message: Json, scope: Scope) -> bool:
            from lrwf_cli.flow.evaluate import holds

            try:
                return holds(expression, self._names(expression, message, scope), self._now)
            except ExpressionError as error:
                raise self._failed(error, path) from error

        return condition

    def _selection(self, text: str, path: Path) -> Selection:
        expression = compile_expression(text, EDGE_NAMES)

        def select(message: Json, scope: Scope, targets: tuple[str, ...]) -> list[str]:
            from lrwf_cli.flow.evaluate import evaluate

            try:
                chosen = evaluate(expression, self._names(expression, message, scope), self._now)
            except ExpressionError as error:
                raise self._failed(error, path) from error
            if not isinstance(chosen, list) or any(name not in targets for name in chosen):
                hint = f"have it give a list of some of {listed(targets)}"
                raise ConditionError(f"{self._loaded.place(path)}: 'select' gave {quoted(chosen)}", hint=hint)
            return chosen

        return select

    def _failed(self, error: ExpressionError, path: Path) -> ConditionError:
        return ConditionError(f"{self._loaded.place(path)}: {error.message}", hint=error.hint)

    def _names(self, expression: Expression, message: Json, scope: Scope) -> Mapping[str, object]:
        """Return what the expression can see; only what it uses is decoded."""
        values: dict[str, Callable[[], object]] = {
            "message": lambda: self._decode(scope.resolve(message)),
            "input": lambda: self._decode(scope.resolve(scope.input)),
            "state": lambda: _State(scope, self._decode),
            "run": lambda: _run(scope.run),
        }
        return {name: values[name]() for name in expression.names if name in values}


class _State(Mapping[str, object]):
    """The shared state, decoded key by key."""

    def __init__(self, scope: Scope, decode: Decode) -> None:
        self._scope = scope
        self._decode = decode

    def __getitem__(self, key: str) -> object:
        return self._decode(self._scope.resolve(self._scope.state[key]))

    def __contains__(self, key: object) -> bool:
        return key in self._scope.state

    def __iter__(self) -> Iterator[str]:
        return iter(self._scope.state)

    def __len__(self) -> int:
        return len(self._scope.state)


def _run(about: Mapping[str, Json]) -> Mapping[str, object]:
    """Return what an expression sees of the run, with its start as an instant."""
    return {**about, "started_at": datetime.fromisoformat(about["started_at"])}
