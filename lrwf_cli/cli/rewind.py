"""`lrwf rewind`: set a run back to any of its frames. The journal keeps what was undone."""

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.driving import go_on
from lrwf_cli.cli.options import advance_option, jobs_option, run_argument
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.steering import show_change

__all__ = ["command"]


@make("rewind")
@run_argument
@click.option("--to", "seq", type=click.IntRange(1), required=True, metavar="SEQ", help="See: lrwf checkpoints RUN.")
@advance_option
@jobs_option
def command(session: Session, run: str, *, seq: int, no_advance: bool, jobs: int | None) -> int:
    """Set a run back to a checkpoint.

    It goes on from there, in a new epoch: what is done again has idempotency keys of its own.
    """
    from lrwf_cli.engine.steer import rewind
    from lrwf_cli.local.machine import caller

    run_id = session.find(run)
    rewind(session.writable_store, session.clock, run_id, seq, caller())
    if not no_advance:
        return go_on(session, run_id, jobs=jobs)
    show_change(session, run_id)
    return exits.DONE
