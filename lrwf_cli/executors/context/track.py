"""Items one by one, with progress shown: `async for item in ctx.track(items)`.

A handler that wakes goes through them again from the first, and what it awaited for each is read. So they must come in
the same order: whatever is no list, tuple, range, text or mapping is gathered first, and kept as a list.
"""

from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    MappingView,
    Sequence,
)
from typing import Any, Generic, TypeVar

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Wait
from lrwf_cli.errors import UsageError
from lrwf_cli.executors.context.keeper import Keeper, Place

__all__ = ["Track"]

T = TypeVar("T")
Report = Callable[[float, float | None, str | None], Any]


class Track(AsyncIterator[T], Generic[T]):
    """Gives each item, and reports how many are done whenever the next one is asked for. To be gone through once.

    `total` is their number where that is known better than by counting. In a plain `def` handler, `for` does as well.
    """

    def __init__(
        self,
        items: Iterable[T] | AsyncIterable[T],
        *,
        total: float | None,
        message: str | None,
        keeper: Keeper,
        codec: Codec,
        report: Report,
    ) -> None:
        if not isinstance(items, Iterable | AsyncIterable):
            raise UsageError(f"`track` is given a `{type(items).__name__}`, which has no items", hint="give it a list")
        self._source: Any = items
        self._total = total
        self._message = message
        self._keeper = keeper
        self._codec = codec
        self._report = report
        self._left: Iterator[T] = iter(())
        self._done = -1

    def __iter__(self) -> Iterator[T]:
        """Give the items where nothing can be awaited."""
        if not isinstance(self._source, Iterable):
            raise UsageError("`track` is given items that must be awaited", hint="go through them with `async for`")
        self._begin(self._in_order(self._source))
        return self

    def __next__(self) -> T:
        """Return the next item."""
        self._done += 1
        self._report(self._done, self._total, self._message)
        return next(self._left)

    async def __anext__(self) -> T:
        """Return the next item."""
        if self._done < 0:
            is_plain = isinstance(self._source, Iterable)
            self._begin(self._in_order(self._source) if is_plain else await self._gathered())
        try:
            return next(self)
        except StopIteration:
            raise StopAsyncIteration from None

    def _begin(self, items: Collection[T]) -> None:
        self._left = iter(items)
        if self._total is None:
            self._total = len(items)

    def _in_order(self, items: Iterable[T]) -> Collection[T]:
        """Return items that will be the same ones, in the same order, on the way back."""
        if isinstance(items, Sequence | Mapping | MappingView) and isinstance(items, Collection):
            return items

        def gather(_: Place | None) -> Json:
            return self._codec.encode(list(items), "track")

        gathered: list[T] = self._codec.decode(self._keeper.note("track", gather))
        return gathered

    async def _gathered(self) -> list[T]:
        async def gather(_: Place, __: Wait | None) -> list[T]:
            return [item async for item in self._source]

        gathered: list[T] = await self._keeper.own("track", (), gather)
        return gathered
