"""The context that a handler is given: what it may know, what waits, and a record of what it does.

Nothing that it does is visible to anyone before the handler has ended and its effects are committed, but for requests,
which are put when it suspends too, and progress.
"""

from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from msgspec import UNSET

from lrwf_cli.core.background import Begin, OnRunEnd
from lrwf_cli.core.commands import Effects, Send, StateWrite
from lrwf_cli.core.dispatch import Form, takes
from lrwf_cli.core.model import Json
from lrwf_cli.core.spans import Span
from lrwf_cli.core.suspended import Ask
from lrwf_cli.errors import UndeclaredType, UnknownTarget
from lrwf_cli.executors.context.answers import form_of
from lrwf_cli.executors.context.asks import Question
from lrwf_cli.executors.context.background import BackgroundTask, begin_of, work_of
from lrwf_cli.executors.context.keeper import Place
from lrwf_cli.executors.context.responses import expected_type
from lrwf_cli.executors.context.state import StateView
from lrwf_cli.executors.context.waits import DONE, Done, Waits
from lrwf_cli.executors.words import shown

__all__ = ["Context"]


class Context(Waits):
    """Implements `WorkflowContext` for one entry of one handler."""

    def __init__(self, *args: Any, **facts: Any) -> None:
        """Take what `Facts` takes."""
        super().__init__(*args, **facts)
        self._state = StateView(self.call.state, self.call.resolve, self.codec, self.keeper.note)
        self._sends: list[Send] = []
        self._outputs: list[Json] = []
        self._asks: list[Ask] = []
        self._begins: list[Begin] = []
        self._ordinals: Counter[str] = Counter()
        self._acts = 0

    @property
    def asks(self) -> tuple[Ask, ...]:
        """What was asked with `request_info` so far: new questions, and those that were asked before."""
        return tuple(self._asks)

    @property
    def begins(self) -> tuple[Begin, ...]:
        """The background work that was asked for so far: new, and asked for before."""
        return tuple(self._begins)

    def effects(self, saved: Json) -> Effects:
        """Return what the handler did, in order; from here on it can do no more."""
        self.end()
        return self.done(saved)

    def done(self, saved: Json = None) -> Effects:
        """Return what the handler has done so far."""
        sends, outputs = tuple(self._sends), tuple(self._outputs)
        return Effects(sends, outputs, self._state.writes(), saved, self.asks, self.begins)

    def do_again(self, acts: Sequence[Json]) -> None:
        """Do what was done inside an await that is read instead of run."""
        for number, what, *values in acts:
            self._acts = max(self._acts, number)
            self._do(what, values)

    def _act(self, what: str, *values: Json) -> None:
        """Do something that counts when the handler ends, and note it: it may be inside an await that is kept."""
        self._acts += 1
        self.keeper.act([self._acts, what, *values])
        self._do(what, values)

    def _do(self, what: str, values: Sequence[Json]) -> None:
        if what == "send":
            send = Send(*values)
            self._ordinals[send.lane] = max(self._ordinals[send.lane], send.ordinal + 1)
            self._sends.append(send)
        elif what == "output":
            self._outputs.extend(values)
        elif what == "write":
            self._state.write(StateWrite(*values))
        elif what == "ask":
            self._asks.append(msgspec.convert(values[0], Ask))
        else:
            self._begins.append(msgspec.convert(values[0], Begin))

    def send_message(self, message: Any, target_id: str | None = None) -> Awaitable[None]:
        """As `WorkflowContext` says."""
        self.check_open()
        if self.handler.wants_context:
            _check(self.handler.sends, message, f"`{self.handler.name}` sends")
        self._check_target(target_id)
        lane = self.keeper.lane
        self._act("send", self.codec.encode(message), target_id, lane, self._ordinals[lane])
        return DONE

    def yield_output(self, output: Any) -> Awaitable[None]:
        """As `WorkflowContext` says."""
        self.check_open()
        _check(self.handler.yields, output, f"`{self.handler.name}` yields")
        self._act("output", self.codec.encode(output, name="output"))
        return DONE

    def request_info(
        self,
        data: Any,
        response_type: Any = None,
        *,
        prompt: str | None = None,
        choices: Sequence[str] | None = None,
        timeout: Span | None = None,
        default: Any = UNSET,
        allowed_users: Sequence[str] = (),
    ) -> Awaitable[None]:
        """As `WorkflowContext` says."""
        self.check_open()
        form = form_of(expected_type(self.handlers, data, response_type), choices)
        question = Question(
            shown(data, 1000) if prompt is None else prompt,
            form,
            self.codec,
            timeout=timeout,
            default=default,
            allowed_users=allowed_users,
        )

        def begin(place: Place | None) -> Json:
            lane, path = (place.lane, place.path) if place is not None else ("", f"{len(self._asks) + 1}")
            return self.codec.encode([lane, path, question.expires_at(self.keeper.now)])

        # where and until when it was asked: the rest is the same when the handler comes by again
        lane, path, expires_at = self.codec.decode(self.keeper.note("request_info", begin))
        kept = self.codec.encode(data, "request")
        self._act("ask", msgspec.to_builtins(question.ask(Place(lane, path), expires_at, calls=True, data=kept)))
        return DONE

    def start_background(
        self,
        what: Any,
        *args: Any,
        on_run_end: OnRunEnd = "wait",
        restart: bool = False,
        name: str | None = None,
        env: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> Awaitable[BackgroundTask]:
        """As `WorkflowContext` says."""
        self.check_open()
        work, called = work_of(what, args, kwargs, env, self.codec)

        def begin(place: Place | None) -> Json:
            lane, path = (place.lane, place.path) if place is not None else ("", f"{len(self._begins) + 1}")
            return [lane, path]

        lane, path = self.keeper.note("start_background", begin)
        begun = begin_of(Place(lane, path), work, name or called, on_run_end=on_run_end, restart=restart)
        self._act("begin", msgspec.to_builtins(begun))
        return Done(BackgroundTask(lane, path, begun.name))

    def get_state(self, key: str, default: Any = None) -> Any:
        """As `WorkflowContext` says."""
        self.check_open()
        return self._state.get(key, default)

    def set_state(self, key: str, value: Any) -> None:
        """As `WorkflowContext` says."""
        self.check_open()
        self._write(self._state.set(key, value))

    def update_state(self, key: str, op: Literal["append", "add", "merge"], value: Any) -> None:
        """As `WorkflowContext` says."""
        self.check_open()
        self._write(self._state.update(key, op, value))

    def delete_state(self, key: str) -> None:
        """As `WorkflowContext` says."""
        self.check_open()
        self._write(self._state.delete(key))

    def _write(self, write: StateWrite) -> None:
        self._act("write", write.key, write.value, write.op, write.seen)

    def _check_target(self, target: str | None) -> None:
        if target is None:
            return
        reachable = self.graph.reachable_from(self.executor_id)
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
