"""`lrwf tick`: advance every run that is due, each at most once. One that is broken is told and stops no other."""

import sys

import click
import msgspec

from lrwf_cli.cli import exits
from lrwf_cli.cli.complain import complain
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.options import jobs_option
from lrwf_cli.cli.render import status_text
from lrwf_cli.cli.rows import Report, Row, worst
from lrwf_cli.cli.session import Session
from lrwf_cli.errors import StateUnwritable
from lrwf_cli.store.idle import heartbeat

__all__ = ["command"]


@make("tick")
@jobs_option
@click.option("--watch", is_flag=True, help="Stay, and advance runs as they become due, until Ctrl-C or SIGTERM.")
@click.option("--these", is_flag=True, hidden=True)
@click.option("--here", is_flag=True, hidden=True)
def command(session: Session, *, jobs: int | None, watch: bool, these: bool, here: bool) -> int:
    """Advance every run that is due.

    For cron or a systemd timer. Prints nothing when nothing is due.
    """
    if watch:
        from lrwf_cli.cli.standby import stand_by

        return stand_by(session, jobs)
    due = session.store.due(session.now())  # also for `these`: a run whose timer was seen costs a sync less
    ids = sys.stdin.read().split() if these else [each.run_id for each in due]
    rows, interrupted = _advance(session, ids, jobs, here=here) if ids else ([], False)
    _show(session, len(ids), rows)
    _beat(session)
    if interrupted and these:
        return exits.INTERRUPTED
    if interrupted:
        session.complain("interrupted: every run is safe on disk; the next tick goes on")
        return exits.INTERRUPTED
    return worst(rows)


def _advance(session: Session, ids: list[str], jobs: int | None, *, here: bool) -> tuple[list[Row], bool]:
    """Return what became of the runs, and whether a signal cut the tick short."""
    from lrwf_cli.cli import groups
    from lrwf_cli.cli.driving import default_jobs
    from lrwf_cli.cli.garbage import handlers_begin
    from lrwf_cli.local.drive import engine as make_engine
    from lrwf_cli.local.drive import interruptible

    places = default_jobs(jobs)
    handlers_begin()
    if here:
        engine = make_engine(session.store, jobs=places)
        rows, signal = interruptible(engine, groups.advance_here(session, engine, ids))
        return rows or [], signal is not None
    due, others = groups.sorted_out(session, ids)
    if not due:
        return others, False
    shares = groups.shared_out(due, places)
    engine = make_engine(session.store, jobs=shares[0].jobs)
    rows, signal = interruptible(engine, groups.advance(session, engine, shares, places))
    return [*others, *(rows or [])], signal is not None


def _show(session: Session, due: int, rows: list[Row]) -> None:
    if session.as_json:
        session.put_json(msgspec.to_builtins(Report.of(due, rows)))
    for row in rows:
        if error := row.as_error():
            complain(session, error)
        elif row.status == "busy":
            session.say(f"{row.run_id} is driven by another process", level=1)
        elif not session.as_json and session.verbosity >= 0:
            session.put(f"{row.run_id}  {status_text(row.status, sys.stdout)}  {row.detail}".rstrip())


def _beat(session: Session) -> None:
    """Say that a tick was here. Raises StateUnwritable."""
    try:
        heartbeat(session.path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StateUnwritable(
            f"the state directory cannot be written: `{session.path}`: {reason}",
            hint="check its mode and its mount, or name another one with --state-dir",
        ) from error
