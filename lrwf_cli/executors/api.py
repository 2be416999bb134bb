"""What the author of an executor writes against: `Executor`, `@handler`, `@executor`; and what they say of themselves.

A port: it says what a handler may do and what that means. What it is given is in `lrwf_cli.context`; how it is called
is in `invoke`; where its effects go, the engine decides.
"""

import copy
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cached_property, partial
from typing import Any, Self, TypeVar, overload

import msgspec

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.dispatch import Form
from lrwf_cli.core.handlers import Handler, Handlers, Problem
from lrwf_cli.core.model import Json, RetryPolicy
from lrwf_cli.core.signatures import read_handlers
from lrwf_cli.core.spans import Span, span_of
from lrwf_cli.errors import NotDecodable, UsageError

__all__ = [
    "Executor",
    "FunctionExecutor",
    "Limits",
    "LongRunningExecutor",
    "WorkflowContext",
    "accepts",
    "check_executor",
    "executor",
    "handler",
    "handlers_of",
    "handles",
    "home_of",
    "limits_of",
    "response_handler",
    "retries",
    "saves_state",
    "sends",
    "when_made",
]

F = TypeVar("F", bound=Callable[..., Any])


class Limits(msgspec.Struct, frozen=True):
    """How long an executor may take; `None` is no limit. What each bounds says `Executor`."""

    timeout: timedelta | None = None
    deadline: timedelta | None = None
    idle_timeout: timedelta | None = None


when_made: list[Callable[[Any], None]] = []
"""Told of each class of executors as it is made. A port must not know who compiles them: see `authoring`."""


class Executor:
    """A node of a workflow. Subclass it and decorate methods with `@handler`.

    One instance per run and process. Its attributes live as long as that, but for what `on_checkpoint_save` returns.
    `id` defaults to the class's name; a flow file sets it to the name that it has there.

    `timeout` bounds one stretch of work, from start or wake to suspension or end; `deadline` all of it, retries and
    suspensions too; `idle_timeout` the time without a report of progress. Past any, the handler is cancelled, and
    ExecutorTimeoutError fails the attempt. They are timedeltas or seconds, `None` is no limit, and they may be given to
    the class too: `timeout = timedelta(minutes=5)`. A flow file's own go before them. Raises UsageError for those that
    are not above 0.
    """

    id: str = ""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for hear in when_made:
            hear(cls)

    def __init__(
        self,
        id: str | None = None,  # noqa: A002 - the field's word, as in Microsoft Agent Framework
        *,
        timeout: Span | None = None,
        deadline: Span | None = None,
        idle_timeout: Span | None = None,
    ) -> None:
        self.id = id or type(self).__name__
        given = {"timeout": timeout, "deadline": deadline, "idle_timeout": idle_timeout}
        # apart from the attributes: those are the author's, who may have a `self.timeout` that means something else
        self._limits = {name: _limit(value, name, self.id) for name, value in given.items() if value is not None}

    @property
    def _made_of(self) -> Any:
        """The class or function by whose module the author's types are found."""
        return type(self)

    def on_checkpoint_save(self) -> Awaitable[dict[str, Any] | None] | dict[str, Any] | None:
        """Return the attributes to keep, `None` for none. Called after each handler; may be `async`.

        Committed with the handler's effects. Called before the first handler too, so that a failed one can be undone.
        """
        return None

    def on_checkpoint_restore(self, state: dict[str, Any]) -> Awaitable[None] | None:  # noqa: ARG002 - for overrides
        """Set the attributes that `on_checkpoint_save` returned. May be `async`.

        Called before the first handler of a process if there is something kept, and after a failed attempt.
        """
        return None


class LongRunningExecutor(Executor):
    """An executor for work that takes hours or days: each await of its handlers is kept as it returns.

    A crash then costs at most the await under way. An `Executor` keeps its awaits when it suspends.
    """


class FunctionExecutor(Executor):
    """A function as an executor, as `@executor` makes it. Calling it calls the function."""

    def __init__(self, function: Callable[..., Any], id: str | None = None) -> None:  # noqa: A002 - as in Executor
        super().__init__(id or getattr(function, "__name__", None))
        self.function = function
        self.original: FunctionExecutor | None = None

    @cached_property
    def handlers(self) -> Handlers:
        """The function, read as a handler: once, however many nodes it is."""
        if self.original is not None:
            return self.original.handlers
        name = getattr(self.function, "__name__", self.id)
        return read_handlers({name: self.function}, is_method=False, owner=None, context=WorkflowContext)

    @property
    def _made_of(self) -> Any:
        return self.function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function itself: nothing is dispatched or kept."""
        return self.function(*args, **kwargs)

    def with_id(self, id: str) -> Self:  # noqa: A002 - as in Executor
        """Return the same function as another node."""
        other = copy.copy(self)
        other.id = id
        other.original = self.original or self
        return other


def handler(function: F) -> F:
    """Mark a method, `async` or plain, as the handler of the type that its message is annotated with.

    A returned value that is not `None` is sent on. A plain method runs in a thread. An override of a handler is
    one too.
    """
    vars(function)["__lrwf_handler__"] = True
    return function


def response_handler(function: F) -> F:
    """Mark a method as what gets the answers to `ctx.request_info`: `def f(self, asked: A, response: B, ctx)`.

    It is chosen by the types of what was asked and of the response, and is otherwise a handler like any.
    """
    vars(function)["__lrwf_response_handler__"] = True
    return function


@overload
def executor(function: Callable[..., Any]) -> FunctionExecutor: ...
@overload
def executor(*, id: str | None = None) -> Callable[[Callable[..., Any]], FunctionExecutor]: ...
def executor(function: Callable[..., Any] | None = None, *, id: str | None = None) -> Any:  # noqa: A002 - as in Executor
    """Make an executor of a function: `@executor`, or `@executor(id="...")`; its name is the default.

    The function takes a message and, if it wants one, a context.
    """
    return partial(FunctionExecutor, id=id) if function is None else FunctionExecutor(function, id)


def handlers_of(executor: Executor | type[Executor]) -> Handlers:
    """Return an executor's handlers, as read from its annotations once. Never raises: see `problems` in it."""
    if isinstance(executor, FunctionExecutor):
        return executor.handlers
    cls = executor if isinstance(executor, type) else type(executor)
    found: Handlers | None = vars(cls).get("__lrwf_handlers__")
    if found is None:
        found = read_handlers(
            _marked(cls, "__lrwf_handler__"),
            responders=_marked(cls, "__lrwf_response_handler__"),
            is_method=True,
            owner=cls,
            context=WorkflowContext,
        )
        cls.__lrwf_handlers__ = found  # type: ignore[attr-defined]  # a cache that nobody else reads
    return found


