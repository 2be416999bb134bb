"""A flow file and its code put together: executors made, workflow compiled, values that can be kept registered.

The same for a run that is about to begin (from the folder) and for one that began long ago (from what it is
pinned to), so that both behave alike. Nothing is written here.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec.structs import replace

from lrwf_cli.clock import Clock, SystemClock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json, Workflow
from lrwf_cli.core.run import Origin, Run
from lrwf_cli.errors import FlowError, LrwfError
from lrwf_cli.executors.api import (
    Executor,
    accepts,
    check_executor,
    handlers_of,
    handles,
    limits_of,
    retries,
    sends,
)
from lrwf_cli.executors.commands.command import CommandExecutor
from lrwf_cli.executors.commands.environment import Surroundings, Variables
from lrwf_cli.executors.loading.functions import function_named
from lrwf_cli.executors.loading.modules import CodeSnapshot, FlowModules, make_executor
from lrwf_cli.executors.values import teach
from lrwf_cli.flow.check import MessageTypes, check_types
from lrwf_cli.flow.compile import ExecutorFacts, compile_workflow, notices_of, options_of
from lrwf_cli.flow.load import LoadedFlow
from lrwf_cli.flow.problems import Problems
from lrwf_cli.flow.renderings import Environment, Renderings
from lrwf_cli.local.kinds import CLASSES, Maker, calls_python, check_kind, has_environment, kind_of, named_at
from lrwf_cli.local.secrets import check_secrets, sources
from lrwf_cli.store.base import Held

if TYPE_CHECKING:
    from lrwf_cli.engine.telling import Tell

__all__ = ["FlowParts"]


class FlowParts:
    """What a flow file needs to run: its code loaded from `snapshot`, found under `folder` in tracebacks.

    `pinned` is the folder of the pinned copy, for tracebacks of what has changed since. `clock` is what expressions
    ask with `now()`. Construction runs the author's imports. Raises FlowError with every executor that cannot be made.
    """

    def __init__(
        self,
        loaded: LoadedFlow,
        snapshot: CodeSnapshot,
        folder: str,
        pinned: Path | None = None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self.loaded = loaded
        self.codec = teach(Codec())
        self._now = (clock or SystemClock()).now
        self._modules = FlowModules(snapshot, folder, pinned)
        self._modules.register_types(self.codec)
        self._folder = folder
        self._targets = self._each(self._target, loaded.flow.executors)
        self._fixed: dict[str, Executor] = self._each(self._made_without_input, self._targets)
        self._check()

    def executors(self, run_input: Json, run: Mapping[str, Any], origin: Origin | None = None) -> dict[str, Executor]:
        """Return new instances, for one run in one process. `run` has `id`, `workflow` and `started_at`.

        `origin` is where the run began; without one, its commands see what is here.
        """
        about = {**run, "started_at": datetime.fromisoformat(run["started_at"])}
        value = self.codec.decode(run_input)
        renderings = Renderings(self.loaded, run_input=value, run=about, now=self._now)
        make = Maker(self.loaded, self._modules, renderings, self._base(origin))
        return self._each(lambda name: self._made(name, value, about, make), self._targets)

    def check_secrets(self) -> None:
        """Raise FlowError with every secret that cannot be read here and now; what is read is forgotten."""
        problems = Problems(self.loaded.path)
        check_secrets(self.loaded, self._base(None), problems)
        problems.raise_if_any()

    def teller(self, held: Held, facts: Mapping[str, str]) -> "Tell | None":
        """Return who tells the news of a run; `None`: nobody is to be told. `facts` are further variables."""
        commands = notices_of(self.loaded.flow)
        if not commands:
            return None
        from lrwf_cli.executors.commands.news import NewsCommands

        told = self._variables(held.run, self._renderings(held).news_environment())
        return NewsCommands(commands, told.around, values=told.values, log=held.log, facts=facts)

    def isolation(self) -> dict[str, str]:
        """Return of which executors the file says whether they have a process to themselves."""
        said = {name: each.isolation for name, each in self.loaded.flow.executors.items()}
        return {name: value for name, value in said.items() if isinstance(value, str)}

    def variables(self, held: Held) -> dict[str, Variables]:
        """Return what handlers in this process find in their environment besides, by executor; secrets are not read."""
        if not has_environment(self.loaded):
            return {}
        renderings = self._renderings(held)
        names = [name for name in self._targets if calls_python(self.loaded, name)]
        found = {name: renderings.environment(name) for name in names}
        return {name: self._variables(held.run, each) for name, each in found.items() if each.values or each.secrets}

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function of the flow's modules that `module:function` names. Raises FlowError."""
        return function_named(self._modules, name)

    def surroundings(self, held: Held, executor: str) -> Surroundings:
        """Return what the commands of an executor have around them, if it begins some in the background."""
        return self._variables(held.run, self._renderings(held).environment(executor)).around

    def _variables(self, run: Run, environment: Environment) -> Variables:
        secrets = sources(environment.secrets)
        around = replace(self._base(run.origin), passed=environment.passed, secrets=secrets)
        return Variables(around, environment.values)

    def _renderings(self, held: Held) -> Renderings:
        run = held.run
        about = {"id": run.id, "workflow": run.workflow, "started_at": run.started_at}
        value = self.codec.decode(held.resolve(run.input))
        return Renderings(self.loaded, run_input=value, run=about, now=self._now)

    def _base(self, origin: Origin | None) -> Surroundings:
        """Return what all commands of a run have around them."""
        if origin is None:
            return Surroundings(folder=self._folder)
        return Surroundings(folder=origin.folder, cwd=origin.cwd, path=origin.path, locale=origin.locale)

    @cached_property
    def workflow(self) -> Workflow:
        """The graph as the core knows it, as far as it is the same for all runs."""
        return self._compiled(self._fixed)

    def workflow_of(self, executors: Mapping[str, Executor]) -> Workflow:
        """Return the graph of a run that has these executors: what their code says of itself may hang on its input."""
        return self._compiled(executors) if any(map(self._has_template, executors)) else self.workflow

    def _compiled(self, executors: Mapping[str, Executor]) -> Workflow:
        facts = {name: _facts(each, self.codec) for name, each in executors.items()}
        return compile_workflow(self.loaded, facts, decode=self.codec.decode, now=self._now)

    @property
    def start(self) -> Executor:
        """The executor that gets the run's input (for its types; not the instance that a run uses)."""
        return self._fixed[self.workflow.start]

    def _target(self, name: str) -> Any:
        """Return what an executor is made of: what `uses` names, or the class of its kind."""
        kind = kind_of(self.loaded, name)
        if kind == "uses":
            return self._modules.resolve(str(self.loaded.flow.executors[name].uses))
        check_kind(self.loaded, self._modules, name)
        return CLASSES[kind]

    def _made_without_input(self, name: str) -> Executor:
        """Return an instance, or the class if making one takes a run: its handlers are known all the same."""
        target = self._targets[name]
        if kind_of(self.loaded, name) != "uses" or self._has_template(name):
            return cast("Executor", target)  # handlers are asked of the class as of an instance
        return make_executor(target, name, self.loaded.flow.executors[name].with_)

    def _has_template(self, name: str) -> bool:
        return any("${{" in text for text in _texts(self.loaded.flow.executors[name].with_))

    def _made(self, name: str, run_input: object, about: Mapping[str, Any], make: Maker) -> Executor:
        if kind_of(self.loaded, name) != "uses":
            return make(name)
        options = options_of(self.loaded, name, run_input=run_input, run=about, now=self._now)
        made = make_executor(self._targets[name], name, options)
        limits_of(made)  # absurd ones are refused before anything is written
        return made

    def _each(self, make: Any, names: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `make` gives for each name; raises one FlowError for all that it refuses, each told once."""
        made, problems = {}, dict[tuple[str, str | None], str]()
        for name in names:
            try:
                made[name] = make(name)
            except FlowError as error:
                for problem in error.problems:
                    problems.setdefault(problem, name)
            except LrwfError as error:
                problems.setdefault((error.message, error.hint), name)
        if problems:
            raise FlowError(*((self._placed(name, message), hint) for (message, hint), name in problems.items()))
        return made

    def _placed(self, name: str, message: str) -> str:
        place = self.loaded.place(named_at(self.loaded, name))
        return message if message.startswith(f"{self.loaded.path}:") else f"{place}: {message}"

    def _check(self) -> None:
        problems = Problems(self.loaded.path)
        types = {name: _types(each) for name, each in self._fixed.items()}
        check_types(self.loaded.outline, self.loaded.root, problems, types)
        wrong = [problem for each in self._fixed.values() for problem in check_executor(each)]
        if wrong:
            raise FlowError(*wrong)
        problems.raise_if_any()


def _facts(executor: Executor, codec: Codec) -> ExecutorFacts:
    limits = limits_of(executor)
    return ExecutorFacts(
        accepts=accepts(executor, codec),
        handles=handles(executor),
        retry_for=retries(executor, codec),
        timeout=limits.timeout,
        deadline=limits.deadline,
        idle_timeout=limits.idle_timeout,
        harvests=_class_of(executor) is CommandExecutor,
    )


def _class_of(executor: Executor) -> type:
    return executor if isinstance(executor, type) else type(executor)


def _types(executor: Executor) -> MessageTypes:
    return MessageTypes(handles=handlers_of(executor).takes, sends=sends(executor))


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from _texts(each)
        case dict():
            for each in value.values():
                yield from _texts(each)
