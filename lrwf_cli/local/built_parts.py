"""A workflow built in Python as something to begin and to go on with: found in its module, with its code pinned."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lrwf_cli.core.model import Json, Workflow
from lrwf_cli.core.registry import plain_name
from lrwf_cli.core.run import Origin
from lrwf_cli.errors import FlowError, NeedsItsProgram
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.commands.environment import Surroundings, Variables
from lrwf_cli.executors.loading.modules import CodeSnapshot, FlowModules, read_code, snapshot_of
from lrwf_cli.executors.seat import copied
from lrwf_cli.executors.values import teach
from lrwf_cli.flow.built import BuiltWorkflow
from lrwf_cli.local.begin import Prepared
from lrwf_cli.local.machine import origin
from lrwf_cli.store.base import Held

__all__ = ["BuiltParts", "pinned_parts", "prepare_built", "prepared"]


class BuiltParts:
    """What it takes to run a built workflow. With `own` instances each run gets copies of its executors."""

    def __init__(self, built: BuiltWorkflow, *, own: bool) -> None:
        self._built = built
        self._own = own
        self.codec = teach(built.codec)
        built.register_types()

    @property
    def workflow(self) -> Workflow:
        """The graph."""
        return self._built.core

    @property
    def start(self) -> Executor:
        """The executor that gets the input."""
        return self._built.start

    def executors(
        self,
        run_input: Json,  # noqa: ARG002 - as `Parts`
        run: Mapping[str, Any],  # noqa: ARG002 - as `Parts`
        origin: Origin | None = None,  # noqa: ARG002 - as `Parts`
    ) -> dict[str, Executor]:
        """Return the instances for one run: the program's own, or copies where several runs share a process."""
        return {name: copied(each) if self._own else each for name, each in self._built.executors.items()}

    def check_secrets(self) -> None:
        """Do nothing: there are none."""

    def isolation(self) -> dict[str, str]:
        """Return nothing: builders do not say."""
        return {}

    def variables(self, held: Held) -> dict[str, Variables]:  # noqa: ARG002 - as `Parts`
        """Return nothing: a program has the environment that it has."""
        return {}

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function of the flow's modules that `module:function` names. Raises FlowError."""
        module, _, path = name.partition(":")
        found: Any = next((each for each in list(sys.modules.values()) if plain_name(each) == module), None)
        for part in path.split("."):
            found = getattr(found, part, None)
        if not callable(found):
            raise FlowError((f"there is no function `{name}`", "give one that stands at the top of a module"))
        function: Callable[..., Any] = found
        return function

    def surroundings(self, held: Held, executor: str) -> Surroundings:  # noqa: ARG002 - as `Parts`
        """Return what commands have around them."""
        origin = held.run.origin
        return Surroundings(folder=origin.folder, cwd=origin.cwd, path=origin.path, locale=origin.locale)

    def teller(self, held: Held, facts: Mapping[str, str]) -> None:
        """Return `None`: nobody is to be told."""

    def workflow_of(self, executors: Mapping[str, Executor]) -> Workflow:  # noqa: ARG002 - as `Parts`
        """Return the graph: it is the same for all runs."""
        return self.workflow


def prepare_built(target: str) -> Prepared:
    """Return what `lrwf run MODULE:ATTRIBUTE` would run. Its module lies beside the caller, or is installed.

    Raises FlowError if there is no such module or attribute, or if that is not a built workflow.
    """
    module = target.partition(":")[0]
    folder = Path.cwd()
    snapshot = read_code(folder)
    modules = FlowModules(snapshot, folder)
    if module.partition(".")[0] not in modules.own:
        snapshot = snapshot_of({})
    built = _workflow_at(modules, target)
    code = snapshot.digest if snapshot.files else None
    where = origin(flow=target, folder=str(folder), code=code, built=target)
    return prepared(built, snapshot, where, own=True)


def pinned_parts(where: Origin, snapshot: CodeSnapshot) -> BuiltParts:
    """Return the workflow that a run is pinned to. Raises NeedsItsProgram, FlowError."""
    if where.script is not None or where.built is None:
        raise NeedsItsProgram(
            f"the run needs its program: {where.script}", hint=f"begin it again: {where.python} {where.script}"
        )
    return BuiltParts(_workflow_at(FlowModules(snapshot, where.folder), where.built), own=True)


def _workflow_at(modules: FlowModules, target: str) -> BuiltWorkflow:
    name, _, attribute = target.partition(":")
    found = getattr(modules.imported(name), attribute, None)
    if not isinstance(found, BuiltWorkflow):
        what = "there is no such name" if found is None else f"it is a {type(found).__name__}"
        raise FlowError((f"`{target}` is not a workflow: {what}", "name what `WorkflowBuilder(...).build()` returned"))
    modules.register_types(found.codec)
    return found


def prepared(built: BuiltWorkflow, snapshot: CodeSnapshot, where: Origin, *, own: bool) -> Prepared:
    """Return what runs of `built` are pinned to; with `own`, each has instances of its own."""
    return Prepared(
        BuiltParts(built, own=own),
        definition=f"# built in Python\nbuilt: {where.flow}\n",
        declared=None,
        snapshot=snapshot,
        origin=where,
    )
