"""What a run is at one point of its journal: the fold of its events.

Only `apply` changes a `Run`; everything else reads it. The parts are frozen, the dictionaries and
lists that hold them are not: `apply` owns the run that it is given (as a builder would), so that a
step costs what it changes and not what the run holds.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lrwf_cli.core.background import Background
from lrwf_cli.core.failure import Failure
from lrwf_cli.core.model import Json
from lrwf_cli.core.person import Person
from lrwf_cli.core.suspended import Kept, Request, Wait

__all__ = [
    "FINAL",
    "Delivery",
    "Dropped",
    "Ending",
    "Failure",
    "Invocation",
    "Joined",
    "Notice",
    "Origin",
    "Output",
    "Run",
    "StateEntry",
    "Status",
    "Tally",
]

Status = Literal["running", "waiting", "paused", "blocked", "completed", "failed", "timed_out", "cancelled"]
FINAL: frozenset[Status] = frozenset({"completed", "failed", "timed_out", "cancelled"})


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a run began, so that a tick with a bare environment can go on as if from there.

    `flow` is the path of the flow file; for a workflow built in Python `built` is its `module:attribute`, and
    `script` the program that built it if only that can drive it. `code` is the digest of the pinned modules,
    `None` when there are none; `pins` are the patterns of what is pinned besides. Never the environment itself.
    """

    flow: str
    folder: str
    cwd: str
    python: str
    path: str = ""
    locale: Mapping[str, str] = {}
    code: str | None = None
    version: str = ""
    built: str | None = None
    script: str | None = None
    pins: tuple[str, ...] = ()


class Delivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message on its way to one executor.

    `path` is the place among its siblings, their parents' siblings and so on (see `lineage`). A delivery
    that a fan-in made has no message of its own in the journal: `joined` names the queue and the sources
    whose first messages it took, and `apply` puts the list together. `answers` is the request whose answer it brings to
    a `@response_handler` of the executor that asked.
    """

    id: str
    executor: str
    superstep: int
    message: Json = None
    source: str | None = None
    path: tuple[int, ...] = ()
    joined: tuple[str, tuple[str, ...]] | None = None
    answers: str | None = None


class Joined(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that waits in the queue of one source of a fan-in."""

    id: str
    group: str
    source: str
    superstep: int
    message: Json = None
    path: tuple[int, ...] = ()


class Invocation(msgspec.Struct, frozen=True, omit_defaults=True):
    """One delivery and how its handling stands.

    `attempt` counts entries after a failure, a timeout, a crash or a `retry`; `failures` only those that
    count towards `max_attempts`; `crashes` those of the process since it last got on. `maybe_done` says
    that a crash cut an attempt off, so that its effects outside may have happened. `start` counts beginnings from the
    top without kept awaits: a wake and a crash go on with the same one. `waits` is what a suspended one waits for; then
    `due_at` is the earliest of their instants. `deadline_at` is when all of it, retries and suspensions too, is over.
    `stuck`: its handler could not go on, and the run was blocked for that.
    """

    delivery: Delivery
    attempt: int = 1
    failures: int = 0
    crashes: int = 0
    maybe_done: bool = False
    start: int = 1
    due_at: datetime | None = None
    started_at: datetime | None = None
    deadline_at: datetime | None = None
    waits: tuple[Wait, ...] = ()
    stuck: bool = False
    error: Failure | None = None


class StateEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value of the run's shared state; `version` is the number of its last write among all of the run's."""

    value: Json
    version: int = 1


class Output(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value that the run yields, with the place that orders it: timing does not show."""

    superstep: int
    path: tuple[int, ...]
    executor: str
    delivery: str
    index: int
    value: Json


