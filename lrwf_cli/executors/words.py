"""A value in a few words, for people: on one line, printable, short. Never read back."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

__all__ = ["shown"]


def shown(value: Any, limit: int = 80) -> str:
    """Return `value` as text: of something with a `status` or a `state` that; else text as it is, or a `repr`."""
    said = _status(value)
    try:
        text = said if isinstance(said, str) else repr(said)
    except Exception as broken:  # noqa: BLE001 - the author's `__repr__` may raise anything
        text = f"a {type(value).__name__} ({type(broken).__name__} in its repr)"
    line = "".join(char if char.isprintable() else " " for char in text[: 4 * limit])
    line = " ".join(line.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _status(value: Any) -> Any:
    for name in ("status", "state"):
        inner = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        if isinstance(inner, str | int | Enum):
            return _plain(inner)
    return _plain(value)


def _plain(value: Any) -> Any:
    if not isinstance(value, Enum):
        return value
    return value.value if isinstance(value.value, str) else value.name
