"""What a workflow is: executors, edges, limits. What a run of it is lives in `run`.

A `Workflow` is a bag of values and pure functions. It is made by the adapters in `flow/` (from a
flow file or from a `WorkflowBuilder`) and never stored: a run is pinned to its definition's text,
and its journal carries routed deliveries, so that nothing here is needed to read a journal.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec

__all__ = [
    "UNKNOWN",
    "Condition",
    "Direct",
    "EdgeGroup",
    "ExecutorSpec",
    "FanIn",
    "FanOut",
    "Json",
    "MultiSelection",
    "RetryPolicy",
    "Scope",
    "Selection",
    "Switch",
    "Workflow",
    "identity",
    "sources_of",
    "targets_of",
]

Json = Any
"""A value as it is kept: what `codec.encode` returns. A blob reference stands for a large one."""


def identity(value: Json) -> Json:
    """Return `value`: how a kept value is read when none is kept elsewhere."""
    return value


class Scope(msgspec.Struct, frozen=True):
    """What a condition may look at besides the message. All values are encoded ones.

    `resolve` turns a kept value into the encoded value itself: a large one is kept beside the journal.
    """

    input: Json
    state: Mapping[str, Json]
    run: Mapping[str, Json]
    resolve: Callable[[Json], Json] = identity


Condition = Callable[[Json, Scope], bool]
"""Pure; gets the encoded message. What it raises fails the run: an error never means false."""

Selection = Callable[[Json, Scope, tuple[str, ...]], list[str]]
"""Pure; which of the targets (third argument) get the message."""


class RetryPolicy(msgspec.Struct, frozen=True):
    """When a failed attempt comes again. Delays are in `retry.delay`.

    `retry_on` and `give_up_on` are class names, matched along the error's MRO; `exit_codes` limits
    retries of commands to those codes. `None` for `retry_on` means the defaults of `retry.is_retryable`.
    """

    max_attempts: int = 1
    initial: timedelta = timedelta(seconds=1)
    multiplier: float = 2.0
    max: timedelta = timedelta(seconds=300)
    jitter: float = 0.1
    retry_on: tuple[str, ...] | None = None
    give_up_on: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] | None = None


class ExecutorSpec(msgspec.Struct, frozen=True):
    """A node of the graph, as far as the core must know it.

    `accepts` says whether a handler takes an encoded message; `None` takes everything. It goes by the outermost
    type: parts of a fan-in's list may be kept elsewhere. `handles` names the types for people. `max_parallel`
    bounds how many of its deliveries run at once; `ordered`: a suspended or backing-off one keeps its place.

    `timeout` bounds a stretch of work, from start or wake to suspension or end; `deadline` all of it, retries and
    suspensions too; `idle_timeout` the time without progress. `None` is no limit. What is past one has `grace` to end.
    `on_error` names the executor that handles a failure for good. `on_crash`: what follows when it is not known how an
    attempt ended. `harvests`: its attempts outlive the process that began them, and it finds out itself how they ended.
    `retry` holds where `retry_for`, which is asked for the policy of a message's own handler, has none.
    """

    id: str
    accepts: Callable[[Json], bool] | None = None
    handles: tuple[str, ...] = ()
    retry: RetryPolicy = RetryPolicy()
    max_parallel: int = 1
    max_crashes: int = 3
    ordered: bool = False
    timeout: timedelta | None = None
    deadline: timedelta | None = None
    idle_timeout: timedelta | None = None
    grace: timedelta = timedelta(seconds=5)
    on_error: str | None = None
    on_crash: Literal["retry", "ask", "fail"] = "retry"
    harvests: bool = False
    retry_for: Callable[[Json], RetryPolicy | None] | None = None


class Direct(msgspec.Struct, frozen=True):
    """One edge; a condition that is false consumes the message quietly."""

    source: str
    target: str
    condition: Condition | None = None


class FanOut(msgspec.Struct, frozen=True):
    """Every target gets the message."""

    source: str
    targets: tuple[str, ...]


class Switch(msgspec.Struct, frozen=True):
    """The first case whose condition is true gets the message, else the default: exactly one target."""

    source: str
    cases: tuple[tuple[Condition, str], ...]
    default: str


class MultiSelection(msgspec.Struct, frozen=True):
    """`select` names the targets that get the message: any subset, each once."""

    source: str
    targets: tuple[str, ...]
    select: Selection


class FanIn(msgspec.Struct, frozen=True):
    """The target gets a list, one message of each source, in declared order, first with first.

    `need` is how many sources make a round: `None` means all of them.
    """

    sources: tuple[str, ...]
    target: str
    need: int | None = None

    @property
    def id(self) -> str:
        """The name of its queues in the journal: stable as long as the pinned definition is."""
        return f"{'+'.join(self.sources)}>{self.target}"


EdgeGroup = Direct | FanOut | Switch | MultiSelection | FanIn


def sources_of(group: EdgeGroup) -> tuple[str, ...]:
    """Return the executors that `group` takes messages from."""
    return group.sources if isinstance(group, FanIn) else (group.source,)


def targets_of(group: EdgeGroup) -> tuple[str, ...]:
    """Return the executors that `group` may deliver to, each once, in declared order."""
    match group:
        case Direct() | FanIn():
            return (group.target,)
        case Switch():
            return tuple(dict.fromkeys([*(target for _, target in group.cases), group.default]))
        case _:
            return group.targets


class Workflow(msgspec.Struct, frozen=True, dict=True):
    """The graph and its limits. `timeout` is wall clock over the whole run; `None` is no limit.

    `timezone` is the name of the zone of times that name none; `None` is the machine's.
    `after` names the executors that get one call after a verdict, by it: `failed`, `timed_out`, `cancelled`, and
    `exit` for any. `notify` are the events of which somebody is to be told. `allowed_users` are the names of who may
    answer what does not say so itself; empty means anyone.
    `resolve` is how a condition reads a kept value that is stored elsewhere; the engine sets it.
    """

    name: str
    executors: Mapping[str, ExecutorSpec]
    start: str
    edges: tuple[EdgeGroup, ...] = ()
    max_iterations: int = 100
    timeout: timedelta | None = None
    timezone: str | None = None
    when_failed: Literal["drain", "stop"] = "drain"
    after: Mapping[str, str] = {}
    notify: frozenset[str] = frozenset()
    allowed_users: tuple[str, ...] = ()
    resolve: Callable[[Json], Json] = identity

    def leaving(self, executor: str) -> tuple[EdgeGroup, ...]:
        """Return the edge groups that take what `executor` sends."""
        index: dict[str, tuple[EdgeGroup, ...]] | None = self.__dict__.get("_leaving")
        if index is None:
            index = {}
            for group in self.edges:
                for source in sources_of(group):
                    index[source] = (*index.get(source, ()), group)
            self.__dict__["_leaving"] = index
        return index.get(executor, ())

    def reachable_from(self, executor: str) -> tuple[str, ...]:
        """Return the executors that an edge leads to from `executor`, each once, in declared order."""
        return tuple(dict.fromkeys(t for group in self.leaving(executor) for t in targets_of(group)))


UNKNOWN = Workflow(name="", executors={}, start="")
"""A workflow of which nothing is known: enough to decide what concerns the run only (pause, retry, rewind)."""