class Dropped(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message that no edge took although its executor has edges."""

    source: str
    superstep: int
    message: Json = None


class Tally(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an executor has fared: deliveries handled, attempts failed."""

    completed: int = 0
    failed: int = 0


class Ending(msgspec.Struct, frozen=True, omit_defaults=True):
    """A verdict that stands while what is to be done after it is done: `on_failure` and its kind."""

    verdict: Status
    error: Failure | None = None
    by: Person | None = None
    reason: str | None = None


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of news that a `notify:` command is told, at least once. It is due at `due_at`; `tries` have failed."""

    id: str
    event: str
    at: datetime
    due_at: datetime
    executor: str | None = None
    request: str | None = None
    error: Failure | None = None
    tries: int = 0


class Run(msgspec.Struct, omit_defaults=True):
    """One execution of a workflow. Everything about it that is not in a log file.

    `ready` and `started` are deliveries in flight; `waiting` ones are due later or suspended; `failed`
    ones are kept for `retry`. `rounds` counts how often each fan-in has fired. `seq` and `updated_at` are those
    of the newest frame. `ordered` says of executors whose suspended deliveries keep their places how many
    places they have. `timeout` is what the whole run may take, and `deadline_at` when that is over; a `retry`
    grants it anew.

    Of what is suspended or cut off, by delivery: `kept` holds its kept awaits by lane, `steps` the results of its
    `ctx.step`s, which outlast a failure. `requests` are all that were asked in this epoch, `asked` how many by each
    executor, `background` is all work that was begun beside it. While `ending` stands, `aside` holds what was ready and
    is for a `retry` to begin. `notices` are not yet delivered.
    """

    id: str
    workflow: str
    origin: Origin
    executors: tuple[str, ...]
    started_at: datetime
    updated_at: datetime
    status: Status = "running"
    seq: int = 0
    epoch: int = 0
    input: Json = None
    max_iterations: int = 100
    ordered: dict[str, int] = {}
    timeout: timedelta | None = None
    deadline_at: datetime | None = None
    finished_at: datetime | None = None
    iteration: int = 0
    ready: dict[str, list[Invocation]] = {}
    started: dict[str, Invocation] = {}
    waiting: dict[str, Invocation] = {}
    failed: dict[str, Invocation] = {}
    queues: dict[str, dict[str, list[Joined]]] = {}
    rounds: dict[str, int] = {}
    state: dict[str, StateEntry] = {}
    writes: int = 0
    saved: dict[str, Json] = {}
    outputs: list[Output] = []
    dropped: list[Dropped] = []
    conflicts: dict[str, int] = {}
    kept: dict[str, dict[str, list[Kept]]] = {}
    steps: dict[str, list[Kept]] = {}
    requests: dict[str, Request] = {}
    asked: dict[str, int] = {}
    background: dict[str, Background] = {}
    ending: Ending | None = None
    aside: dict[str, list[Invocation]] = {}
    notices: dict[str, Notice] = {}
    tallies: dict[str, Tally] = {}
    error: Failure | None = None
    mail: dict[str, int] = {}
    boot_id: str | None = None
    held_by: Person | None = None
    reason: str | None = None
    forked_from: tuple[str, int] | None = None

    @property
    def is_final(self) -> bool:
        """Whether the run has ended; only `retry` and `rewind` reopen it."""
        return self.status in FINAL

    @property
    def in_flight(self) -> bool:
        """Whether a handler is at work or could be."""
        return bool(self.started) or any(not self.is_held_up(executor) for executor in self.ready)

    def is_held_up(self, executor: str) -> bool:
        """Whether what is ready at `executor` stands behind what waits: its places are kept (`ordered`)."""
        places = self.ordered.get(executor)
        if places is None or self.ending is not None:
            return False
        return sum(each.delivery.executor == executor for each in self.waiting.values()) >= places

    def open_invocations(self) -> Iterator[Invocation]:
        """Yield what is not yet handled: ready, started and waiting, in this order."""
        for queue in self.ready.values():
            yield from queue
        yield from self.started.values()
        yield from self.waiting.values()
