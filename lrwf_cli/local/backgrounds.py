"""Background work of runs in files: what begins it, put together when the first is begun."""

import sys
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from lrwf_cli.clock import Clock, SystemClock
from lrwf_cli.core.background import Background, Outcome
from lrwf_cli.core.looking_after import folder_name
from lrwf_cli.core.model import Workflow
from lrwf_cli.engine.letters import BACKGROUND
from lrwf_cli.executors.commands.environment import Surroundings
from lrwf_cli.store.base import Held, Letter
from lrwf_cli.store.held import FileHeld

if TYPE_CHECKING:
    from lrwf_cli.executors.commands.backgrounds import CommandBackgrounds

__all__ = ["FileBackgrounds", "backgrounds_of"]

# As for isolated handlers: the child finds modules where this process does, and nothing in its working directory.
_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); from lrwf_cli.local.called import main; main()"


class Around(Protocol):
    """What is known of an executor's commands."""

    def surroundings(self, held: Held, executor: str) -> Surroundings:
        """Return what the commands of an executor have around them."""


def backgrounds_of(
    held: Held, home: str | None, around: Around, workflow: Workflow, facts: Mapping[str, str], clock: Clock | None
) -> "FileBackgrounds | None":
    """Return what begins the background work of a run; `None` for one in memory, which has no other process."""
    if home is None or not isinstance(held, FileHeld) or held.run.origin.script is not None:
        return None
    return FileBackgrounds(held, home, lambda name: around.surroundings(held, name), workflow, facts, clock)


class FileBackgrounds:
    """Implements `Backgrounds`. Most runs have none: what it takes is loaded when it is used."""

    def __init__(
        self,
        held: FileHeld,
        home: str,
        around: Callable[[str], Surroundings],
        workflow: Workflow,
        facts: Mapping[str, str],
        clock: Clock | None,
    ) -> None:
        self._held = held
        self._home = home
        self._around = around
        self._workflow = workflow
        self._facts = facts
        self._clock = clock or SystemClock()

    def begin(self, work: Background) -> int | Outcome:
        """As `Backgrounds` says."""
        return self._commands.begin(work)

    def look(self, work: Background) -> Outcome | None:
        """As `Backgrounds` says."""
        return self._commands.look(work)

    def end(self, work: Background) -> Outcome:
        """As `Backgrounds` says."""
        return self._commands.end(work)

    @cached_property
    def _commands(self) -> "CommandBackgrounds":
        import json

        from lrwf_cli.executors.commands.backgrounds import CommandBackgrounds

        run = self._held.run
        return CommandBackgrounds(
            self._held.work,
            self._letter,
            lambda work: self._around(work.executor),
            program=(sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path)),
            setup={"home": self._home, "run": run.id},
            facts={**self._facts, "LRWF_RUN_ID": run.id, "LRWF_WORKFLOW": run.workflow},
            grace=lambda name: self._workflow.executors[name].grace,
            log=self._held.log,
        )

    def _letter(self, work: Background) -> tuple[bytes, str]:
        run = self._held.run
        letter = Letter(folder_name(work), run.id, BACKGROUND, self._clock.now(), run.epoch, data={"task": work.id})
        return self._held.prepared(letter)
