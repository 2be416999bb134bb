"""What compiled code calls: each asks the lane that is at work in this thread, and does nothing where there is none.

The names hold an `@`, so that no author has them; the underscore keeps them out of `from m import *`.
"""

import asyncio
import sys
import threading
from typing import Any

__all__ = [
    "CAUGHT",
    "COMPILED",
    "ENDS",
    "IN_ORDER",
    "ITERATE",
    "KEEP",
    "KEEP_VALUE",
    "LEFT",
    "RUNTIME",
    "Never",
    "here",
]

KEEP, KEEP_VALUE, ITERATE, IN_ORDER = "_@keep", "_@keep_value", "_@iterate", "_@in_order"
CAUGHT, ENDS, LEFT = "_@caught", "_@ends", "_@left"

COMPILED = "_@compiled"
"""Stands in the globals of a module that was compiled as a whole."""

Site = tuple[int, int]
"""Line and column of an await, from 1."""


class _Here(threading.local):
    lane: Any = None


here = _Here()
"""The lane (a `Lane`, or `None`) whose step is being made in this thread; it is told which frame asks."""


class Never(BaseException):
    """Nobody raises it: it stands in an `except` that is not to be entered."""


def _keep(site: Site, function: Any, /, *args: Any, **kwargs: Any) -> Any:
    lane = here.lane
    if lane is None:
        return function(*args, **kwargs)
    return lane.keep(sys._getframe(1), site, function, args, kwargs)  # noqa: SLF001 - it is how Python says who calls


def _keep_value(site: Site, awaited: Any, /) -> Any:
    lane = here.lane
    return awaited if lane is None else lane.keep_value(sys._getframe(1), site, awaited)  # noqa: SLF001 - as above


def _iterate(site: Site, iterated: Any, /) -> Any:
    lane = here.lane
    return iterated if lane is None else lane.iterate(sys._getframe(1), site, iterated)  # noqa: SLF001 - as above


def _in_order(function: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call what is called `as_completed`; asyncio's is given tasks, as it makes some of what is in a set."""
    if function is asyncio.as_completed and args and here.lane is not None and not _is_one(args[0]):
        args = ([asyncio.ensure_future(each) for each in args[0]], *args[1:])
    return function(*args, **kwargs)


def _is_one(awaited: Any) -> bool:
    return asyncio.isfuture(awaited) or asyncio.iscoroutine(awaited)


def _caught(types: Any = BaseException, /) -> Any:
    lane = here.lane
    return types if lane is None or not lane.is_unwinding(sys._getframe(1)) else Never  # noqa: SLF001 - as above


def _ends() -> bool:
    lane = here.lane
    return lane is None or not lane.is_unwinding(sys._getframe(1))  # noqa: SLF001 - as above


def _left() -> None:
    lane = here.lane
    if lane is not None:
        lane.check_left(sys._getframe(1))  # noqa: SLF001 - as above


RUNTIME: dict[str, Any] = {
    KEEP: _keep,
    KEEP_VALUE: _keep_value,
    ITERATE: _iterate,
    IN_ORDER: _in_order,
    CAUGHT: _caught,
    ENDS: _ends,
    LEFT: _left,
}
"""What a compiled module must have in its globals."""
