"""Every crash of a scenario, played: what may be left is laid out in a new folder, and life goes on there.

A *crash* is a place in a history and what is left there: by a kill (what was visible; in the middle of a write, half of
it) or by a power loss (see `durability`). What a kill left unsynced stays unsynced in the life after it, so that a
power loss there takes it too. Crashes that leave the same, with the same things seen outside, are played once.
"""

import asyncio
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal, Self

from lrwf_cli.errors import LrwfError
from lrwf_cli.store.disk import Disk
from tests.crash.durability import Machine, Op
from tests.crash.oracles import outputs_of, wrong_at_the_end, wrong_at_the_look, wrong_outside
from tests.crash.recorder import History, Mark, RecordingDisk
from tests.crash.trees import Tree, lay_out, look_at
from tests.crash.worlds import RUN, START, STATE, Life, MakeDisk, MakeStore, Scenario, live, look, make_file_store

__all__ = ["NOTHING", "Crash", "Enumeration", "How", "crashes_of", "endings_of", "prepared"]

BETWEEN_LIVES = timedelta(seconds=20)


@dataclass(frozen=True)
class Crash:
    """What a crash has left: `tree` is visible; durable is `base`, and what of `past` was synced.

    `marks` is what was seen outside before, over all lives.
    """

    how: str
    tree: Tree
    base: Tree
    past: tuple[Op, ...] = ()
    marks: tuple[Mark, ...] = ()
    lives: int = 0
    boots: int = 0

    def machine(self) -> Machine:
        """Return the machine as it was left, still or again under power."""
        machine = Machine(self.base)
        for op in self.past:
            machine.apply(op)
        return machine


NOTHING = Crash("nothing", {}, {})
"""A machine on which nothing has ever happened."""


def prepared(folder: Path) -> Crash:
    """Return a machine on which there is a state directory and no run; `folder` is used to make it."""
    make_file_store(f"{folder}/{STATE}", Disk())
    tree = look_at(folder)
    return Crash("an empty state directory", tree, tree)


How = Literal["kills", "powers", "all powers"]
"""Which crashes: kills, or power losses with the extremes of what they leave, or also with each name by itself."""


def crashes_of(start: Crash, history: History, how: How) -> Iterator[Crash]:
    """Yield the crashes of the life that began with `start` and has that history.

    They are before each primitive and at the end. Between a primitive and what is seen outside after it nothing changes
    on disk, and to have seen more makes more demands, so a crash there would tell nothing new.
    """
    machine = start.machine()
    crash = replace(start, lives=start.lives + 1)
    for number, entry in enumerate([*history.entries, None]):
        if isinstance(entry, Mark):
            crash = replace(crash, marks=(*crash.marks, entry))
            continue
        where = f"{start.how}, then life {crash.lives} at {number}, before {_named(entry)}"
        yield from _crashes_at(replace(crash, how=where, tree=machine.visible()), machine, entry, how)
        if entry is not None:
            machine.apply(entry)
            crash = replace(crash, past=(*crash.past, entry))


def endings_of(start: Crash, history: History, how: How) -> Iterator[Crash]:
    """Yield what is left if all goes well in that life, or if the power goes as it ends."""
    past = (*start.past, *_ops(history.entries))
    marks = (*start.marks, *_marks(history.entries))
    crash = replace(start, how=f"{start.how}, then all of life {start.lives + 1}", lives=start.lives + 1)
    crash = replace(crash, past=past, marks=marks)
    machine = crash.machine()
    yield from _crashes_at(replace(crash, tree=machine.visible()), machine, None, how)


def _crashes_at(crash: Crash, machine: Machine, entry: Op | None, how: How) -> Iterator[Crash]:
    if how == "kills":
        yield replace(crash, how=f"{crash.how}: kill")
        yield from _torn(crash, entry)
    else:
        for tree in machine.survivors(one_by_one=how == "all powers"):
            yield replace(crash, how=f"{crash.how}: power", tree=tree, base=tree, past=(), boots=crash.boots + 1)


