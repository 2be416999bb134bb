"""`run:`: a command as an executor. Its message is on stdin as JSON; what it writes is its result, and sent on.

A command runs under a witness of its own (`supervisor`), so that it goes on when the process that drives the run is
gone. The next one finds it by the delivery and its `start`, waits for it or takes what it has left, and never runs
it twice. One that was stopped with its driver is found to be so, and is run again.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.lineage import work_name
from lrwf_cli.core.model import Json
from lrwf_cli.executors.api import Executor, handler
from lrwf_cli.executors.base import Call, Desk
from lrwf_cli.executors.commands.environment import Surroundings
from lrwf_cli.executors.scene import Given, scene_of, seen

if TYPE_CHECKING:
    from lrwf_cli.executors.commands.attendant import Attendant

__all__ = ["GRACE", "Command", "CommandExecutor", "facts_of"]

Command = str | Sequence[str]
"""A text is for `/bin/sh -c`, a list is a program and its arguments. Nothing is ever put into either."""

GRACE = timedelta(seconds=5)
"""What a command that is to end has between SIGTERM and SIGKILL."""


class CommandExecutor(Executor):
    """Runs a command for each message. `values` give the variables of `env:` for what is seen of a message.

    Ending well: what it wrote to `$LRWF_OUTPUT`, else to stdout, is sent on: JSON if all of it parses, else text less
    one newline; nothing is `None`. Else it raises CommandFailed; CommandLost if nobody knows how it ended, after a kill
    of its witness or a reboot. Cancelling ends it and all of its session: SIGTERM, after `grace` SIGKILL.
    """

    def __init__(
        self,
        id: str,  # noqa: A002 - as in Executor
        command: Command,
        around: Surroundings,
        *,
        values: Mapping[str, Given] | None = None,
        grace: timedelta = GRACE,
    ) -> None:
        super().__init__(id)
        self._command = command
        self._around = around
        self._values = values or {}
        self._grace = grace
        self._folder_of: Callable[[str, str], str] | None = None
        self._facts: Mapping[str, str] = {}
        self._boot: str | None = None

    def bind(
        self, folder_of: Callable[[str, str], str], *, facts: Mapping[str, str] | None = None, boot: str | None = None
    ) -> None:
        """Say where the run's commands keep their files, before the first message.

        `folder_of` gives a folder for a name, durably, which stands until the outcome of a delivery (its id) is kept.
        `facts` are further variables (`LRWF_STATE_DIR`), `boot` is this boot of the machine if it is known.
        """
        self._folder_of = folder_of
        self._facts = facts or {}
        self._boot = boot

    @handler
    async def handle(self, message: Any, ctx: WorkflowContext) -> None:
        """Run the command, or go on with it, and send its result."""
        import sys

        from lrwf_cli.executors.commands.attendant import Wanted
        from lrwf_cli.executors.commands.masking import Mask
        from lrwf_cli.executors.commands.processes import MARK, shell

        call = scene_of(ctx).call
        secrets = self._around.read_secrets()
        mask = Mask(secrets.values())
        attendant = self._attendant(call, mask, write=sys.stdout.write, heard=_heard_by(scene_of(ctx).desk))
        wanted = Wanted(
            command=shell(self._command),
            folder=self._around.folder,
            env=self._around.variables(
                {name: given(seen(message, ctx)) for name, given in self._values.items()},
                secrets,
                {
                    **facts_of(call),
                    **self._facts,
                    "LRWF_OUTPUT": attendant.task.path("output"),
                    MARK: attendant.task.mark,
                },
            ),
            message=message_of(call),
        )
        await ctx.send_message(await self._outcome(attendant, wanted, mask))

    async def _outcome(self, attendant: "Attendant", wanted: Any, mask: Any) -> Json:
        from lrwf_cli.executors.commands.outcome import code_of, failure, result
        from lrwf_cli.executors.patience import to_the_end
        from lrwf_cli.executors.threads import in_thread

        def outcome() -> Json:
            code = code_of(attendant.attend(wanted))
            if code:
                raise failure(attendant.task, mask, self.id, code)
            return result(attendant.task, mask, self.id)

        return await to_the_end(in_thread(outcome), attendant.stop)

    def _attendant(
        self, call: Call, mask: Any, *, write: Callable[[str], Any], heard: Callable[[], None]
    ) -> "Attendant":
        from lrwf_cli.executors.commands.attendant import Attendant
        from lrwf_cli.executors.commands.processes import boot_id
        from lrwf_cli.executors.commands.supervisor import Task

        assert self._folder_of is not None, f"`{self.id}` is not bound to a run"  # noqa: S101 - whoever makes it binds it
        boot = self._boot or boot_id()
        name = work_name(call.idempotency_key, call.start)
        stopped: list[Task] = []
        for number in count(1):
            task = Task(self._folder_of(name if number == 1 else f"{name}.{number}", call.delivery.id), boot)
            if not task.record().stopped:
                break
            stopped.append(task)
        grace_s = self._grace.total_seconds()
        return Attendant(task, mask=mask, write=write, heard=heard, grace_s=grace_s, earlier=stopped)


def _heard_by(desk: Desk) -> Callable[[], None]:
    """Return what tells a desk, from any thread, that there is life in the command."""
    import asyncio

    loop = asyncio.get_running_loop()

    def heard() -> None:
        with suppress(RuntimeError):  # the loop is closed: this process ends, and nobody counts any more
            loop.call_soon_threadsafe(desk.progress, None, None, None)

    return heard


def facts_of(call: Call) -> dict[str, str]:
    """Return the `LRWF_*` variables that say what a command runs for."""
    return {
        "LRWF_RUN_ID": call.run_id,
        "LRWF_WORKFLOW": call.workflow,
        "LRWF_EXECUTOR": call.delivery.executor,
        "LRWF_ATTEMPT": str(call.attempt),
        "LRWF_MAYBE_DONE": "1" if call.maybe_done else "0",
        "LRWF_IDEMPOTENCY_KEY": call.idempotency_key,
    }


def message_of(call: Call) -> bytes:
    """Return what a command reads on stdin: the message as plain JSON, in one line."""
    import msgspec

    from lrwf_cli.core.plain import plain

    return msgspec.json.encode(plain(call.resolve(call.delivery.message))) + b"\n"
