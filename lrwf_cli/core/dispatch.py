"""Types as handlers name them, and which of them takes a message. Annotations in, decisions out.

**Rules.** The class nearest along the message's MRO wins; then abstract classes (`Sequence`), then an `int` for
a `float` (PEP 484), then `Any`. A `bool` is no `int` here. Generics go by their origin: `list[int]` takes every
list. A `Literal` takes its values only and wins over its type.
"""

import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Never, NoReturn, TypeVar, Union, get_args, get_origin, is_typeddict

import msgspec

__all__ = ["ANY", "Form", "NotAType", "best", "forms_of", "may_meet", "takes"]

_ABSTRACT, _PROMOTED, _ANYTHING = 10_000, 20_000, 30_000


class NotAType(Exception):
    """An annotation by which messages cannot be told apart. Its text says why."""


class Form(msgspec.Struct, frozen=True):
    """One alternative of an annotation. `object` takes everything; `only` are the values of a `Literal`."""

    cls: type
    name: str
    only: tuple[Any, ...] = ()

    @property
    def key(self) -> tuple[type, tuple[Any, ...]]:
        """What makes two forms the same to a dispatcher."""
        return self.cls, self.only


ANY = Form(object, "Any")


def forms_of(annotation: Any, names: Mapping[str, Any]) -> tuple[Form, ...]:
    """Return the alternatives of `annotation`; `Never` has none.

    Text and forward references are looked up in `names`. Raises NotAType; NameError for a name that is not there.
    """
    annotation = _resolved(annotation, names)
    origin = get_origin(annotation)
    if annotation is Any or annotation is object:
        return (ANY,)
    if annotation in (Never, NoReturn):
        return ()
    if annotation is None or annotation is type(None):
        return (Form(type(None), "None"),)
    if origin is Union or origin is types.UnionType:
        return tuple(form for each in get_args(annotation) for form in forms_of(each, names))
    if origin is Literal:
        return tuple(Form(type(value), f"Literal[{value!r}]", (value,)) for value in get_args(annotation))
    return (Form(_class_of(origin or annotation), _name_of(annotation)),)


def _resolved(annotation: Any, names: Mapping[str, Any]) -> Any:
    """Return what stands behind text, forward references, aliases, `Annotated`, `NewType` and type variables."""
    while True:
        text = getattr(annotation, "__forward_arg__", annotation)
        if isinstance(text, str):
            annotation = _evaluated(text, names)
        elif get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, TypeVar):
            constraints = annotation.__constraints__
            annotation = Union[constraints] if constraints else annotation.__bound__ or Any  # noqa: UP007 - from a tuple
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


def _evaluated(text: str, names: Mapping[str, Any]) -> Any:
    try:
        return eval(text, dict(names))  # noqa: S307 - the author's own annotation, as `typing.get_type_hints` does
    except NameError:
        raise
    except Exception as error:
        raise NotAType(f"`{text}` cannot be read: {type(error).__name__}: {error}") from error


def _class_of(annotation: Any) -> type:
    if is_typeddict(annotation):
        return dict
    if not isinstance(annotation, type):
        raise NotAType(f"`{_name_of(annotation)}` is not a type")
    if getattr(annotation, "_is_protocol", False) and not _is_checkable(annotation):
        raise NotAType(f"messages cannot be told by the protocol `{annotation.__name__}`")
    return annotation


def _is_checkable(protocol: type) -> bool:
    try:
        issubclass(object, protocol)
    except TypeError:
        return False
    return True


def _name_of(annotation: Any) -> str:
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return annotation.__qualname__.rpartition("<locals>.")[2]
    return str(annotation).replace("typing.", "")


def _distance(form: Form, cls: type) -> int | None:
    """Return how far a message's class is from a form, literals aside; `None`: it does not take it."""
    if form.cls is object:
        return _ANYTHING
    if cls is bool:
        return 0 if form.cls is bool else None
    if form.cls in cls.__mro__:
        return cls.__mro__.index(form.cls)
    if issubclass(cls, form.cls):
        return _ABSTRACT
    return _PROMOTED if form.cls is float and cls is int else None


def best(forms: tuple[Form, ...], cls: type, value: Callable[[], Any]) -> int | None:
    """Return the place of the form that takes a message of `cls` best, or `None`.

    `value` is called only if there are literals of that class. Among equals, the most specific abstract class
    wins, then the first.
    """
    chosen: tuple[int, int] | None = None
    for place, form in enumerate(forms):
        if form.only:
            if form.cls is cls and value() in form.only:
                return place
            continue
        distance = _distance(form, cls)
        if distance is None:
            continue
        if (
            chosen is None
            or distance < chosen[0]
            or (distance == _ABSTRACT == chosen[0] and issubclass(form.cls, forms[chosen[1]].cls))
        ):
            chosen = distance, place
    return chosen[1] if chosen else None


def takes(forms: tuple[Form, ...], value: Any) -> bool:
    """Whether one of `forms` takes `value`."""
    return best(forms, type(value), lambda: value) is not None


def may_meet(sent: Form, taken: Form) -> bool:
    """Whether a value that is declared as `sent` can be one that `taken` takes. Sees classes, not contents."""
    if sent.cls is object or taken.cls is object:
        return True
    if sent.only and taken.only:
        return sent.key == taken.key
    return _distance(taken, sent.cls) is not None or (
        sent.cls is not bool and taken.cls is not bool and issubclass(taken.cls, sent.cls)
    )
