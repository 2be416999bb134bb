"""`lrwf requests`: what the runs ask people and programs, the most urgent first. One that cannot be read hides none."""

import shutil
import sys
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.complain import complain
from lrwf_cli.cli.expecting import answer_text, question
from lrwf_cli.cli.layout import columns
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.render import duration_text, safe
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import resolver
from lrwf_cli.core.outside import request_status
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Request
from lrwf_cli.core.view import request_view
from lrwf_cli.errors import LrwfError, UnknownRun

__all__ = ["command"]

_HEAD = ("RUN", "REQUEST", "EXPIRES", "WHAT IS ASKED")


class _Asked(NamedTuple):
    run: Run
    request: Request


@make("requests")
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--all", "everything", is_flag=True, help="Also those that were answered, or cannot be any more.")
def command(session: Session, run: str | None, *, everything: bool) -> int:
    """List what is to be answered: by all runs, or by one.

    All runs have a line a request, the most urgent first; one has all there is to know of each.
    """
    unreadable: dict[str, LrwfError] = {}
    runs = [session.load(run)] if run is not None else list(_asking(session, unreadable, everything=everything))
    asked = (_Asked(each, request) for each in runs for request in each.requests.values())
    found = sorted((each for each in asked if everything or _is_open(*each)), key=_urgency)
    if session.as_json:
        session.put_json([_element(session, each) for each in found])
    elif run is not None:
        _print_in_full(session, runs[0], [each.request for each in found])
    else:
        _print(session, found)
    for error in unreadable.values():
        complain(session, error)
    return exits.STATE if unreadable else exits.DONE


def _asking(session: Session, unreadable: dict[str, LrwfError], *, everything: bool) -> Iterable[Run]:
    """Yield the runs that may ask something, by far not all; note why others cannot be read."""
    for run_id in session.store.run_ids() if everything else session.store.talkative():
        try:
            if everything or session.store.may_ask(run_id):
                yield session.store.load(run_id)
        except UnknownRun:
            continue  # removed since its name was read
        except LrwfError as error:
            unreadable[run_id] = error


def _is_open(run: Run, request: Request) -> bool:
    return request_status(run, request) == "open"


def _urgency(asked: _Asked) -> tuple[Any, ...]:
    """Return by what requests are sorted: open ones first, by when they expire, else by how long they are open."""
    expires_at = asked.request.ask.expires_at
    is_open = _is_open(*asked)
    return not is_open, expires_at is None, expires_at, asked.request.opened_at, asked.run.id, asked.request.id


def _element(session: Session, asked: _Asked) -> dict[str, Any]:
    run, request = asked
    return {"run_id": run.id, "workflow": run.workflow, **request_view(run, request, resolver(session, run))}


def _print(session: Session, found: list[_Asked]) -> None:
    if not found:
        session.say("nothing is asked")
        return
    now = session.now()
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in columns([_HEAD, *(_row(each, now) for each in found)], width=width):
        session.put(line)


def _print_in_full(session: Session, run: Run, requests: list[Request]) -> None:
    from lrwf_cli.cli.inquiry import INDENT, in_full

    if not requests:
        closed = f", but {len(run.requests)} before: lrwf requests {run.id} --all" if run.requests else ""
        session.say(f"{run.id} asks nothing now{closed}")
    now, resolve = session.now(), resolver(session, run)
    for request in requests:
        for line in in_full(run, request, plain(resolve(request.ask.data)), now):
            session.put(line, hang=INDENT)


def _row(asked: _Asked, now: datetime) -> tuple[str, ...]:
    run, request = asked
    if request.answer is not None:
        return run.id, safe(request.id), "-", answer_text(request, request.answer, now)
    status, expires_at = request_status(run, request), request.ask.expires_at
    if status != "open" or expires_at is None:
        return run.id, safe(request.id), "-" if status == "open" else status, question(request)
    left = f"in {duration_text(expires_at - now)}" if expires_at > now else "now"
    return run.id, safe(request.id), left, question(request)
