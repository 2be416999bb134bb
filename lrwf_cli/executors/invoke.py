"""Has deliveries handled by Python executors, in this process: plain values in, plain values out.

A handler gets its own decoded copies and gives back encoded effects, or what it left when it suspended. Async handlers
run in the loop, plain ones in threads. Whatever a handler raises is a failure of that handler; Ctrl-C and cancellation
are not its doing.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from inspect import isawaitable
from typing import Any, ClassVar

from msgspec.structs import replace

from lrwf_cli.clock import Clock, SystemClock
from lrwf_cli.core.codec import Codec, type_name
from lrwf_cli.core.handlers import Handler
from lrwf_cli.core.model import RetryPolicy, Workflow
from lrwf_cli.core.suspended import Kept, Suspension
from lrwf_cli.errors import LrwfError, MessageTypeError, SecretMissing, StateDirectoryError
from lrwf_cli.executors.api import Executor, FunctionExecutor, LongRunningExecutor, handlers_of, handles
from lrwf_cli.executors.base import Call, Desk, Result, Stuck
from lrwf_cli.executors.context.context import Context
from lrwf_cli.executors.context.responses import response_call, response_policy
from lrwf_cli.executors.failures import described, failed
from lrwf_cli.executors.kept.invocation import Invocation
from lrwf_cli.executors.kept.outcomes import STUCK, Outcome
from lrwf_cli.executors.kept.rehearsal import Nobody, Performance, difference, kept_in
from lrwf_cli.executors.loading.recompiled import compile_executor
from lrwf_cli.executors.output import Lines, routed
from lrwf_cli.executors.seat import Seat, copied
from lrwf_cli.executors.threads import in_thread

__all__ = ["Log", "PythonInvoker"]

_BLOCKING = (*STUCK, SecretMissing)
"""Errors after which only a person can get on: nothing is tried again by itself."""

Log = Callable[[str, str], None]
"""Takes an executor's id and whole lines of what it printed, or of the traceback of what it raised."""


