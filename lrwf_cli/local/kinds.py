"""Executors that a flow file describes and does not name: its texts become plain functions, which they are made with.

This is where `flow`, which knows the texts, and `executors`, which know what to do, meet.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from lrwf_cli.context import POLL_BACKOFF, TOLERATED
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.commands.command import GRACE, CommandExecutor
from lrwf_cli.executors.commands.environment import Surroundings
from lrwf_cli.executors.loading.functions import function_at
from lrwf_cli.executors.loading.modules import FlowModules
from lrwf_cli.executors.scene import Given
from lrwf_cli.executors.waiting import AskExecutor, CheckFunction, Polled, PollExecutor, WaitExecutor
from lrwf_cli.flow.expressions import compile_expression
from lrwf_cli.flow.kinds import Ask, Poll
from lrwf_cli.flow.load import LoadedFlow
from lrwf_cli.flow.nodes import KINDS
from lrwf_cli.flow.renderings import Renderings
from lrwf_cli.flow.tree import Path
from lrwf_cli.local.secrets import sources

__all__ = ["CLASSES", "Maker", "calls_python", "check_kind", "has_environment", "kind_of", "named_at"]

CLASSES: Mapping[str, type[Executor]] = {
    "run": CommandExecutor,
    "poll": PollExecutor,
    "wait": WaitExecutor,
    "ask": AskExecutor,
}
"""What an executor of each kind is, but for `uses`, which names its own."""


def kind_of(loaded: LoadedFlow, name: str) -> str:
    """Return of which kind an executor is."""
    executor = loaded.flow.executors[name]
    return next(kind for kind in KINDS if getattr(executor, kind) is not UNSET)


def calls_python(loaded: LoadedFlow, name: str) -> bool:
    """Whether an executor calls a function of the author's."""
    executor = loaded.flow.executors[name]
    return executor.uses is not UNSET or (isinstance(executor.poll, Poll) and executor.poll.check is not UNSET)


def has_environment(loaded: LoadedFlow) -> bool:
    """Whether a flow gives anybody variables."""
    flow = loaded.flow
    said = [flow.env, flow.secrets, flow.defaults.env]
    said += [each for executor in flow.executors.values() for each in (executor.env, executor.secrets)]
    return any(each is not UNSET for each in said)


def named_at(loaded: LoadedFlow, name: str) -> Path:
    """Return where a flow names the code of an executor, or says of which kind it is."""
    kind = kind_of(loaded, name)
    poll = loaded.flow.executors[name].poll
    names_function = isinstance(poll, Poll) and isinstance(poll.check, str)
    return ("executors", name, kind, "check") if names_function else ("executors", name, kind)


def check_kind(loaded: LoadedFlow, modules: FlowModules, name: str) -> None:
    """Find what the description of an executor refers to. Raises FlowError for a function that is not there."""
    poll = loaded.flow.executors[name].poll
    if isinstance(poll, Poll) and isinstance(poll.check, str):
        function_at(modules, poll.check)


class Maker:
    """Makes the executors of one run that a flow describes. `base` is what all of its commands have around them."""

    def __init__(self, loaded: LoadedFlow, modules: FlowModules, renderings: Renderings, base: Surroundings) -> None:
        self._loaded = loaded
        self._modules = modules
        self._renderings = renderings
        self._base = base
        self._make: Mapping[str, Callable[[str], Executor]] = {
            "run": self._run,
            "poll": self._poll,
            "wait": self._wait,
            "ask": self._ask,
        }

    def __call__(self, name: str) -> Executor:
        """Return an executor."""
        return self._make[kind_of(self._loaded, name)](name)

    def _run(self, name: str) -> Executor:
        around, values = self._around(name)
        command: Any = self._loaded.flow.executors[name].run
        return CommandExecutor(name, command, around, values=values, grace=self._grace(name))

    def _around(self, name: str) -> tuple[Surroundings, Mapping[str, Given]]:
        """Return what an executor's commands have around them, and the values that they get."""
        environment = self._renderings.environment(name)
        around = replace(self._base, passed=environment.passed, secrets=sources(environment.secrets))
        return around, environment.values

    def _grace(self, name: str) -> timedelta:
        """Return how long a command has between being asked to end and being made to."""
        flow = self._loaded.flow
        said = [each.grace for each in (flow.executors[name], flow.defaults) if isinstance(each.grace, timedelta)]
        return said[0] if said else GRACE

    def _wait(self, name: str) -> Executor:
        return WaitExecutor(name, self._renderings.pause(name))

    def _poll(self, name: str) -> Executor:
        poll = self._loaded.flow.executors[name].poll
        assert isinstance(poll, Poll)  # noqa: S101 - it is of that kind
        return PollExecutor(
            name,
            self._polled(name, poll),
            self._renderings.holds(poll.until, ("executors", name, "poll", "until")),
            backoff=_backoff(poll),
            max_duration=None if poll.max_duration is UNSET else poll.max_duration,
            tolerate=TOLERATED if poll.tolerate is UNSET else poll.tolerate,
        )

    def _polled(self, name: str, poll: Poll) -> Polled:
        if isinstance(poll.check, str):
            function, wants_context = function_at(self._modules, poll.check)
            return CheckFunction(function, wants_context=wants_context)
        from lrwf_cli.executors.commands.check import CheckCommand  # brings what starts processes

        command: Any = poll.run
        judges_codes = "exit_code" in compile_expression(poll.until).names
        return CheckCommand(command, *self._around(name), strict=not judges_codes)

    def _ask(self, name: str) -> Executor:
        ask = self._loaded.flow.executors[name].ask
        assert isinstance(ask, Ask)  # noqa: S101 - it is of that kind
        return AskExecutor(
            name,
            self._renderings.text(ask.prompt, ("executors", name, "ask", "prompt")),
            choices=() if ask.choices is UNSET else ask.choices,
            schema=None if ask.schema is UNSET else msgspec.to_builtins(ask.schema),
            timeout=None if ask.expires is UNSET else ask.expires,
            default=ask.on_expiry["value"] if isinstance(ask.on_expiry, dict) else ask.on_expiry,
            allowed_users=() if ask.allowed_users is UNSET else ask.allowed_users,
        )


def _backoff(poll: Poll) -> ExponentialBackoff:
    """Return the pauses of a poll: what it says of them, else those of `ctx.poll_until_complete`."""
    said = {key: getattr(poll, key) for key in ("initial", "max", "multiplier", "jitter")}
    usual: Any = POLL_BACKOFF.policy
    return ExponentialBackoff(**{key: getattr(usual, key) if v is UNSET else v for key, v in said.items()})
