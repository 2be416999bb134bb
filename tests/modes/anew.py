"""What makes an assembly that knows nothing: modules loaded again, executors made again, whoever had them before.

A run that no driver of this process has driven is left alone. Of a workflow that was built in Python the instances are
copies, made before the program's own were ever used; its modules are the program, and stay.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Origin
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.loading import modules
from lrwf_cli.executors.seat import copied

__all__ = ["change_flows", "change_programs", "known"]

_apart = ContextVar("_apart", default=False)

known: set[tuple[str, str]] = set()
"""The runs that were driven in this process, by id and folder: tests like the same ids."""


class _Modules(modules.FlowModules):
    """Modules that share nothing with those that were loaded from the same files before, if they are to be `_apart`."""

    def _free_name(self, name: str) -> str:
        if not _apart.get():
            return super()._free_name(name)
        taken = sum(each.partition("_apart_")[0] == name for each in modules._flows)
        return f"{name}_apart_{taken}"


@contextmanager
def _loading_apart() -> Iterator[None]:
    token = _apart.set(True)
    try:
        yield
    finally:
        _apart.reset(token)


def change_flows() -> None:
    """Have a flow's modules loaded again for each assembly of a run that was driven in this process."""
    from lrwf_cli.local import parts

    executors = parts.FlowParts.executors

    def anew(self: Any, run_input: Json, run: Mapping[str, Any], origin: Origin | None = None) -> dict[str, Executor]:
        if (run["id"], self._folder) in known:
            _begin_again(self)
        return executors(self, run_input, run, origin)

    parts.FlowModules = _Modules  # type: ignore[attr-defined]  # what the mode is about
    parts.FlowParts.executors = anew  # type: ignore[method-assign]  # what the mode is about


def _begin_again(parts: Any) -> None:
    old = parts._modules
    snapshot = modules.CodeSnapshot(old.files, old.digest)
    with _loading_apart():
        parts.__init__(parts.loaded, snapshot, parts._folder, old._pinned, clock=parts._now.__self__)
    parts.__dict__.pop("workflow", None)  # it was made for the executors of before


def change_programs() -> None:
    """Have a program's executors copied for each assembly of its run but the first."""
    from lrwf_cli.local import built_parts

    made, executors = built_parts.BuiltParts.__init__, built_parts.BuiltParts.executors

    def remembering(self: Any, built: Any, *, own: bool) -> None:
        made(self, built, own=own)
        self._pristine = {} if own else {name: copied(each) for name, each in built.executors.items()}
        self._times = 0

    def anew(self: Any, *arguments: Any) -> dict[str, Executor]:
        self._times += 1
        if self._own or self._times == 1:
            return executors(self, *arguments)
        return {name: copied(each) for name, each in self._pristine.items()}

    built_parts.BuiltParts.__init__ = remembering  # type: ignore[method-assign]  # what the mode is about
    built_parts.BuiltParts.executors = anew  # type: ignore[method-assign,assignment]  # what the mode is about
