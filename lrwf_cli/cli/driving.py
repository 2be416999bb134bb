"""Driving one run from a command: until it has finished or waits, or to its end; then saying how it stands.

A run of another interpreter is driven by that one, in a process of its own (see `groups`).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from lrwf_cli.cli import exits
from lrwf_cli.cli.complain import interrupted
from lrwf_cli.cli.ending import show_end
from lrwf_cli.cli.expecting import is_up_to_people
from lrwf_cli.cli.garbage import handlers_begin
from lrwf_cli.cli.groups import is_ours, tick_elsewhere
from lrwf_cli.cli.observing import Observing, observing
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.wait import Watcher
from lrwf_cli.core.run import Run
from lrwf_cli.engine.passes import Engine
from lrwf_cli.errors import RunBusy
from lrwf_cli.local.drive import engine as make_engine
from lrwf_cli.local.drive import interruptible

__all__ = ["Patience", "advance", "default_jobs", "drive", "go_on", "stay_with"]

_LOOK_EVERY = timedelta(seconds=0.5)


class Patience(NamedTuple):
    """How long a command stays with a run: `to_the_end` or until it waits, and in any case not longer than `until`."""

    to_the_end: bool = False
    until: datetime | None = None


def default_jobs(jobs: int | None) -> int:
    """Return how many handlers may work at once: `jobs`, else four more than there are CPUs."""
    return jobs or (os.cpu_count() or 1) + 4


def go_on(session: Session, run_id: str, *, jobs: int | None) -> int:
    """Drive a run that exists until it has finished or waits, show how it stands, return the exit code."""
    return stay_with(session, session.store.load(run_id), jobs=jobs, patience=Patience())


def advance(session: Session, run: Run, *, jobs: int | None) -> int:
    """Drive a run that exists until it has finished or waits, and show nothing; return 0, or 130 if interrupted."""
    session.driving = run.id
    places = default_jobs(jobs)
    _, was_interrupted = _followed(
        session, run, lambda engine: _advanced(session, engine, run, places), jobs=places, patience=Patience()
    )
    return interrupted(session) if was_interrupted else exits.DONE


def stay_with(session: Session, run: Run, *, jobs: int | None, patience: Patience) -> int:
    """Drive a run that exists as long as `patience` says, show how it stands, return the exit code."""
    session.driving = run.id
    return drive(
        session,
        run,
        lambda engine: _advanced(session, engine, run, default_jobs(jobs)),
        jobs=jobs,
        patience=patience,
        exact=patience.to_the_end,
    )


async def _advanced(session: Session, engine: Engine, run: Run, jobs: int) -> Run:
    """Return the run after it was driven: here, by its own interpreter, or by a process that was faster."""
    if not is_ours(run):
        rows = await tick_elsewhere(
            session, run.origin.python, [run.id], jobs=jobs, is_stopping=lambda: engine.is_stopping
        )
        for error in filter(None, (row.as_error() for row in rows)):
            raise error
        return session.store.load(run.id)
    try:
        return await engine.advance(run.id)
    except RunBusy:
        return session.store.load(run.id)


def drive(
    session: Session,
    before: Run,
    begin: Callable[[Engine], Awaitable[Run]],
    *,
    jobs: int | None,
    patience: Patience,
    exact: bool = False,
) -> int:
    """Drive the run as `begin` begins, show how it ended or stands, and return the exit code."""
    run, was_interrupted = _followed(session, before, begin, jobs=default_jobs(jobs), patience=patience)
    if was_interrupted:
        return interrupted(session)
    show_end(session, run)
    if patience.until is not None and not run.is_final and session.now() >= patience.until:
        return exits.TIMED_OUT
    return exits.code_of_run(run, exact=exact)


def _followed(
    session: Session, before: Run, begin: Callable[[Engine], Awaitable[Run]], *, jobs: int, patience: Patience
) -> tuple[Run, bool]:
    """Return the run after it was driven, and whether a signal cut that short; what happens is shown meanwhile."""
    with observing(session, before) as observer:
        engine = make_engine(session.writable_store, jobs=jobs, observe=observer)
        handlers_begin()
        run, signal = interruptible(engine, _work(session, engine, begin, observer, patience, jobs))
    return run or before, signal is not None and (run is None or not run.is_final)


async def _work(
    session: Session,
    engine: Engine,
    begin: Callable[[Engine], Awaitable[Run]],
    observer: Observing,
    patience: Patience,
    jobs: int,
) -> Run:
    if patience.until is not None:
        left = (patience.until - session.now()).total_seconds()
        asyncio.get_running_loop().call_later(max(0.0, left), engine.stop)
    run = await begin(engine)
    watcher = Watcher(session, run.id)
    while patience.to_the_end and not _is_at_rest(run, session.now()) and not engine.is_stopping:
        await session.clock.sleep(_LOOK_EVERY)
        run = watcher.look() or run
        if any(due.run_id == run.id for due in session.store.due(session.now())):
            observer.meet(run)
            run = await _advanced(session, engine, run, jobs)
    return run


def _is_at_rest(run: Run, now: datetime) -> bool:
    """Whether it would be no use to stay: the run has ended, or goes on only when a person does something."""
    return run.is_final or run.status == "blocked" or is_up_to_people(run, now)
