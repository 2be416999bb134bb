"""The invoker: how the engine has a delivery handled, wherever that happens.

Plain values in, plain values out: a call knows nothing of files, journals or other runs, so that it may
as well be made in another process or on another machine. While it is at work it has a `Desk`: what it wants
kept at once goes over that.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from lrwf_cli.core.background import Background
from lrwf_cli.core.commands import Effects
from lrwf_cli.core.model import Json, RetryPolicy, identity
from lrwf_cli.core.run import Delivery, Failure, StateEntry
from lrwf_cli.core.suspended import Kept, Request, Suspension, Wait

__all__ = ["Call", "Desk", "Failed", "Invoker", "Result", "Stuck"]


class Call(msgspec.Struct, frozen=True):
    """What a handler may know. All values are encoded; `resolve` reads those that are kept elsewhere.

    `state` is what was committed when the call was made, and does not change under the handler. `saved`
    is what the executor's own `on_checkpoint_save` kept.

    `started_at` is the instant of this entry: what is due by then has come, what is due later has not. `start` is the
    same for all entries that go on from one another (see `Invocation`). `kept` are the awaits that were kept, by lane
    and in order; `steps` the results of `ctx.step` that earlier starts have kept; `waits` what the handler waited for
    when it suspended; `requests` those that this delivery has asked, and the one that it answers; `background` the work
    that this start of it has asked for. `timezone` is the flow's: of times that name none; `None` is the machine's.
    """

    run_id: str
    workflow: str
    delivery: Delivery
    attempt: int
    maybe_done: bool
    idempotency_key: str
    started_at: datetime
    input: Json
    state: Mapping[str, StateEntry]
    saved: Json = None
    deadline_at: datetime | None = None
    start: int = 1
    kept: Mapping[str, Sequence[Kept]] = {}
    steps: Sequence[Kept] = ()
    waits: tuple[Wait, ...] = ()
    requests: tuple[Request, ...] = ()
    background: tuple[Background, ...] = ()
    timezone: str | None = None
    resolve: Callable[[Json], Json] = identity


class Failed(msgspec.Struct, frozen=True):
    """The handler raised. `retryable` false: trying again cannot help (a refusal of ours, a usage error).

    `crashed`: nobody knows how the attempt ended (its process is gone and has left no word); then `counted` is false
    if it was the machine that went down. `policy` is the handler's own, where it has one.
    """

    error: Failure
    retryable: bool = True
    crashed: bool = False
    counted: bool = True
    policy: RetryPolicy | None = None


class Stuck(msgspec.Struct, frozen=True):
    """The handler cannot go on from where it was, and beginning anew is for a person to decide: the run is blocked."""

    error: Failure


Result = Effects | Failed | Suspension | Stuck


class Desk(Protocol):
    """What an invocation has of the engine while it is at work. For one invocation; usable from its loop only."""

    async def keep(self, kept: Sequence[Kept]) -> None:
        """Keep awaits that have returned; durable on return. Those of concurrent lanes may share a frame.

        Does not return if they could not be kept: the driver ends then.
        """

    def progress(self, current: float | None, total: float | None, message: str | None) -> None:
        """Show how far the work is, soon. Not durable. Counts as a sign of life for `idle_timeout`.

        Where nothing is said it is that sign only, and what was shown before stands.
        """


class Invoker(Protocol):
    """Has deliveries handled."""

    async def invoke(self, call: Call, desk: Desk) -> Result:
        """Handle one delivery and return its effects, or what it left when it suspended; none of it is visible yet.

        Returns `Failed` for whatever the handler raises, `SystemExit` and `KeyboardInterrupt` left out.
        Cancelling the returned coroutine cancels the handler.
        """
