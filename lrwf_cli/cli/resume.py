"""`lrwf resume`: let a paused or blocked run go on, in place unless another process drives it."""

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.driving import go_on
from lrwf_cli.cli.options import advance_option, jobs_option, run_argument
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.steering import send_letter, show_change

__all__ = ["command"]


@make("resume")
@run_argument
@click.option(
    "--restart-handler", "restart", is_flag=True, help="Begin what the run is blocked at from its top, nothing kept."
)
@advance_option
@jobs_option
def command(session: Session, run: str, *, restart: bool, no_advance: bool, jobs: int | None) -> int:
    """Let a paused or blocked run go on."""
    found = session.load(run)
    if send_letter(session, found, "resume", data={"restart": True} if restart else None) is None:
        session.say(f"{found.id} is at work; the process that drives it will resume it")
    elif not no_advance:
        return go_on(session, found.id, jobs=jobs)
    show_change(session, found.id)
    return exits.DONE
