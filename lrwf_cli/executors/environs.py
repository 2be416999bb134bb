"""What `os.environ` is to handlers in this process: the driver's environment, and what their flow gives them besides.

Several runs share a process, and their flows may give one name two values. So nothing is written to the process's own
environment: `os.environ` asks the context of whoever looks, as `output` does with what is printed. Threads and tasks
that begin with a copy of that context see the same; a program that a handler starts does not, unless it is given
`env=os.environ`.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.errors import LrwfError, SecretMissing
from lrwf_cli.executors.base import Call, Desk, Invoker, Result, Stuck
from lrwf_cli.executors.commands.environment import Variables
from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.failures import failed
from lrwf_cli.executors.scene import Shared

__all__ = ["InEnvironment", "masked", "overlaid"]

Log = Callable[[str, str], None]

_overlay: ContextVar[dict[str, str] | None] = ContextVar("lrwf_environ", default=None)


class InEnvironment:
    """Implements `Invoker`: has `inner` handle deliveries, those of some executors with variables of their own."""

    def __init__(self, inner: Invoker, variables: Mapping[str, Variables], codec: Codec) -> None:
        self._inner = inner
        self._variables = variables
        self._codec = codec

    async def invoke(self, call: Call, desk: Desk) -> Result:
        """As `Invoker` says. A variable without a value is a failure; a missing secret blocks the run."""
        executor = call.delivery.executor
        own = self._variables.get(executor)
        if own is None:
            return await self._inner.invoke(call, desk)
        try:
            message = self._codec.decode(call.resolve(call.delivery.message))
            seen = {"message": message, "state": Shared(call, self._codec)}
            values = {name: given(seen) for name, given in own.values.items()}
            values |= own.around.read_secrets()
        except SecretMissing as error:
            return Stuck(failed(error, executor, call.attempt).error)
        except LrwfError as error:
            return failed(error, executor, call.attempt)
        with overlaid(values):
            return await self._inner.invoke(call, desk)


def masked(log: Log, variables: Mapping[str, Variables]) -> Log:
    """Return `log` with the secrets of executors masked in what they print, as far as they can be read."""
    secretive = {name: each.around for name, each in variables.items() if each.around.secrets}
    masks: dict[str, Mask] = {}

    def write(executor: str, text: str) -> None:
        if executor in secretive and executor not in masks:
            masks[executor] = Mask(secretive[executor].read_secrets().values())
        log(executor, masks[executor].text(text) if executor in masks else text)

    return write if secretive else log


@contextmanager
def overlaid(values: Mapping[str, str]) -> Iterator[None]:
    """Have `os.environ` show `values` too, to this context and to what begins with a copy of it."""
    if not isinstance(os.environ, _Environ):
        os.environ.__class__ = _Environ  # in place: whoever has imported it has it
    token = _overlay.set(dict(values))
    try:
        yield
    finally:
        _overlay.reset(token)


class _Environ(os._Environ):  # type: ignore[type-arg]  # noqa: SLF001 - it becomes the class of `os.environ`
    """The process's environment, below what the context adds."""

    def __getitem__(self, key: Any) -> Any:
        overlay = _overlay.get()
        return overlay[key] if overlay and key in overlay else super().__getitem__(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        overlay = _overlay.get()
        if overlay and key in overlay:
            overlay[key] = value
        else:
            super().__setitem__(key, value)

    def __delitem__(self, key: Any) -> None:
        overlay = _overlay.get()
        if overlay and key in overlay:
            del overlay[key]
        else:
            super().__delitem__(key)

    def __iter__(self) -> Iterator[Any]:
        overlay = _overlay.get() or {}
        yield from overlay
        yield from (key for key in super().__iter__() if key not in overlay)

    def __len__(self) -> int:
        return sum(1 for _ in self)
