"""Ending the commands of a run for which nothing is open any more: the engine's `Sweep`, for runs in files."""

import asyncio
from collections.abc import Collection
from functools import partial

from lrwf_cli.executors.threads import in_thread
from lrwf_cli.store.base import Held
from lrwf_cli.store.held import FileHeld
from lrwf_cli.store.trouble import explain

__all__ = ["CommandStrays"]


class CommandStrays:
    """Implements `Sweep`. Of a run in memory no command is left: it had a program that has ended."""

    def found(self, held: Held) -> Collection[str]:
        """As `Sweep` says."""
        return held.tasks() if isinstance(held, FileHeld) else ()

    async def end(self, held: Held, names: Collection[str], grace_s: float | None) -> None:
        """As `Sweep` says."""
        assert isinstance(held, FileHeld)  # noqa: S101 - only of such a one any were found
        folders = held.tasks()
        await asyncio.gather(*(in_thread(partial(_end, folders[name], grace_s)) for name in names if name in folders))
        for name in names:
            held.drop_task(name)


def _end(folder: str, grace_s: float | None) -> None:
    """End a command and all of its own. One that was told so before has had its time."""
    from lrwf_cli.executors.commands.command import GRACE
    from lrwf_cli.executors.commands.processes import boot_id
    from lrwf_cli.executors.commands.supervisor import Task

    task = Task(folder, boot_id())
    usual_s = GRACE.total_seconds() if grace_s is None else grace_s
    try:
        task.end(0 if task.record().stopped else usual_s)
    except OSError as error:
        raise explain(error, folder) from error
