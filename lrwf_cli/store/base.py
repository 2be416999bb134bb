"""The contract of a store, in prose. One suite of tests runs it against every implementation.

A store keeps runs. Of each run it keeps a definition, a journal of frames (events that were committed
together), blobs (values too large for the journal), letters that anyone may leave, and wake-ups.

**Frames.** `Held.append` returns only when the frame is durable: it survives a kill and a power loss, whole
or not at all. The fold of the frames is the run (I1), so everything else may be rebuilt from them. Nothing is
ever appended after a failed sync: `append` raises `StateDirectoryError`, and from then on this `Held` refuses.

**One driver.** `Store.create` and `Store.hold` give the run to one process at a time; a second one gets
`RunBusy` at once. It stays held until `Held.release` or the end of the process, however it ends. Readers need
no lock: they see a whole state, older or newer, never half of one (I6). Reading changes nothing.

**Wake-ups.** Whoever does not release a run properly has left a wake-up that is due now: it stands from
before the run is published until `Held.wake_at` has made another one durable (I3, I4). `due` finds every run
with a wake-up in the past and every run with mail.

**Blobs.** `Held.lighten` replaces each value over `LARGE` bytes by a reference, and the next `append` makes
those durable before the frame that names them. Same content, same reference: it is kept once. `resolve` gives
a value back, with all references in it replaced by what they stand for.

**Letters.** `post` is durable when it returns, needs no lock, and makes the run due. `Held.letters` returns those that
stand; `Held.burn` removes letters whose taking has been committed (I7). A letter left while a process drives the
run is found by it, or by the next one: a driver looks at the mail once more after it has let go.

**Answers.** A request has one answer, and the first one stands: `answer` decides that, among any number of people,
programs and drivers (whose expiry is an answer too). It leaves a letter of kind `answered` first, whose `data` is
`{"request": id}`, so that no answer waits for a tick that nothing calls; then it makes the answer stand, durably. A
driver that finds such a letter before its answer leaves the letter. Answers are of an epoch: after a rewind a request
may be asked anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from lrwf_cli.core.events import Event
from lrwf_cli.core.model import Json
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Answer

__all__ = ["LARGE", "MAX_FRAME", "RUN_ID", "Due", "Frame", "Held", "Letter", "NewRun", "Store"]

LARGE = 64 * 1024
"""Bytes of JSON from which on a value is kept beside the journal."""

MAX_FRAME = 16 * 1024 * 1024
"""Bytes that a frame may have; a longer one is refused with `FrameTooLarge`, and nothing is written."""

RUN_ID = r"[a-z0-9][a-z0-9_-]{0,63}"
"""What a run's id looks like (`re.fullmatch`); `InvalidRunId` for anything else, before any file is touched."""


class Frame(msgspec.Struct, frozen=True):
    """Events that were committed together. `seq` counts from 1 without a gap."""

    seq: int
    at: datetime
    events: tuple[Event, ...]


class Letter(msgspec.Struct, frozen=True, omit_defaults=True):
    """What anyone may leave for a run. `kind`: `pause`, `resume`, `cancel`, `answered`.

    `id` is unique per letter and safe in a file name. `epoch` is the run's when the letter was written:
    a letter of an older epoch is discarded.
    """

    id: str
    run_id: str
    kind: str
    at: datetime
    epoch: int = 0
    by: Person | None = None
    reason: str | None = None
    data: Json = None


class Due(msgspec.Struct, frozen=True, order=True):
    """A run that wants to be woken, and since when. Sorts by instant."""

    at: datetime
    run_id: str


class NewRun(msgspec.Struct, frozen=True):
    """Everything that a new run begins with, published at once or not at all.

    `definition` is the text that the run is pinned to. `code` maps relative paths to the pinned modules'
    bytes, kept once per `code_digest`; `None` when the run needs none. `blobs_of` is the run whose blobs the
    events refer to (a fork).
    """

    run_id: str
    definition: str
    events: tuple[Event, ...]
    at: datetime
    code_digest: str | None = None
    code: Mapping[str, bytes] | None = None
    blobs_of: str | None = None


