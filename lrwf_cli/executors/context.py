"""The context that a handler is given: what it may know, and a record of what it does.

Nothing here is visible to anyone before the handler has ended and its effects are committed.
"""

from collections.abc import Awaitable, Generator
from datetime import datetime
from hashlib import sha256
from itertools import count
from typing import Any, Literal
from uuid import UUID

from lrwf_cli.clock import Clock
from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects, Send
from lrwf_cli.core.dispatch import Form, takes
from lrwf_cli.core.handlers import Handler
from lrwf_cli.core.model import Json, Workflow
from lrwf_cli.errors import HandlerEnded, UndeclaredType, UnknownTarget
from lrwf_cli.executors.base import Call
from lrwf_cli.executors.state import StateView

__all__ = ["Context"]


class _Done(Awaitable[None]):
    """What was asked for has happened: it may be awaited, and need not be."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


_DONE = _Done()


class Context(WorkflowContext[Any, Any]):
    """Implements `WorkflowContext` for one call of one handler."""

    def __init__(self, call: Call, handler: Handler, workflow: Workflow, codec: Codec, clock: Clock) -> None:
        self._call = call
        self._handler = handler
        self._graph = workflow
        self._codec = codec
        self._clock = clock
        self._state = StateView(call.state, call.resolve, codec)
        self._sends: list[Send] = []
        self._outputs: list[Json] = []
        self._draws = count()
        self._ended = False

    def effects(self, saved: Json) -> Effects:
        """Return what the handler did, in order; from here on it can do no more."""
        self.end()
        return Effects(tuple(self._sends), tuple(self._outputs), self._state.writes(), saved)

    def end(self) -> None:
        """Refuse what a thread or task that the handler left behind may still ask for."""
        self._ended = True

    def send_message(self, message: Any, target_id: str | None = None) -> Awaitable[None]:
        """As `WorkflowContext` says."""
        self._check_open()
        if self._handler.wants_context:
            _check(self._handler.sends, message, f"`{self._handler.name}` sends")
        self._check_target(target_id)
        value = self._codec.encode(message)
        self._sends.append(Send(value, target_id, ordinal=len(self._sends)))
        return _DONE

    def yield_output(self, output: Any) -> Awaitable[None]:
        """As `WorkflowContext` says."""
        self._check_open()
        _check(self._handler.yields, output, f"`{self._handler.name}` yields")
        self._outputs.append(self._codec.encode(output, name="output"))
        return _DONE

    def get_state(self, key: str, default: Any = None) -> Any:
        """As `WorkflowContext` says."""
        self._check_open()
        return self._state.get(key, default)

    def set_state(self, key: str, value: Any) -> None:
        """As `WorkflowContext` says."""
        self._check_open()
        self._state.set(key, value)

    def update_state(self, key: str, op: Literal["append", "add", "merge"], value: Any) -> None:
        """As `WorkflowContext` says."""
        self._check_open()
        self._state.update(key, op, value)

    def delete_state(self, key: str) -> None:
        """As `WorkflowContext` says."""
        self._check_open()
        self._state.delete(key)

    @property
    def run_id(self) -> str:
        """As `WorkflowContext` says."""
        return self._call.run_id

    @property
    def workflow(self) -> str:
        """As `WorkflowContext` says."""
        return self._call.workflow

    @property
    def executor_id(self) -> str:
        """As `WorkflowContext` says."""
        return self._call.delivery.executor

    @property
    def source(self) -> str | None:
        """As `WorkflowContext` says."""
        return self._call.delivery.source

    @property
    def superstep(self) -> int:
        """As `WorkflowContext` says."""
        return self._call.delivery.superstep

    @property
    def input(self) -> Any:
        """As `WorkflowContext` says."""
        return self._codec.decode(self._call.resolve(self._call.input))

    @property
    def attempt(self) -> int:
        """As `WorkflowContext` says."""
        return self._call.attempt

    @property
    def maybe_done(self) -> bool:
        """As `WorkflowContext` says."""
        return self._call.maybe_done

    @property
    def idempotency_key(self) -> str:
        """As `WorkflowContext` says."""
        return self._call.idempotency_key

    @property
    def deadline(self) -> datetime | None:
        """As `WorkflowContext` says."""
        return self._call.deadline_at

    def now(self) -> datetime:
        """As `WorkflowContext` says."""
        return self._clock.now()

    def uuid4(self) -> UUID:
        """As `WorkflowContext` says."""
        return UUID(bytes=self._drawn()[:16], version=4)

    def random(self) -> float:
        """As `WorkflowContext` says."""
        return (int.from_bytes(self._drawn()[:7], "big") >> 3) / 2**53

    def _drawn(self) -> bytes:
        """Return the next bytes that look random and come from the delivery, so that a retry sees the same."""
        return sha256(f"{self._call.idempotency_key}\0{next(self._draws)}".encode()).digest()

    def _check_open(self) -> None:
        if self._ended:
            raise HandlerEnded(
                f"`{self._handler.name}` has ended: nothing that it left behind can use its context",
                hint="await your tasks, and join your threads, before the handler returns",
            )

    def _check_target(self, target: str | None) -> None:
        if target is None:
            return
        reachable = self._graph.reachable_from(self.executor_id)
        if target not in reachable:
            names = ", ".join(f"`{name}`" for name in reachable) or "nobody"
            raise UnknownTarget(
                f"no edge leads from `{self.executor_id}` to `{target}`", hint=f"its edges lead to {names}"
            )


def _check(declared: tuple[Form, ...] | None, value: Any, what: str) -> None:
    if declared is None or takes(declared, value):
        return
    names = ", ".join(f"`{form.name}`" for form in declared) or "nothing"
    raise UndeclaredType(
        f"{what} a `{type(value).__qualname__}`, but its context declares {names}",
        hint="declare it: `WorkflowContext[<what it sends>, <what it yields>]`",
    )
