"""Classes that are made of fields (dataclasses, pydantic models, msgspec structs), and values of them from plain data.

Plain data comes from outside: files, command lines, answers. pydantic is never imported here: a flow that has models
has imported it.
"""

import sys
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, get_args, get_type_hints, is_typeddict

import msgspec

from lrwf_cli.errors import InputError

__all__ = ["Field", "fields_of", "is_model", "make_value"]


class Field(msgspec.Struct, frozen=True):
    """One field, by the name that it has in plain data. `default` is `UNSET` if there is none, or it is made anew."""

    name: str
    type: Any
    is_required: bool = True
    default: Any = msgspec.UNSET
    description: str | None = None


def is_model(cls: Any) -> bool:
    """Whether `cls` is a class that is made of fields."""
    if not isinstance(cls, type):
        return False
    return hasattr(cls, "__dataclass_fields__") or issubclass(cls, msgspec.Struct) or _is_pydantic(cls)


def _is_pydantic(cls: Any) -> bool:
    pydantic = sys.modules.get("pydantic")
    return pydantic is not None and isinstance(cls, type) and issubclass(cls, pydantic.BaseModel)


def fields_of(cls: Any) -> tuple[Field, ...]:
    """Return the fields of a model, or of a `TypedDict`."""
    if _is_pydantic(cls):
        return tuple(_pydantic_field(name, field) for name, field in cls.model_fields.items())
    hints = get_type_hints(cls)
    if is_typeddict(cls):
        return tuple(Field(name, hints[name], name in cls.__required_keys__) for name in hints)
    made = {field.name: field for field in msgspec.structs.fields(cls)} if issubclass(cls, msgspec.Struct) else {}
    if made:
        return tuple(_field(f.encode_name, hints[name], f.default, f.default_factory) for name, f in made.items())
    import dataclasses

    given = [field for field in dataclasses.fields(cls) if field.init]
    return tuple(_field(f.name, hints[f.name], f.default, f.default_factory) for f in given)


def _field(name: str, kind: Any, default: Any, factory: Any) -> Field:
    from dataclasses import MISSING

    none = (MISSING, msgspec.NODEFAULT, msgspec.UNSET)
    has_default = not any(default is each for each in none)
    is_required = not has_default and any(factory is each for each in none)
    return Field(name, kind, is_required, default if has_default else msgspec.UNSET)


def _pydantic_field(name: str, field: Any) -> Field:
    plain = type(field.default) in (str, int, float, bool)
    default = field.default if plain else msgspec.UNSET
    return Field(field.alias or name, field.annotation, field.is_required(), default, field.description)


def make_value(kind: Any, value: Any, name: str, *, strict: bool = True) -> Any:
    """Return plain data as a `kind`: a model, or any type that msgspec converts to; `strict`: texts stay texts.

    Raises InputError, which says where in `name` the trouble is.
    """
    if _is_pydantic(kind):
        return _validated(kind, value, name)
    for path, owner in _unknown_keys(kind, value, name):
        known = ", ".join(_field_names(owner))
        raise InputError(f"{path}: `{owner.__name__}` has no such field", hint=f"its fields are: {known}")
    called = getattr(kind, "__name__", str(kind))
    try:
        return msgspec.convert(value, kind, dec_hook=_custom, strict=strict)
    except msgspec.ValidationError as error:
        message, _, at = str(error).partition(" - at `")
        path = f"{name}{at.rstrip('`').removeprefix('$')}"
        hint = f"see the fields of `{called}`" if is_model(kind) else f"give a `{called}`"
        raise InputError(f"{path}: {_lowered(message)}", hint=hint) from error
    except TypeError as error:
        raise InputError(f"a `{called}` cannot be made from plain data: {error}", hint="take a plain type") from error


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def _validated(cls: Any, value: Any, name: str) -> Any:
    """Return a pydantic model; what is wrong with the value, in one sentence."""
    try:
        return cls.model_validate(value)
    except ValueError as error:
        at, what = _first_error(error)
        raise InputError(f"{name}{at}: {what}", hint=f"see the fields of `{cls.__name__}`") from error


def _first_error(error: Any) -> tuple[str, str]:
    """Return where in a model the first error is, and what it is."""
    errors: list[Any] = error.errors() if hasattr(error, "errors") else [{"loc": (), "msg": str(error)}]
    first, *more = errors
    at = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return at, f"{_lowered(first['msg'])}{f' (and {len(more)} more)' if more else ''}"


def _custom(cls: type, value: Any) -> Any:
    """Convert what msgspec does not know by itself. It adds to a ValueError where in the data it is."""
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
    models = [each for each in classes if is_model(each) and not _is_pydantic(each)]
    return models[0] if len(models) == 1 else None


def _field_names(cls: Any) -> tuple[str, ...]:
    import dataclasses

    if issubclass(cls, msgspec.Struct):
        return tuple(cls.__struct_encode_fields__)
    return tuple(field.name for field in dataclasses.fields(cls))
