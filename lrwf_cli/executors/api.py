"""What the author of an executor writes against: `Executor`, `@handler`, `@executor`, `WorkflowContext`.

A port: it says what a handler may do and what that means. How handlers are called is in `invoke`; where their
effects go, the engine decides.
"""

import copy
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import cached_property, partial
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeVar, overload
from uuid import UUID

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.dispatch import Form
from lrwf_cli.core.handlers import Handlers, Problem, read_handlers
from lrwf_cli.core.model import Json
from lrwf_cli.errors import NotDecodable, NotYet

if TYPE_CHECKING:
    from typing_extensions import TypeVar as DefaultingTypeVar

    Out_contra = DefaultingTypeVar("Out_contra", contravariant=True, default=Any)
    Result_contra = DefaultingTypeVar("Result_contra", contravariant=True, default=Any)
else:
    Out_contra = TypeVar("Out_contra", contravariant=True)
    Result_contra = TypeVar("Result_contra", contravariant=True)

__all__ = [
    "Executor",
    "FunctionExecutor",
    "LongRunningExecutor",
    "WorkflowContext",
    "accepts",
    "check_executor",
    "executor",
    "handler",
    "handlers_of",
    "handles",
    "saves_state",
    "sends",
]

F = TypeVar("F", bound=Callable[..., Any])


class WorkflowContext(Protocol[Out_contra, Result_contra]):
    """What a handler may know and do. `WorkflowContext[Out, Result]`: what it sends, what it yields.

    `None` is nothing, a missing parameter is unchecked. Effects happen at the call, `await` or not, and count when
    the handler ends; a failed attempt leaves none. Methods may be called from the handler's thread or loop.
    """

    if not TYPE_CHECKING:

        def __class_getitem__(cls, parameters: Any) -> GenericAlias:
            """Take one parameter or two: before Python 3.13 type variables have no defaults."""
            return GenericAlias(cls, parameters)

    def send_message(self, message: Out_contra, target_id: str | None = None) -> Awaitable[None]:
        """Send a message along the executor's edges, or to `target_id` only.

        Raises UndeclaredType, NotEncodable (with the field), UnknownTarget if no edge leads there.
        """

    def yield_output(self, output: Result_contra) -> Awaitable[None]:
        """Add to the run's outputs. Raises UndeclaredType, NotEncodable."""

    def get_state(self, key: str, default: Any = None) -> Any:
        """Return a copy of the run's shared state as committed when the handler started, plus its own writes."""

    def set_state(self, key: str, value: Any) -> None:
        """Write shared state. Others see it after the commit; the last commit wins. Raises NotEncodable."""

    def update_state(self, key: str, op: Literal["append", "add", "merge"], value: Any) -> None:
        """Change shared state at commit: a list by an item, a number by another, a dict by another.

        Loses nothing, whoever else writes meanwhile. A key that is not there counts as empty. Raises TypeError if
        the value cannot be changed so.
        """

    def delete_state(self, key: str) -> None:
        """Remove a key of shared state; one that is not there is no error."""

    @property
    def run_id(self) -> str:
        """The run's id."""

    @property
    def workflow(self) -> str:
        """The workflow's name."""

    @property
    def executor_id(self) -> str:
        """The id under which this executor stands in the workflow."""

    @property
    def source(self) -> str | None:
        """The executor that sent the message (a fan-in's: joined by `+`); `None` for the run's input."""

    @property
    def superstep(self) -> int:
        """How deep the message is: 1 for the run's input, else one more than what caused it."""

    @property
    def input(self) -> Any:
        """A copy of the run's input."""

    @property
    def attempt(self) -> int:
        """Counts entries after a failure, a timeout, a crash or a `retry`, from 1."""

    @property
    def maybe_done(self) -> bool:
        """Whether a crash cut an attempt off, so that its effects outside may have happened."""

    @property
    def idempotency_key(self) -> str:
        """What is the same for all attempts at this message, and for nothing else: 32 hexadecimal digits."""

    @property
    def deadline(self) -> datetime | None:
        """When the run's time is up (aware, UTC); `None`: never."""

    def now(self) -> datetime:
        """Return the time: aware, UTC, whole milliseconds."""

    def uuid4(self) -> UUID:
        """Return a random UUID; the n-th of a message is the same in every attempt."""

    def random(self) -> float:
        """Return a number in [0, 1); the n-th of a message is the same in every attempt."""


class Executor:
    """A node of a workflow. Subclass it and decorate methods with `@handler`.

    One instance per run and process. Its attributes live as long as that, but for what `on_checkpoint_save` returns.
    `id` defaults to the class's name; a flow file sets it to the name that it has there.
    """

    id: str = ""

    def __init__(
        self,
        id: str | None = None,  # noqa: A002 - the field's word, as in Microsoft Agent Framework
        *,
        timeout: timedelta | None = None,
        deadline: timedelta | None = None,
        idle_timeout: timedelta | None = None,
    ) -> None:
        self.id = id or type(self).__name__
        for name, value in (("timeout", timeout), ("deadline", deadline), ("idle_timeout", idle_timeout)):
            if value is not None:
                raise NotYet((f"`{name}=` of executor `{self.id}` is not built yet", f"leave `{name}=` out"))

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
    """An executor for work that takes hours or days. What its handlers await will be kept as it returns."""


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
        found = read_handlers(_marked(cls), is_method=True, owner=cls, context=WorkflowContext)
        cls.__lrwf_handlers__ = found  # type: ignore[attr-defined]  # a cache that nobody else reads
    return found


def _marked(cls: type) -> dict[str, Any]:
    """Return the handlers of a class, the inherited ones first; what overrides a handler is one."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, item in vars(base).items():
            if name in found or getattr(item, "__lrwf_handler__", False):
                found[name] = item
    return found


def check_executor(executor: Executor | type[Executor]) -> list[Problem]:
    """Return what is wrong with an executor's handlers, each with the author's file and line. Empty: nothing."""
    handlers = handlers_of(executor)
    problems = list(handlers.problems)
    cls = executor if isinstance(executor, type) else type(executor)
    if saves_state(cls) and cls.on_checkpoint_restore is Executor.on_checkpoint_restore:
        problems.append(
            (f"{_where(cls)}: executor `{cls.__name__}` keeps what it never restores", "define `on_checkpoint_restore`")
        )
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
    handlers = handlers_of(executor)

    def accept(message: Json) -> bool:
        try:
            cls = codec.type_of(message)
        except NotDecodable:
            cls = object  # only `Any` takes it, and decoding it will say what is wrong
        return handlers.find(cls, lambda: codec.decode(message)) is not None

    return accept


def handles(executor: Executor | type[Executor]) -> tuple[str, ...]:
    """Return the names of the types that an executor handles, as people read them."""
    return tuple(dict.fromkeys(form.name for form in handlers_of(executor).takes))


def sends(executor: Executor | type[Executor]) -> tuple[Form, ...] | None:
    """Return what an executor says it sends; `()`: nothing, `None`: it does not say."""
    return handlers_of(executor).sends
