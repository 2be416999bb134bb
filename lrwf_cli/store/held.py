"""A run of the file store in the hands of its driver: the journal's end, its blobs, wake-ups and letters.

The order of things is what keeps a run safe: the timer `now` stands before a frame is written, blobs are durable
before the frame that names them, and a frame before anyone hears of it. How a run is made is in `births`, and how one
is taken up in `recovery`.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple, NoReturn

import msgspec

from lrwf_cli.core.events import BackgroundEnded, Event, InvocationCompleted, InvocationFailed
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Answer
from lrwf_cli.errors import StateDirectoryError
from lrwf_cli.store import checkpoints
from lrwf_cli.store.answers import Answers, packed
from lrwf_cli.store.base import Frame, Letter
from lrwf_cli.store.blobfiles import BlobFiles
from lrwf_cli.store.blobs import weighed
from lrwf_cli.store.disk import FULL, Disk, SyncFailed
from lrwf_cli.store.journal import Mark, fitting, frame_line, whole_ms
from lrwf_cli.store.locks import Lock
from lrwf_cli.store.mail import Mail
from lrwf_cli.store.quiet import Quiet
from lrwf_cli.store.reading import is_folder, names_in
from lrwf_cli.store.rundir import RunFolder
from lrwf_cli.store.timers import Timers, WakeUps
from lrwf_cli.store.trouble import explain, told

__all__ = ["FileHeld", "Shared"]


class Shared(NamedTuple):
    """What all runs of a state directory have in common."""

    disk: Disk
    timers: Timers
    mail: Mail


class FileHeld:
    """A held run in files; see `base.Held`. The lock is its own from the beginning on, and so is the timer `now`.

    After a failed write of which nobody knows how much is on disk, or a failed sync, the run's folder gets a mark,
    `io-error`, and everything that would change the run is refused: the next holder starts from what it can read.
    """

    def __init__(
        self, shared: Shared, folder: RunFolder, lock: Lock, *, run: Run, mark: Mark, blobs: BlobFiles | None = None
    ) -> None:
        self.run = run
        self.path = folder.path
        self._disk = shared.disk
        self._timers = shared.timers
        self._mail = shared.mail
        self._folder = folder
        self._lock = lock
        self._mark = mark
        self._blobs = blobs or BlobFiles(shared.disk, folder.blobs)
        self._answers = Answers(shared.disk, folder)
        self._quiet = Quiet(shared.disk, folder)
        self._epoch = run.epoch
        self._tasks: dict[str, set[str]] = {}
        self._has_tasks = False
        self._wakeups = WakeUps(shared.disk, shared.timers, folder.run_id, folder.wake)
        self._weight = 0
        self._has_now = True
        self._is_cut_short = False
        self._is_released = False
        self._refusal: StateDirectoryError | None = None
        self._fd = shared.disk.open_end(folder.journal)

    def lighten(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Return `events` with large values replaced by references; they are kept in memory until `append`.

        Raises FrameTooLarge if the frame would be.
        """
        light, size = weighed(events, self._blobs.keep)
        self._weight = fitting(self._weight + size)
        return light

    def append(self, events: Sequence[Event], at: datetime) -> Frame:
        """Commit `events` as the next frame: one write, one sync, and those of the blobs that are new."""
        if self._refusal:
            raise self._refusal
        at = whole_ms(at)
        line, mark = frame_line(self._mark, events, at)
        try:
            self._make_ready(events)
            self._is_cut_short = True
            self._disk.append(self._fd, self._folder.journal, line)
        except OSError as error:
            if isinstance(error, SyncFailed) or error.errno not in FULL:
                self._give_up(error)
            self._cut_off(error)
            raise explain(error, self.path) from error
        self._is_cut_short = False
        self._weight = 0
        self._mark = mark
        self._clear(events)
        return Frame(mark.seq, at, tuple(events))

    def _make_ready(self, events: Sequence[Event]) -> None:
        if self._is_cut_short:  # the caller was interrupted in the middle of the last frame
            self._disk.truncate(self._fd, self._folder.journal, self._mark.offset)
            self._is_cut_short = False
        if not self._has_now:  # I4: after a `wake_at` that turned out to be too early
            self._timers.put_now(self._folder.run_id)
            self._has_now = True
        self._blobs.flush()
        self._quiet.before(events)

    def _cut_off(self, full: OSError) -> None:
        """Take away what was written of a frame before the disk was full."""
        if self._is_cut_short:
            try:
                self._disk.truncate(self._fd, self._folder.journal, self._mark.offset)
            except OSError:
                self._give_up(full)
            self._is_cut_short = False

    def _give_up(self, error: OSError) -> NoReturn:
        self._refusal = explain(error, self.path)
        with suppress(OSError):  # best effort: the mark is in the same memory as what it warns of
            self._disk.touch(self._folder.io_error)
        raise self._refusal from error

    def resolve(self, value: Json) -> Json:
        """Return `value` with its references replaced, also those to blobs that no `append` has written yet."""
        try:
            return self._blobs.resolve(value)
        except OSError as error:
            raise explain(error, self.path) from error

    def checkpoint(self, run: Run) -> None:
        """Cache `run` if it is the fold of what was appended, neither more nor less. Never fails."""
        if self._refusal is None and run.seq == self._mark.seq:
            with suppress(OSError):  # I5: a cache; the disk may be full
                checkpoints.write(self._disk, self._folder.checkpoints, run, self._mark)
            self._quiet.after(run)

    @told
    def log(self, executor: str, text: str) -> None:
        """Add `text` to the executor's log, in one write if the disk takes it in one."""
        path = self._folder.log(executor)
        try:
            fd = self._disk.open_end(path)
        except FileNotFoundError:  # whoever was short of room may have removed the logs of a run at work
            self._disk.make_folder(self._folder.logs)
            fd = self._disk.open_end(path)
        try:
            self._disk.write_all(fd, path, text.encode("utf-8", "backslashreplace"))
        finally:
            self._disk.close(fd, path)

    @told
    def letters(self) -> list[Letter]:
        """Return the letters that stand, oldest first."""
        return self._mail.letters(self._folder.run_id)

    @told
    def answer(self, request: str, answer: Answer) -> Answer:
        """Make `answer` that of a request, unless it has one; return the one that stands, durably.

        Raises FrameTooLarge, JournalCorrupt.
        """
        if self._refusal:
            raise self._refusal
        return self._answers.give(request, self._epoch, packed(answer))

    @told
    def answered(self, request: str) -> Answer | None:
        """Return the answer that stands, durably; `None`: there is none yet. Raises JournalCorrupt."""
        return self._answers.settled(request, self._epoch)

    @told
    def work(self, task: str, delivery: str) -> str:
        """Return the folder of a command; it stands, durably, until its delivery was completed or failed."""
        path = self._folder.work(task)
        known = self._tasks.setdefault(delivery, set())
        if path not in known:
            self._disk.make_folder(self._folder.tasks)
            self._disk.make_folder(path)
            # Also what an earlier process made: it may have ended before that was durable.
            self._disk.settle(self._folder.tasks, *(() if self._has_tasks else (self.path,)))
            self._has_tasks = True
            known.add(path)
        return path

    @told
    def tasks(self) -> dict[str, str]:
        """Return the folders of commands that stand, whoever made them, by their names."""
        root = self._folder.tasks
        paths = {name: f"{root}/{name}" for name in sorted(names_in(root))} if is_folder(root) else {}
        return {name: path for name, path in paths.items() if is_folder(path)}

    def drop_task(self, name: str) -> None:
        """Remove the folder of a command for which nothing is open any more. Not durable."""
        with suppress(OSError):  # as below: what is left is found by whoever comes next
            self._disk.discard_tree(f"{self._folder.tasks}/{name}")

    def _clear(self, events: Sequence[Event]) -> None:
        """Remove the folders of commands whose outcome is in the journal now."""
        for event in events:
            if isinstance(event, InvocationCompleted | InvocationFailed | BackgroundEnded):
                over = event.task if isinstance(event, BackgroundEnded) else event.delivery
                for path in self._tasks.pop(over, ()):
                    with suppress(OSError):  # what a command has left behind may write there to this day
                        self._disk.discard_tree(path)

    def prepared(self, letter: Letter) -> tuple[bytes, str]:
        """Return a letter as `post` would leave it, and where: for whoever leaves it without us."""
        return self._mail.prepared(letter)

    def progress(self, executor: str, shown: Json) -> None:
        """Replace what is shown of how far `executor` is. Not durable. Never fails."""
        with suppress(OSError):  # it is only looked at, and the next frame says what is wrong with the disk
            self._disk.make_folder(self._folder.shown)
            self._disk.replace(self._folder.progress(executor), msgspec.json.encode(shown) + b"\n", durable=False)

    def shown(self, executor: str) -> Json:
        """Return what is shown of how far `executor` is; `None`: nothing that can be read. Never fails."""
        try:
            return self._folder.read_progress(executor)
        except OSError:  # it is only looked at
            return None

    @told
    def burn(self, ids: Sequence[str]) -> None:
        """Remove letters. Not durable: one that comes back is known by its id."""
        for letter_id in ids:
            self._mail.burn(self._folder.run_id, letter_id)

    @told
    def wake_at(self, at: datetime | None) -> None:
        """Make `at` the only wake-up, durably; only then the others go, and `now` last."""
        if self._refusal:
            raise self._refusal
        self._has_now = False
        try:
            self._wakeups.move(at)
        except SyncFailed as error:
            self._give_up(error)

    @told
    def release(self) -> None:
        """Let the run go. Idempotent."""
        if not self._is_released:
            self._is_released = True
            self._refusal = StateDirectoryError(
                f"run `{self._folder.run_id}` was let go, and cannot be changed any more"
            )
            try:
                self._disk.close(self._fd, self._folder.journal)
            finally:
                self._lock.release()
