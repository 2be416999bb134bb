"""What commands have in common to be called with: options that stand before or after the command, and their types."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from lrwf_cli.cli.session import Session

__all__ = ["DURATION", "advance_option", "command", "jobs_option", "run_argument"]


class _Command(click.Command):
    """A command with the common options, listed apart from its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                (common if _COMMON.intersection(param.opts) else own).append(record)
        for title, records in (("Options", own), ("Common options", common)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  (click's signature)
        from lrwf_cli.cli.examples import EXAMPLES

        with formatter.section("Examples"):
            for line, what in EXAMPLES[self.name or ""]:
                formatter.write(f"{'':{formatter.current_indent}}{line}\n{'':{formatter.current_indent + 4}}{what}\n")


class _Duration(click.ParamType):  # type: ignore[type-arg]  # generic only since click 8.3
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:  # noqa: ARG002
        from lrwf_cli.errors import UsageError
        from lrwf_cli.flow.durations import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except UsageError as error:
            option = param.opts[0] if param else "duration"
            raise UsageError(f"{option}: {error.message}", hint=error.hint) from None


DURATION = _Duration()
"""A duration as in flow files: `90s`, `15m`, `1h30m`."""


def _session(ctx: click.Context) -> Session:
    session: Session = ctx.obj
    return session


def _set_state_dir(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        _session(ctx).state_dir = value


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  (click calls it so)
    session = _session(ctx)
    session.as_json = session.as_json or value


def _add_verbosity(ctx: click.Context, param: click.Parameter, value: int) -> None:
    _session(ctx).verbosity += value if param.name == "verbose" else -value


_COMMON = frozenset({"--state-dir", "--json", "--quiet", "--verbose", "--help"})


def common_options() -> list[click.Option]:
    """Return the options that every command has, and that may also stand before it."""
    return [
        _common(
            "--state-dir", metavar="DIR", callback=_set_state_dir, help="Where runs are kept.  [env: LRWF_STATE_DIR]"
        ),
        _common("--json", "as_json", is_flag=True, callback=_set_json, help="Print data as JSON."),
        _common("-q", "--quiet", count=True, callback=_add_verbosity, help="Say less."),
        _common("-v", "--verbose", count=True, callback=_add_verbosity, help="Say more."),
    ]


def _common(*declarations: str, **settings: Any) -> click.Option:
    return click.Option(declarations, expose_value=False, **settings)


def command(name: str) -> Callable[[Callable[..., int]], click.Command]:
    """Make a command of a function that takes the session and returns an exit code; its docstring is the help."""

    def make(function: Callable[..., int]) -> click.Command:
        return click.command(name, cls=_Command)(click.pass_obj(function))

    return make


run_argument = click.argument("run", metavar="RUN")
"""The run that is meant: its id, or the beginning of it."""

jobs_option = click.option(
    "--jobs", type=click.IntRange(1, 1000), metavar="N", help="How many handlers may work at once.  [default: CPUs + 4]"
)

advance_option = click.option(
    "--no-advance", is_flag=True, help="Leave it to the next tick to go on, instead of driving the run now."
)
