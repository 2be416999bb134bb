"""Workflows built in Python. The names are those of Microsoft Agent Framework; the checks those of flow files.

Each call notes the line that it stands in, so that `build` can tell everything that is wrong, with its place.
"""

import inspect
import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any, Self

import msgspec

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Direct, EdgeGroup, FanIn, FanOut, MultiSelection, Switch
from lrwf_cli.core.model import Workflow as Graph
from lrwf_cli.core.spans import Span, span_of
from lrwf_cli.core.zones import zone_of
from lrwf_cli.errors import FlowError, UsageError
from lrwf_cli.executors.api import Executor, check_executor, handlers_of, sends
from lrwf_cli.flow.built import BuiltWorkflow, RunResult, condition_of, selection_of, spec_of
from lrwf_cli.flow.callers import caller
from lrwf_cli.flow.check import MessageTypes, check_graph, check_types, start_of
from lrwf_cli.flow.graph import Link, Outline
from lrwf_cli.flow.problems import Mark, Problems, quoted
from lrwf_cli.flow.rules import check_name
from lrwf_cli.flow.tree import Node, Path

__all__ = ["BuiltWorkflow", "Case", "Default", "RunResult", "Workflow", "WorkflowBuilder"]

Workflow = BuiltWorkflow
"""What authors call it; inside, `Workflow` is the graph."""

AnExecutor = Executor | str
"""An executor, or the id of one that another call brings."""


class Case(msgspec.Struct, frozen=True):
    """A way of a switch: taken if `condition`, called with the message, is true and no case before it was."""

    condition: Callable[[Any], Any]
    target: AnExecutor


class Default(msgspec.Struct, frozen=True):
    """The last way of a switch: taken if no case was."""

    target: AnExecutor


class _Edges(msgspec.Struct, frozen=True):
    """What one call added: a link for the checks, and the group that it becomes."""

    link: Link
    mark: Mark
    group: Callable[[Codec], EdgeGroup]


