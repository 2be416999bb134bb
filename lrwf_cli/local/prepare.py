"""From a flow file, or a workflow built in Python, to a run that has begun; checked before a byte is written."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from lrwf_cli.clock import Clock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import Json, Workflow
from lrwf_cli.core.run import Origin, Run
from lrwf_cli.core.view import instant
from lrwf_cli.engine.passes import Assembly
from lrwf_cli.errors import RunConflict, UnknownRun
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.invoke import PythonInvoker
from lrwf_cli.executors.modules import CodeSnapshot, convert_input, read_code
from lrwf_cli.flow.inputs import Declarations, canonical, check_input, read_assignments
from lrwf_cli.flow.load import load_flow
from lrwf_cli.local.machine import caller, origin, random_suffix
from lrwf_cli.local.parts import FlowParts
from lrwf_cli.store.base import Held, NewRun, Store

__all__ = ["Parts", "Prepared", "begin", "new_run_id", "prepare", "same_run"]


class Parts(Protocol):
    """What it takes to run: from a flow file (`FlowParts`) or from Python (`BuiltParts`)."""

    codec: Codec

    @property
    def workflow(self) -> Workflow:
        """The graph."""

    @property
    def start(self) -> Executor:
        """The executor that gets the input."""

    def executors(self, run_input: Json, run: Mapping[str, Any]) -> dict[str, Executor]:
        """Return the instances that handle the deliveries of one run."""


class Prepared:
    """A workflow that is right, with all that a run of it is pinned to."""

    def __init__(
        self,
        parts: Parts,
        *,
        definition: str,
        declared: Declarations,
        snapshot: CodeSnapshot,
        origin: Origin,
    ) -> None:
        self.parts = parts
        self.definition = definition
        self.declared = declared
        self.snapshot = snapshot
        self.origin = origin

    @property
    def name(self) -> str:
        """The workflow's name: what its runs are called."""
        return self.workflow.name

    @property
    def workflow(self) -> Workflow:
        """The graph."""
        return self.parts.workflow

    def input_from(self, assignments: Sequence[str] = (), data: Mapping[str, Json] | None = None) -> Json:
        """Return the input of a run, checked and encoded, from `KEY=VALUE` texts over `data`. Raises InputError."""
        given = {**(data or {}), **read_assignments(self.declared, assignments)}
        checked = check_input(self.declared, given, folder=self.origin.folder, cwd=self.origin.cwd)
        return self.encoded(checked)

    def encoded(self, value: Any) -> Json:
        """Return a value as the start executor takes it, encoded. Raises InputError if it takes no such value."""
        codec = self.parts.codec
        return codec.encode(convert_input(self.parts.start, value, codec), "input")


def prepare(target: str) -> Prepared:
    """Return what `lrwf run TARGET` would run: a flow file, or `module:attribute` of a workflow built in Python.

    Runs the author's imports; writes nothing. Raises FlowError with all problems.
    """
    if _is_built(target):
        from lrwf_cli.local.built import prepare_built

        return prepare_built(target)
    loaded = load_flow(target)
    path = Path(target).resolve()
    snapshot = read_code(path.parent)
    where = origin(flow=str(path), folder=str(path.parent), code=snapshot.digest if snapshot.files else None)
    return Prepared(
        FlowParts(loaded, snapshot, str(path.parent)),
        definition=loaded.text,
        declared=_declared(loaded.flow.input),
        snapshot=snapshot,
        origin=where,
    )


def _is_built(target: str) -> bool:
    module, colon, attribute = target.partition(":")
    return bool(colon) and attribute.isidentifier() and not os.path.lexists(target) and "/" not in module


def _declared(declared: Any) -> Declarations:
    return declared if isinstance(declared, dict) else None


def new_run_id(name: str) -> str:
    """Return an id for a run of the workflow called `name`: `name-7h2k`."""
    return f"{name[:59]}-{random_suffix()}"


def same_run(store: Store, run_id: str, run_input: Json) -> Run | None:
    """Return the run of that id if it began with that input, `None` if there is no such run.

    Raises RunConflict if its input was another one: an id is an idempotency key.
    """
    try:
        run = store.load(run_id)
    except UnknownRun:
        return None
    if canonical(store.resolve(run_id, run.input)) != canonical(run_input):
        raise RunConflict(
            f"run `{run_id}` exists and began with another input", hint="choose another --id, or give the same input"
        )
    return run


def begin(store: Store, prepared: Prepared, run_id: str, run_input: Json, clock: Clock) -> tuple[Held, Assembly]:
    """Publish a run and hold it; return it with what it takes to drive it. Durable on return.

    Its executors are made first: what their constructors refuse is a FlowError, and nothing is written.
    """
    now = clock.now()
    start = Start(run_id, run_input, prepared.origin, caller())
    about = {"id": run_id, "workflow": prepared.name, "started_at": instant(now)}
    executors = prepared.parts.executors(run_input, about)
    held = store.create(
        NewRun(
            run_id=run_id,
            definition=prepared.definition,
            events=decide(prepared.workflow, None, start, now),
            at=now,
            code_digest=prepared.origin.code,
            code=prepared.snapshot.files if prepared.origin.code else None,
        )
    )
    return held, assembly(prepared.parts, executors, held)


def assembly(parts: Parts, executors: Mapping[str, Executor], held: Held) -> Assembly:
    """Return what it takes to drive `held` with these executors; what they print goes to the run's log."""
    return Assembly(parts.workflow, PythonInvoker(executors, parts.workflow, parts.codec, log=held.log))