class Held(Protocol):
    """A run in the hands of the one process that drives it."""

    run: Run
    """The run as found. Whoever holds it goes on folding it; the store never looks at it again."""

    def lighten(self, events: Sequence[Event]) -> tuple[Event, ...]:
        """Return `events` with large values replaced by references; writes nothing yet.

        Raises FrameTooLarge if they do not fit into one frame with what was lightened since the last `append`;
        then they do not count.
        """

    def append(self, events: Sequence[Event], at: datetime) -> Frame:
        """Commit lightened `events` as the next frame; durable on return.

        Raises FrameTooLarge (nothing written, goes on), StateFull (nothing kept, the run stays held and
        appending may be tried again), StateDirectoryError (unknown: this `Held` refuses from now on).
        May be called in another thread, one call at a time.
        """

    def resolve(self, value: Json) -> Json:
        """Return `value` with its blob references replaced; raises JournalCorrupt for a missing blob."""

    def checkpoint(self, run: Run) -> None:
        """Cache `run`, the fold of all that was appended. Not durable, never needed: may do nothing."""

    def log(self, executor: str, text: str) -> None:
        """Add `text` to what the handlers of `executor` have printed. Not durable; order is kept."""

    def letters(self) -> list[Letter]:
        """Return the letters that stand, oldest first. Unreadable ones are put aside, never returned."""

    def answer(self, request: str, answer: Answer) -> Answer:
        """Make `answer` that of a request, unless it has one; return the one that stands, durably. Leaves no letter."""

    def answered(self, request: str) -> Answer | None:
        """Return the answer that stands, made durable if it was not; `None`: there is none yet."""

    def work(self, task: str, delivery: str) -> str:
        """Return the folder of a command: made, durable with its name, the same whenever it is asked for.

        It may go once a frame is durable that says that the `delivery` which it works for was completed, or failed.
        """

    def progress(self, executor: str, shown: Json) -> None:
        """Replace what is shown of how far `executor` is. Not durable."""

    def shown(self, executor: str) -> Json:
        """Return what is shown of how far `executor` is; `None`: nothing that can be read."""

    def burn(self, ids: Sequence[str]) -> None:
        """Remove letters; their ids are in the journal by now."""

    def wake_at(self, at: datetime | None) -> None:
        """Make `at` the run's only wake-up; `None`: it needs none. Durable before the old ones go."""

    def release(self) -> None:
        """Let the run go. Without a `wake_at` since it was taken, it is due at once. Idempotent."""


class Store(Protocol):
    """Where runs are kept."""

    def create(self, new: NewRun) -> Held:
        """Publish a new run and hold it. Raises RunConflict if the id is taken, InvalidRunId."""

    def hold(self, run_id: str) -> Held:
        """Take the run up, repaired of what a crash may have left. Raises UnknownRun, RunBusy, JournalCorrupt.

        A torn last frame was never acknowledged: it is put aside and cut off. Damage elsewhere raises JournalCorrupt
        with path and line, and changes nothing.
        """

    def load(self, run_id: str) -> Run:
        """Return the run as of its last readable frame, without a lock. Costs what came since its checkpoint."""

    def frames(self, run_id: str) -> Iterator[Frame]:
        """Yield the whole journal, checked. Raises UnknownRun, JournalCorrupt."""

    def definition(self, run_id: str) -> str:
        """Return the text that the run is pinned to."""

    def code(self, digest: str) -> dict[str, bytes]:
        """Return pinned modules, each checked; raises CodeMissing if they are gone or changed."""

    def keep_code(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Keep modules under `digest`, durably; idempotent."""

    def resolve(self, run_id: str, value: Json) -> Json:
        """Return `value` with its blob references replaced, as `Held.resolve`, without a lock."""

    def log_of(self, run_id: str, executor: str) -> str:
        """Return what the handlers of `executor` have printed; empty if nothing."""

    def is_busy(self, run_id: str) -> bool:
        """Whether a process drives the run now."""

    def run_ids(self) -> list[str]:
        """Return the ids of all published runs, sorted."""

    def due(self, now: datetime) -> list[Due]:
        """Return the runs to wake, in the order of their instants. Costs what is due, not what waits."""

    def post(self, letter: Letter) -> None:
        """Leave a letter; durable on return. Raises UnknownRun."""

    def answer(self, letter: Letter, request: str, answer: Answer) -> Answer:
        """Answer a request of a run, as of `letter.epoch`: leave the letter, make the answer stand; durable on return.

        Returns the answer that stands: `answer`, or the one that was there first; then it is left as it is, and the
        letter too. Does not look at the run: whether the request is open, and whether the answer fits, the caller has
        checked. Raises UnknownRun.
        """

    def answered(self, run_id: str, request: str, epoch: int) -> Answer | None:
        """Return the answer that stands, without a lock; `None`: there is none."""

    def progress_of(self, run_id: str, executor: str) -> Json:
        """Return what is shown of how far `executor` is; `None`: nothing."""