class WorkflowBuilder:
    """Puts a workflow together. Every method but `build` returns the builder, so that calls can be chained.

    Nothing but that executors are executors is checked before `build`. `max_iterations` bounds how deep a run may
    go. Without `start_executor`, the only executor that no edge leads to is the first. `timezone` is the zone of times
    that name none, as in `Europe/Paris`; `None`: the machine's.
    """

    def __init__(
        self,
        *,
        name: str = "workflow",
        max_iterations: int = 100,
        start_executor: AnExecutor | None = None,
        timezone: str | None = None,
        checkpoint_storage: Any = None,
    ) -> None:
        self._name = name
        self._max_iterations = max_iterations
        self._storage = checkpoint_storage
        self._file, self._mark = caller(__file__)
        self._problems = Problems(self._file)
        self._executors: dict[str, Executor] = {}
        self._marks: dict[str, Mark] = {}
        self._edges: list[_Edges] = []
        self._is_whole = True
        self._timeout: timedelta | None = None
        self._timezone = timezone
        self._start: str | None = None
        if start_executor is not None:
            self._start = self._id(start_executor, self._mark)

    def set_start_executor(self, executor: AnExecutor) -> Self:
        """Name the executor that gets the run's input."""
        self._start = self._id(executor, self._here())
        return self

    def add_edge(self, source: AnExecutor, target: AnExecutor, condition: Callable[[Any], Any] | None = None) -> Self:
        """Lead what `source` sends to `target`; with a condition, only messages for which it is true.

        A message for which it is false is consumed quietly; an exception in it fails the run.
        """
        mark = self._here()
        self._check_callable(condition, "condition", mark)
        one, other = self._id(source, mark), self._id(target, mark)

        def group(codec: Codec) -> EdgeGroup:
            return Direct(one, other, condition_of(condition, codec) if condition else None)

        return self._add("to", (one,), (other,), mark, group, condition=condition)

    def add_chain(self, executors: Sequence[AnExecutor]) -> Self:
        """Add an edge from each executor to the next."""
        mark = self._here()
        ids = [self._id(each, mark) for each in executors]
        if len(ids) < 2:
            self._problems.add(mark, "a chain of fewer than two executors", "name at least two, in their order")
        for one, other in pairwise(ids):
            self._add("to", (one,), (other,), mark, partial(_itself, Direct(one, other)))
        return self

    def add_fan_out_edges(self, source: AnExecutor, targets: Sequence[AnExecutor]) -> Self:
        """Lead every message of `source` to all `targets`."""
        mark = self._here()
        one, others = self._id(source, mark), self._ids(targets, "targets", mark)
        return self._add("to", (one,), others, mark, partial(_itself, FanOut(one, others)))

    def add_fan_in_edges(self, sources: Sequence[AnExecutor], target: AnExecutor) -> Self:
        """Lead one message of each of `sources` to `target`, as a list in their order, first with first."""
        mark = self._here()
        ones, other = self._ids(sources, "sources", mark), self._id(target, mark)
        return self._add("fan_in", ones, (other,), mark, partial(_itself, FanIn(ones, other)))

    def add_switch_case_edge_group(self, source: AnExecutor, cases: Sequence[Case | Default]) -> Self:
        """Lead each message to exactly one target: the first case that is true, else the default, which is last."""
        mark = self._here()
        one, others = self._id(source, mark), tuple(self._id(case.target, mark) for case in cases)
        for case in cases:
            if isinstance(case, Case):
                self._check_callable(case.condition, "condition", mark)
        if [isinstance(case, Default) for case in cases] != [False] * (len(cases) - 1) + [True]:
            hint = "end the list with one `Default(target=...)`: a message must go somewhere"
            self._problems.add(mark, "a switch whose last case, and no other, is not its default", hint)

        def group(codec: Codec) -> EdgeGroup:
            conditions = [condition_of(case.condition, codec) for case in cases if isinstance(case, Case)]
            return Switch(one, tuple(zip(conditions, others[:-1], strict=True)), others[-1])

        return self._add("switch", (one,), others, mark, group, condition=cases)

    def add_multi_selection_edge_group(
        self,
        source: AnExecutor,
        targets: Sequence[AnExecutor],
        selection_func: Callable[[Any, list[str]], Sequence[str]],
    ) -> Self:
        """Lead each message to the targets whose ids `selection_func(message, target_ids)` returns: any, once each."""
        mark = self._here()
        self._check_callable(selection_func, "selection_func", mark)
        one, others = self._id(source, mark), self._ids(targets, "targets", mark)

        def group(codec: Codec) -> EdgeGroup:
            return MultiSelection(one, others, selection_of(selection_func, codec))

        return self._add("select", (one,), others, mark, group, condition=selection_func)

    def with_checkpointing(self, storage: Any) -> Self:
        """Keep the runs in `storage`: a `FileCheckpointStorage` or an `InMemoryCheckpointStorage`."""
        self._storage = storage
        return self

    def with_timeout(self, timeout: Span) -> Self:
        """Bound the whole run, wall clock: a timedelta, or seconds. Past it the run is `timed_out`."""
        mark = self._here()
        try:
            self._timeout = span_of(timeout, "the workflow's `timeout`") or None
        except UsageError as error:
            self._problems.add(mark, error.message, error.hint)
        else:
            if self._timeout is None:
                self._problems.add(mark, "the workflow's `timeout` is 0", "leave it out for no limit")
        return self

    def build(self) -> BuiltWorkflow:
        """Return the workflow. Raises FlowError with everything that is wrong, each with its file and line."""
        outline, root = self._outline(), self._tree()
        self._check(outline, root)
        codec = Codec()
        core = Graph(
            name=self._name,
            executors={name: spec_of(name, each, codec) for name, each in self._executors.items()},
            start=start_of(outline) or "",
            edges=tuple(each.group(codec) for each in self._edges),
            max_iterations=self._max_iterations,
            timeout=self._timeout,
            timezone=self._timezone,
        )
        return BuiltWorkflow(core, dict(self._executors), codec, self._storage)

    def _check(self, outline: Outline, root: Node) -> None:
        check_name(Node(self._name, self._mark), self._problems)
        try:
            zone_of(self._timezone)
        except UsageError as error:
            self._problems.add(self._mark, error.message, error.hint)
        if not self._executors:
            self._problems.add(self._mark, "a workflow without executors", "add one with `set_start_executor`")
        check_graph(outline, root, self._problems)
        types = {name: MessageTypes(handlers_of(each).takes, sends(each)) for name, each in self._executors.items()}
        check_types(outline, root, self._problems, types)
        wrong = [problem for each in self._executors.values() for problem in check_executor(each)]
        if len(self._problems):
            wrong += self._problems.error().problems
        if wrong:
            raise FlowError(*dict.fromkeys(wrong))

    def _outline(self) -> Outline:
        """Return the graph for the checks. Without a start that is told here, they do not ask what it leads to."""
        links = tuple(each.link for each in self._edges)
        outline = Outline(tuple(self._executors), links, self._start, self._is_whole)
        if self._is_whole and self._start is None and self._executors and start_of(outline) is None:
            hint = "name the first one with `start_executor=`"
            self._problems.add(self._mark, "it is not clear which executor to start with", hint)
            outline = msgspec.structs.replace(outline, is_whole=False)
        return outline

    def _tree(self) -> Node:
        """Return where things stand, in the form in which the checks ask for it."""
        executors = Node({name: Node(name, mark) for name, mark in self._marks.items()}, self._mark, self._marks)
        edges = Node([Node(None, each.mark) for each in self._edges], self._mark)
        limit = Node(self._max_iterations, self._mark)
        parts = {"executors": executors, "edges": edges, "max_iterations": limit}
        return Node(parts, self._mark, dict.fromkeys(parts, self._mark))

    def _add(
        self,
        kind: Any,
        sources: tuple[str, ...],
        targets: tuple[str, ...],
        mark: Mark,
        group: Callable[[Codec], EdgeGroup],
        *,
        condition: object = None,
    ) -> Self:
        if not (sources and targets):  # told already
            self._is_whole = False
            return self
        path: Path = ("edges", len(self._edges))
        decides = "" if condition is None else f"{id(condition):x}"
        ones, others = (tuple((name, path) for name in names) for names in (sources, targets))
        self._edges.append(_Edges(Link(kind, path, ones, others, decides, need=len(sources)), self._own(mark), group))
        return self

    def _own(self, mark: Mark) -> Mark:
        """Return a place of its own for an edge, or the checks would take two of one call, or of a loop, for one."""
        taken = {each.mark for each in self._edges}
        while mark in taken:
            mark = mark._replace(col=mark.col + 1)
        return mark

    def _here(self) -> Mark:
        file, mark = caller(__file__)
        return mark if file == self._file else self._mark

    def _ids(self, executors: Sequence[AnExecutor], what: str, mark: Mark) -> tuple[str, ...]:
        ids = tuple(self._id(each, mark) for each in executors)
        if not ids:
            self._problems.add(mark, f"`{what}` is an empty list", "name an executor")
        for name in {name for name in ids if ids.count(name) > 1}:
            self._problems.add(mark, f"{quoted(name)} stands twice in `{what}`", "name it once")
        return ids

    def _id(self, executor: Any, mark: Mark) -> str:
        """Return an executor's id, and note the executor."""
        if isinstance(executor, str):
            return executor
        if not isinstance(executor, Executor):
            hint = "make an instance of it" if isinstance(executor, type) else "decorate a function with `@executor`"
            name = getattr(executor, "__name__", executor)
            raise FlowError((f"{self._file}:{mark.line}:{mark.col}: {quoted(name)} is not an executor", hint))
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", executor.id):
            hint = "an id has letters, digits, '-' and '_', and at most 64: give one to `Executor.__init__`"
            self._problems.add(mark, f"{quoted(executor.id)} cannot be an executor's id", hint)
        if self._executors.setdefault(executor.id, executor) is not executor:
            self._problems.add(mark, f"two executors are called {quoted(executor.id)}", "give one of them another id")
        self._marks.setdefault(executor.id, mark)
        return executor.id

    def _check_callable(self, function: object, what: str, mark: Mark) -> None:
        if function is not None and (not callable(function) or inspect.iscoroutinefunction(function)):
            hint = "give a plain function that needs nothing but its message"
            self._problems.add(mark, f"`{what}` is not a plain function", hint)


def _itself(group: EdgeGroup, _: Codec) -> EdgeGroup:
    return group
