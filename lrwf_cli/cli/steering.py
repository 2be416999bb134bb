"""What `pause`, `resume`, `cancel`, `retry`, `rewind` and `fork` share: leaving word, and showing what became of it."""

import sys
from secrets import token_hex

from lrwf_cli.cli.render import status_text
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import full_view
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Run
from lrwf_cli.store.base import Letter

__all__ = ["send_letter", "show_change"]


def send_letter(session: Session, run: Run, kind: str, reason: str | None = None, *, data: Json = None) -> Run | None:
    """Do what a letter of `kind` asks, durably; `None` if it was left for the process that drives the run.

    Raises WrongStatus if the run cannot have it.
    """
    from lrwf_cli.engine.steer import send
    from lrwf_cli.local.machine import caller

    letter = Letter(
        id=token_hex(8),
        run_id=run.id,
        kind=kind,
        at=session.now(),
        epoch=run.epoch,
        by=caller(),
        reason=reason,
        data=data,
    )
    return send(session.writable_store, session.clock, letter)


def show_change(session: Session, run_id: str) -> None:
    """Print how the run stands now: its status, or with `--json` all of it."""
    run = session.store.load(run_id)
    if session.as_json:
        session.put_json(full_view(session, run))
    else:
        session.put(f"{run.id}  {status_text(run.status, sys.stdout)}")
