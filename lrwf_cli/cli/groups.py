"""Due runs, grouped by interpreter and pinned code: one group is driven here, each other in a process of its own.

Two versions of an author's modules never meet in one process, and a virtual environment's runs run in it.
"""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from lrwf_cli.cli.rows import Report, Row, busy, driven, undriven
from lrwf_cli.cli.session import Session
from lrwf_cli.core.run import Run
from lrwf_cli.engine.given import Assembly
from lrwf_cli.engine.passes import Engine
from lrwf_cli.errors import CodeMissing, LrwfError, UnknownRun
from lrwf_cli.local.drive import engine as make_engine
from lrwf_cli.store.base import Held

__all__ = [
    "Share",
    "advance",
    "is_ours",
    "leave_to_tick",
    "shared_out",
    "sorted_out",
    "tick_command",
    "tick_elsewhere",
]

_LOOK_EVERY_S = 0.2

WORTH_A_PROCESS = 100
"""How many runs it takes until another process is worth its start, which takes about as long as these do."""

Groups = dict[tuple[str, str | None], list[str]]
"""Ids of runs by interpreter and digest of pinned code."""


def is_ours(run: Run) -> bool:
    """Whether this interpreter is the one that the run began with."""
    return run.origin.python == sys.executable


def sorted_out(session: Session, run_ids: Sequence[str]) -> tuple[Groups, list[Row]]:
    """Return the runs that can be driven, in groups, and the rows of the others."""
    groups: Groups = {}
    rows = []
    for run_id in run_ids:
        try:
            if session.store.is_busy(run_id):
                rows.append(busy(run_id))
                continue
            origin = session.store.load(run_id).origin
        except UnknownRun:
            continue  # removed since it was due
        except LrwfError as error:
            rows.append(undriven(session.store, run_id, error))
        else:
            groups.setdefault((origin.python, origin.code), []).append(run_id)
    return groups, rows


class Share(NamedTuple):
    """Runs that one process drives, with at most `jobs` handlers at work."""

    python: str
    run_ids: list[str]
    jobs: int


def shared_out(groups: Groups, jobs: int) -> list[Share]:
    """Return who drives what: a process for each group, several for a large one. What is driven here comes first.

    A tick of many runs is busy with them rather than with waiting, and a process has the use of one CPU. The shares of
    a group have `jobs` handlers at work together, and each has its runs in the order in which they are due.
    """
    shares = []
    for (python, _), run_ids in groups.items():
        many = max(1, min(len(run_ids) // WORTH_A_PROCESS, os.cpu_count() or 1, jobs))
        shares += [Share(python, run_ids[number::many], jobs // many) for number in range(many)]
    return sorted(shares, key=lambda share: share.python != sys.executable)


async def advance(session: Session, engine: Engine, shares: Sequence[Share], jobs: int) -> list[Row]:
    """Advance all shares at once, the first one here if its interpreter is ours; return a row for each run."""
    own = [share for share in shares[:1] if share.python == sys.executable]
    places = asyncio.Semaphore(jobs)

    async def elsewhere(share: Share) -> list[Row]:
        async with places:
            return await tick_elsewhere(
                session, share.python, share.run_ids, jobs=share.jobs, is_stopping=lambda: engine.is_stopping
            )

    here = [advance_here(session, engine, share.run_ids) for share in own]
    there = [elsewhere(share) for share in shares[len(own) :]]
    return [row for rows in await asyncio.gather(*here, *there) for row in rows]


async def advance_here(session: Session, engine: Engine, run_ids: Sequence[str]) -> list[Row]:
    """Advance runs in this process."""
    rows = []
    for outcome in await engine.tick(run_ids):
        if outcome.error is not None:
            rows.append(undriven(session.store, outcome.run_id, outcome.error))
        elif outcome.run is None:
            rows.append(busy(outcome.run_id))
        else:
            rows.append(driven(outcome.run, session.now()))
    return rows


async def tick_elsewhere(
    session: Session, python: str, run_ids: Sequence[str], *, jobs: int, is_stopping: Callable[[], bool] = lambda: False
) -> list[Row]:
    """Have the interpreter `python` advance runs, and return what it reports.

    If it is gone, the runs are blocked, durably, until a person has seen to that.
    """
    if not os.access(python, os.X_OK):
        return await advance_here(session, make_engine(session.store, jobs=1, make=_refusing(python)), run_ids)
    command = [*tick_command(python, session, jobs), "--these", "--here", "--json", "-q"]
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, process_group=0)
    output = await _told(process, run_ids, is_stopping)
    try:
        return msgspec.json.decode(output, type=Report).runs
    except msgspec.MsgspecError:
        return [undriven(session.store, run_id, _silent(python, process.returncode)) for run_id in run_ids]


def _silent(python: str, code: int | None) -> CodeMissing:
    """Return the error for a process that did not report: a handler ended it, or there was nothing to run."""
    if code is not None and code < 0:
        return CodeMissing(
            f"the process that drove it was killed by signal {-code}",
            hint="the next tick goes on, and finds the handler that did it, if one did: lrwf tick",
        )
    return CodeMissing(
        f"`{python}` ended with exit code {code} and no report",
        hint=f"see that lrwf is installed there: {python} -P -m lrwf_cli --version",
    )


async def _told(process: Process, run_ids: Sequence[str], is_stopping: Callable[[], bool]) -> bytes:
    """Return what a tick prints that is told `run_ids`; when this one is to stop, so is that one."""
    talk = asyncio.create_task(process.communicate("\n".join(run_ids).encode()))
    while not (await asyncio.wait([talk], timeout=_LOOK_EVERY_S))[0]:
        if is_stopping():
            with suppress(ProcessLookupError):
                process.terminate()
            break
    output, _ = await talk
    return output


def _refusing(python: str) -> Callable[[Held, str], Assembly]:
    def refuse(held: Held, _: str) -> Assembly:
        raise CodeMissing(
            f"the interpreter that the run began with is gone: `{python}`",
            hint=f"put it back, then: lrwf resume {held.run.id}",
        )

    return refuse


def tick_command(python: str, session: Session, jobs: int) -> list[str]:
    """Return the command line of a tick by another process on the same state directory."""
    path = os.path.abspath(session.path)  # noqa: PTH100  (a path of text all along)
    return [python, "-P", "-m", "lrwf_cli", "tick", "--state-dir", path, "--jobs", str(jobs)]


def leave_to_tick(session: Session, run_id: str, *, jobs: int) -> None:
    """Start a tick of a run that lives on when this process and its terminal are gone. Returns at once."""
    reader, writer = os.pipe()
    try:
        os.write(writer, run_id.encode())
        os.close(writer)
        os.posix_spawn(
            sys.executable,
            [*tick_command(sys.executable, session, jobs), "--these", "-q"],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, reader, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            ],
            setsid=True,
        )
    finally:
        os.close(reader)
