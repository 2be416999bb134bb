"""The command `lrwf`: which commands there are, and calling one.

A command's module is imported only when it is called, so its one line of help stands here; a test compares.
"""

from collections.abc import Callable
from importlib import import_module

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.complain import guarded
from lrwf_cli.cli.options import common_options
from lrwf_cli.cli.session import Session
from lrwf_cli.errors import UsageError

__all__ = ["COMMANDS", "call"]

COMMANDS = {
    "run": "Start a run of a workflow and drive it until it has finished or waits.",
    "tick": "Advance every run that is due.",
    "status": "Show how a run stands.",
    "list": "List the runs.",
    "wait": "Wait until runs have finished, or wait for people and nothing else.",
    "requests": "List what is to be answered: by all runs, or by one.",
    "respond": "Answer what a run asks.",
    "cancel": "End runs.",
    "logs": "Show what the handlers of a run have printed.",
    "history": "Tell what has happened in a run.",
    "checkpoints": "List the points of a run that can be gone back to.",
    "retry": "Run again what failed in a run.",
    "rewind": "Set a run back to a checkpoint.",
    "fork": "Begin a new run as a copy of another at a checkpoint.",
    "pause": "Hold a run until it is resumed.",
    "resume": "Let a paused or blocked run go on.",
    "validate": "Check a workflow without running it.",
    "simulate": "Play a run in virtual time, and tell what would happen when.",
    "schema": "Print the JSON Schema of flow files, or a part of it.",
}
"""Every command with its line in `lrwf --help`, in the order of that page."""


class _Group(click.Group):
    """The commands of the table, imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (click's signature)
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = import_module(f"lrwf_cli.cli.{cmd_name}").command
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise UsageError(f"there is no command `{args[0]}`", hint=_nearest(args[0]))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  (click's signature)
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, COMMANDS, n=1)
    return f"did you mean `{near[0]}`? See: lrwf --help" if near else "see: lrwf --help"


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001  (click calls it so)
    if value:
        from importlib.metadata import version

        click.echo(f"lrwf {version('lrwf-cli')}")
        ctx.exit()


def _group() -> click.Group:
    return _Group(
        name="lrwf",
        help="Run workflows that survive crashes, reboots and weeks of waiting.",
        params=[
            *common_options(),
            click.Option(
                ["--version"],
                is_flag=True,
                is_eager=True,
                expose_value=False,
                callback=_print_version,
                help="Show the version and exit.",
            ),
        ],
        epilog="Exit codes: 0 done or accepted, 1 the run failed, 2 usage, 3 no such run or request, 4 waiting, "
        "5 cancelled, 6 conflict, 7 the state directory, 124 out of time, 130 interrupted.",
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def call(arguments: list[str], default_dir: Callable[[], str]) -> int:
    """Run the command in `arguments` and return its exit code. Raises nothing but KeyboardInterrupt.

    `default_dir` says where runs are kept if the command line does not.
    """
    session = Session(default_dir)
    return guarded(session, lambda: _invoke(arguments, session))


def _invoke(arguments: list[str], session: Session) -> int:
    try:
        with _group().make_context("lrwf", list(arguments), obj=session) as context:
            return int(context.command.invoke(context) or exits.DONE)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        session.complain(error.format_message())
        return exits.USAGE
    except click.ClickException as error:
        raise _in_our_words(error) from error


def _in_our_words(error: click.ClickException) -> UsageError:
    """Return what click could not understand as we say it: a small letter first, no period, names in backticks."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "lrwf"
    if isinstance(error, click.NoSuchOption):
        near = f"did you mean `{error.possibilities[0]}`? See" if error.possibilities else "see"
        return UsageError(f"`{path}` has no option `{error.option_name}`", hint=f"{near}: {path} --help")
    sentence = error.format_message().strip().rstrip(".").replace("'", "`")
    sentence = sentence.replace("is not a valid integer range", "is not a whole number")
    return UsageError(sentence[:1].lower() + sentence[1:], hint=f"see: {path} --help")
