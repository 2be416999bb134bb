"""Runs in plain files under one state directory: the store that survives kills and power losses.

What the files are is told in the modules that write them: `directory`, `journal`, `checkpoints`, `blobfiles`,
`timers`, `mail`, `answers`, `snapshots`, `births`, `recovery` and `held`. Here is the store as others see it, and
errors of the operating system are made into ours. What only writers need is imported when somebody writes: `lrwf
status` is quick.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from os import PathLike, fdopen, lstat
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Answer
from lrwf_cli.errors import RunBusy
from lrwf_cli.store import checkpoints
from lrwf_cli.store.base import Due, Frame, Letter, NewRun
from lrwf_cli.store.blobfiles import read_blob
from lrwf_cli.store.blobs import resolve
from lrwf_cli.store.directory import prepare
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.idle import is_run_id
from lrwf_cli.store.journal import Journal, beginning, whole_ms
from lrwf_cli.store.locks import is_taken, take
from lrwf_cli.store.names import checked_run_id
from lrwf_cli.store.reading import absolute, changed_at, is_folder, is_there, names_in, open_to_read, read_file
from lrwf_cli.store.rundir import RunFolder, unknown
from lrwf_cli.store.trouble import explain, not_begun, told

if TYPE_CHECKING:
    from lrwf_cli.store.held import FileHeld, Shared
    from lrwf_cli.store.snapshots import Snapshots

__all__ = ["FileStore"]

_LOG_BYTES = 1 << 20


class FileStore:
    """Runs in the state directory `path`; see `base.Store`.

    `open` checks the directory; the constructor does not look at it. `disk` makes all changes. Every method raises
    StateFull, StateUnwritable or StateDirectoryError where the disk does not do its part.
    """

    def __init__(self, path: str | PathLike[str], disk: Disk | None = None) -> None:
        self.path = absolute(path)
        self._disk = disk or Disk()
        self._runs = f"{self.path}/runs"

    @cached_property
    def _shared(self) -> "Shared":
        from lrwf_cli.store.held import Shared
        from lrwf_cli.store.mail import Mail
        from lrwf_cli.store.timers import Timers

        return Shared(self._disk, Timers(self._disk, self.path), Mail(self._disk, self.path))

    @cached_property
    def _code(self) -> "Snapshots":
        from lrwf_cli.store.snapshots import Snapshots

        return Snapshots(self._disk, self.path)

    @classmethod
    def open(cls, path: str | PathLike[str], *, create: bool = False, disk: Disk | None = None) -> Self:
        """Return the store in a state directory that was checked in full.

        For whoever is going to write, `create` makes what is missing and sees that the directory can be written.
        Without it nothing is changed, and a directory that does not exist is a store without runs. Raises
        StateNotOurs, StateNewer, StateUnwritable, StateDirectoryError.
        """
        store = cls(path, disk)
        store._prepare(create=create)
        return store

    @told
    def _prepare(self, *, create: bool) -> None:
        prepare(self._disk, self.path, create=create)

    @told
    def create(self, new: NewRun) -> "FileHeld":
        """Publish a new run and hold it. Raises RunConflict, InvalidRunId, FrameTooLarge."""
        from lrwf_cli.store.births import bear

        folder = RunFolder(checked_run_id(new.run_id), f"{self._runs}/{new.run_id}")
        try:
            if new.code_digest is not None and new.code is not None:
                self._code.keep(new.code_digest, new.code)
            return bear(self._shared, folder, new)
        except OSError as error:
            raise not_begun(error, new.run_id, self.path) from error

    @told
    def hold(self, run_id: str) -> "FileHeld":
        """Take a run up, repaired. Raises InvalidRunId, UnknownRun, RunBusy, JournalCorrupt."""
        from lrwf_cli.store.recovery import take_up

        folder = self._folder(run_id)
        try:
            lock = take(self._disk, folder.lock)
        except FileNotFoundError as error:
            raise unknown(run_id) from error
        if lock is None:
            raise RunBusy(
                f"another process drives run `{run_id}`",
                hint="wait for it, or look with `lrwf status`; nothing is lost",
            )
        try:
            return take_up(self._shared, folder, lock)
        except BaseException:
            lock.release()
            raise

    @told
    def load(self, run_id: str) -> Run:
        """Return a run as of its last readable frame. Raises InvalidRunId, UnknownRun, JournalCorrupt."""
        return self._folder(run_id).read()[0]

    def frames(self, run_id: str) -> Iterator[Frame]:
        """Yield the whole journal. Raises InvalidRunId and UnknownRun at once, JournalCorrupt on the way."""
        return self._frames(self._folder(run_id))

    def _frames(self, folder: RunFolder) -> Iterator[Frame]:
        try:
            yield from Journal(folder.journal, beginning(folder.run_id))
        except FileNotFoundError as error:
            raise folder.without_journal() from error
        except OSError as error:
            raise explain(error, folder.path) from error

    @told
    def definition(self, run_id: str) -> str:
        """Return the text that the run is pinned to. Raises InvalidRunId, UnknownRun."""
        return read_file(self._folder(run_id).definition).decode()

    @told
    def code(self, digest: str) -> dict[str, bytes]:
        """Return pinned modules. Raises CodeMissing."""
        return self._code.read(digest)

    @told
    def keep_code(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Keep modules under `digest`, durably; idempotent."""
        self._code.keep(digest, files)

    @told
    def resolve(self, run_id: str, value: Json) -> Json:
        """Return `value` with its references replaced. Raises InvalidRunId, UnknownRun, JournalCorrupt."""
        return resolve(value, partial(read_blob, self._folder(run_id).blobs))

    @told
    def log_of(self, run_id: str, executor: str) -> str:
        """Return what an executor printed. Raises InvalidRunId, UnknownRun."""
        try:
            return read_file(self._folder(run_id).log(executor)).decode("utf-8", "replace")
        except FileNotFoundError:
            return ""

    @told
    def log_since(self, run_id: str, executor: str, start: int) -> tuple[str, int]:
        """Return some of what an executor printed after byte `start`, and the byte it ends before.

        Whole lines, if there are any; at most a mebibyte; nothing at the end. Raises InvalidRunId, UnknownRun.
        """
        try:
            fd, _ = open_to_read(self._folder(run_id).log(executor))
        except FileNotFoundError:
            return "", start
        with fdopen(fd, "rb") as file:
            file.seek(start)
            found = file.read(_LOG_BYTES)
        found = found[: found.rfind(b"\n") + 1] or found
        return found.decode("utf-8", "replace"), start + len(found)

    @told
    def is_busy(self, run_id: str) -> bool:
        """Whether a process drives the run now. Raises InvalidRunId, UnknownRun."""
        return is_taken(self._folder(run_id).lock)

    @told
    def stamp(self, run_id: str) -> object:
        """Return what differs from an earlier one if frames were appended since. Raises InvalidRunId, UnknownRun."""
        found = lstat(self._folder(run_id).journal)
        return found.st_ino, found.st_size, found.st_mtime_ns

    @told
    def run_ids(self) -> list[str]:
        """Return the ids of all published runs, sorted."""
        return sorted(name for name in names_in(self._runs) if is_run_id(name))

    @told
    def due(self, now: datetime) -> list[Due]:
        """Return the runs to wake.

        What nobody needs is taken away on the way: empty hour folders, and wake-ups of runs that never came to be.
        """
        found: dict[str, datetime] = {}
        for run_id, at, path in self._wake_ups(whole_ms(now)):
            if is_folder(f"{self._runs}/{run_id}"):
                found[run_id] = min(at, found.get(run_id, at))
            else:
                from lrwf_cli.store.births import bury

                with suppress(OSError):  # looking has to work where nothing can be written
                    bury(self._shared, RunFolder(run_id, f"{self._runs}/{run_id}"), path, now.timestamp())
        return sorted(Due(at, run_id) for run_id, at in found.items())

    def _wake_ups(self, now: datetime) -> Iterator[tuple[str, datetime, str]]:
        """Yield run, instant and path of each timer that is not in the future and each letter."""
        yield from self._shared.timers.past(now)
        for run_id, path in (*self._shared.timers.driven(), *self._shared.mail.addressees()):
            since = min(changed_at(path), now.timestamp())
            yield run_id, whole_ms(datetime.fromtimestamp(since, UTC)), path

    @told
    def post(self, letter: Letter) -> None:
        """Leave a letter. Raises InvalidRunId, UnknownRun, FrameTooLarge."""
        self._folder(letter.run_id)
        self._shared.mail.post(letter)

    @told
    def answer(self, letter: Letter, request: str, answer: Answer) -> Answer:
        """Answer a request, as of `letter.epoch`. Raises InvalidRunId, UnknownRun, FrameTooLarge, JournalCorrupt.

        A driver that comes by before the answer stands leaves the letter for a while only; whoever is slower than that
        posts another one.
        """
        from lrwf_cli.store.answers import Answers, packed

        folder = self._folder(letter.run_id)
        data = packed(answer)
        self._shared.mail.post(letter)
        try:
            standing = Answers(self._disk, folder).give(request, letter.epoch, data)
        except FileNotFoundError as error:
            raise unknown(letter.run_id) from error
        if not self._shared.mail.stands(letter):
            self._shared.mail.post(replace(letter, id=f"{letter.id}-again"))  # nobody takes a letter of one id twice
        return standing

    @told
    def answered(self, run_id: str, request: str, epoch: int) -> Answer | None:
        """Return the answer that stands; `None`: there is none. Raises InvalidRunId, UnknownRun, JournalCorrupt."""
        from lrwf_cli.store.answers import Answers

        return Answers(self._disk, self._folder(run_id)).standing(request, epoch)

    @told
    def talkative(self) -> list[str]:
        """Return the ids of the runs that may ask something, sorted: all but those that say that they do not."""
        return [run_id for run_id in self.run_ids() if not is_there(f"{self._runs}/{run_id}/quiet")]

    @told
    def may_ask(self, run_id: str) -> bool:
        """Whether a run may have open requests; false only if it surely has none. Costs much less than `load`.

        Raises InvalidRunId, UnknownRun.
        """
        folder = self._folder(run_id)
        return checkpoints.may_ask(folder.checkpoints, folder.journal)

    @told
    def progress_of(self, run_id: str, executor: str) -> Json:
        """Return what is shown of how far `executor` is; `None`: nothing. Raises InvalidRunId, UnknownRun."""
        return self._folder(run_id).read_progress(executor)

    def _folder(self, run_id: str) -> RunFolder:
        path = f"{self._runs}/{checked_run_id(run_id)}"
        if not is_folder(path):
            raise unknown(run_id)
        return RunFolder(run_id, path)
