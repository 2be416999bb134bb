"""A run's input, as the start executor takes it: converted and checked before anything is written.

Conversion is for input only, which comes from files and command lines as plain data. What handlers send one
another is never converted.
"""

from collections.abc import Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.dispatch import Form, best
from lrwf_cli.errors import InputError, NotEncodable
from lrwf_cli.executors.api import Executor, handlers_of, handles
from lrwf_cli.executors.models import is_model, make_value

__all__ = ["convert_input", "read_texts"]


def convert_input(executor: Executor | type[Executor], value: Any, codec: Codec) -> Any:
    """Return `value` as a handler of the start executor takes it.

    A value of a handled type is returned as it is. An object is made into the dataclass, pydantic model or msgspec
    struct that a handler takes. Raises InputError, which names the field, or the types.
    """
    forms = handlers_of(executor).takes
    place = best(forms, type(value), lambda: value)
    models = [form for form in forms if is_model(form.cls)]
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
        if is_model(form.cls):
            hints = {**get_type_hints(form.cls), **hints}
    return {key: _read(text, hints.get(key, str)) for key, text in texts.items()}


def _read(text: str, hint: Any) -> Any:
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if str in alternatives:
        return text
    try:
        if {int, float, bool}.intersection(alternatives):
            return msgspec.convert(text, hint, strict=False)
        if any((get_origin(each) or each) in (list, tuple, dict) or is_model(each) for each in alternatives):
            return msgspec.json.decode(text)
    except (msgspec.MsgspecError, TypeError):
        return text
    return text


def _converted(models: list[Form], value: dict[str, Any], codec: Codec) -> Any:
    """Return `value` as the first of `models` that it fits; if it fits none, raise what is wrong with the first."""
    wrong: list[InputError] = []
    for form in models:
        try:
            made = make_value(form.cls, value, "input")
            codec.encode(made, name="input")
        except NotEncodable as error:
            raise InputError(error.message, hint=error.hint) from error
        except InputError as error:
            wrong.append(error)
        else:
            return made
    raise wrong[0]
