"""`lrwf pause`: hold a run, at once or through the process that drives it."""

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.options import run_argument
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.steering import send_letter, show_change

__all__ = ["command"]


@make("pause")
@run_argument
@click.option("--reason", metavar="TEXT", help="Why; shown by `status`.")
def command(session: Session, run: str, reason: str | None) -> int:
    """Hold a run until it is resumed.

    What is at work ends; nothing new starts. The run's own timeout runs on.
    """
    found = session.load(run)
    if send_letter(session, found, "pause", reason) is None:
        session.say(f"{found.id} is at work; the process that drives it will pause it")
    show_change(session, found.id)
    return exits.DONE