def _marked(cls: type, mark: str) -> dict[str, Any]:
    """Return the handlers of a class that have `mark`, the inherited ones first; what overrides a handler is one."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, item in vars(base).items():
            if name in found or getattr(item, mark, False):
                found[name] = item
    return found


def home_of(executor: Executor) -> str:
    """Return the name of the module that an executor's types are found in."""
    return str(executor._made_of.__module__)  # noqa: SLF001 - for subclasses to say, not for authors to see


def limits_of(executor: Executor | type[Executor]) -> Limits:
    """Return the limits of an executor: what it was made with, else its class's. Raises UsageError for absurd ones."""
    cls = executor if isinstance(executor, type) else type(executor)
    given = getattr(executor, "_limits", {}) if isinstance(executor, Executor) else {}
    return Limits(**{name: given.get(name) or _class_limit(cls, name) for name in Limits.__struct_fields__})


def _class_limit(cls: type[Executor], name: str) -> timedelta | None:
    value = getattr(cls, name, None)
    if value is None or hasattr(value, "__get__"):  # a method or a property of the author's own
        return None
    return _limit(value, name, cls.__name__)


def _limit(value: Span, name: str, executor: str) -> timedelta:
    limit = span_of(value, f"`{name}` of executor `{executor}`")
    if not limit:
        raise UsageError(f"`{name}` of executor `{executor}` is 0", hint="leave it out for no limit")
    return limit


def check_executor(executor: Executor | type[Executor]) -> list[Problem]:
    """Return what is wrong with an executor's handlers, each with the author's file and line. Empty: nothing."""
    handlers = handlers_of(executor)
    problems = list(handlers.problems)
    cls = executor if isinstance(executor, type) else type(executor)
    if saves_state(cls) and cls.on_checkpoint_restore is Executor.on_checkpoint_restore:
        problems.append(
            (f"{_where(cls)}: executor `{cls.__name__}` keeps what it never restores", "define `on_checkpoint_restore`")
        )
    try:
        limits_of(executor)
    except UsageError as error:
        problems.append((f"{_where(cls)}: {error.message}", error.hint))
    if not handlers.all and not problems:
        problems.append(
            (f"{_where(cls)}: executor `{cls.__name__}` has no handlers", "decorate a method with `@handler`")
        )
    return problems


def saves_state(cls: type[Executor]) -> bool:
    """Whether executors of a class keep attributes of their own."""
    return cls.on_checkpoint_save is not Executor.on_checkpoint_save


def _where(cls: type) -> str:
    import inspect

    try:
        return f"{inspect.getsourcefile(cls)}:{inspect.getsourcelines(cls)[1]}"
    except (OSError, TypeError):
        return cls.__module__


def accepts(executor: Executor | type[Executor], codec: Codec) -> Callable[[Json], bool]:
    """Return what says whether a handler takes an encoded message; looks at its type, and decodes only literals."""
    return lambda message: _handler_for(executor, codec, message) is not None


def retries(executor: Executor | type[Executor], codec: Codec) -> Callable[[Json], RetryPolicy | None] | None:
    """Return what says which `@retry` the handler of an encoded message has; `None`: no handler has one."""
    handlers = handlers_of(executor)
    if all(handler.retry is None for handler in (*handlers.all, *handlers.responders)):
        return None
    return lambda message: getattr(_handler_for(executor, codec, message), "retry", None)


def _handler_for(executor: Executor | type[Executor], codec: Codec, message: Json) -> Handler | None:
    try:
        cls = codec.type_of(message)
    except NotDecodable:
        cls = object  # only `Any` takes it, and decoding it will say what is wrong
    return handlers_of(executor).find(cls, lambda: codec.decode(message))


def handles(executor: Executor | type[Executor]) -> tuple[str, ...]:
    """Return the names of the types that an executor handles, as people read them."""
    return tuple(dict.fromkeys(form.name for form in handlers_of(executor).takes))


def sends(executor: Executor | type[Executor]) -> tuple[Form, ...] | None:
    """Return what an executor says it sends; `()`: nothing, `None`: it does not say."""
    return handlers_of(executor).sends
