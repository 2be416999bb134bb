"""`lrwf cancel`: end runs, whether or not a process drives them. What is at work hears of it at its next await."""

import sys
from datetime import timedelta

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.complain import complain
from lrwf_cli.cli.options import DURATION, jobs_option
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.render import status_text
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import full_view
from lrwf_cli.cli.steering import send_letter
from lrwf_cli.core.run import Run
from lrwf_cli.errors import LrwfError, UsageError

__all__ = ["command"]


@make("cancel")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--reason", metavar="TEXT", help="Why; shown by `status`.")
@click.option("--grace", type=DURATION, metavar="D", help="How long handlers may take to end.  [default: theirs]")
@jobs_option
def command(
    session: Session, runs: tuple[str, ...], *, reason: str | None, grace: timedelta | None, jobs: int | None
) -> int:
    """End runs.

    What is at work is cancelled at its next await; `on_cancel` and `on_exit` are called; then the run is cancelled.
    """
    data = None if grace is None else {"grace": _checked(grace).total_seconds()}
    found = {run.id: run for run in [session.load(each) for each in runs]}
    codes = []
    for run in found.values():
        try:
            send_letter(session, run, "cancel", reason, data=data)
            codes.append(_ended(session, run, jobs))
        except LrwfError as error:
            codes.append(complain(session, error))
    if session.as_json:
        session.put_json([full_view(session, session.store.load(run_id)) for run_id in found])
    return next((code for code in codes if code), exits.DONE)


def _checked(grace: timedelta) -> timedelta:
    from lrwf_cli.engine.letters import MAX_GRACE_S

    if grace.total_seconds() > MAX_GRACE_S:
        raise UsageError("--grace: longer than a day", hint="give at most 24h")
    return grace


def _ended(session: Session, run: Run, jobs: int | None) -> int:
    """Have the letter acted upon now, unless the process that drives the run does; show what came of it."""
    code = exits.DONE
    if session.store.is_busy(run.id):
        session.say(f"{run.id} is at work; the process that drives it will cancel it")
    else:
        from lrwf_cli.cli.driving import advance

        try:
            code = advance(session, run, jobs=jobs)
        except LrwfError:
            if not session.store.load(run.id).is_final:  # it cannot be driven, and could be ended all the same
                raise
    if not session.as_json:
        session.put(f"{run.id}  {status_text(session.store.load(run.id).status, sys.stdout)}")
    return code
