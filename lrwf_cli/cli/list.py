"""`lrwf list`: all runs, the newest first. One that cannot be read is shown as such and hides no other."""

import shutil
import sys
from datetime import datetime
from typing import Any, get_args

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.complain import complain
from lrwf_cli.cli.layout import columns
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.render import duration_text, safe, status_text
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import detail, resolver
from lrwf_cli.core.run import Run, Status
from lrwf_cli.core.view import summary_view
from lrwf_cli.errors import LrwfError, UnknownRun

__all__ = ["command"]

_HEAD = ("RUN", "WORKFLOW", "STATUS", "BEGAN", "WAITS FOR, OR WHY NOT")


@make("list")
@click.option("--status", type=click.Choice(get_args(Status)), help="Only runs with this status.")
def command(session: Session, status: Status | None) -> int:
    """List the runs."""
    runs, unreadable = _read(session)
    chosen = [run for run in runs if status in {None, run.status}]
    shown = {} if status else unreadable
    if session.as_json:
        views = [summary_view(run, resolver(session, run)) for run in chosen]
        session.put_json(views + [_unreadable_view(run_id, error) for run_id, error in shown.items()])
    else:
        _print(session, chosen, shown, status)
    for error in unreadable.values():
        complain(session, error)
    return exits.STATE if unreadable else exits.DONE


def _read(session: Session) -> tuple[list[Run], dict[str, LrwfError]]:
    """Return the runs, the newest first, and why others cannot be read."""
    runs: list[Run] = []
    unreadable: dict[str, LrwfError] = {}
    for run_id in session.store.run_ids():
        try:
            runs.append(session.store.load(run_id))
        except UnknownRun:
            continue  # removed since its name was read
        except LrwfError as error:
            unreadable[run_id] = error
    return sorted(runs, key=lambda run: (run.started_at, run.id), reverse=True), unreadable


def _unreadable_view(run_id: str, error: LrwfError) -> dict[str, Any]:
    """Return an element for a run of which nothing is known but its id and what is wrong with it."""
    nothing = dict.fromkeys(("workflow", "started_at", "updated_at", "finished_at", "iteration", "seq"))
    why = {"type": type(error).__name__, "message": error.message, "executor": None, "attempt": None}
    return {
        "run_id": run_id,
        "status": "unreadable",
        **nothing,
        "waiting_on": [],
        "outputs": [],
        "error": {**why, "hint": error.hint},
    }


def _print(session: Session, runs: list[Run], unreadable: dict[str, LrwfError], status: Status | None) -> None:
    if not runs and not unreadable:
        session.say(f"no runs in {safe(session.path)}" + (f" with status {status}" if status else ""))
        return
    now = session.now()
    rows = [_HEAD, *(_row(run, now) for run in runs)]
    rows += [(run_id, "?", "unreadable", "?", safe(error.message)) for run_id, error in unreadable.items()]
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in columns(rows, width=width, paint=_painted):
        session.put(line)


def _painted(column: int, cell: str) -> str:
    return status_text(cell, sys.stdout) if _HEAD[column] == "STATUS" else cell


def _row(run: Run, now: datetime) -> tuple[str, ...]:
    began = f"{duration_text(now - run.started_at)} ago"
    return run.id, safe(run.workflow), run.status, began, detail(run, now)
