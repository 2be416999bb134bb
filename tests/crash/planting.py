"""What it takes to break something on purpose, and to see whether the enumeration finds it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from lrwf_cli.clock import Clock
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.base import Call, Desk, Result
from lrwf_cli.store.base import Held, Store
from lrwf_cli.store.disk import Disk
from tests.crash.enumeration import NOTHING, Enumeration, How, crashes_of
from tests.crash.recorder import History, RecordingDisk
from tests.crash.witness import WitnessDesk
from tests.crash.worlds import MakeDisk, MakeStore, News, Scenario, make_file_store

__all__ = ["Broken", "LateJournalSync", "Mislead", "broken_by", "faults", "misled"]

ALL = 1_000_000


def faults(
    scenario: Scenario,
    folder: Path,
    first: How,
    then: How | None = None,
    *,
    make_disk: MakeDisk = RecordingDisk,
    make_store: MakeStore = make_file_store,
    until: str = "",
) -> list[str]:
    """Return what the enumeration finds, the latest crashes first; with `then` also crashes in what comes after.

    It ends with the first crash of which something is said that contains `until`.
    """
    with Enumeration(scenario, folder, make_store, make_disk, enough=ALL) as enumeration:
        history = enumeration.undisturbed()
        crashes = list(crashes_of(NOTHING, history, first))
        for crash, after in enumeration.after(reversed(crashes)):
            for _ in enumeration.after(crashes_of(crash, after, then)) if then else ():
                if enumeration.wrong:
                    break
            if any(until in each for each in enumeration.wrong):
                break
        return enumeration.wrong


class LateJournalSync(RecordingDisk):
    """Acknowledges a frame before it is synced: the sync comes with whatever happens next."""

    def __init__(self, root: Path, history: History) -> None:
        super().__init__(root, history)
        self._late: list[tuple[int, str]] = []

    def sync_data(self, fd: int, path: str) -> None:
        self._late.append((fd, path))

    def write(self, fd: int, path: str, data: bytes | memoryview) -> int:
        for late in self._late:
            super().sync_data(*late)
        self._late.clear()
        return super().write(fd, path, data)


class Broken:
    """A held run of which a subclass breaks something."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.run = held.run

    def __getattr__(self, name: str) -> Any:
        return getattr(self.held, name)


class _Breaking:
    """A store that hands out broken runs."""

    def __init__(self, store: Store, kind: type[Broken]) -> None:
        self._store = store
        self._kind = kind

    def create(self, *args: Any) -> Held:
        return cast("Held", self._kind(self._store.create(*args)))

    def hold(self, run_id: str) -> Held:
        return cast("Held", self._kind(self._store.hold(run_id)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


def broken_by(kind: type[Broken]) -> MakeStore:
    """Return what makes a store whose runs are broken in that way."""

    def make(path: str, disk: Disk) -> Store:
        return cast("Store", _Breaking(make_file_store(path, disk), kind))

    return make


Mislead = Callable[[Call, WitnessDesk], tuple[Call, WitnessDesk]]
"""What a handler is given instead of what it should be."""


def misled(scenario: Scenario, mislead: Mislead) -> Scenario:
    """Return a scenario whose handlers are given something else."""
    return cast("Scenario", _Misled(scenario, mislead))


class _Misled:
    def __init__(self, scenario: Scenario, mislead: Mislead) -> None:
        self._scenario = scenario
        self._mislead = mislead

    def begin(self, store: Store, clock: Clock, news: News) -> tuple[Held, Assembly]:
        held, assembly = self._scenario.begin(store, clock, news)
        return held, self._broken(assembly)

    def assemble(self, store: Store, held: Held, news: News) -> Assembly:
        return self._broken(self._scenario.assemble(store, held, news))

    def _broken(self, assembly: Assembly) -> Assembly:
        return Assembly(assembly.workflow, _Misleading(assembly, self._mislead), assembly.tell)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scenario, name)


class _Misleading:
    def __init__(self, assembly: Assembly, mislead: Mislead) -> None:
        self._invoker = assembly.invoker
        self._mislead = mislead

    async def invoke(self, call: Call, desk: Desk) -> Result:
        assert isinstance(desk, WitnessDesk)
        return await self._invoker.invoke(*self._mislead(call, desk))
