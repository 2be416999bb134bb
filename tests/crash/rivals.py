"""Several processes that answer one request: each does what it does at any point of what another does, and may die.

A *part* is what one process does, on a store. A duel is two parts: the second one happens, all of it, before some
primitive of the first. What comes after a crash is a third part. Time stands still; the run's journal is only written
where a part says so, with events that any run may have.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from lrwf_cli.core.events import DriverStarted, MailTaken
from lrwf_cli.core.suspended import Answer
from lrwf_cli.errors import LrwfError
from lrwf_cli.store.base import Letter, Store
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.files import FileStore
from tests.crash.durability import Op
from tests.crash.enumeration import Crash, How, crashes_of
from tests.crash.recorder import History, Mark, RecordingDisk
from tests.crash.trees import Tree, lay_out, look_at
from tests.crash.worlds import START, STATE, MakeDisk
from tests.store.store_builders import new_run

__all__ = ["REQUEST", "RUN", "Duel", "InterruptedDisk", "Part", "answers", "driver", "impatient_driver"]

RUN = "train"
REQUEST = "approve"
Part = Callable[[Store, History], None]


def answers(who: str) -> Part:
    """Somebody answers, and is told which answer stands."""

    def play(store: Store, history: History) -> None:
        letter = Letter(id=who, run_id=RUN, kind="answered", at=START, data={"request": REQUEST})
        history.mark("told", store.answer(letter, REQUEST, Answer(at=START, value=who)).value)

    return play


def driver(store: Store, history: History) -> None:
    """A driver takes the answer that its mail speaks of; without one the request expires."""
    _drive(store, history, is_due=True)


def impatient_driver(store: Store, history: History) -> None:
    """A driver takes what stands in its mail even if it finds no answer, since that is old; nothing expires."""
    _drive(store, history, is_due=False)


def _drive(store: Store, history: History, *, is_due: bool) -> None:
    held = store.hold(RUN)
    letters = [letter for letter in held.letters() if letter.id not in held.run.mail]
    standing = held.answered(REQUEST) if letters else None
    if standing is None and is_due:
        standing = held.answer(REQUEST, Answer(START, expired=True))
    news = [] if standing is None else [DriverStarted(pid=1, boot_id=str(standing.value))]
    if news or letters:
        held.append([*news, *(MailTaken(letter.id, letter.kind) for letter in letters)], START)
    for letter in letters:
        history.mark("taken", letter.id)
    if standing is not None:
        history.mark("journaled", standing.value)
    held.burn([letter.id for letter in held.letters()])
    held.wake_at(None)
    held.release()


def waiting(folder: Path) -> Crash:
    """Return a machine with a run that waits for nothing but an answer; `folder` is used to make it."""
    folder.mkdir()
    held = FileStore.open(f"{folder}/{STATE}", create=True, disk=Disk()).create(new_run(RUN))
    held.wake_at(None)
    held.release()
    tree = look_at(folder)
    return Crash("a run that waits", tree, tree)


class InterruptedDisk(RecordingDisk):
    """Has something else happen, all of it, before its primitive number `at`."""

    def __init__(self, root: Path, history: History, at: int, meanwhile: Callable[[], None]) -> None:
        super().__init__(root, history)
        self._left = at
        self._meanwhile: Callable[[], None] | None = meanwhile

    @property
    def was_interrupted(self) -> bool:
        """Whether it got so far."""
        return self._meanwhile is None

    def before(self, op: Op) -> None:
        self._left -= 1
        if self._left < 0 and self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()


def _look(_: Path, crash: Crash) -> Iterator[str]:
    return _forgotten(crash.tree, crash.marks)


def _contradictions(marks: tuple[Mark, ...], standing: Answer | None) -> Iterator[str]:
    """Yield what is wrong if not everybody was told of the one answer that stands."""
    told = {mark.about for mark in marks if mark.kind != "taken"}
    if told and told != {standing and standing.value}:
        yield f"told was {told}, and what stands is {standing}"


@dataclass
class Duel:
    """One part, with another in the middle of it, at every point; then a crash at every point, and what comes after.

    `begin` makes the run that is asked about, `look` says what is wrong with what a crash has left, and `judge` with
    what everybody was told in the end, given the answer that stands. `interrupted` and `make_disk`, the disks of the
    duel and of what comes after, may be broken on purpose. `wrong` gathers what is wrong.
    """

    first: Part
    second: Part
    after: Part
    folder: Path
    interrupted: type[InterruptedDisk] = InterruptedDisk
    make_disk: MakeDisk = RecordingDisk
    begin: Callable[[Path], Crash] = waiting
    look: Callable[[Path, Crash], Iterator[str]] = _look
    judge: Callable[[tuple[Mark, ...], Answer | None], Iterator[str]] = _contradictions
    played: int = 0
    wrong: list[str] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def play(self, how: How, then: How | None = None) -> list[str]:
        """Return what is wrong, up to the first histories in which something is."""
        start = self.begin(self.folder / "waiting")
        for history in self._histories(start):
            for crash in self._new(crashes_of(start, history, how)):
                after = self._check(crash)
                for second in self._new(crashes_of(crash, after, then)) if then else ():
                    self._check(second)
            if self.wrong:
                break
        return self.wrong

    def _histories(self, start: Crash) -> Iterator[History]:
        for at in count():
            disk = self._duel(self._lay_out(start.tree), at)
            yield disk.history
            if not disk.was_interrupted:
                return

    def _duel(self, folder: Path, at: int) -> InterruptedDisk:
        def meanwhile() -> None:
            self.second(store, disk.history)

        disk = self.interrupted(folder, History(), at, meanwhile)
        store = FileStore(f"{folder}/{STATE}", disk)
        self.first(store, disk.history)
        return disk

    def _new(self, crashes: Iterator[Crash]) -> Iterator[Crash]:
        for crash in crashes:
            unsynced = frozenset(hash(tuple(tree.items())) for tree in crash.machine().survivors()) if crash.past else 0
            key = hash((tuple(crash.tree.items()), unsynced, crash.marks, crash.lives))
            if key not in self._seen:
                self._seen.add(key)
                yield crash

    def _check(self, crash: Crash) -> History:
        """Look at what a crash has left, and have life go on there."""
        folder, history = self._lay_out(crash.tree), History()
        wrong = list(self.look(folder, crash))
        try:
            self.after(FileStore(f"{folder}/{STATE}", self.make_disk(folder, history)), history)
            marks = (*crash.marks, *(entry for entry in history.entries if isinstance(entry, Mark)))
            wrong += self.judge(marks, FileStore(f"{folder}/{STATE}").answered(RUN, REQUEST, 0))
        except LrwfError as error:
            wrong.append(f"it ends with {error!r}")
        self.wrong += [f"{each}\n    after {crash.how}" for each in wrong]
        return history

    def _lay_out(self, tree: Tree) -> Path:
        self.played += 1
        folder = self.folder / f"life-{self.played}"
        lay_out(tree, folder)
        return folder


def _forgotten(left: Tree, marks: tuple[Mark, ...]) -> Iterator[str]:
    """Yield what is wrong if an answer was acknowledged and nothing wakes its run: no new mail, no driver's timer."""
    taken = {f"{STATE}/mail/{RUN}~{mark.about}.json" for mark in marks if mark.kind == "taken"}
    wakes = [path for path in left if any(f"{STATE}/{place}/{RUN}" in path for place in ("mail", "timers/now"))]
    kinds = {mark.kind for mark in marks}
    if "told" in kinds and "journaled" not in kinds and taken.issuperset(wakes):
        yield f"I3: {marks[-1].about} was told, and nothing wakes the run"
