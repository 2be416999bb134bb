"""Runs in the memory of one process: the same contract as the file store, for tests and for what need not last.

Frames, runs and letters are kept encoded, as in files, so that nobody can change what was committed by changing what
was handed out. "Durable" means as long as the store object lives.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from weakref import finalize

import msgspec

from lrwf_cli.core.apply import fold
from lrwf_cli.core.events import Event
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Answer
from lrwf_cli.errors import CodeMissing, JournalCorrupt, RunBusy, RunConflict, StateDirectoryError
from lrwf_cli.store.answers import packed
from lrwf_cli.store.base import Due, Frame, Letter, NewRun
from lrwf_cli.store.blobs import lighten, resolve, weighed
from lrwf_cli.store.checkpoints import pack, unpack
from lrwf_cli.store.journal import Mark, beginning, fitting, frame_line, read_line, whole_ms
from lrwf_cli.store.names import checked_run_id, file_name
from lrwf_cli.store.rundir import unknown
from lrwf_cli.store.timers import ceiling_ms

__all__ = ["MemoryStore"]


class _Kept:
    """What is kept of one run. `driven_since` is `None` when no process drives the run, nor died while it did."""

    def __init__(self, run_id: str, definition: str, at: datetime) -> None:
        self.run_id = run_id
        self.definition = definition
        self.lines: list[bytes] = []
        self.mark = beginning(run_id)
        self.checkpoint: bytes | None = None
        self.wake_at: datetime | None = None
        self.driven_since: datetime | None = at
        self.letters: dict[str, bytes] = {}
        self.logs: dict[str, str] = {}
        self.answers: dict[tuple[str, int], bytes] = {}
        self.progress: dict[str, bytes] = {}
        self.holder: object | None = None

    def frames(self, after: Mark) -> Iterator[Frame]:
        """Yield the frames after a mark."""
        mark = after
        for line in self.lines[mark.seq :]:
            found = read_line(line, mark, self.run_id)
            if found is None:
                raise JournalCorrupt(f"{self.run_id}:{mark.seq + 1}: the frame is damaged")
            frame, mark = found
            yield frame

    def answer(self, request: str, epoch: int, answer: Answer) -> Answer:
        """Have `answer` be that of a request unless there is one; return the one that stands."""
        return _answer.decode(self.answers.setdefault((request, epoch), packed(answer)))

    def answered(self, request: str, epoch: int) -> Answer | None:
        """Return the answer that stands."""
        data = self.answers.get((request, epoch))
        return None if data is None else _answer.decode(data)

    def load(self) -> Run:
        """Return the run, folded from the newest checkpoint on."""
        run, mark = (unpack(self.checkpoint) if self.checkpoint else None) or (None, beginning(self.run_id))
        run = fold(run, self.frames(mark))
        if run is None:
            raise JournalCorrupt(f"{self.run_id}:1: the journal has no frame")
        return run


class MemoryHeld:
    """A held run in memory; see `base.Held`."""

    def __init__(self, store: "MemoryStore", kept: _Kept) -> None:
        self._store = store
        self._kept = kept
        kept.holder = self
        self._weight = 0
        self.run = kept.load()
        self._epoch = self.run.epoch

    def lighten(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Return `events` with large values replaced by references. Raises FrameTooLarge if the frame would be."""
        light, size = weighed(events, self._store.blobs.__setitem__)
        self._weight = fitting(self._weight + size)
        return light

    def append(self, events: Sequence[Event], at: datetime) -> Frame:
        """Commit `events` as the next frame."""
        kept = self._mine()
        at = whole_ms(at)
        line, mark = frame_line(kept.mark, events, at)
        kept.driven_since = kept.driven_since or at
        kept.lines.append(line)
        kept.mark = mark
        self._weight = 0
        return Frame(mark.seq, at, tuple(events))

    def resolve(self, value: Json) -> Json:
        """Return `value` with its references replaced."""
        return resolve(value, self._store.read_blob)

    def checkpoint(self, run: Run) -> None:
        """Cache `run` if it is the fold of what was appended, neither more nor less. Never fails."""
        kept = self._kept
        if kept.holder is self and run.seq == kept.mark.seq:
            kept.checkpoint = pack(run, kept.mark)

    def log(self, executor: str, text: str) -> None:
        """Add `text` to the executor's log."""
        self._kept.logs[executor] = self._kept.logs.get(executor, "") + text

    def letters(self) -> list[Letter]:
        """Return the letters that stand, oldest first."""
        letters = [_letter.decode(data) for data in self._kept.letters.values()]
        return sorted(letters, key=lambda letter: (letter.at, letter.id))

    def answer(self, request: str, answer: Answer) -> Answer:
        """Make `answer` that of a request, unless it has one; return the one that stands."""
        return self._mine().answer(request, self._epoch, answer)

    def answered(self, request: str) -> Answer | None:
        """Return the answer that stands; `None`: there is none yet."""
        return self._kept.answered(request, self._epoch)

    def work(self, task: str, delivery: str) -> str:  # noqa: ARG002 - here it lasts longer
        """Return the folder of a command: a real one, which lasts as long as the store object."""
        return self._store.folder_of(self._kept.run_id, task)

    def progress(self, executor: str, shown: Json) -> None:
        """Replace what is shown of how far `executor` is."""
        self._kept.progress[executor] = msgspec.json.encode(shown)

    def shown(self, executor: str) -> Json:
        """Return what is shown of how far `executor` is; `None`: nothing."""
        return self._store.progress_of(self._kept.run_id, executor)

    def burn(self, ids: Sequence[str]) -> None:
        """Remove letters."""
        for letter_id in ids:
            self._kept.letters.pop(letter_id, None)

    def wake_at(self, at: datetime | None) -> None:
        """Make `at` the only wake-up."""
        kept = self._mine()
        kept.wake_at = at and ceiling_ms(at)
        kept.driven_since = None

    def release(self) -> None:
        """Let the run go. Idempotent."""
        if self._kept.holder is self:
            self._kept.holder = None

    def _mine(self) -> _Kept:
        if self._kept.holder is not self:
            raise StateDirectoryError(f"run `{self._kept.run_id}` was let go, and cannot be changed any more")
        return self._kept


