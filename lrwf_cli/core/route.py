"""Where a message goes: edges, conditions, switches and selections. Pure but for the author's conditions.

A condition that raises is an error and never means false. A message that its target cannot handle is an
error that names both types. What no edge takes is told to the caller, who records it: nothing vanishes.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lrwf_cli.core.codec import type_name
from lrwf_cli.core.commands import Send
from lrwf_cli.core.events import StateChange
from lrwf_cli.core.model import (
    Condition,
    Direct,
    EdgeGroup,
    FanIn,
    FanOut,
    Json,
    MultiSelection,
    Scope,
    Switch,
    Workflow,
    targets_of,
)
from lrwf_cli.core.run import Run
from lrwf_cli.core.state import changed
from lrwf_cli.errors import ConditionError, MessageTypeError, UnknownTarget

__all__ = ["Hop", "check_type", "route", "scope_of"]


class Hop(NamedTuple):
    """One way that a message takes: to `target`, or into the queues of `fan_in` before it."""

    place: str
    target: str
    fan_in: FanIn | None = None


class _CommittedState(Mapping[str, Json]):
    """Shared state as it will be once `changes` are committed; looks up what is asked for and no more."""

    def __init__(self, run: Run, changes: tuple[StateChange, ...]) -> None:
        self._run = run
        self._changes = changes

    def __getitem__(self, key: str) -> Json:
        entry = self._run.state.get(key)
        value, exists = (entry.value, True) if entry else (None, False)
        for change in self._changes:
            if change.key == key:
                value, exists = changed(value, change), change.op != "delete"
        if not exists:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[str]:
        keys = dict.fromkeys([*self._run.state, *(change.key for change in self._changes)])
        return (key for key in keys if key in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def scope_of(workflow: Workflow, run: Run, changes: tuple[StateChange, ...] = ()) -> Scope:
    """Return what conditions see when `changes` are about to be committed."""
    about = {"id": run.id, "workflow": run.workflow, "started_at": run.started_at.isoformat()}
    return Scope(run.input, _CommittedState(run, changes), about, workflow.resolve)


def route(workflow: Workflow, source: str, send: Send, scope: Scope) -> list[Hop]:
    """Return the ways that `send` takes from `source`, in the order of the edges; none is possible.

    Raises UnknownTarget, ConditionError and MessageTypeError.
    """
    groups = workflow.leaving(source)
    if send.target is not None and send.target not in workflow.reachable_from(source):
        reachable = ", ".join(f"`{each}`" for each in workflow.reachable_from(source)) or "nobody"
        raise UnknownTarget(f"no edge leads from `{source}` to `{send.target}`", hint=f"its edges lead to {reachable}")
    hops: list[Hop] = []
    for number, group in enumerate(groups):
        if send.target is not None and send.target not in targets_of(group):
            continue  # its condition is not asked about what cannot go its way
        chosen = _targets(group, source, send.value, scope)
        reached = [target for target in chosen if send.target in (None, target)]
        hops += [_hop(workflow, group, number, source, target, send) for target in reached]
    return hops


def _hop(workflow: Workflow, group: EdgeGroup, number: int, source: str, target: str, send: Send) -> Hop:
    place = f"{send.lane}.{send.ordinal}.{number}.{target}"
    if isinstance(group, FanIn):
        return Hop(place, target, group)
    check_type(workflow, source, target, send.value)
    return Hop(place, target)


def _targets(group: EdgeGroup, source: str, value: Json, scope: Scope) -> tuple[str, ...]:
    match group:
        case Direct(condition=None) | FanOut() | FanIn():
            return targets_of(group)
        case Direct(condition=condition, target=target):
            assert condition is not None  # noqa: S101 - the case above took None; this tells mypy so
            return (target,) if _holds(condition, value, scope, f"{source} -> {target}") else ()
        case Switch():
            return (_case(group, value, scope),)
        case _:
            return _selected(group, value, scope)


def _case(group: Switch, value: Json, scope: Scope) -> str:
    for condition, target in group.cases:
        if _holds(condition, value, scope, f"{group.source} -> {target}"):
            return target
    return group.default


def _selected(group: MultiSelection, value: Json, scope: Scope) -> tuple[str, ...]:
    try:
        chosen = tuple(dict.fromkeys(group.select(value, scope, group.targets)))
    except ConditionError:
        raise  # it says itself where the condition stands
    except Exception as error:
        raise _raised(f"the selection of `{group.source}`", error) from error
    if unknown := [each for each in chosen if each not in group.targets]:
        known = ", ".join(f"`{each}`" for each in group.targets)
        raise ConditionError(
            f"the selection of `{group.source}` named an executor that is not among its targets: `{unknown[0]}`",
            hint=f"return ids among {known}",
        )
    return chosen


def _holds(condition: Condition, value: Json, scope: Scope, edge: str) -> bool:
    try:
        return bool(condition(value, scope))
    except ConditionError:
        raise  # as above
    except Exception as error:
        raise _raised(f"the condition of edge `{edge}`", error) from error


def _raised(what: str, error: Exception) -> ConditionError:
    return ConditionError(
        f"{what} raised {type(error).__name__}: {error}", hint="an error in a condition never means false: mend it"
    )


def check_type(workflow: Workflow, source: str, target: str, value: Json) -> None:
    """Raise MessageTypeError unless a handler of `target` takes `value`."""
    spec = workflow.executors[target]
    if spec.accepts is None or spec.accepts(value):
        return
    raise MessageTypeError(
        f"`{target}` cannot handle a `{type_name(value)}` from `{source}`: it handles {_types(spec.handles)}",
        hint=f"add a handler to `{target}`, or convert the message before it is sent",
    )


def _types(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "nothing"
