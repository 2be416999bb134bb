"""What tells one await from another: the name of what is awaited, and a digest of its arguments.

Both are the same in every process that runs the same code, and cheap however large the arguments are: of long texts
and collections only their ends and their length count.
"""

import sys
from hashlib import blake2b
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.registry import ATOMS, plain_name

__all__ = ["are_short", "digest_of", "name_of"]

_LONGEST_TEXT = 4096
_MOST_ITEMS = 64
_DEEPEST = 8
_NOTHING = "()"


def name_of(function: Any) -> str:
    """Return `module:qualname` of what is called, as its author knows it; of an object, of its class."""
    name = getattr(function, "__qualname__", None)
    if name is None:
        inner = getattr(function, "func", None)  # functools.partial
        return name_of(inner if callable(inner) else type(function))
    module = getattr(function, "__module__", None) or ""
    known = _names.get((module, name))
    if known is None:
        known = _names[module, name] = f"{_module(module)}:{name}"
    return known


_names: dict[tuple[str, str], str] = {}
"""Of functions by their module and name, as they are loaded here. There are as many as there are functions."""


_opaque: set[type] = set()
"""Classes whose objects have no plain form: contexts, executors, clients. There are as many as there are classes."""


def _module(name: str) -> str:
    module = sys.modules.get(name)
    return plain_name(module) if module is not None else name


def digest_of(codec: Codec, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> str:
    """Return twelve hexadecimal digits of the arguments; empty for none.

    Whatever has no plain form (an executor, a client, a coroutine) counts by its type only.
    """
    if not kwargs and are_short(args):
        return _digest(repr(args)) if args else ""
    form = _Form(codec)
    forms = [form.of(value, 0) for value in _ends(args, _MOST_ITEMS)]
    if kwargs:
        forms.append({name: form.of(value, 0) for name, value in sorted(kwargs.items())})
    return _digest(repr(forms))


def are_short(args: tuple[Any, ...]) -> bool:
    """Whether these are few short texts and numbers, as most are."""
    for each in args:
        kind = type(each)
        if kind not in ATOMS or (kind is str and len(each) > _LONGEST_TEXT):
            return False
    return len(args) <= _MOST_ITEMS


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="backslashreplace"), digest_size=6).hexdigest()


class _Form:
    """Values as something whose `repr` is short and says all that matters."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def of(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in ATOMS:
            return value if kind is not str or len(value) <= _LONGEST_TEXT else _ends(value, _LONGEST_TEXT)
        if depth > _DEEPEST:
            return _NOTHING
        if kind is dict:
            value, kind = list(value.items()), list
        if kind is list or kind is tuple:
            items = value if len(value) <= _MOST_ITEMS else _ends(value, _MOST_ITEMS)
            if ATOMS.issuperset(map(type, items)) and are_short(items):
                return [*items]
            return [self.of(item, depth + 1) for item in items]
        if kind is bytes or kind is bytearray:
            return _ends(bytes(value), _LONGEST_TEXT)
        return self._other(value, depth)

    def _other(self, value: Any, depth: int) -> Any:
        if isinstance(value, set | frozenset):
            return sorted(repr(self.of(item, depth + 1)) for item in value)
        if isinstance(value, FunctionType | MethodType | BuiltinFunctionType):
            return name_of(value)
        kind = type(value)
        if kind in _opaque:
            return kind.__qualname__
        entry = self._codec.class_entry(kind)
        if entry is None:
            if self._codec.adapter_of(kind) is None:
                _opaque.add(kind)
            return kind.__qualname__
        tag, plainer = entry
        try:
            return [tag, self.of(plainer(value), depth + 1)]
        except Exception:  # noqa: BLE001 - the author's class may raise anything; then its type must do
            return tag


def _ends(value: Any, most: int) -> Any:
    """Return `value`, or of a longer one its beginning, its length and its end."""
    size = len(value)
    if size <= most:
        return value
    half = most // 2
    mark = f"…{size}…"
    if isinstance(value, str):
        return value[:half] + mark + value[-half:]
    return [*value[:half], mark, *value[-half:]]
