"""`lrwf fork`: a new run that begins as a copy of another at one of its frames. That other one is left alone."""

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.driving import go_on
from lrwf_cli.cli.options import advance_option, jobs_option, run_argument
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.steering import show_change

__all__ = ["command"]


@make("fork")
@run_argument
@click.option("--at", "seq", type=click.IntRange(1), required=True, metavar="SEQ", help="See: lrwf checkpoints RUN.")
@click.option("--id", "new_id", metavar="ID", help="The new run's id.  [default: made of the workflow's name]")
@advance_option
@jobs_option
def command(session: Session, run: str, *, seq: int, new_id: str | None, no_advance: bool, jobs: int | None) -> int:
    """Begin a new run as a copy of another at a checkpoint."""
    from lrwf_cli.engine.steer import fork
    from lrwf_cli.local.begin import new_run_id
    from lrwf_cli.local.machine import caller
    from lrwf_cli.store.names import checked_run_id

    found = session.load(run)
    chosen = checked_run_id(new_id) if new_id is not None else new_run_id(found.workflow)
    fork(session.writable_store, session.clock, found.id, chosen, at=seq, by=caller())
    session.say(f"{chosen} is a copy of {found.id} at its checkpoint {seq}")
    if not no_advance:
        return go_on(session, chosen, jobs=jobs)
    show_change(session, chosen)
    return exits.DONE
