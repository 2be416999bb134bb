"""What an await came to: a value or an exception, encoded and decoded; and what is left of calls that are not made."""

import inspect
from collections.abc import Iterable
from types import CoroutineType
from typing import Any, NamedTuple

from msgspec.structs import replace

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.core.registry import ATOMS
from lrwf_cli.core.suspended import Kept
from lrwf_cli.errors import NotDecodable, NotKeepable, ReplayDiverged, SuspensionRefused
from lrwf_cli.executors.kept.activations import Await
from lrwf_cli.executors.kept.raised import decode_error, encode_error

__all__ = ["STUCK", "Outcome", "close_unstarted", "entry_of", "made_again", "outcome_of"]

STUCK = (NotKeepable, ReplayDiverged, SuspensionRefused)
"""Errors after which a handler cannot go on: they are no failures of it, and nobody may catch them."""


_COLLECTIONS = (list, tuple, set, dict)


class Outcome(NamedTuple):
    """What an await returned, or raised."""

    value: Any = None
    error: BaseException | None = None

    def get(self) -> Any:
        """Return the value, or raise."""
        if self.error is not None:
            raise self.error
        return self.value


def entry_of(codec: Codec, lane: str, begun: Await, outcome: Outcome, *, folds: bool) -> Kept:
    """Return what is kept of an await. Raises NotEncodable if its outcome cannot be."""
    if outcome.error is not None:
        error = encode_error(codec, outcome.error)
        return Kept(lane, begun.path, begun.what, digest=begun.digest, error=error, folds=folds)
    value = codec.encode(outcome.value, "value")
    entry = Kept(lane, begun.path, begun.what, digest=begun.digest, value=value, folds=folds)
    return replace(entry, lasts=True, start=begun.lasts) if begun.lasts else entry


def outcome_of(codec: Codec, value: Json, error: Json) -> Outcome:
    """Return what was kept. Raises NotDecodable."""
    if error is not None:
        return Outcome(error=decode_error(codec, error))
    return Outcome(codec.decode(value))


def made_again(begun: Await, changes: Json, outcome: Outcome) -> Outcome:
    """Change what is given to an await as it was changed then; return the outcome, with what it returned of that.

    Raises NotDecodable if it is given something else now.
    """
    if begun.reach is None:
        raise NotDecodable("it has changed what it was given, and is given nothing now")
    begun.reach.make(changes)
    return Outcome(begun.reach.returned(changes)) if "returns" in changes else outcome


def close_unstarted(values: Iterable[Any]) -> None:
    """Close coroutines that will never be awaited, and those that they were given: Python does not warn of them then.

    Looks into plain collections, however they are nested. One that has begun belongs to somebody else.
    """
    todo, seen = list(values), set[int]()
    for value in todo:  # grows on the way
        kind = type(value)
        if kind is CoroutineType:
            if inspect.getcoroutinestate(value) == inspect.CORO_CREATED:
                todo.extend(value.cr_frame.f_locals.values() if value.cr_frame is not None else ())
                value.close()
        elif kind in _COLLECTIONS and id(value) not in seen:
            seen.add(id(value))
            inside = value.values() if kind is dict else value
            if not ATOMS.issuperset(map(type, inside)):
                todo.extend(inside)
