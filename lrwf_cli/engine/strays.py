"""Commands that go on although nobody waits for them any more: what an earlier driver left running is ended in time.

A command outlives its driver, so that the next one can wait for it. If the run has moved on without that (it was
cancelled, its time was up, it was rewound), the command is a stray: it would run on for ever, beside what comes after
it. What belongs to whom is told by names (`work_name`): nothing need be known of what started it.
"""

from collections.abc import Collection
from typing import Protocol

from lrwf_cli.core.lineage import idempotency_key, work_name
from lrwf_cli.core.looking_after import folder_name, unfinished
from lrwf_cli.core.run import Run
from lrwf_cli.store.base import Held

__all__ = ["Strays", "Sweep"]


class Sweep(Protocol):
    """Knows commands that outlive their drivers, which takes files and processes; the engine is given one."""

    def found(self, held: Held) -> Collection[str]:
        """Return the names of all commands of a run that have left traces, whoever began them."""

    async def end(self, held: Held, names: Collection[str], grace_s: float | None) -> None:
        """End these commands and remove their traces. `grace_s` is what they have to end; `None`: what is usual.

        Raises StateFull, StateDirectoryError.
        """


class Strays:
    """Those of one held run. `sweep` is `None` where no command outlives its driver."""

    def __init__(self, held: Held, sweep: Sweep | None) -> None:
        self._held = held
        self._sweep = sweep
        self._earlier = frozenset(sweep.found(held)) if sweep is not None else frozenset[str]()

    async def end(self, run: Run, grace_s: float | None = None) -> None:
        """End what earlier drivers have left running for what is not open in `run` any more."""
        if self._earlier and self._sweep is not None:
            names = _open_names(run)
            strays = {name for name in self._earlier if not _is_open(name, names)}
            self._earlier -= strays
            if strays:
                await self._sweep.end(self._held, strays, grace_s)

    async def end_all(self, run: Run, grace_s: float | None = None) -> None:
        """End whatever is left when a run has finished: also what its own handlers were not given the time to end."""
        if self._sweep is not None:
            names = _open_names(run)
            if left := {name for name in self._sweep.found(self._held) if not _is_open(name, names)}:
                await self._sweep.end(self._held, left, grace_s)


def _is_open(name: str, names: Collection[str]) -> bool:
    return name in names or name.partition(".")[0] in names


def _open_names(run: Run) -> frozenset[str]:
    """Return the names under which commands may work for `run`: once it is finished, only what it has left behind."""
    beside = frozenset(folder_name(work) for work in unfinished(run))
    if run.is_final:
        return beside
    return beside | frozenset(
        work_name(idempotency_key(run.id, run.epoch, each.delivery.id), each.start) for each in run.open_invocations()
    )
