"""The invoker: how the engine has a delivery handled, wherever that happens.

Plain values in, plain values out: a call knows nothing of files, journals or other runs, so that it may
as well be made in another process or on another machine.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from lrwf_cli.core.commands import Effects
from lrwf_cli.core.model import Json, identity
from lrwf_cli.core.run import Delivery, Failure, StateEntry

__all__ = ["Call", "Failed", "Invoker"]


class Call(msgspec.Struct, frozen=True):
    """What a handler may know. All values are encoded; `resolve` reads those that are kept elsewhere.

    `state` is what was committed when the call was made, and does not change under the handler. `saved`
    is what the executor's own `on_checkpoint_save` kept.
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
    resolve: Callable[[Json], Json] = identity


class Failed(msgspec.Struct, frozen=True):
    """The handler raised. `retryable` false: trying again cannot help (a refusal of ours, a usage error)."""

    error: Failure
    retryable: bool = True


class Invoker(Protocol):
    """Has deliveries handled."""

    async def invoke(self, call: Call) -> Effects | Failed:
        """Handle one delivery and return its effects; nothing of it is visible to anyone yet.

        Returns `Failed` for whatever the handler raises, `SystemExit` and `KeyboardInterrupt` left out.
        Cancelling the returned coroutine cancels the handler.
        """