class PythonInvoker:
    """Implements `Invoker` for one run in one process; `executors` are that run's own instances.

    Without a `log`, what handlers print goes where it always does, and tracebacks go nowhere.

    `checks_replay` is a mode for tests: each stretch is run a second time, from what it has kept and by an executor as
    it was made, and ReplayDiverged blocks the run if it does anything else. What stands between two awaits runs twice
    then. Set it on the class to have a whole suite run so.
    """

    checks_replay: ClassVar[bool] = False

    def __init__(
        self,
        executors: Mapping[str, Executor],
        workflow: Workflow,
        codec: Codec,
        *,
        log: Log | None = None,
        clock: Clock | None = None,
    ) -> None:
        for executor in executors.values():
            compile_executor(executor)
        self._seats = {name: Seat(executor, codec) for name, executor in executors.items()}
        self._unused = {name: copied(each) for name, each in executors.items()} if self.checks_replay else {}
        self._workflow = workflow
        self._codec = codec
        self._log = log
        self._clock = clock or SystemClock()

    async def invoke(self, call: Call, desk: Desk) -> Result:
        """As `Invoker` says. Raises KeyboardInterrupt and, if it is cancelled, CancelledError."""
        executor = call.delivery.executor
        lines = Lines(partial(self._log, executor)) if self._log is not None else None
        routing: AbstractContextManager[None] = routed(lines.add) if lines else nullcontext()
        with routing:
            try:
                return await self._handle(self._seats[executor], call, desk, lines)
            except (KeyboardInterrupt, StateDirectoryError):  # no doing of the handler's
                raise
            except BaseException as error:
                if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                    raise
                if lines:
                    lines.add(described(error))
                failure = failed(error, executor, call.attempt, self._policy(call))
                return Stuck(failure.error) if isinstance(error, _BLOCKING) else failure
            finally:
                if lines:
                    lines.close()

    def _policy(self, call: Call) -> RetryPolicy | None:
        """Return the policy of a response handler, unless the flow says otherwise; others are found by the message."""
        if call.delivery.answers is None or self._workflow.executors[call.delivery.executor].retry_for is None:
            return None
        return response_policy(self._seats[call.delivery.executor].executor, call, self._codec)

    def _chosen(self, executor: Executor, call: Call) -> tuple[Handler, tuple[Any, ...]]:
        """Return the handler of a delivery, and what it is called with besides the context."""
        if call.delivery.answers is not None:
            return response_call(executor, call, self._codec)
        message = self._codec.decode(call.resolve(call.delivery.message))
        handler = handlers_of(executor).find(type(message), lambda: message)
        if handler is None:
            raise self._cannot_handle(executor, call)
        return handler, (message,)

    def _entry(
        self, executor: Executor, call: Call, desk: Desk
    ) -> tuple[Invocation, Context, Handler, Callable[[], Any]]:
        """Return what an entry of a handler has, and the call of it."""
        handler, values = self._chosen(executor, call)
        eager = isinstance(executor, LongRunningExecutor)
        invocation = Invocation(call, self._codec, self._clock, desk, handler=handler.name, eager=eager)
        ctx = Context(
            call,
            handler,
            handlers=handlers_of(executor),
            workflow=self._workflow,
            codec=self._codec,
            keeper=invocation,
            desk=desk,
        )
        invocation.belongs_to(ctx)
        return invocation, ctx, handler, partial(_called, executor, handler, values, ctx)

    async def _handle(self, seat: Seat, call: Call, desk: Desk, lines: Lines | None) -> Result:
        invocation, ctx, handler, called = self._entry(seat.executor, call, desk)
        try:
            async with seat.taken(call):
                kept = invocation.remember() if self.checks_replay and handler.is_async else None
                came_to = await _run(invocation, called, handler)
                if lines:
                    lines.add("".join(map(described, invocation.mishaps)))
                is_whole = invocation.is_smooth and not isinstance(came_to, LrwfError) and not _is_cancelled()
                if kept is not None and is_whole:
                    first = Performance(came_to, ctx.done())
                    came_to = await self._rehearsed(call, invocation, kept, first) or came_to
                if isinstance(came_to, LrwfError):
                    raise came_to
                if isinstance(came_to, Suspension):
                    seat.leave()
                    asks = (*ctx.asks, *came_to.asks)
                    return replace(came_to, asks=asks, begins=ctx.begins, tells=ctx.tells)
                result = came_to.get()
                if result is not None:
                    ctx.send_message(result)
                return ctx.effects(await seat.save())
        finally:
            ctx.end()

    async def _rehearsed(
        self, call: Call, earlier: Invocation, kept: list[Kept], first: Performance
    ) -> LrwfError | None:
        """Run an entry again from what it has kept, as a new process would; return what it did otherwise."""
        again = replace(call, kept=kept_in(call, kept))
        seat = Seat(copied(self._unused[call.delivery.executor]), self._codec)
        invocation, ctx, handler, called = self._entry(seat.executor, again, Nobody())
        invocation.rehearse(earlier)
        with routed(lambda _: None):
            async with seat.taken(call):
                came_to = await _run(invocation, called, handler)
        return difference(handler.name, first, Performance(came_to, ctx.done()))

    def _cannot_handle(self, executor: Executor, call: Call) -> MessageTypeError:
        names = ", ".join(f"`{name}`" for name in handles(executor)) or "nothing"
        kind = type_name(call.resolve(call.delivery.message))
        return MessageTypeError(
            f"`{call.delivery.executor}` cannot handle a `{kind}`: it handles {names}",
            hint=f"add a handler to `{call.delivery.executor}`, or convert the message before it is sent",
        )


def _called(executor: Executor, handler: Handler, values: tuple[Any, ...], ctx: Context) -> Any:
    function = executor.function if isinstance(executor, FunctionExecutor) else getattr(executor, handler.attribute)
    return function(*values, ctx) if handler.wants_context else function(*values)


async def _run(invocation: Invocation, call: Callable[[], Any], handler: Handler) -> Outcome | Suspension | LrwfError:
    """Call a handler: a plain one in a thread. What is to be awaited is, as the invocation's."""
    result = call() if handler.is_async else await in_thread(call)
    return await invocation.run(result) if isawaitable(result) else Outcome(result)


def _is_cancelled() -> bool:
    """Whether somebody cancels this invocation; a handler may also raise CancelledError of its own."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
