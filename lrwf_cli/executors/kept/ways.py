"""How to look into the objects of a class: not at all, through them, or at their state, which can change.

Nobody looks into sets and keys: they have no order that outlasts the process, and what is in them should not change.
"""

import asyncio
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import PurePath
from random import Random
from types import AsyncGeneratorType, SimpleNamespace
from typing import Any, NoReturn

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.registry import ATOMS
from lrwf_cli.core.standard import STANDARD
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.kept.differences import OBJECT, Way, way_of_collection
from lrwf_cli.executors.kept.runtime import KEEP

__all__ = ["ITEMS", "NONE", "PLAIN", "is_tied", "way_of"]

NONE, ITEMS = (Way(list, lambda *_: None) for _ in range(2))
PLAIN = Way(*OBJECT)
"""Of objects that cannot be kept as they are, of classes of the flow. What can be kept of them is."""

_ways: dict[type, Way] = {}
"""As many as there are classes."""


def way_of(kind: type, codec: Codec) -> Way:
    """Return how to look into objects of a class."""
    known = _ways.get(kind)
    if known is None:
        known = _ways[kind] = _found(kind, codec)
    return known


def is_tied(way: Way) -> bool:
    """Whether what is looked at so belongs to the process: nobody can change it as it was changed."""
    return way.write is _tied


def _found(kind: type, codec: Codec) -> Way:
    if issubclass(kind, tuple):
        return ITEMS
    way = way_of_collection(kind) or _way_of_tied(kind)
    if way is not None:
        return way
    if kind in ATOMS or kind in STANDARD or issubclass(kind, PurePath | Enum | frozenset | Executor | BaseException):
        return NONE
    if issubclass(kind, SimpleNamespace):
        return PLAIN
    if codec.knows(kind):
        return OBJECT
    return PLAIN if KEEP in vars(sys.modules.get(kind.__module__, NONE.__class__)) else NONE


def _tied(*_: object) -> NoReturn:
    raise AssertionError


def _way_of_tied(kind: type) -> Way | None:
    if hasattr(kind, "__next__") and kind.__module__ in ("builtins", "itertools"):
        return Way(_steps_made, _tied)
    found = (Way(read, _tied) for base, read in _TIED if issubclass(kind, base) and kind is not asyncio.Task)
    return next(found, None)


def _steps_made(iterator: Any) -> list[Any]:
    """Return what tells how far an iterator is; something new each time if nothing does."""
    return [iterator.__length_hint__() if hasattr(iterator, "__length_hint__") else object()]


_TIED: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (asyncio.Queue, lambda queue: [queue.qsize(), queue._unfinished_tasks]),  # noqa: SLF001 - what was put and taken
    (asyncio.Event, lambda event: [event.is_set()]),
    (asyncio.Lock, lambda lock: [lock.locked()]),
    (asyncio.Semaphore, lambda semaphore: [semaphore._value]),  # noqa: SLF001 - `locked` says too little
    (asyncio.Future, lambda future: [future.done()]),
    (asyncio.Barrier, lambda _: [object()]),  # nothing tells whether it was used: it is taken to be
    (asyncio.Condition, lambda _: [object()]),
    (Random, lambda random: [hash(random.getstate())]),
    (AsyncGeneratorType, _steps_made),
)
"""What tells whether one of these was used. A task is left out: it is a lane, or the world answers it."""
