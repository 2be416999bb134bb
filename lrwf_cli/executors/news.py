"""Telling people the news: the commands of `notify:`, one process for each piece of news.

They run beside everything else, hold nothing up, and end within a minute. Nobody looks after one whose driver is gone:
whoever drives the run next tells the news again, which is what "at least once" means.
"""

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import IO

import msgspec

from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Failure, Notice, Run
from lrwf_cli.core.view import instant
from lrwf_cli.errors import LrwfError
from lrwf_cli.executors.command import Command
from lrwf_cli.executors.environment import Surroundings
from lrwf_cli.executors.masking import Mask
from lrwf_cli.executors.outcome import code_of
from lrwf_cli.executors.processes import shell
from lrwf_cli.executors.scene import Given
from lrwf_cli.executors.threads import in_thread

__all__ = ["MAY_TAKE", "NewsCommands"]

MAY_TAKE = timedelta(seconds=50)
"""How long telling a piece of news may take; then it failed, and is tried again."""

_GRACE_S = 2.0
_LOGGED = 64 * 1024
_LONGEST_LINE = 300


class NewsCommands:
    """Implements the engine's `Tell`. `commands` are by the event, `values` give the variables of `env:`.

    What they print goes to `log`, as `notify.<event>`, the end of it if it is much; secrets are masked.
    """

    def __init__(
        self,
        commands: Mapping[str, Command],
        around: Surroundings,
        *,
        values: Mapping[str, Given],
        log: Callable[[str, str], None],
        facts: Mapping[str, str],
    ) -> None:
        self._commands = commands
        self._around = around
        self._values = values
        self._log = log
        self._facts = facts

    async def __call__(self, run: Run, notice: Notice) -> Failure | None:
        """Tell a piece of news; return why that was not possible."""
        telling = _Telling(f"notify: {notice.event}")
        try:
            secrets = self._around.read_secrets()
            values = {name: given({}) for name, given in self._values.items()}
            env = self._around.variables(values, secrets, {**_facts_of(run, notice), **self._facts})
            command = shell(self._commands[notice.event])
        except LrwfError as error:
            return Failure(type(error).__name__, error.message, hint=error.hint)
        mask = Mask(secrets.values())
        try:
            failure, said = await in_thread(lambda: telling.told(command, self._around.folder, env, _news(run, notice)))
        except BaseException:  # told to stop: a process of ours must not outlive us unseen
            telling.stop()
            raise
        if text := mask.text(said):
            self._log(f"notify.{notice.event}", text if text.endswith("\n") else f"{text}\n")
        return None if failure is None else msgspec.structs.replace(failure, message=mask.text(failure.message))


class _Telling:
    """One process that tells something. `told` in a thread, `stop` from any other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def told(self, command: list[str], folder: str, env: Mapping[str, str], news: bytes) -> tuple[Failure | None, str]:
        """Return what went wrong, and what the command said."""
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as said:
            stdin.write(news)
            stdin.seek(0)
            try:
                self._process = subprocess.Popen(  # noqa: S603 - the flow's own command
                    command, cwd=folder, env=env, stdin=stdin, stdout=said, stderr=said, start_new_session=True
                )
            except OSError as error:
                return Failure("CommandFailed", f"`{self._name}` cannot be started: {error.strerror or error}"), ""
            if self._stopped:
                self.stop()
            code = self._waited(self._process)
            text = _end_of(said)
        return self._failure(code, text), text

    def stop(self) -> None:
        """Have it end now."""
        self._stopped = True
        if self._process is not None:
            _signal(self._process, signal.SIGKILL)

    def _waited(self, process: subprocess.Popen[bytes]) -> int | None:
        """Return the exit code of a process; `None` if it had to be ended."""
        try:
            return process.wait(MAY_TAKE.total_seconds())
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
            _signal(process, signal.SIGKILL)
            process.wait()
            return None

    def _failure(self, code: int | None, text: str) -> Failure | None:
        if code == 0:
            return None
        if code is None:
            return Failure("TimeoutError", f"`{self._name}` took longer than {MAY_TAKE.seconds} s")
        code = code_of(code)
        how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")[:_LONGEST_LINE]
        return Failure("CommandFailed", f"`{self._name}` ended {how}{f': {last}' if last else ''}", exit_code=code)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal a process and its group: it leads one, and is not reaped before it has been waited for."""
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)


def _end_of(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _LOGGED, 0))
    return file.read(_LOGGED).decode(errors="backslashreplace")


def _news(run: Run, notice: Notice) -> bytes:
    """Return what the command reads: one object, in a line."""
    error = notice.error
    news: dict[str, Json] = {
        "event": notice.event,
        "run_id": run.id,
        "workflow": run.workflow,
        "executor": notice.executor,
        "request": notice.request,
        "error": error and {key: getattr(error, key) for key in ("type", "message", "executor", "attempt")},
        "at": instant(notice.at),
    }
    return msgspec.json.encode(news) + b"\n"


def _facts_of(run: Run, notice: Notice) -> dict[str, str]:
    return {
        "LRWF_RUN_ID": run.id,
        "LRWF_WORKFLOW": run.workflow,
        "LRWF_EVENT": notice.event,
        "LRWF_IDEMPOTENCY_KEY": sha256(f"{run.id}\0{notice.id}".encode()).hexdigest()[:32],
    }
