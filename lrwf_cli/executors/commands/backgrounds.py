"""Background work as commands that nobody waits for: the engine's `Backgrounds`, under the witness that commands have.

A function of the flow is a command too: one of our own, which loads the flow and calls it (`program`). What each was
begun with, and what it has left, is in its folder; whoever looks later needs nothing else.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from lrwf_cli.core.background import Background, Outcome
from lrwf_cli.core.failure import Failure
from lrwf_cli.core.looking_after import folder_name
from lrwf_cli.core.model import Json
from lrwf_cli.errors import CommandFailed, LrwfError
from lrwf_cli.executors.commands.attendant import DRAIN_S
from lrwf_cli.executors.commands.environment import Surroundings
from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.outcome import code_of, failure, result
from lrwf_cli.executors.commands.printed import Printed
from lrwf_cli.executors.commands.processes import MARK, boot_id, shell
from lrwf_cli.executors.commands.supervisor import Record, Task

__all__ = ["CommandBackgrounds"]

Around = Callable[[Background], Surroundings]
"""Returns what its executor's commands have around them."""


class CommandBackgrounds:
    """Implements `Backgrounds` for one run.

    `folder_of` gives a folder for a name, durably, which stands until the end of the work that it is for is kept.
    `letter_of` gives a letter that says that a work has ended, and where it is to be put. `program` is the command that
    calls a function of the flow, as its stdin says. `log` takes what each executor's work has printed.
    """

    def __init__(
        self,
        folder_of: Callable[[str, str], str],
        letter_of: Callable[[Background], tuple[bytes, str]],
        around: Around,
        *,
        program: Sequence[str],
        setup: Mapping[str, Json],
        facts: Mapping[str, str],
        grace: Callable[[str], timedelta],
        log: Callable[[str, str], None],
    ) -> None:
        self._folder_of = folder_of
        self._letter_of = letter_of
        self._around = around
        self._program = program
        self._setup = setup
        self._facts = facts
        self._grace = grace
        self._log = log

    def begin(self, work: Background) -> int | Outcome:
        """As `Backgrounds` says. Raises StateFull, StateDirectoryError."""
        task = self._task(work)
        lock = task.lock()
        if lock is not None:
            if task.stage(task.record(), is_held=False) != "new":
                os.close(lock)
            else:
                try:
                    self._start(task, lock, work)
                except LrwfError as error:
                    return Outcome(error=_failure(work, error))
        return self._leader(task)

    def look(self, work: Background) -> Outcome | None:
        """As `Backgrounds` says."""
        task = self._task(work)
        record = task.record()
        if task.is_held() and (record.exit is None or _is_fresh(task)):
            return None
        return self._outcome(task, work, task.record())

    def end(self, work: Background) -> Outcome:
        """As `Backgrounds` says."""
        task = self._task(work)
        record = task.record()
        if record.boot is None:
            return Outcome()
        task.end(self._grace(work.executor).total_seconds())
        outcome = self._outcome(task, work, task.record())
        return Outcome() if outcome.lost else outcome  # its witness was killed with it

    def _task(self, work: Background) -> Task:
        return Task(self._folder_of(folder_name(work), work.id), boot_id())

    def _start(self, task: Task, lock: int, work: Background) -> None:
        around = self._around(work)
        what: dict[str, Any] = work.begin.work
        command = shell(what["shell"]) if "shell" in what else what.get("argv", self._program)
        facts = {
            **self._facts,
            "LRWF_EXECUTOR": work.executor,
            "LRWF_BACKGROUND": work.id,
            "LRWF_OUTPUT": task.path("output"),
            MARK: task.mark,
        }
        env = around.variables(what.get("env", {}), around.read_secrets(), facts)
        stdin = msgspec.json.encode({**self._setup, **what} if "function" in what else None) + b"\n"
        task.start(lock, command, around.folder, env, stdin, self._letter_of(work))

    @staticmethod
    def _leader(task: Task) -> int:
        """Return the pid of its witness, waiting for one that is just beginning."""
        while (record := task.record()).leader is None and task.is_held():
            time.sleep(0.005)
        return record.leader.pid if record.leader is not None else 0

    def _outcome(self, task: Task, work: Background, record: Record) -> Outcome:
        mask = Mask(self._around(work).read_secrets().values())
        printed = Printed(task, mask, lambda text: self._log(work.executor, text))
        printed.pump()
        printed.close()
        if record.exit is None or task.stage(record, is_held=False) != "ended":
            return _lost(task, work, record)
        code = code_of(record.exit)
        name = work.begin.name
        try:
            if code:
                raise failure(task, mask, name, code)
            value = result(task, mask, name)
        except CommandFailed as error:
            return Outcome(error=_failure(work, error), exit_code=error.exit_code)
        if "function" in work.begin.work:
            return msgspec.convert(value, Outcome)
        return Outcome(value, exit_code=0)


def _is_fresh(task: Task) -> bool:
    """Whether it has ended a moment ago, so that the rest of what it printed may be on its way."""
    return time.time() - os.stat(task.path("state")).st_mtime < DRAIN_S  # noqa: PTH116 - one of a command's files


def _lost(task: Task, work: Background, record: Record) -> Outcome:
    how = "the machine was started anew" if record.boot != task.boot else "what looked after it was killed"
    message = f"nobody knows how `{work.begin.name}` ended: {how}"
    hint = "say `restart=True` if it may be begun anew"
    return Outcome(error=Failure("BackgroundLost", message, work.executor, hint=hint), lost=True)


def _failure(work: Background, error: LrwfError) -> Failure:
    code = getattr(error, "exit_code", None)
    return Failure(type(error).__name__, error.message, work.executor, exit_code=code, hint=error.hint)
