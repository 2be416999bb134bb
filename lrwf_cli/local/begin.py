"""From a workflow that is right to a run that has begun. Everything is checked before a byte is written."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Protocol

from lrwf_cli.clock import Clock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.handlers import Problem
from lrwf_cli.core.model import Json, Workflow
from lrwf_cli.core.run import Origin, Run
from lrwf_cli.core.view import instant
from lrwf_cli.errors import RunConflict, UnknownRun
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.base import Invoker
from lrwf_cli.executors.commands.command import CommandExecutor
from lrwf_cli.executors.commands.environment import Surroundings, Variables
from lrwf_cli.executors.inputs import convert_input, read_texts
from lrwf_cli.executors.loading.modules import CodeSnapshot
from lrwf_cli.executors.waiting import PollExecutor
from lrwf_cli.flow.inputs import Declarations, canonical, check_input, read_assignments
from lrwf_cli.local.machine import caller, random_suffix
from lrwf_cli.store.base import Held, NewRun, Store

if TYPE_CHECKING:
    from lrwf_cli.engine.given import Assembly
    from lrwf_cli.engine.telling import Tell

__all__ = ["Parts", "Prepared", "assembly", "begin", "home_of", "new_run_id", "same_run"]


class Parts(Protocol):
    """What it takes to run: from a flow file (`FlowParts`) or from Python (`BuiltParts`)."""

    codec: Codec

    @property
    def workflow(self) -> Workflow:
        """The graph."""

    @property
    def start(self) -> Executor:
        """The executor that gets the input."""

    def executors(self, run_input: Json, run: Mapping[str, Any], origin: Origin | None = None) -> dict[str, Executor]:
        """Return the instances that handle the deliveries of one run, which began where `origin` says."""

    def check_secrets(self) -> None:
        """Raise FlowError if a secret cannot be read here and now."""

    def teller(self, held: Held, facts: Mapping[str, str]) -> "Tell | None":
        """Return who tells the news of a run; `None`: nobody is to be told."""

    def isolation(self) -> Mapping[str, str]:
        """Return of which executors it is said whether they have a process to themselves: `process` or `none`."""

    def variables(self, held: Held) -> Mapping[str, Variables]:
        """Return what handlers in this process find in their environment besides, by executor."""

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function of the flow's modules that `module:function` names. Raises FlowError."""

    def surroundings(self, held: Held, executor: str) -> Surroundings:
        """Return what the commands of an executor have around them, if it begins some in the background."""

    def workflow_of(self, executors: Mapping[str, Executor]) -> Workflow:
        """Return the graph of a run that has these executors."""


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

    @property
    def warnings(self) -> list[Problem]:
        """What is allowed and probably not meant: what handlers that suspend would do again. Each with its place."""
        from lrwf_cli.executors.loading.repeats import repeats

        files = {path: source for path, source in self.snapshot.files.items() if path.endswith(".py")}
        names = {path: str(PurePath(self.origin.folder, path)) for path in files}
        return repeats(files, names, {path.partition("/")[0].removesuffix(".py") for path in files})

    def input_from(self, assignments: Sequence[str] = (), data: Mapping[str, Json] | None = None) -> Json:
        """Return the input of a run, checked and encoded, from `KEY=VALUE` texts over `data`. Raises InputError."""
        texts = read_assignments(self.declared, assignments)
        if self.declared is None:  # then the start handler's type is the declaration
            texts = read_texts(self.parts.start, texts)
        given = {**(data or {}), **texts}
        checked = check_input(self.declared, given, folder=self.origin.folder, cwd=self.origin.cwd)
        return self.encoded(checked)

    def encoded(self, value: Any) -> Json:
        """Return a value as the start executor takes it, encoded. Raises InputError if it takes no such value."""
        codec = self.parts.codec
        return codec.encode(convert_input(self.parts.start, value, codec), "input")


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


def begin(store: Store, prepared: Prepared, run_id: str, run_input: Json, clock: Clock) -> tuple[Held, "Assembly"]:
    """Publish a run and hold it; return it with what it takes to drive it. Durable on return.

    Its executors are made first, and its secrets read: what their constructors refuse, or is not there, is a FlowError,
    and nothing is written.
    """
    now = clock.now()
    start = Start(run_id, run_input, prepared.origin, caller())
    about = {"id": run_id, "workflow": prepared.name, "started_at": instant(now)}
    executors = prepared.parts.executors(run_input, about, prepared.origin)
    prepared.parts.check_secrets()
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
    return held, assembly(prepared.parts, executors, held, clock=clock, home=home_of(store))


def assembly(
    parts: Parts,
    executors: Mapping[str, Executor],
    held: Held,
    *,
    clock: Clock | None = None,
    home: str | None = None,
) -> "Assembly":
    """Return what it takes to drive `held` with these executors; what they print goes to the run's log.

    `clock` is what handlers ask for the time, if it is not the machine's; `home` the state directory, if there is one.
    """
    # they bring asyncio, which whoever only looks at a flow does without
    from lrwf_cli.engine.given import Assembly
    from lrwf_cli.executors.invoke import PythonInvoker
    from lrwf_cli.local.backgrounds import backgrounds_of
    from lrwf_cli.local.isolation import isolating

    facts = {} if home is None else {"LRWF_STATE_DIR": home}
    for executor in executors.values():
        if isinstance(executor, CommandExecutor):
            executor.bind(held.work, facts=facts)
        elif isinstance(executor, PollExecutor):
            executor.bind(facts)
    workflow, variables = parts.workflow_of(executors), parts.variables(held)
    log: Callable[[str, str], None] = held.log
    if variables:
        from lrwf_cli.executors.environs import InEnvironment, masked

        log = masked(log, variables)
    invoker: Invoker = PythonInvoker(executors, workflow, parts.codec, log=log, clock=clock)
    invoker = isolating(invoker, held, home, workflow, executors, declared=parts.isolation(), log=log)
    if variables:
        invoker = InEnvironment(invoker, variables, parts.codec)
    backgrounds = backgrounds_of(held, home, parts, workflow, facts, clock)
    return Assembly(workflow, invoker, tell=parts.teller(held, facts), backgrounds=backgrounds)


def home_of(store: Store) -> str | None:
    """Return the path of a store that is a state directory; `None` for one that is in memory."""
    path: str | None = getattr(store, "path", None)
    return path
