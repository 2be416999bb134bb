"""What may be asked of a run: the input of `decide`. Imperative; plain values only.

A command never touches disk; what it leads to is events. An invocation's result comes back as
`Complete` or `Fail`, with plain values, so that a handler may as well have run elsewhere.
"""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from lrwf_cli.core.background import Begin, Outcome
from lrwf_cli.core.model import Json, RetryPolicy
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Failure, Origin, Run
from lrwf_cli.core.suspended import Answer, Ask, Kept, Suspension

__all__ = [
    "Advance",
    "Began",
    "Block",
    "Cancel",
    "Command",
    "Complete",
    "CutOff",
    "Deliver",
    "Effects",
    "Ended",
    "Fail",
    "Fork",
    "Keep",
    "Looked",
    "Pause",
    "Respond",
    "Resume",
    "Retry",
    "Rewind",
    "Send",
    "Start",
    "StateWrite",
    "Suspend",
    "Take",
    "TakeMail",
    "Tell",
]


class Send(msgspec.Struct, frozen=True):
    """A message that a handler sent: to whom its edges lead, or to `target` only."""

    value: Json
    target: str | None = None
    lane: str = ""
    ordinal: int = 0


class StateWrite(msgspec.Struct, frozen=True):
    """A write of shared state.

    `seen` is the version that the handler read (0: there was none, `None`: it did not look), and `base`
    the value it read, in full: a `set` that only extends it is journaled as what was added.
    """

    key: str
    value: Json
    op: Literal["set", "append", "add", "merge", "delete"] = "set"
    seen: int | None = None
    base: Json = None


class Effects(msgspec.Struct, frozen=True):
    """Everything that a handler did, as values. It counts when its invocation completes.

    `asks` are questions whose answers become deliveries of their own (`calls`), `begins` is the background work that it
    has asked for. `saved` is what the executor's
    `on_checkpoint_save` returned (encoded), `None` when it keeps nothing.
    """

    sends: tuple[Send, ...] = ()
    outputs: tuple[Json, ...] = ()
    writes: tuple[StateWrite, ...] = ()
    saved: Json = None
    asks: tuple[Ask, ...] = ()
    begins: tuple[Begin, ...] = ()


class Start(msgspec.Struct, frozen=True):
    """Begin a run with an input that has been checked."""

    run_id: str
    input: Json
    origin: Origin
    by: Person | None = None


class Fork(msgspec.Struct, frozen=True):
    """Begin a run as a copy of `past`, another run as of its frame `past.seq`."""

    run_id: str
    past: Run
    by: Person | None = None


class Take(msgspec.Struct, frozen=True):
    """A process takes the run up: what another one left in flight is cut off."""

    pid: int
    boot_id: str


class Advance(msgspec.Struct, frozen=True):
    """Wake what is due, start what is ready (at most `slots` handlers), or give the verdict."""

    slots: int


class Complete(msgspec.Struct, frozen=True):
    """A handler returned."""

    delivery: str
    effects: Effects


class Fail(msgspec.Struct, frozen=True):
    """A handler raised. `retryable` false: trying again cannot help.

    `crashed`: nobody knows how the attempt ended; then `counted` is false if it was the machine that went down, which
    is held against nobody. `policy` is the handler's own; `None`: its executor's holds.
    """

    delivery: str
    error: Failure
    retryable: bool = True
    crashed: bool = False
    counted: bool = True
    policy: RetryPolicy | None = None


class Suspend(msgspec.Struct, frozen=True):
    """A handler cannot go on by itself: the world must answer."""

    delivery: str
    suspension: Suspension


class Keep(msgspec.Struct, frozen=True):
    """Awaits of a handler that is at work have returned."""

    delivery: str
    kept: tuple[Kept, ...]


class Respond(msgspec.Struct, frozen=True):
    """A request has its answer: the one that was there first, which is beyond change."""

    request: str
    answer: Answer


class Deliver(msgspec.Struct, frozen=True):
    """Somebody was told a piece of news, or could not be: then it is tried again at `again_at`; `None`: never."""

    notice: str
    error: Failure | None = None
    again_at: datetime | None = None


class Began(msgspec.Struct, frozen=True):
    """Background work runs. `begun` says which of its beginnings that is."""

    task: str
    begun: int
    pid: int | None = None


class Ended(msgspec.Struct, frozen=True):
    """Background work is over, or could not be begun."""

    task: str
    begun: int
    outcome: Outcome


class Looked(msgspec.Struct, frozen=True):
    """All background work that should run was looked at: what is not reported as ended is at work."""


class Tell(msgspec.Struct, frozen=True):
    """Background work is to end."""

    tasks: tuple[str, ...]
    by: Person | None = None


class CutOff(msgspec.Struct, frozen=True):
    """The process is told to end: its handlers are cut off, which counts against none of them."""


class TakeMail(msgspec.Struct, frozen=True):
    """A letter for the run, with what it asks for; `None` is nothing that is known here."""

    id: str
    epoch: int
    kind: str
    command: "Pause | Resume | Cancel | Respond | Tell | None" = None


class Pause(msgspec.Struct, frozen=True):
    """Hold the run."""

    by: Person | None = None
    reason: str | None = None


class Resume(msgspec.Struct, frozen=True):
    """Let a held or blocked run go on. `restart`: what it is blocked for from its top, without kept awaits."""

    by: Person | None = None
    restart: bool = False


class Cancel(msgspec.Struct, frozen=True):
    """End the run. `grace`: how long its handlers may take to end, `None` for what their executors say."""

    by: Person | None = None
    reason: str | None = None
    grace: timedelta | None = None


class Block(msgspec.Struct, frozen=True):
    """The run cannot go on without a person. One whose time is up times out instead.

    `delivery` is the one whose handler cannot go on; it is ready again when the run goes on.
    """

    error: Failure
    delivery: str | None = None


class Retry(msgspec.Struct, frozen=True):
    """Reopen a run that ended badly: only what failed runs again.

    `max_iterations` raises the limit; the run's timeout is granted anew; `code` is the digest of newer modules.
    """

    by: Person | None = None
    max_iterations: int | None = None
    code: str | None = None


class Rewind(msgspec.Struct, frozen=True):
    """Go back to `past`, this run as of its frame `past.seq`."""

    past: Run
    by: Person | None = None


Command = (
    Start
    | Fork
    | Take
    | Advance
    | Complete
    | Fail
    | Suspend
    | Keep
    | Respond
    | Deliver
    | Began
    | Ended
    | Looked
    | Tell
    | CutOff
    | TakeMail
    | Pause
    | Resume
    | Cancel
    | Block
    | Retry
    | Rewind
)
