"""A run's input, as the start executor takes it: converted and checked before anything is written.

Conversion is for input only, which comes from files and command lines as plain data. What handlers send one
another is never converted.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.dispatch import Form, best
from lrwf_cli.errors import InputError, NotEncodable
from lrwf_cli.executors.api import Executor, handlers_of, handles

__all__ = ["convert_input", "read_texts"]


def convert_input(executor: Executor | type[Executor], value: Any, codec: Codec) -> Any:
    """Return `value` as a handler of the start executor takes it.

    A value of a handled type is returned as it is. An object is made into the dataclass, pydantic model or msgspec
    struct that a handler takes. Raises InputError, which names the field, or the types.
    """
    forms = handlers_of(executor).takes
    place = best(forms, type(value), lambda: value)
    models = [form for form in forms if _is_model(form.cls)]
    is_for_model = isinstance(value, dict) and models and (place is None or forms[place].cls is object)
    if place is not None and not is_for_model:
        return value
    if is_for_model:
        return _converted(models, value, codec)
    known = ", ".join(f"`{name}`" for name in handles(executor)) or "nothing"
    raise InputError(
        f"the input is a `{type(value).__qualname__}`, but `{executor.id or 'the start executor'}` handles {known}",
        hint="give an input of that type, or add a handler",
    )


def read_texts(executor: Executor | type[Executor], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return texts of a command line as the fields of the class that a start handler takes; others stay text.

    Lists and objects are written as JSON. What is not of the field's type stays text as well: `convert_input` says
    what is wrong with it.
    """
    hints: dict[str, Any] = {}
    for form in handlers_of(executor).takes:
        if _is_model(form.cls):
            hints = {**get_type_hints(form.cls), **hints}
    return {key: _read(text, hints.get(key, str)) for key, text in texts.items()}


def _read(text: str, hint: Any) -> Any:
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if str in alternatives:
        return text
    try:
        if {int, float, bool}.intersection(alternatives):
            return msgspec.convert(text, hint, strict=False)
        if any((get_origin(each) or each) in (list, tuple, dict) or _is_model(each) for each in alternatives):
            return msgspec.json.decode(text)
    except (msgspec.MsgspecError, TypeError):
        return text
    return text


def _is_model(cls: Any) -> bool:
    if not isinstance(cls, type):
        return False
    return hasattr(cls, "__dataclass_fields__") or issubclass(cls, msgspec.Struct) or _is_pydantic(cls)


def _is_pydantic(cls: Any) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(cls, type) and issubclass(cls, pydantic.BaseModel)


def _converted(models: list[Form], value: dict[str, Any], codec: Codec) -> Any:
    """Return `value` as the first of `models` that it fits; if it fits none, raise what is wrong with the first."""
    wrong: list[InputError] = []
    for form in models:
        try:
            made = _made(form.cls, value)
            codec.encode(made, name="input")
        except NotEncodable as error:
            raise InputError(error.message, hint=error.hint) from error
        except InputError as error:
            wrong.append(error)
        else:
            return made
    raise wrong[0]


def _made(cls: Any, value: dict[str, Any]) -> Any:
    if _is_pydantic(cls):
        return _validated(cls, value)
    for path, owner in _unknown_keys(cls, value, "input"):
        known = ", ".join(_field_names(owner))
        raise InputError(f"{path}: `{owner.__name__}` has no such field", hint=f"its fields are: {known}")
    try:
        return msgspec.convert(value, cls, dec_hook=_custom)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at `")
        path = f"input{at.rstrip('`').removeprefix('$')}"
        raise InputError(f"{path}: {_lowered(message)}", hint=f"see the fields of `{cls.__name__}`") from error
    except TypeError as error:
        raise InputError(
            f"a `{cls.__name__}` cannot be made from plain data: {error}", hint="take a plain type in the start handler"
        ) from error


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def _validated(cls: Any, value: dict[str, Any]) -> Any:
    """Return a pydantic model; what is wrong with the value, in one sentence."""
    try:
        return cls.model_validate(value)
    except ValueError as error:
        at, what = _first_error(error)
        raise InputError(f"input{at}: {what}", hint=f"see the fields of `{cls.__name__}`") from error


def _first_error(error: Any) -> tuple[str, str]:
    """Return where in a model the first error is, and what it is."""
    errors: list[Any] = error.errors() if hasattr(error, "errors") else [{"loc": (), "msg": str(error)}]
    first, *more = errors
    at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return at, f"{_lowered(first['msg'])}{f' (and {len(more)} more)' if more else ''}"


def _custom(cls: type, value: Any) -> Any:
    """Convert what msgspec does not know by itself. It adds to a ValueError where in the input it is."""
    if isinstance(value, cls):
        return value
    if issubclass(cls, PurePath) and isinstance(value, str):
        return cls(value)
    if _is_pydantic(cls) and isinstance(value, dict):
        try:
            return cls.model_validate(value)  # type: ignore[attr-defined]  # a pydantic model
        except ValueError as error:
            at, what = _first_error(error)
            raise ValueError(f"{at.removeprefix('.')}: {what}") from error
    raise ValueError(f"expected `{cls.__name__}`, got `{type(value).__name__}`")


def _unknown_keys(annotation: Any, value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield keys that no field takes, with the class; in classes within classes too. msgspec lets them pass."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            for inner in get_args(annotation):
                yield from _unknown_keys(inner, item, f"{path}[{position}]")
    elif isinstance(value, dict) and (model := _only_model(annotation)) is not None:
        hints, names = get_type_hints(model), _field_names(model)
        by_name = dict(zip(names, getattr(model, "__struct_fields__", names), strict=True))
        for key, item in value.items():
            if key not in by_name:
                yield f"{path}.{key}", model
            else:
                yield from _unknown_keys(hints.get(by_name[key]), item, f"{path}.{key}")


def _only_model(annotation: Any) -> Any:
    """Return the dataclass or struct that an annotation names; `None` if it names none, or several."""
    classes = [each for each in (annotation, *get_args(annotation)) if isinstance(each, type)]
    models = [each for each in classes if _is_model(each) and not _is_pydantic(each)]
    return models[0] if len(models) == 1 else None


def _field_names(cls: Any) -> tuple[str, ...]:
    import dataclasses

    if issubclass(cls, msgspec.Struct):
        return tuple(cls.__struct_encode_fields__)
    return tuple(field.name for field in dataclasses.fields(cls))
