"""What a handler says of itself: which messages it takes, what it sends and yields; and what is wrong with it.

Reads signatures, never calls anything. Annotations are read when the handlers are first asked for, so that a
handler may name a class that its module defines further down.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from types import CodeType, FunctionType
from typing import Any, get_args, get_origin

import msgspec

from lrwf_cli.core.dispatch import ANY, Form, NotAType, best, forms_of

__all__ = ["Handler", "Handlers", "Problem", "read_handlers"]

Problem = tuple[str, str | None]
"""What is wrong, with `path:line` before it, and what to do."""

_GENERATOR, _VARIADIC = 0x20 | 0x200, 0x04 | 0x08
_UNSAID: Any = object()


class Handler(msgspec.Struct, frozen=True):
    """One handler. `sends` and `yields`: `None` is unchecked, `()` is nothing.

    `attribute` is its name on the executor. Without a context, `sends` is what its return annotation says.
    """

    name: str
    attribute: str
    where: str
    takes: tuple[Form, ...]
    wants_context: bool
    is_async: bool
    sends: tuple[Form, ...] | None = None
    yields: tuple[Form, ...] | None = None


class Handlers:
    """The handlers of one executor, in the order of their definition, and what is wrong with them."""

    def __init__(self, handlers: Sequence[Handler], problems: Sequence[Problem]) -> None:
        self.all = tuple(handlers)
        self.problems = (*problems, *_duplicates(handlers))
        self._forms = tuple((form, handler) for handler in handlers for form in handler.takes)
        self._cache: dict[type, Handler | None] = {}
        self._literal_classes = {form.cls for form, _ in self._forms if form.only}

    @property
    def takes(self) -> tuple[Form, ...]:
        """What the executor handles."""
        return tuple(form for form, _ in self._forms)

    def find(self, cls: type, value: Callable[[], Any]) -> Handler | None:
        """Return the handler of a message of `cls`; `value` is called only where a `Literal` must know it."""
        if cls in self._cache:
            return self._cache[cls]
        place = best(self.takes, cls, value)
        found = None if place is None else self._forms[place][1]
        if cls not in self._literal_classes:
            self._cache[cls] = found
        return found

    @property
    def sends(self) -> tuple[Form, ...] | None:
        """What the executor may send; `None` if a handler does not say."""
        said = [handler.sends for handler in self.all]
        if any(forms is None for forms in said):
            return None
        return tuple(dict.fromkeys(form for forms in said if forms is not None for form in forms))


def read_handlers(functions: Mapping[str, Any], *, is_method: bool, owner: type | None, context: type) -> Handlers:
    """Return the handlers among `functions` (attribute to function).

    `context` is the class that a handler's second parameter is annotated with; `owner` the class they are
    methods of.
    """
    handlers: list[Handler] = []
    problems: list[Problem] = []
    for attribute, function in functions.items():
        reader = _Reader(attribute, function, is_method=is_method, owner=owner, context=context)
        try:
            handlers.append(reader.handler())
        except _Wrong as wrong:
            problems.append((f"{reader.where}: {wrong}", wrong.hint))
        except NameError as error:
            problems.append(
                (
                    f"{reader.where}: handler `{reader.name}` has an annotation that is not known: {error}",
                    "define it at the top of the module, or import it there (not under `if TYPE_CHECKING:`)",
                )
            )
    return Handlers(handlers, problems)


class _Wrong(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class _Reader:
    """Reads one function."""

    def __init__(self, attribute: str, function: Any, *, is_method: bool, owner: type | None, context: type) -> None:
        import inspect

        self.attribute = attribute
        self.is_method = is_method
        self.context = context
        self.is_bound = not isinstance(function, staticmethod | classmethod)
        self.function = inspect.unwrap(function)
        self.code: CodeType | None = getattr(self.function, "__code__", None)
        self.name = f"{owner.__name__}.{attribute}" if owner else attribute
        self.where = f"{self.code.co_filename}:{self.code.co_firstlineno}" if self.code else self.name
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(self.function)
        self.names = _names(self.function, owner)

    def handler(self) -> Handler:
        message, context = self._parameters()
        sends, yields = self._declared(context)
        return Handler(
            name=self.name,
            attribute=self.attribute,
            where=self.where,
            takes=self._taken(message),
            wants_context=context is not None,
            is_async=self.is_async,
            sends=sends,
            yields=yields,
        )

    def _parameters(self) -> tuple[str, str | None]:
        """Return the names of the message's parameter and the context's."""
        if not isinstance(self.function, FunctionType) or self.code is None or not self.is_bound:
            raise _Wrong(f"handler `{self.name}` is not a plain function", "decorate a method or a function with `def`")
        if self.code.co_flags & _GENERATOR:
            raise _Wrong(f"handler `{self.name}` is a generator", "send messages with `ctx.send_message` instead")
        names = self.code.co_varnames[: self.code.co_argcount][self.is_method :]
        defaults = len(self.function.__defaults__ or ())
        required = names[: len(names) - defaults] if defaults else names
        keywords = self.code.co_kwonlyargcount > len(self.function.__kwdefaults__ or ())
        if not names or len(required) > 2 or keywords or self.code.co_flags & _VARIADIC:
            itself = "self, " if self.is_method else ""
            raise _Wrong(
                f"handler `{self.name}` does not take a message and a context",
                f"write `def {self.attribute}({itself}message: ..., ctx: WorkflowContext[...])`",
            )
        return names[0], names[1] if len(names) > 1 else None

    def _forms(self, parameter: str, annotation: Any) -> tuple[Form, ...]:
        try:
            return forms_of(annotation, self.names)
        except NotAType as error:
            raise _Wrong(
                f"handler `{self.name}` cannot be chosen by the type of `{parameter}`: {error}",
                "annotate it with a class, a union of classes, or `Any`",
            ) from error

    def _taken(self, parameter: str) -> tuple[Form, ...]:
        annotation = self.function.__annotations__.get(parameter, _UNSAID)
        if annotation is _UNSAID:
            raise _Wrong(
                f"handler `{self.name}` does not say which messages it takes: `{parameter}` has no annotation",
                f"write `{parameter}: SomeType`, or `{parameter}: Any` for everything",
            )
        forms = self._forms(parameter, annotation)
        if not forms:
            raise _Wrong(f"handler `{self.name}` takes nothing", f"annotate `{parameter}` with a type that has values")
        return forms

    def _declared(self, parameter: str | None) -> tuple[tuple[Form, ...] | None, tuple[Form, ...] | None]:
        """Return what is sent and yielded, as the annotation of the context says."""
        if parameter is None:
            return self._returned(), None
        annotation = self.function.__annotations__.get(parameter, _UNSAID)
        if annotation is _UNSAID:
            return None, None
        annotation = self._resolved(parameter, annotation)
        if annotation is not self.context and get_origin(annotation) is not self.context:
            raise _Wrong(
                f"handler `{self.name}` has a second parameter that is no context: `{parameter}`",
                f"annotate it: `{parameter}: WorkflowContext[...]`",
            )
        said = get_args(annotation)
        if len(said) > 2:
            raise _Wrong(f"handler `{self.name}` has a context with too many types", "give what it sends and yields")
        sends, yields = (*said, _UNSAID, _UNSAID)[:2]
        return self._allowed(parameter, sends), self._allowed(parameter, yields)

    def _resolved(self, parameter: str, annotation: Any) -> Any:
        if not isinstance(annotation, str):
            return annotation
        try:
            return eval(annotation, dict(self.names))  # noqa: S307 - the author's own annotation
        except SyntaxError as error:
            raise _Wrong(
                f"handler `{self.name}` has an annotation of `{parameter}` that cannot be read: {error}",
                f"annotate it: `{parameter}: WorkflowContext[...]`",
            ) from error

    def _allowed(self, parameter: str, annotation: Any) -> tuple[Form, ...] | None:
        if annotation is _UNSAID:
            return None
        if annotation is None or annotation is type(None):
            return ()
        forms = self._forms(parameter, annotation)
        return None if ANY in forms else forms

    def _returned(self) -> tuple[Form, ...] | None:
        """Return what the return annotation says. Nothing is refused by it, so one that cannot be read says nothing."""
        try:
            forms = forms_of(self.function.__annotations__.get("return", Any), self.names)
        except (NameError, NotAType):
            return None
        return None if ANY in forms else tuple(form for form in forms if form.cls is not type(None))


def _names(function: Any, owner: type | None) -> dict[str, Any]:
    """Return what an annotation may refer to: names of the class, of the module, and of enclosing functions."""
    names = {**(vars(owner) if owner is not None else {}), **getattr(function, "__globals__", {})}
    code, closure = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    for name, cell in zip(code.co_freevars, closure, strict=True) if code is not None and closure else ():
        with suppress(ValueError):  # the enclosing function has not got there yet
            names[name] = cell.cell_contents
    return names


def _duplicates(handlers: Sequence[Handler]) -> Iterator[Problem]:
    seen: dict[tuple[type, tuple[Any, ...]], Handler] = {}
    for handler in handlers:
        for form in handler.takes:
            first = seen.setdefault(form.key, handler)
            if first is not handler:
                yield (
                    f"{handler.where}: handler `{handler.name}` takes `{form.name}`, and so does `{first.name}`",
                    f"remove one of them: the other is at {first.where}",
                )
