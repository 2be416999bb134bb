"""Background work: what a handler has begun beside the run, and how that stands. Values only.

asked ──BackgroundBegan──▶ running ──BackgroundEnded──▶ ended · lost · cancelled
▲                        │     │                        ▲
└──BackgroundBegunAnew───┘     └──BackgroundTold──▶ ending
"""

from datetime import datetime
from typing import Literal

import msgspec

from lrwf_cli.core.failure import Failure
from lrwf_cli.core.model import Json

__all__ = ["Background", "Begin", "OnRunEnd", "Outcome", "State"]

OnRunEnd = Literal["wait", "cancel", "leave"]
"""What becomes of it when the run has nothing else left to do. A run that ends badly waits for nothing."""

State = Literal["asked", "running", "ending", "ended", "lost", "cancelled"]
"""`asked`: to be begun. `ending`: told to end. `ended`: by itself, well or badly. `lost`: nobody knows how."""


class Begin(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a handler asks to have begun, under the place of the await that asks.

    `work` says what that is: whoever begins it reads it. `name` is for people. `restart`: if it is lost, it may be
    begun anew.
    """

    lane: str
    path: str
    work: Json
    name: str
    on_run_end: OnRunEnd = "wait"
    restart: bool = False


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How it ended. `value` is its result if there is no `error`; `lost`: nobody knows, and `error` says why."""

    value: Json = None
    error: Failure | None = None
    exit_code: int | None = None
    lost: bool = False


class Background(msgspec.Struct, frozen=True, omit_defaults=True):
    """One piece of background work. `id` is the executor's id, then `train.2`, `train.3`: a person types it.

    `delivery` is the invocation that asked for it, as of its `start`. `begun` counts how often it was begun anew. It is
    looked after at `look_at`, for the `looks`-th time, in case it has died without a word.
    """

    id: str
    executor: str
    delivery: str
    start: int
    begin: Begin
    asked_at: datetime
    state: State = "asked"
    begun: int = 0
    pid: int | None = None
    began_at: datetime | None = None
    look_at: datetime | None = None
    looks: int = 0
    ended_at: datetime | None = None
    outcome: Outcome | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, however that was."""
        return self.state in {"ended", "lost", "cancelled"}
