"""Exceptions as values: what an await has raised, kept and raised anew.

Of the same class, with the same arguments and attributes, if that is a builtin one, one of ours, or one that the flow's
own modules define or have imported, with what it was raised `from` if that can be kept too. No class that data names is
ever imported. Where it comes from is in the log of the attempt that saw it, and not kept.
"""

import asyncio
import builtins
import sys
from contextlib import suppress
from types import FunctionType
from typing import Any, cast

from lrwf_cli import errors
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.core.registry import KEEPABLE
from lrwf_cli.errors import NotDecodable, NotEncodable

__all__ = ["decode_error", "encode_error"]

_OURS = "lrwf_cli.errors"
_CANCELLED = "CancelledError"


_MOST_CAUSES = 8
"""How far an exception is followed to what caused it."""


def encode_error(codec: Codec, error: BaseException, causes: int = _MOST_CAUSES) -> Json:
    """Return `error` as JSON. Raises NotEncodable if it could not be raised anew as it is."""
    kept = _encoded(codec, error)
    if error.__cause__ is not None and causes:
        with suppress(NotEncodable):  # it says more than the exception itself, and mostly to people only
            kept["cause"] = encode_error(codec, error.__cause__, causes - 1)
    return kept


def _encoded(codec: Codec, error: BaseException) -> dict[str, Json]:
    cls = type(error)
    name = _name(codec, cls)
    if _found(codec, name) is not cls:
        raise NotEncodable(f"a `{cls.__qualname__}` cannot be kept: its class is none of the flow's", hint=KEEPABLE)
    if isinstance(error, BaseExceptionGroup):
        inner = [encode_error(codec, each) for each in error.exceptions]
        return {"type": name, "message": error.message, "exceptions": inner}
    args, attributes = _parts(error)
    kept: dict[str, Json] = {"type": name, "message": _text(error), "args": codec.encode(list(args), name=name)}
    if attributes:
        kept["attributes"] = codec.encode(attributes, name=name)
    if _text(decode_error(codec, kept)) != kept["message"]:
        raise NotEncodable(f"a `{cls.__qualname__}` cannot be kept: it would say something else", hint=KEEPABLE)
    return kept


def decode_error(codec: Codec, kept: Json) -> BaseException:
    """Return an exception to raise. Raises NotDecodable if its class is not known here, or has changed."""
    made = _decoded(codec, kept)
    if "cause" in kept:
        made.__cause__ = decode_error(codec, kept["cause"])
    return made


def _decoded(codec: Codec, kept: Json) -> BaseException:
    name = str(kept["type"])
    cls = _found(codec, name)
    if cls is None:
        raise NotDecodable(
            f"a kept exception has a type that the flow does not know: `{name}`",
            hint="import it at the top of a module that the flow uses",
        )
    try:
        if issubclass(cls, BaseExceptionGroup):
            return cls(kept["message"], [decode_error(codec, each) for each in kept["exceptions"]])
        made = _made(cls, tuple(codec.decode(kept["args"])))
        for key, value in codec.decode(kept.get("attributes", {})).items():
            setattr(made, key, value)
    except NotDecodable:
        raise
    except Exception as error:
        raise NotDecodable(f"a kept `{name}` cannot be raised: {type(error).__name__}: {error}") from error
    return made


def _parts(error: BaseException) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that make `error` again, and its attributes; those with an underscore are its own matter."""
    args, state = error.args, vars(error)
    if not isinstance(type(error).__reduce__, FunctionType):  # the author's would be for his `__init__`
        reduced = cast("tuple[Any, ...]", error.__reduce__())  # an OSError has its file name in there, not in `args`
        args = reduced[1] if len(reduced) > 1 and isinstance(reduced[1], tuple) else args
        state = reduced[2] if len(reduced) > 2 and isinstance(reduced[2], dict) else state
    return args, {key: value for key, value in state.items() if not key.startswith("_") or key == "__notes__"}


def _made(cls: type[BaseException], args: tuple[Any, ...]) -> BaseException:
    """Make an exception as copying does, but without the author's `__init__`: that takes who knows what."""
    made = cls.__new__(cls, *args)
    builtin = next(base for base in cls.__mro__ if base.__module__ == builtins.__name__)
    builtin.__init__(made, *args)  # type: ignore[misc]  # the C class sets its own fields there
    return made


def _name(codec: Codec, cls: type) -> str:
    if cls.__module__ == builtins.__name__ or cls is asyncio.CancelledError:
        return cls.__qualname__
    return codec.name_of(cls)


def _found(codec: Codec, name: str) -> type[BaseException] | None:
    """Return the class of that name: builtin, ours, or the flow's; looked up, never imported."""
    home, _, path = name.rpartition(":")
    found: Any
    if not home:
        found = asyncio.CancelledError if path == _CANCELLED else vars(builtins).get(path)
    elif home == _OURS:
        found = getattr(errors, path, None)
    else:
        found = codec.find(name) or _in_loaded(codec, home, path)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _in_loaded(codec: Codec, home: str, path: str) -> Any:
    """Return a class of a part of a package that the flow has imported, as `json.decoder` is one of `json`."""
    if home.partition(".")[0] not in codec.imported():
        return None
    found: Any = sys.modules.get(home)
    for part in path.split("."):
        found = vars(found).get(part) if found is not None else None
    return found


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the author's `__str__` may raise anything
        return ""
