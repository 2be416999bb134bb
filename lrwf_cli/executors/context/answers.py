"""What an answer is to be: a Python type as a form that people can fill in, and what they answered as a value of it.

The form is in the grammar of a flow's `input:`. Whether an answer fits it is checked before it is accepted, where the
code of the flow may not even be there (`flow.answers`); here it is made what the handler takes.
"""

import datetime as dt
import types
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Annotated, Any, Literal, Union, get_args, get_origin, is_typeddict
from uuid import UUID

import msgspec

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.errors import InputError, ResponseRefused, UsageError
from lrwf_cli.executors.models import Field, fields_of, is_model, make_value

__all__ = ["Form", "form_of", "tag_of"]

_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((bool,), "boolean"),
    ((int,), "integer"),
    ((float,), "number"),
    ((str, dt.datetime, dt.date, dt.time, dt.timedelta, Decimal, UUID), "string"),
    ((PurePath,), "path"),
    ((Mapping,), "object"),
    ((Sequence, set, frozenset), "array"),
)


class Form(msgspec.Struct, frozen=True):
    """What is asked for: `choices` and `schema` as in `Ask`, and the type to make of it (`Any`: as it is)."""

    type: Any
    choices: tuple[str, ...] = ()
    schema: Json = None

    def value(self, value: Json, data: Json) -> Any:
        """Return an answer (a value, and perhaps an object beside it) as the type. Raises ResponseRefused."""
        is_object = is_model(self.type) or is_typeddict(self.type)
        raw = data if data is not None and (is_object or value is None) else value
        if self.type is Any:
            return raw
        try:
            return make_value(self.type, raw, "the answer", strict=not self.choices)
        except InputError as error:
            raise ResponseRefused(f"the answer is no `{_name(self.type)}`: {error.message}", hint=error.hint) from error


def form_of(kind: Any, choices: Sequence[str] | None = None) -> Form:
    """Return the form of an answer of type `kind` (`None`: any), which is one of `choices` if there are some.

    Raises UsageError for a type of which nothing can be asked, and for choices that are none.
    """
    given = _checked(choices) if choices is not None else ()
    kind = _bare(Any if kind is None else kind)
    if given:
        if is_model(kind) or get_origin(kind) not in (None, Literal):
            hint = "leave out one of them: `choices` are texts"
            raise UsageError(f"a `{_name(kind)}` cannot be chosen among `choices`", hint=hint)
        return Form(kind, given)
    own = _choices(kind)
    if own and all(isinstance(each, str) for each in own):
        return Form(kind, own)
    return Form(kind, schema=_schema(kind))


def _checked(choices: Any) -> tuple[str, ...]:
    texts = () if isinstance(choices, str) else tuple(choices)
    if not texts or not all(isinstance(each, str) and each for each in texts) or len(set(texts)) < len(texts):
        hint = 'give a list of different texts, as in `choices=["ship", "stop"]`'
        raise UsageError(f"`choices` of a request are none: {choices!r:.60}", hint=hint)
    return texts


def _bare(kind: Any) -> Any:
    """Return a type without `Annotated`, and without `None` beside it: nobody answers nothing."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        rest = tuple(each for each in get_args(kind) if each is not type(None))
        return _bare(rest[0]) if len(rest) == 1 else Union[rest]  # noqa: UP007 - from a tuple
    return kind


def _choices(kind: Any) -> tuple[Any, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(member.value for member in kind)
    return ()


def _schema(kind: Any) -> Json:
    """Return the form of a whole answer: a mapping of fields for a model, else one declaration; `None`: anything."""
    if kind is Any or kind is object:
        return None
    if is_model(kind) or is_typeddict(kind):
        return {field.name: _field(field) for field in fields_of(kind)}
    declared = _declaration(kind)
    if declared is None and get_origin(kind) is not Union and not _choices(kind):
        raise UsageError(f"nobody can answer with a `{_name(kind)}`", hint="give a plain type, or a dataclass")
    return declared


def _field(field: Field) -> Json:
    declared = _declaration(_bare(field.type)) or {}
    if field.is_required:
        declared["required"] = True
    elif type(field.default) in (str, int, float, bool):
        declared["default"] = field.default
    if field.description:
        declared["description"] = field.description
    return declared


def _declaration(kind: Any) -> dict[str, Json] | None:
    """Return the declaration of one value; `None` for one of several types, or of a class that is not known."""
    if own := _choices(kind):
        types_ = {_type_name(type(each)) for each in own}
        return {"type": types_.pop(), "enum": list(own)} if len(types_) == 1 else None
    if is_model(kind) or is_typeddict(kind):
        return {"type": "object"}
    name = _type_name(get_origin(kind) or kind)
    return None if name is None else {"type": name}


def _type_name(cls: Any) -> str | None:
    if not isinstance(cls, type):
        return None
    return next((name for classes, name in _KINDS if issubclass(cls, classes)), None)


def tag_of(kind: Any, codec: Codec) -> str | None:
    """Return a name for the type of an answer that is the same in every process; `None` for any type."""
    if kind is None or kind is Any or kind is object:
        return None
    entry = codec.class_entry(kind) if isinstance(kind, type) else None
    return entry[0] if entry else _name(kind)


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) and get_origin(kind) is None else str(kind).replace("typing.", "")
