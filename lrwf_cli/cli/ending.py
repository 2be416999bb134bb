"""The end of a command that drove a run: its outputs on stdout, and on stderr how it went and what to do next."""

import sys
from collections.abc import Iterator
from datetime import datetime

from lrwf_cli.cli.complain import error_lines
from lrwf_cli.cli.expecting import waits
from lrwf_cli.cli.render import duration_text, json_line, status_text
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import full_view, next_steps, resolver
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Run
from lrwf_cli.core.view import outputs

__all__ = ["show_end"]

_HANG = 4


def show_end(session: Session, run: Run) -> None:
    """Print the outputs so far, a JSON value a line (with `--json`: the run as `status` shows it), then the talk."""
    if session.as_json:
        session.put_json(full_view(session, run))
    else:
        resolve = resolver(session, run)
        for value in outputs(run):
            session.put(json_line(plain(resolve(value)), readable=sys.stdout.isatty()))
    sys.stdout.flush()
    if run.status in {"failed", "timed_out", "blocked"}:
        for line in _how_it_failed(run, session.now()):
            session.complain(line, hang=_HANG)
        return
    for line in _how_it_stands(session, run):
        session.say(line, hang=_HANG)


def _how_it_failed(run: Run, now: datetime) -> Iterator[str]:
    error = run.error
    why = f": {error.type}: {error.message}" if error else ""
    where = f", in {error.executor}" if error and error.executor else ""
    attempt = f", attempt {error.attempt}" if error and error.attempt and error.attempt > 1 else ""
    status = "is blocked" if run.status == "blocked" else run.status.replace("_", " ")
    return error_lines(f"{run.id} {status}{why}{where}{attempt}", error.hint if error else None, *next_steps(run, now))


def _how_it_stands(session: Session, run: Run) -> Iterator[str]:
    status = status_text(run.status, sys.stderr)
    if run.finished_at is not None:
        yield f"{run.id} {status} after {duration_text(run.finished_at - run.started_at)}"
        return
    reasons = list(waits(run, session.now()))
    yield f"{run.id} {status}" + (f" for {reasons[0]}" if reasons else "")
    for reason in reasons[1:]:
        yield f"  and for {reason}"
    for step in next_steps(run, session.now(), driven=run.status == "running" and session.store.is_busy(run.id)):
        yield f"  {step}"
