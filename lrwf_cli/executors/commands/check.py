"""A command that is over in a moment: what a poll asks, and what tells people the news. It dies with its caller.

No witness and no files: if it is cut off, it is asked again. Its output is bounded, its time too if the caller says so.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import msgspec

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.model import Json
from lrwf_cli.errors import CommandFailed
from lrwf_cli.executors.commands.command import GRACE, Command, facts_of, message_of
from lrwf_cli.executors.commands.environment import Surroundings
from lrwf_cli.executors.commands.leash import Leashed
from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.outcome import NOT_YET, code_of, described, parsed
from lrwf_cli.executors.commands.processes import shell
from lrwf_cli.executors.scene import Given, scene_of, seen
from lrwf_cli.executors.words import shown

__all__ = ["MAX_OUTPUT", "CheckCommand", "Checked", "check_command", "judged"]

MAX_OUTPUT = 1 << 20
"""Bytes that a command of a moment may print, to each stream."""

_LOOK_EVERY_S = 0.1
_CHUNK = 64 << 10


class Checked(msgspec.Struct, frozen=True):
    """How a command of a moment ended, its texts masked. `result` is stdout: JSON if all of it parses, else text."""

    exit_code: int
    stdout: str
    stderr: str
    result: Json


async def check_command(
    command: Command,
    folder: str,
    env: Mapping[str, str],
    *,
    stdin: bytes = b"",
    limit: timedelta | None = None,
    mask: Mask | None = None,
) -> Checked:
    """Run a command in `folder`, with `stdin`, and return how it ended. Not durable: it dies with this process.

    When it has ended nothing of its session is left. When its time is over, or this is cancelled, it gets SIGTERM and
    `GRACE` later SIGKILL. Raises CommandFailed if it takes longer than `limit` or prints more than `MAX_OUTPUT`;
    OSError if it cannot be started.
    """
    # these bring asyncio, which whoever looks at a flow does without
    from lrwf_cli.executors.patience import to_the_end
    from lrwf_cli.executors.threads import in_thread

    moment = _Moment(command, folder, env, stdin, limit)
    code, out, err = await to_the_end(in_thread(moment.run), moment.told.set)
    if moment.refusal is not None:
        raise CommandFailed(f"a command was ended: {moment.refusal}", exit_code=code)
    masked = mask or Mask()
    return Checked(
        exit_code=code_of(code),
        stdout=masked.text(out.decode(errors="surrogateescape")),
        stderr=masked.text(err.decode(errors="backslashreplace")),
        result=masked.value(parsed(out)),
    )


class CheckCommand:
    """A command as what a poll asks: its status has `exit_code`, `stdout`, `result`, and all in words. 69: not yet.

    `strict`: any other exit code than 0 and 69 is a failure; else it is for the poll to judge.
    """

    def __init__(
        self,
        command: Command,
        around: Surroundings,
        values: Mapping[str, Given] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self._command = command
        self._around = around
        self._values = values or {}
        self._strict = strict
        self._facts: Mapping[str, str] = {}

    def bind(self, facts: Mapping[str, str]) -> None:
        """As `Polled` says."""
        self._facts = facts

    async def ask(self, message: Any, ctx: WorkflowContext) -> dict[str, Json]:
        """Run it once, with the message on stdin. Raises CommandFailed if there is no such command, or it failed."""
        call = scene_of(ctx).call
        secrets = self._around.read_secrets()
        given = {name: give(seen(message, ctx)) for name, give in self._values.items()}
        env = self._around.variables(given, secrets, {**facts_of(call), **self._facts})
        checked = await check_command(
            self._command, self._around.folder, env, stdin=message_of(call), mask=Mask(secrets.values())
        )
        return judged(call.delivery.executor, checked, strict=self._strict)

    def names(self, status: Any) -> Mapping[str, Any] | None:
        """As `Polled` says."""
        return None if status["exit_code"] == NOT_YET else cast("Mapping[str, Any]", status)

    def result(self, status: Any) -> Any:
        """As `Polled` says."""
        return status["result"]


def judged(executor: str, checked: Checked, *, strict: bool) -> dict[str, Json]:
    """Return the status of a poll that a check comes to. Raises CommandFailed as `CheckCommand` says."""
    if checked.exit_code in (126, 127) or (strict and checked.exit_code not in (0, NOT_YET)):
        last = checked.stderr.strip().rpartition("\n")[2]
        raise described(executor, checked.exit_code, checked.stderr, last)
    status = _in_words(checked)
    return {"exit_code": checked.exit_code, "stdout": checked.stdout, "result": checked.result, "status": status}


def _in_words(checked: Checked) -> str:
    """Return what people are shown of a check."""
    said = "" if checked.result is None else shown(checked.result)
    return ": ".join(filter(None, (f"exit code {checked.exit_code}" if checked.exit_code or not said else "", said)))


class _Moment:
    """One run of such a command, in a thread. `refusal` says why it was ended, `None` if it was not."""

    def __init__(
        self, command: Command, folder: str, env: Mapping[str, str], stdin: bytes, limit: timedelta | None
    ) -> None:
        self._command = command
        self._folder = folder
        self._env = env
        self._stdin = stdin
        self._limit_s = None if limit is None else limit.total_seconds()
        self.refusal: str | None = None
        self.told = threading.Event()

    def run(self) -> tuple[int, bytes, bytes]:
        """Return the exit code, what it printed on stdout, and on stderr."""
        (out, to_out), (err, to_err) = os.pipe(), os.pipe()
        said = {out: bytearray(), err: bytearray()}
        try:
            fds = (_file(self._stdin), to_out, to_err)
            leashed = Leashed(shell(self._command), self._folder, self._env, fds)
            try:
                self._follow(leashed, said)
            finally:
                code = leashed.end()
            for fd, data in said.items():
                _read(fd, data)
            return code, bytes(said[out]), bytes(said[err])
        finally:
            os.close(out)
            os.close(err)

    def _follow(self, leashed: Leashed, said: Mapping[int, bytearray]) -> None:
        """Read until the child has ended or is to be killed. What it leaves behind is not waited for."""
        ended = leashed.watch()
        poll = select.poll()
        for fd in (ended, *said):
            os.set_blocking(fd, False)
            poll.register(fd, select.POLLIN)
        begun_at, kill_at = time.monotonic(), float("inf")
        try:
            while time.monotonic() < kill_at:
                ready = {fd for fd, _ in poll.poll(_LOOK_EVERY_S * 1000)}
                if ended in ready:
                    return
                for fd in ready:
                    if not _read(fd, said[fd]):
                        poll.unregister(fd)
                if kill_at == float("inf") and self._is_to_end(begun_at, said):
                    kill_at = time.monotonic() + GRACE.total_seconds()
                    leashed.send(signal.SIGTERM)
        finally:
            os.close(ended)

    def _is_to_end(self, begun_at: float, said: Mapping[int, bytearray]) -> bool:
        if self._limit_s is not None and time.monotonic() - begun_at >= self._limit_s:
            self.refusal = f"it took longer than {self._limit_s:g} s"
        elif any(len(data) > MAX_OUTPUT for data in said.values()):
            self.refusal = f"it printed more than {MAX_OUTPUT >> 20} MiB"
        return self.refusal is not None or self.told.is_set()


def _read(fd: int, data: bytearray) -> bool:
    """Add what is there to be read, as long as there is room; return whether more may come."""
    while True:
        try:
            chunk = os.read(fd, _CHUNK)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        data += chunk
        del data[MAX_OUTPUT + 1 :]


def _file(content: bytes) -> int:
    """Return a descriptor that reads `content`; it is nowhere on a disk."""
    fd = os.memfd_create("stdin")
    with open(os.dup(fd), "wb") as file:  # noqa: PTH123 - it has no path
        file.write(content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
