"""Waiting for what must not be left half done, however often somebody cancels the wait."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

__all__ = ["to_the_end"]

T = TypeVar("T")


async def to_the_end(work: Awaitable[T], when_cancelled: Callable[[], object]) -> T:
    """Return or raise what `work` does. Cancelled, it calls `when_cancelled`, and raises once `work` has ended.

    `when_cancelled` is to hurry `work`, which is not cancelled itself; it may be called more than once.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
            when_cancelled()
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # it is looked at: nobody wants it any more
    raise cancelled
