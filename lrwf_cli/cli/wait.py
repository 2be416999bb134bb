"""`lrwf wait`: look at runs until they have finished. Drives nothing: a tick or another process does."""

import sys
from datetime import datetime, timedelta
from time import sleep

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.expecting import is_up_to_people
from lrwf_cli.cli.options import DURATION
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.render import status_text
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import full_view
from lrwf_cli.core.run import Run

__all__ = ["Watcher", "command"]

_FIRST_S, _LONGEST_S = 0.05, 1.0
"""Seconds between two looks: quick at first, so that a short run costs no second."""


class Watcher:
    """Looks at one run again and again; reads it only when its journal has grown."""

    def __init__(self, session: Session, run_id: str) -> None:
        self._session = session
        self._stamp: object = None
        self.run_id = run_id

    def look(self) -> Run | None:
        """Return the run if it may have changed since the last look."""
        stamp = self._session.store.stamp(self.run_id)
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        return self._session.store.load(self.run_id)


@make("wait")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True)
@click.option("--timeout", type=DURATION, metavar="D", help="Stop waiting after this time, with exit code 124.")
def command(session: Session, runs: tuple[str, ...], timeout: timedelta | None) -> int:
    """Wait until runs have finished, or wait for people and nothing else."""
    until = None if timeout is None else session.now() + timeout
    ids = dict.fromkeys(session.load(run).id for run in runs)
    ended = _await(session, [Watcher(session, run_id) for run_id in ids], until)
    if session.as_json:
        session.put_json([full_view(session, session.store.load(run_id)) for run_id in ids])
    if len(ended) < len(ids):
        session.say(f"{len(ids) - len(ended)} of {len(ids)} not finished in time")
        return exits.TIMED_OUT
    return _worst(ended)


def _await(session: Session, watchers: list[Watcher], until: datetime | None) -> list[Run]:
    """Return the runs that ended by `until`, in the order they did.

    One that is blocked, or waits for people and nothing else, counts: it moves for nobody here.
    """
    ended: list[Run] = []
    pause = _FIRST_S
    while True:
        for watcher in list(watchers):
            run = watcher.look()
            if run is not None and _is_at_rest(session, run):
                watchers.remove(watcher)
                ended.append(run)
                _report(session, run)
        left = None if until is None else (until - session.now()).total_seconds()
        if not watchers or (left is not None and left <= 0):
            return ended
        sleep(pause if left is None else min(pause, left))
        pause = min(pause * 1.5, _LONGEST_S)


def _is_at_rest(session: Session, run: Run) -> bool:
    return run.is_final or run.status == "blocked" or is_up_to_people(run, session.now())


def _report(session: Session, run: Run) -> None:
    if not session.as_json:
        session.put(f"{run.id}  {status_text(run.status, sys.stdout)}")
        sys.stdout.flush()


def _worst(runs: list[Run]) -> int:
    codes = [exits.code_of_run(run, exact=True) for run in runs]
    return next((code for code in (exits.FAILED, exits.CANCELLED, exits.WAITING) if code in codes), exits.DONE)
