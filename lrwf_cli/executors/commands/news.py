"""Telling people the news: the commands of `notify:`, one process for each piece of news.

They run beside everything else, hold nothing up, and end within a minute. One dies with its driver: whoever drives the
run next tells the news again, which is what "at least once" means.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256

import msgspec

from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Failure, Notice, Run
from lrwf_cli.core.view import instant
from lrwf_cli.errors import CommandFailed, LrwfError
from lrwf_cli.executors.commands.check import Checked, check_command
from lrwf_cli.executors.commands.command import Command
from lrwf_cli.executors.commands.environment import Surroundings
from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.outcome import described
from lrwf_cli.executors.scene import Given

__all__ = ["MAY_TAKE", "NewsCommands"]

MAY_TAKE = timedelta(seconds=45)
"""How long telling a piece of news may take; then it failed, and is tried again."""


class NewsCommands:
    """Implements the engine's `Tell`. `commands` are by the event, `values` give the variables of `env:`.

    What they print goes to `log`, as `notify.<event>`; secrets are masked.
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
        name = f"notify.{notice.event}"
        try:
            checked = await self._told(run, notice)
            self._note(name, checked)
            if checked.exit_code:
                last = checked.stderr.strip().rpartition("\n")[2]
                raise described(name, checked.exit_code, checked.stderr, last)
        except CommandFailed as error:
            return Failure("CommandFailed", error.message, exit_code=error.exit_code, hint=error.hint)
        except LrwfError as error:
            return Failure(type(error).__name__, error.message, hint=error.hint)
        except OSError as error:
            return Failure("CommandFailed", f"`{name}` cannot be started: {error.strerror or error}")
        return None

    async def _told(self, run: Run, notice: Notice) -> Checked:
        secrets = self._around.read_secrets()
        values = {name: given({}) for name, given in self._values.items()}
        env = self._around.variables(values, secrets, {**_facts_of(run, notice), **self._facts})
        return await check_command(
            self._commands[notice.event],
            self._around.folder,
            env,
            stdin=_news(run, notice),
            limit=MAY_TAKE,
            mask=Mask(secrets.values()),
        )

    def _note(self, name: str, checked: Checked) -> None:
        for text in filter(None, (checked.stdout, checked.stderr)):
            printable = text.encode(errors="surrogateescape").decode(errors="backslashreplace")
            self._log(name, printable if printable.endswith("\n") else f"{printable}\n")


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
