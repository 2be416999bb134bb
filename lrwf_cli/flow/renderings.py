"""The texts of a flow file that wait for a message, as plain functions of what they then see.

Whoever handles deliveries is given these and knows nothing of flow files: each takes what is known only then (names to
values: `message`, `state`, and what a check found), and has the run's input and facts already. What goes wrong is an
ExpressionError with its place in the file.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from msgspec import UNSET

from lrwf_cli.core.model import Json
from lrwf_cli.core.zones import instant_of, zone_of
from lrwf_cli.errors import ExpressionError, UsageError
from lrwf_cli.flow.durations import parse_duration
from lrwf_cli.flow.expressions import NAMES, compile_expression
from lrwf_cli.flow.instants import parse_instant
from lrwf_cli.flow.kinds import Env, Secret
from lrwf_cli.flow.load import LoadedFlow
from lrwf_cli.flow.problems import quoted
from lrwf_cli.flow.templates import compile_template
from lrwf_cli.flow.tree import Path

__all__ = ["Environment", "Renderings", "Seen"]

Seen = Mapping[str, object]
"""What an expression sees besides `input` and `run`: names to values."""

T = TypeVar("T")


class Environment(msgspec.Struct, frozen=True):
    """The variables of an executor's commands: what is passed on by name, what has a value, what is secret."""

    passed: tuple[str, ...]
    values: Mapping[str, Callable[[Seen], str]]
    secrets: Mapping[str, Secret]


class Renderings:
    """The texts of one flow for one run. `run` has `id`, `workflow` and `started_at`; `now` is what `now()` returns."""

    def __init__(
        self, loaded: LoadedFlow, *, run_input: object, run: Mapping[str, object], now: Callable[[], datetime]
    ) -> None:
        self._loaded = loaded
        self._known = {"input": run_input, "run": run}
        self._now = now

    def value(self, text: str, path: Path) -> Callable[[Seen], object]:
        """Return what renders a text with `${{ }}`; one that is nothing else keeps its type."""
        template = compile_template(text, NAMES)
        return self._placed(path, lambda names: template.render(names, self._now))

    def text(self, value: Json, path: Path) -> Callable[[Seen], str]:
        """Return what renders a value as text: what is none stands as JSON."""
        from lrwf_cli.flow.evaluate import as_text

        if not isinstance(value, str):
            return lambda _: as_text(value)
        template = compile_template(value, NAMES)
        return self._placed(path, lambda names: as_text(template.render(names, self._now)))

    def holds(self, text: str, path: Path) -> Callable[[Seen], bool]:
        """Return what says whether an expression is true."""
        from lrwf_cli.flow.evaluate import holds

        expression = compile_expression(text, NAMES)
        return self._placed(path, lambda names: holds(expression, names, self._now))

    def pause(self, executor: str) -> Callable[[Seen], timedelta | datetime]:
        """Return what says how long, or until which instant (UTC), an executor of the kind `wait` waits."""
        wait = self._loaded.flow.executors[executor].wait
        assert wait is not UNSET  # noqa: S101 - only such executors are asked
        if isinstance(wait.for_, str):
            return self._timed(wait.for_, ("executors", executor, "wait", "for"), _duration)
        assert isinstance(wait.until, str)  # noqa: S101 - the check has seen to it
        name = wait.timezone if isinstance(wait.timezone, str) else self._loaded.flow.timezone
        zone = zone_of(name if isinstance(name, str) else None)
        return self._timed(
            wait.until, ("executors", executor, "wait", "until"), lambda value: instant_of(_instant(value), zone)
        )

    def _timed(self, text: str, path: Path, read: Callable[[object], T]) -> Callable[[Seen], T]:
        template = compile_template(text, NAMES)
        return self._placed(path, lambda names: read(template.render(names, self._now)))

    def environment(self, executor: str) -> Environment:
        """Return the variables of an executor's commands: the flow's, those of `defaults`, and its own, which win."""
        flow, own = self._loaded.flow, self._loaded.flow.executors[executor]
        return self._merged(
            (flow.env, ("env",)),
            (flow.secrets, ()),
            (flow.defaults.env, ("defaults", "env")),
            (own.env, ("executors", executor, "env")),
            (own.secrets, ()),
        )

    def news_environment(self) -> Environment:
        """Return the variables of the commands that are told what happens: the flow's."""
        return self._merged((self._loaded.flow.env, ("env",)), (self._loaded.flow.secrets, ()))

    def _merged(self, *levels: tuple[Env | Mapping[str, Secret] | msgspec.UnsetType, Path]) -> Environment:
        found: dict[str, Secret | Callable[[Seen], str] | None] = {}
        for level, path in levels:
            if isinstance(level, list):
                found |= dict.fromkeys(level)
            elif isinstance(level, Mapping):
                for name, value in level.items():
                    found[name] = value if isinstance(value, Secret) else self.text(value, (*path, name))
        return Environment(
            passed=tuple(name for name, value in found.items() if value is None),
            values={name: value for name, value in found.items() if callable(value)},
            secrets={name: value for name, value in found.items() if isinstance(value, Secret)},
        )

    def _placed(self, path: Path, render: Callable[[Seen], T]) -> Callable[[Seen], T]:
        """Return `render` as seen from outside: it knows the run, and its errors say where in the file they are."""

        def rendered(seen: Seen) -> T:
            try:
                return render({**self._known, **seen})
            except (ExpressionError, UsageError) as error:
                raise ExpressionError(f"{self._loaded.place(path)}: {error.message}", hint=error.hint) from error

        return rendered


def _duration(value: object) -> timedelta:
    if isinstance(value, timedelta) and value >= timedelta(0):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise UsageError(f"not a duration: {quoted(value)}", hint="have it give one with its unit, as '${{ message.n }}h'")


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, str):
        return parse_instant(value)
    raise UsageError(f"not a date and a time: {quoted(value)}", hint="have it give one as 2026-12-01T09:00")
