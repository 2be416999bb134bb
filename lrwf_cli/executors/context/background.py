"""Background work as a handler has it: what it asks to have begun, and how it waits for that, or has it end.

What the work is goes as plain JSON through the core to whoever begins it: `argv` or `shell` for a command, `function`
with `args` and `kwargs` for one of the flow's own, and `env`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import FunctionType
from typing import Any, cast, get_args

import msgspec

from lrwf_cli.core.background import Background, Begin, OnRunEnd
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.core.registry import plain_name
from lrwf_cli.core.suspended import Wait
from lrwf_cli.errors import BackgroundCancelled, BackgroundLost, CommandFailed, UsageError
from lrwf_cli.executors.context.keeper import Place, Waiting

__all__ = ["BackgroundTask", "Ending", "begin_of", "work_of"]


class BackgroundTask(msgspec.Struct, frozen=True):
    """What `ctx.start_background` returns: by this the handler that asked for it knows it again. May be kept."""

    lane: str
    path: str
    name: str


def work_of(
    what: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], env: Mapping[str, str] | None, codec: Codec
) -> tuple[Json, str]:
    """Return what is to be done as JSON, and what that is called. Raises UsageError, NotEncodable."""
    around = {"env": _texts(env)} if env else {}
    if isinstance(what, FunctionType):
        function = f"{_module_of(what)}:{what.__qualname__}"
        if "<" in function:
            raise UsageError(
                f"`{what.__qualname__}` cannot be done in the background: another process could not find it",
                hint="give a function that stands at the top of a module of the flow",
            )
        encoded = {"args": codec.encode(list(args), "args"), "kwargs": codec.encode(dict(kwargs), "kwargs")}
        return {"function": function, **encoded, **around}, what.__name__
    if args or kwargs:
        raise UsageError("a command in the background was given arguments", hint="give all of it as one list of texts")
    if isinstance(what, str) and what.strip():
        return {"shell": what, **around}, what.split()[0]
    is_argv = isinstance(what, Sequence) and not isinstance(what, str) and what
    if not is_argv or not all(isinstance(each, str) for each in what):
        raise UsageError(
            f"what is to be done in the background is no command and no function: {what!r:.60}",
            hint='give a list of texts, `["./train.sh", "--fast"]`, or a function with its arguments',
        )
    return {"argv": list(what), **around}, what[0]


def _module_of(function: Any) -> str:
    import sys

    module = sys.modules.get(function.__module__)
    return plain_name(module) if module is not None else str(function.__module__)


def _texts(env: Mapping[str, str]) -> dict[str, str]:
    if not all(isinstance(each, str) for pair in env.items() for each in pair):
        raise UsageError("`env` of background work has values that are no texts", hint="convert them: `str(...)`")
    return dict(env)


def begin_of(place: Place, work: Json, name: str, *, on_run_end: str, restart: bool) -> Begin:
    """Return it as the core knows it, asked for from `place`. Raises UsageError."""
    if on_run_end not in get_args(OnRunEnd):
        raise UsageError(f"`on_run_end` is {on_run_end!r:.60}", hint="say `wait`, `cancel` or `leave`")
    return Begin(place.lane, place.path, work, name, cast("OnRunEnd", on_run_end), restart)


class Ending:
    """What waiting for background work does when it is reached. `tell` says that it is to end, if that is wanted.

    `works` is all that the handler has asked for, `value` makes a value of a result.
    """

    def __init__(
        self,
        task: BackgroundTask,
        what: str,
        *,
        works: Sequence[Background],
        value: Callable[[Json], Any],
        now: Callable[[], datetime],
        tell: Callable[[BackgroundTask], None] | None = None,
    ) -> None:
        if not isinstance(task, BackgroundTask):
            raise UsageError(f"`{what}` was given {task!r:.60}", hint="give what `ctx.start_background` returned")
        self._task = task
        self._what = what
        self._works = works
        self._value = value
        self._now = now
        self._tell = tell

    async def step(self, place: Place, wait: Wait | None) -> Any:
        """Return its result, raise why there is none, or return how it is waited for. A `keeper.Step`."""
        asked_at = self._task.lane, self._task.path
        work = next((each for each in self._works if (each.begin.lane, each.begin.path) == asked_at), None)
        if work is not None and work.outcome is not None:
            return None if self._tell is not None else self._came_to(work)
        if self._tell is not None:
            self._tell(self._task)
        name = self._task.name
        return Waiting(
            wait or Wait("background", place.lane, place.path, self._what, self._now(), begun_at=asked_at, detail=name)
        )

    def _came_to(self, work: Background) -> Any:
        assert work.outcome is not None  # noqa: S101 - it is over
        outcome, error = work.outcome, work.outcome.error
        if work.state == "cancelled":
            raise BackgroundCancelled(
                f"`{work.begin.name}` was ended before it was done", hint="catch it if that is fine"
            )
        if error is None:
            return self._value(outcome.value)
        if outcome.lost:
            raise BackgroundLost(error.message, hint=error.hint)
        raise CommandFailed(error.message, hint=error.hint, exit_code=outcome.exit_code)