def _torn(crash: Crash, entry: Op | None) -> Iterator[Crash]:
    """Yield what a kill in the middle of a write leaves."""
    if entry is not None and entry.kind == "write" and len(entry.data) > 1:
        half = replace(entry, data=entry.data[: len(entry.data) // 2])
        torn = replace(crash, how=f"{crash.how}: kill in it", past=(*crash.past, half))
        yield replace(torn, tree=torn.machine().visible())


def _named(entry: Op | None) -> str:
    return "the end" if entry is None else f"{entry.kind} {entry.path} {entry.other}".strip()


@dataclass
class Enumeration:
    """Plays the crashes of `scenario` in folders below `folder`, and collects what is wrong.

    `make_store` and `make_disk` are what is used, and may be broken on purpose. `played` counts the lives.
    Stops when `enough` faults have been found.
    """

    scenario: Scenario
    folder: Path
    make_store: MakeStore = make_file_store
    make_disk: MakeDisk = RecordingDisk
    enough: int = 5
    played: int = 0
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.outputs: dict[str, object] = {}
        self._seen: set[int] = set()
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.close()

    def undisturbed(self, start: Crash = NOTHING) -> History:
        """Play the life in which nothing happens; what comes of it is what has to come of all others."""
        folder = self._lay_out(start.tree)
        history, error = self._play(start, folder)
        assert error is None, error
        self.outputs = outputs_of(folder)
        assert look(folder).load(RUN).status == self.scenario.ends
        assert not [*wrong_at_the_end(folder, _marks(history.entries), self.outputs)]
        machine = start.machine()
        for op in _ops(history.entries):
            machine.apply(op)
        assert machine.visible() == look_at(folder), "something is written past the disk"
        return history

    def sick(self, start: Crash, make_disk: MakeDisk) -> tuple[History, LrwfError | None]:
        """Play what comes after `start` on another disk; return what happened, and the error that ended it."""
        folder = self._lay_out(start.tree)
        history, error = self._play(start, folder, make_disk)
        shutil.rmtree(folder)
        return history, error

    def after(self, crashes: Iterable[Crash]) -> Iterator[tuple[Crash, History]]:
        """Play what comes after each of `crashes` that is a new one; yield it with its history."""
        for crash in crashes:
            key = self._key(crash)
            if len(self.wrong) >= self.enough:
                return
            if key not in self._seen:
                self._seen.add(key)
                yield crash, self._check(crash)

    def _check(self, crash: Crash) -> History:
        folder = self._lay_out(crash.tree)
        wrong = list(wrong_at_the_look(folder, crash.tree, crash.marks))
        history, error = self._play(crash, folder)
        marks = (*crash.marks, *_marks(history.entries))
        if error is not None:
            wrong.append(f"it ends with {error!r}")
        else:
            wrong += wrong_at_the_end(folder, marks, self.outputs)
        wrong += wrong_outside(marks)
        self.wrong += [f"{each}\n    after {crash.how}" for each in wrong]
        shutil.rmtree(folder)
        return history

    def _play(self, crash: Crash, folder: Path, make_disk: MakeDisk | None = None) -> tuple[History, LrwfError | None]:
        self.played += 1
        history = History()
        disk = (make_disk or self.make_disk)(folder, history)
        at = START + crash.lives * BETWEEN_LIVES
        make_life = partial(Life, self.scenario, folder, disk, self.make_store, boot=crash.boots, began_at=at)
        return history, live(make_life, self._runner)

    def _lay_out(self, tree: Tree) -> Path:
        folder = self.folder / f"life-{self.played}"
        lay_out(tree, folder)
        return folder

    def _key(self, crash: Crash) -> int:
        """Return what makes two crashes the same: files, which of them are durable, and what was seen outside."""
        durable = frozenset(map(_digest, crash.machine().survivors())) if crash.past else 0
        return hash((_digest(crash.tree), durable, repr(crash.marks), crash.lives, crash.boots))


def _digest(tree: Tree) -> int:
    return hash(tuple(tree.items()))


def _marks(entries: Iterable[Op | Mark]) -> tuple[Mark, ...]:
    return tuple(entry for entry in entries if isinstance(entry, Mark))


def _ops(entries: Iterable[Op | Mark]) -> Iterator[Op]:
    return (entry for entry in entries if isinstance(entry, Op))