_letter = msgspec.json.Decoder(Letter)
_answer = msgspec.json.Decoder(Answer)


class MemoryStore:
    """Runs in memory; see `base.Store`."""

    def __init__(self) -> None:
        self._runs: dict[str, _Kept] = {}
        self._code: dict[str, dict[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self._tasks: Path | None = None

    def restart(self) -> None:
        """Play the end of the process and the begin of another: nobody holds a run, and what was held is due."""
        for kept in self._runs.values():
            kept.holder = None

    def create(self, new: NewRun) -> MemoryHeld:
        """Publish a new run and hold it. Raises RunConflict, InvalidRunId, FrameTooLarge."""
        if checked_run_id(new.run_id) in self._runs:
            raise RunConflict(f"there is a run `{new.run_id}` already")
        if new.code_digest is not None and new.code is not None:
            self.keep_code(new.code_digest, new.code)
        at = whole_ms(new.at)
        kept = _Kept(new.run_id, new.definition, at)
        line, kept.mark = frame_line(kept.mark, lighten(new.events, self.blobs.__setitem__), at)
        kept.lines.append(line)
        held = MemoryHeld(self, kept)
        self._runs[new.run_id] = kept
        return held

    def hold(self, run_id: str) -> MemoryHeld:
        """Take a run up. Raises InvalidRunId, UnknownRun, RunBusy."""
        kept = self._kept(run_id)
        if kept.holder is not None:
            raise RunBusy(f"run `{run_id}` is driven already")
        held = MemoryHeld(self, kept)
        kept.driven_since = kept.driven_since or held.run.updated_at
        return held

    def load(self, run_id: str) -> Run:
        """Return a run as of its last frame. Raises InvalidRunId, UnknownRun."""
        return self._kept(run_id).load()

    def frames(self, run_id: str) -> Iterator[Frame]:
        """Yield the whole journal. Raises InvalidRunId, UnknownRun."""
        return self._kept(run_id).frames(beginning(run_id))

    def definition(self, run_id: str) -> str:
        """Return the text that the run is pinned to. Raises InvalidRunId, UnknownRun."""
        return self._kept(run_id).definition

    def code(self, digest: str) -> dict[str, bytes]:
        """Return pinned modules. Raises CodeMissing."""
        if digest not in self._code:
            raise CodeMissing(f"there is no pinned code `{digest}`")
        return dict(self._code[digest])

    def keep_code(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Keep modules under `digest`; idempotent."""
        self._code.setdefault(digest, dict(files))

    def resolve(self, run_id: str, value: Json) -> Json:
        """Return `value` with its references replaced. Raises InvalidRunId, UnknownRun, JournalCorrupt."""
        self._kept(run_id)
        return resolve(value, self.read_blob)

    def read_blob(self, name: str) -> bytes:
        """Return a blob's content. Raises JournalCorrupt if it is missing."""
        if name not in self.blobs:
            raise JournalCorrupt(f"a value that a journal refers to is missing: {name}")
        return self.blobs[name]

    def log_of(self, run_id: str, executor: str) -> str:
        """Return what an executor printed. Raises InvalidRunId, UnknownRun."""
        return self._kept(run_id).logs.get(executor, "")

    def is_busy(self, run_id: str) -> bool:
        """Whether somebody drives the run now. Raises InvalidRunId, UnknownRun."""
        return self._kept(run_id).holder is not None

    def run_ids(self) -> list[str]:
        """Return the ids of all runs, sorted."""
        return sorted(self._runs)

    def due(self, now: datetime) -> list[Due]:
        """Return the runs to wake."""
        runs = list(self._runs.values())
        return sorted(Due(at, kept.run_id) for kept in runs if (at := _due_since(kept, now)) is not None)

    def post(self, letter: Letter) -> None:
        """Leave a letter. Raises InvalidRunId, UnknownRun."""
        self._kept(letter.run_id).letters[letter.id] = msgspec.json.encode(letter)

    def answer(self, letter: Letter, request: str, answer: Answer) -> Answer:
        """Answer a request, as of `letter.epoch`. Raises InvalidRunId, UnknownRun, FrameTooLarge."""
        standing = self._kept(letter.run_id).answer(request, letter.epoch, answer)
        self.post(letter)
        return standing

    def answered(self, run_id: str, request: str, epoch: int) -> Answer | None:
        """Return the answer that stands; `None`: there is none. Raises InvalidRunId, UnknownRun."""
        return self._kept(run_id).answered(request, epoch)

    def progress_of(self, run_id: str, executor: str) -> Json:
        """Return what is shown of how far `executor` is; `None`: nothing. Raises InvalidRunId, UnknownRun."""
        shown = self._kept(run_id).progress.get(executor)
        return None if shown is None else msgspec.json.decode(shown)

    def folder_of(self, run_id: str, task: str) -> str:
        """Return a folder that is made when it is first asked for, and removed with the store."""
        if self._tasks is None:
            self._tasks = Path(mkdtemp(prefix="lrwf-"))
            finalize(self, rmtree, self._tasks, ignore_errors=True)
        path = self._tasks / run_id / file_name(task)
        path.mkdir(parents=True, exist_ok=True)
        return str(path)

    def _kept(self, run_id: str) -> _Kept:
        kept = self._runs.get(checked_run_id(run_id))
        if kept is None:
            raise unknown(run_id)
        return kept


def _due_since(kept: _Kept, now: datetime) -> datetime | None:
    """Return since when the run wants to be woken; `None` if it does not."""
    instants = [at for at in (kept.wake_at,) if at is not None and at <= now]
    others = [_letter.decode(data).at for data in kept.letters.values()]
    if kept.driven_since:
        others.append(kept.driven_since)
    return min([*instants, *(min(at, now) for at in others)], default=None)
