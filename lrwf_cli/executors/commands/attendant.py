"""Stays with one command from its start, or from where an earlier process has left it, to its end. In a thread.

Nothing here knows of handlers, loops or messages. Whoever is told to stop ends the command and all of its session
first.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from lrwf_cli.errors import CommandLost
from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.printed import Printed
from lrwf_cli.executors.commands.processes import Process, child, end_session
from lrwf_cli.executors.commands.supervisor import Record, Task

__all__ = ["DRAIN_S", "Attendant", "Stopped", "Wanted"]

SOONEST_S, LATEST_S = 0.002, 0.2
"""How often a command is looked at: after a tenth of the time that it has taken so far, between these."""

DRAIN_S = 1.0
"""How long output that something keeps open is waited for after the command itself has ended."""


class Stopped(Exception):
    """The command was ended because the attendant was told to stop."""


class Wanted(NamedTuple):
    """A command that is to run: its arguments, where it starts, what it sees, and its stdin."""

    command: Sequence[str]
    folder: str
    env: Mapping[str, str]
    message: bytes


class Attendant:
    """Attends a command whose folder is that of `task`. `earlier` are tasks that were stopped, and may not have ended.

    `write` takes lines of what it prints; `heard` is called now and then while it prints, be it half a line. One
    `attend` per instance.
    """

    def __init__(
        self,
        task: Task,
        *,
        mask: Mask,
        write: Callable[[str], None],
        heard: Callable[[], object] = int,
        grace_s: float,
        earlier: Sequence[Task] = (),
    ) -> None:
        self.task = task
        self._earlier = earlier
        self._mask = mask
        self._write = write
        self._heard = heard
        self._grace_s = grace_s
        self._told = threading.Event()
        self._leader: Process | None = None

    def stop(self) -> None:
        """Have `attend` end the command and raise Stopped, soon. From any thread, at any time; idempotent."""
        self._told.set()

    def attend(self, wanted: Wanted) -> int:
        """Return the shell's exit code of the command; what is `wanted` is started if nobody has done so.

        Raises CommandLost if it is gone and nobody knows how it ended, Stopped, StateFull, OSError. When it returns or
        raises, nothing runs that it has started but what a command that has ended left behind.
        """
        for each in self._earlier:
            each.end(self._grace_s)
        self._begin(wanted)
        try:
            return self._attended(Printed(self.task, self._mask, self._write))
        except FileNotFoundError as error:
            raise self._removed() from error
        finally:
            _reap()

    def _attended(self, printed: Printed) -> int:
        try:
            self._follow(printed)
            return self._ended()
        except Stopped:
            self._tell_of_survivors(self.task.end(self._grace_s))
            raise
        finally:
            printed.close()

    def _begin(self, wanted: Wanted) -> None:
        """Have the command running, or ended. Only whoever has the lock, and finds it new, starts it."""
        if self._told.is_set():
            raise Stopped
        lock = self.task.lock()
        if lock is None:
            return
        if self.task.stage(self.task.record(), is_held=False) == "new":
            pid = self.task.start(lock, *wanted)
            _children.add(pid)
            self._leader = child(pid)
        else:
            os.close(lock)

    def _follow(self, printed: Printed) -> None:
        """Return when the command has ended and its output is whole, or when nobody is left who could tell."""
        begun_at = time.monotonic()
        ended_at: float | None = None
        while True:
            is_held = self.task.is_held()
            if printed.pump():
                self._heard()
            now = time.monotonic()
            record = self.task.record()
            self._leader = record.leader or self._leader
            if ended_at is None and record.exit is not None:
                ended_at = now
            if not is_held or (ended_at is not None and now - ended_at >= DRAIN_S):
                return
            pause_s = min(max((now - begun_at) / 10, SOONEST_S), LATEST_S)
            if ended_at is not None:
                time.sleep(pause_s)
            elif self._told.wait(pause_s):
                raise Stopped

    def _ended(self) -> int:
        record = self.task.record()
        stage = self.task.stage(record, is_held=False)
        if stage == "new":  # the shell could not even say that it has begun
            raise self._removed() if record.boot is None else self.task.full()
        if stage == "lost" or record.exit is None:
            raise self._lost(record)
        if record.was_told:
            self._ask_who_told(record)
        return record.exit

    def _ask_who_told(self, record: Record) -> None:
        """Raise if a command was ended by who ends services, or the machine: then its exit code says nothing of it.

        That tells whoever drives the command, too, in no certain order; or tidies up after who started it was killed.
        Else somebody meant this command, or it ended itself (`kill 0`), and its exit code counts.
        """
        if self._told.wait(DRAIN_S):
            raise Stopped
        if record.kept:
            raise CommandLost(
                "nobody knows how the command would have ended: it was told to end after what looked after it",
                hint="say what is to follow: `on_crash: retry`, `ask` or `fail`",
                rebooted=True,
            )

    def _removed(self) -> CommandLost:
        """Return what is wrong if somebody, perhaps the command, has removed its folder; nothing of it runs then."""
        if self._leader is not None:
            self._tell_of_survivors(end_session(self._leader, self._grace_s, mark=self.task.mark))
        return CommandLost(
            f"nobody knows how the command ended: its files were removed from {self.task.folder}",
            hint="have nobody clean up there but lrwf, then retry",
        )

    def _lost(self, record: Record) -> CommandLost:
        rebooted = record.boot != self.task.boot
        if record.leader is not None and not rebooted:
            self._tell_of_survivors(end_session(record.leader, self._grace_s, mark=self.task.mark))
        how = "the machine was started anew" if rebooted else "what looked after it was killed"
        return CommandLost(
            f"nobody knows how the command ended: {how}",
            hint="say what is to follow: `on_crash: retry`, `ask` or `fail`",
            rebooted=rebooted,
        )

    def _tell_of_survivors(self, pids: Sequence[int]) -> None:
        if pids:
            listed = ", ".join(map(str, pids))
            self._write(f"[lrwf: not ended, for they belong to another user: processes {listed}]\n")


_children: set[int] = set()
"""Witnesses that this process has started and not yet reaped: one may outlive its command by what that left behind."""


def _reap() -> None:
    for pid in list(_children):
        ended = pid
        with suppress(ChildProcessError):  # somebody waits for any child
            ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended:
            _children.discard(pid)
