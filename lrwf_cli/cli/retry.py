"""`lrwf retry`: reopen a run that ended badly or is blocked. Only what failed runs again."""

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.driving import go_on
from lrwf_cli.cli.options import advance_option, jobs_option, run_argument
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.steering import show_change
from lrwf_cli.core.commands import Retry
from lrwf_cli.core.run import Run

__all__ = ["command"]


@make("retry")
@run_argument
@click.option("--pinned", is_flag=True, help="Keep the code that the run began with, instead of taking today's.")
@click.option("--max-iterations", type=click.IntRange(1), metavar="N", help="Raise the limit that a loop has reached.")
@advance_option
@jobs_option
def command(
    session: Session, run: str, *, pinned: bool, max_iterations: int | None, no_advance: bool, jobs: int | None
) -> int:
    """Run again what failed in a run.

    The run's own timeout is granted anew. Today's code beside the flow is taken, since the old has failed.
    """
    from lrwf_cli.engine.steer import retry
    from lrwf_cli.local.machine import caller

    found = session.load(run)
    code = None if pinned else _newer_code(session, found)
    retry(session.writable_store, session.clock, found.id, Retry(caller(), max_iterations, code))
    if code is not None:
        session.say(f"{found.id} goes on with the code as it is today; --pinned would have kept the old")
    if not no_advance:
        return go_on(session, found.id, jobs=jobs)
    show_change(session, found.id)
    return exits.DONE


def _newer_code(session: Session, run: Run) -> str | None:
    """Keep today's code and return its digest, if it is other code than the run has."""
    from lrwf_cli.local.code import todays_code

    code = todays_code(session.writable_store, run)
    return None if code == run.origin.code else code
