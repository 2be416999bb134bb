"""What a handler may know: who it is, which attempt this is, the time. All of it is seen again after a suspension."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.handlers import Handler, Handlers
from lrwf_cli.core.model import Json, Workflow
from lrwf_cli.errors import HandlerEnded
from lrwf_cli.executors.base import Call, Desk
from lrwf_cli.executors.context.keeper import Keeper, Place

__all__ = ["Facts", "running_loop"]


class Facts(WorkflowContext[Any, Any]):
    """The part of a context that tells. `handlers` are all of its executor's, `keeper` and `desk` this invocation's."""

    def __init__(
        self,
        call: Call,
        handler: Handler,
        *,
        handlers: Handlers,
        workflow: Workflow,
        codec: Codec,
        keeper: Keeper,
        desk: Desk,
    ) -> None:
        self.call = call
        self.handler = handler
        self.handlers = handlers
        self.graph = workflow
        self.codec = codec
        self.keeper = keeper
        self.desk = desk
        self.loop = running_loop()
        self._draws = count()
        self._ended = False

    def end(self) -> None:
        """Refuse what a thread or task that the handler left behind may still ask for."""
        self._ended = True

    def check_open(self) -> None:
        """Raise HandlerEnded if the handler has ended."""
        if self._ended:
            raise HandlerEnded(
                f"`{self.handler.name}` has ended: nothing that it left behind can use its context",
                hint="await your tasks, and join your threads, before the handler returns",
            )

    @property
    def run_id(self) -> str:
        """As `WorkflowContext` says."""
        return self.call.run_id

    @property
    def workflow(self) -> str:
        """As `WorkflowContext` says."""
        return self.call.workflow

    @property
    def executor_id(self) -> str:
        """As `WorkflowContext` says."""
        return self.call.delivery.executor

    @property
    def source(self) -> str | None:
        """As `WorkflowContext` says."""
        return self.call.delivery.source

    @property
    def superstep(self) -> int:
        """As `WorkflowContext` says."""
        return self.call.delivery.superstep

    @property
    def input(self) -> Any:
        """As `WorkflowContext` says."""
        return self.codec.decode(self.call.resolve(self.call.input))

    @property
    def idempotency_key(self) -> str:
        """As `WorkflowContext` says."""
        return self.call.idempotency_key

    @property
    def attempt(self) -> int:
        """As `WorkflowContext` says."""
        return int(self._seen("attempt", lambda: self.call.attempt))

    @property
    def maybe_done(self) -> bool:
        """As `WorkflowContext` says."""
        return bool(self._seen("maybe_done", lambda: self.call.maybe_done))

    @property
    def deadline(self) -> datetime | None:
        """As `WorkflowContext` says."""
        deadline: datetime | None = self._seen("deadline", lambda: self.call.deadline_at)
        return deadline

    def now(self) -> datetime:
        """As `WorkflowContext` says."""
        now: datetime = self._seen("now", lambda: self.keeper.now)
        return now

    def uuid4(self) -> UUID:
        """As `WorkflowContext` says."""
        return UUID(bytes=self._drawn("uuid4")[:16], version=4)

    def random(self) -> float:
        """As `WorkflowContext` says."""
        return (int.from_bytes(self._drawn("random")[:7], "big") >> 3) / 2**53

    def _seen(self, what: str, look: Callable[[], Any]) -> Any:
        """Return what the handler saw here before, else what there is to see now."""
        return self.codec.decode(self.keeper.note(what, lambda _: self.codec.encode(look(), what)))

    def _drawn(self, what: str) -> bytes:
        """Return bytes that look random and come from the delivery and the place, so that a retry sees the same."""

        def draw(place: Place | None) -> Json:
            where = f"{next(self._draws)}" if place is None else f"{place.lane}\0{place.path}"
            return sha256(f"{self.call.idempotency_key}\0{where}".encode()).hexdigest()

        return bytes.fromhex(self.keeper.note(what, draw))


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs in this thread; `None` in a thread that has none."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
