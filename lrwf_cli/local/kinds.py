"""Executors that a flow file describes and does not name: its texts become plain functions, which they are made with.

This is where `flow`, which knows the texts, and `executors`, which know what to do, meet.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from lrwf_cli.context import POLL_BACKOFF, TOLERATED
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.functions import function_at
from lrwf_cli.executors.modules import FlowModules
from lrwf_cli.executors.waiting import AskExecutor, CheckFunction, Polled, PollExecutor, WaitExecutor
from lrwf_cli.flow.kinds import Ask, Poll
from lrwf_cli.flow.load import LoadedFlow
from lrwf_cli.flow.nodes import KINDS
from lrwf_cli.flow.renderings import Renderings

__all__ = ["CLASSES", "Describer", "kind_of"]

CLASSES: Mapping[str, type[Executor]] = {"wait": WaitExecutor, "poll": PollExecutor, "ask": AskExecutor}
"""What an executor of each kind is, but for `uses`, which names its own."""


def kind_of(loaded: LoadedFlow, name: str) -> str:
    """Return of which kind an executor is."""
    executor = loaded.flow.executors[name]
    return next(kind for kind in KINDS if getattr(executor, kind) is not UNSET)


class Describer:
    """Makes the executors of one flow that it describes. Raises FlowError for functions that are not there."""

    def __init__(self, loaded: LoadedFlow, modules: FlowModules) -> None:
        self._loaded = loaded
        self._modules = modules
        self._make: Mapping[str, Callable[[str, Renderings], Executor]] = {
            "wait": self._wait,
            "poll": self._poll,
            "ask": self._ask,
        }

    def check(self, name: str) -> None:
        """Find what an executor's description refers to."""
        poll = self._loaded.flow.executors[name].poll
        if isinstance(poll, Poll) and isinstance(poll.check, str):
            function_at(self._modules, poll.check)

    def made(self, name: str, renderings: Renderings) -> Executor:
        """Return an executor, new for one run, whose texts are `renderings`."""
        return self._make[kind_of(self._loaded, name)](name, renderings)

    def _wait(self, name: str, renderings: Renderings) -> Executor:
        return WaitExecutor(name, renderings.pause(name))

    def _poll(self, name: str, renderings: Renderings) -> Executor:
        poll = self._loaded.flow.executors[name].poll
        assert isinstance(poll, Poll)  # noqa: S101 - it is of that kind
        return PollExecutor(
            name,
            self._polled(name, poll, renderings),
            renderings.holds(poll.until, ("executors", name, "poll", "until")),
            backoff=_backoff(poll),
            max_duration=None if poll.max_duration is UNSET else poll.max_duration,
            tolerate=TOLERATED if poll.tolerate is UNSET else poll.tolerate,
        )

    def _polled(self, name: str, poll: Poll, renderings: Renderings) -> Polled:
        function, wants_context = function_at(self._modules, str(poll.check))
        return CheckFunction(function, wants_context=wants_context)

    def _ask(self, name: str, renderings: Renderings) -> Executor:
        flow = self._loaded.flow
        ask = flow.executors[name].ask
        assert isinstance(ask, Ask)  # noqa: S101 - it is of that kind
        allowed = flow.allowed_users if ask.allowed_users is UNSET else ask.allowed_users
        return AskExecutor(
            name,
            renderings.text(ask.prompt, ("executors", name, "ask", "prompt")),
            choices=() if ask.choices is UNSET else ask.choices,
            schema=None if ask.schema is UNSET else msgspec.to_builtins(ask.schema),
            timeout=None if ask.expires is UNSET else ask.expires,
            default=ask.on_expiry["value"] if isinstance(ask.on_expiry, dict) else ask.on_expiry,
            allowed_users=() if allowed is UNSET else allowed,
        )


def _backoff(poll: Poll) -> ExponentialBackoff:
    """Return the pauses of a poll: what it says of them, else those of `ctx.poll_until_complete`."""
    said = {key: getattr(poll, key) for key in ("initial", "max", "multiplier", "jitter")}
    usual: Any = POLL_BACKOFF.policy
    return ExponentialBackoff(**{key: getattr(usual, key) if v is UNSET else v for key, v in said.items()})
