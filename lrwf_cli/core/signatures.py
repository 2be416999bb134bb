"""What the signature of an author's function says of it as a handler; and what is wrong with it.

Reads signatures, never calls anything. Annotations are read when the handlers are first asked for, so that a
handler may name a class that its module defines further down.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import CodeType, FunctionType
from typing import Any, get_args, get_origin

from msgspec.structs import replace

from lrwf_cli.core.dispatch import ANY, Form, NotAType, forms_of
from lrwf_cli.core.handlers import Handler, Handlers, Problem
from lrwf_cli.core.model import RetryPolicy

__all__ = ["RETRY", "read_handlers"]

RETRY = "__lrwf_retry__"
"""The attribute of a function under which `@retry` leaves its policy."""

_GENERATOR, _VARIADIC = 0x20 | 0x200, 0x04 | 0x08
_UNSAID: Any = object()


def read_handlers(
    functions: Mapping[str, Any],
    *,
    is_method: bool,
    owner: type | None,
    context: type,
    responders: Mapping[str, Any] | None = None,
) -> Handlers:
    """Return the handlers among `functions` (attribute to function), and the response handlers among `responders`.

    `context` is the class that a handler's last parameter is annotated with; `owner` the class they are methods of.
    """
    problems: list[Problem] = []

    def read(found: Mapping[str, Any], kind: type[_Reader]) -> Iterator[Handler]:
        for attribute, function in found.items():
            reader = kind(attribute, function, is_method=is_method, owner=owner, context=context)
            try:
                yield reader.handler()
            except _Wrong as wrong:
                problems.append((f"{reader.where}: {wrong}", wrong.hint))
            except NameError as error:
                problems.append(
                    (
                        f"{reader.where}: {reader.kind} `{reader.name}` has an annotation that is not known: {error}",
                        "define it at the top of the module, or import it there (not under `if TYPE_CHECKING:`)",
                    )
                )

    handlers, hearing = [*read(functions, _Reader)], [*read(responders or {}, _ResponseReader)]
    return Handlers(handlers, problems, hearing)


class _Wrong(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class _Reader:
    """Reads one function."""

    kind = "handler"
    values = 1
    """How many parameters it has before the context."""
    takes_what, shape = "a message and a context", "message: ..."

    def __init__(self, attribute: str, function: Any, *, is_method: bool, owner: type | None, context: type) -> None:
        import inspect

        self.attribute = attribute
        self.is_method = is_method
        self.context = context
        self.is_bound = not isinstance(function, staticmethod | classmethod)
        self.function = inspect.unwrap(function)
        self.retry: RetryPolicy | None = getattr(function, RETRY, None) or getattr(self.function, RETRY, None)
        self.code: CodeType | None = getattr(self.function, "__code__", None)
        self.name = f"{owner.__name__}.{attribute}" if owner else attribute
        self.where = f"{self.code.co_filename}:{self.code.co_firstlineno}" if self.code else self.name
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(self.function)
        self.names = _names(self.function, owner)

    def handler(self) -> Handler:
        (message, *_), context = self._parameters()
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
            retry=self.retry,
        )

    def _parameters(self) -> tuple[tuple[str, ...], str | None]:
        """Return the names of the parameters: those of the values, and the context's."""
        if not isinstance(self.function, FunctionType) or self.code is None or not self.is_bound:
            raise self._wrong("is not a plain function", "decorate a method or a function with `def`")
        if self.code.co_flags & _GENERATOR:
            raise self._wrong("is a generator", "send messages with `ctx.send_message` instead")
        names = self.code.co_varnames[: self.code.co_argcount][self.is_method :]
        defaults = len(self.function.__defaults__ or ())
        required = names[: len(names) - defaults] if defaults else names
        keywords = self.code.co_kwonlyargcount > len(self.function.__kwdefaults__ or ())
        enough = self.values <= len(names) and len(required) <= self.values + 1
        if not enough or keywords or self.code.co_flags & _VARIADIC:
            itself = "self, " if self.is_method else ""
            hint = f"write `def {self.attribute}({itself}{self.shape}, ctx: WorkflowContext[...])`"
            raise self._wrong(f"does not take {self.takes_what}", hint)
        return names[: self.values], names[self.values] if len(names) > self.values else None

    def _wrong(self, what: str, hint: str) -> _Wrong:
        return _Wrong(f"{self.kind} `{self.name}` {what}", hint)

    def _forms(self, parameter: str, annotation: Any) -> tuple[Form, ...]:
        try:
            return forms_of(annotation, self.names)
        except NotAType as error:
            hint = "annotate it with a class, a union of classes, or `Any`"
            raise self._wrong(f"cannot be chosen by the type of `{parameter}`: {error}", hint) from error

    def _taken(self, parameter: str) -> tuple[Form, ...]:
        annotation = self.function.__annotations__.get(parameter, _UNSAID)
        if annotation is _UNSAID:
            hint = f"write `{parameter}: SomeType`, or `{parameter}: Any` for everything"
            raise self._wrong(f"does not say which messages it takes: `{parameter}` has no annotation", hint)
        forms = self._forms(parameter, annotation)
        if not forms:
            raise self._wrong("takes nothing", f"annotate `{parameter}` with a type that has values")
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
            place = ("second", "third")[self.values - 1]
            hint = f"annotate it: `{parameter}: WorkflowContext[...]`"
            raise self._wrong(f"has a {place} parameter that is no context: `{parameter}`", hint)
        said = get_args(annotation)
        if len(said) > 2:
            raise self._wrong("has a context with too many types", "give what it sends and yields")
        sends, yields = (*said, _UNSAID, _UNSAID)[:2]
        return self._allowed(parameter, sends), self._allowed(parameter, yields)

    def _resolved(self, parameter: str, annotation: Any) -> Any:
        if not isinstance(annotation, str):
            return annotation
        try:
            return eval(annotation, dict(self.names))  # noqa: S307 - the author's own annotation
        except SyntaxError as error:
            hint = f"annotate it: `{parameter}: WorkflowContext[...]`"
            raise self._wrong(f"has an annotation of `{parameter}` that cannot be read: {error}", hint) from error

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


class _ResponseReader(_Reader):
    """Reads one response handler."""

    kind = "response handler"
    values = 2
    takes_what, shape = "what was asked, the response and a context", "original_request: ..., response: ..."

    def handler(self) -> Handler:
        (_, response), _ = self._parameters()
        annotation = self.function.__annotations__.get(response, _UNSAID)
        hears = self._taken(response)
        return replace(super().handler(), hears=hears, response=self._resolved(response, annotation))


def _names(function: Any, owner: type | None) -> dict[str, Any]:
    """Return what an annotation may refer to: names of the class, of the module, and of enclosing functions."""
    names = {**(vars(owner) if owner is not None else {}), **getattr(function, "__globals__", {})}
    code, closure = getattr(function, "__code__", None), getattr(function, "__closure__", None)
    for name, cell in zip(code.co_freevars, closure, strict=True) if code is not None and closure else ():
        with suppress(ValueError):  # the enclosing function has not got there yet
            names[name] = cell.cell_contents
    return names
