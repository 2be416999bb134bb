"""What a handler has done that counts when it ends: its acts, by the await in which they were done.

An await that is kept as a whole is not run again on the way back, and neither is what was done in it: so its acts are
kept with it, and done again when it is read. An act is a list in the form of JSON that begins with its number; what the
rest of it means is known to the context alone.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from itertools import chain
from typing import Any

from lrwf_cli.core.model import Json

__all__ = ["LANE", "in_order"]

LANE: ContextVar[Any] = ContextVar("LANE", default=None)
"""The lane that a thread or a foreign task belongs to: they are made with a copy of its context."""


def in_order(acts: Iterable[Iterable[Json]]) -> list[Json]:
    """Return acts of several sources as they were done."""
    return sorted(chain.from_iterable(acts), key=_number)


def _number(act: Json) -> int:
    return int(act[0])
