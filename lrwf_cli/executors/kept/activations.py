"""A compiled function under way, and the await in it that is: plain records, which lanes write and read."""

import asyncio
from collections.abc import Iterable, Sequence
from types import CoroutineType, FrameType
from typing import Any, Literal, Protocol
from weakref import WeakSet

from lrwf_cli.core.model import Json
from lrwf_cli.executors.kept.reach import Reach
from lrwf_cli.executors.kept.refusals import Blemish, Spot, spot_of

__all__ = ["Activation", "Await", "Kind", "Spawned"]

Kind = Literal["foreign", "own", "step", "anew", "lane"]
"""What is awaited: something foreign, one of lrwf's own, a `ctx.step`, what belongs to the process; or a whole lane."""


class Spawned(Protocol):
    """What is known here of a lane."""

    task: "asyncio.Task[Any]"
    blemish: Blemish | None

    is_whole: bool

    def is_over(self) -> bool:
        """Whether it has ended, and all that it has made."""

    def done(self) -> list[Json]:
        """Return the acts of it, and of all that it has made."""


class Part:
    """What may make tasks and have effects: `spawned` are their lanes, `acts` the effects, in order."""

    spawned: Sequence[Spawned] = ()
    acts: Sequence[Json] = ()

    def add_spawned(self, *lanes: Spawned) -> None:
        """Note lanes that were made in it."""
        self.spawned = _extended(self.spawned, lanes)

    def add_acts(self, acts: Sequence[Json]) -> None:
        """Note what was done in it."""
        self.acts = _extended(self.acts, acts)


def _extended(known: Sequence[Any], more: Sequence[Any]) -> Sequence[Any]:
    """Return both together; most parts never have any, so that nobody makes lists for them."""
    if not more:
        return known
    if not isinstance(known, list):
        return [*known, *more]
    known.extend(more)
    return known


class Await(Part):
    """One await under way. `called` and `args` say whom it waits for, where that matters.

    `joins`: for nothing but lanes. `is_timed`: for what belongs to the process, until its time is up, which is kept.
    `turn` is that of one which is kept and done anew; `lasts` the start that a `ctx.step` comes by in. `made` counts
    the tasks that were made while it was under way. `reach` is what it was given that can change, `since` the number
    of steps that all lanes had made when it began.
    """

    called: Any = None
    args: tuple[Any, ...] = ()
    turn = 0
    lasts = 0
    made = 0
    joins = False
    is_timed = False
    reach: Reach | None = None
    since = 0

    def __init__(self, path: str, what: str, digest: str, kind: Kind, site: tuple[int, int] | None = None) -> None:
        self.path = path
        self.what = what
        self.digest = digest
        self.kind = kind
        self.site = site

    def is_outside(self) -> bool:
        """Whether it is the world that answers it, and no lane."""
        return self.kind in ("foreign", "step") and not (self.spawned or self.joins or self.is_timed)


class Activation(Part):
    """One compiled function under way; of a lane that is foreign, or all ours, there is one without a frame.

    `count` are the awaits begun in it, `made` the tasks made since the last. `site` is that of the last await of what
    has no place here but knows itself what it keeps. `holds`: something in it was kept.
    `spawned` are the lanes that were made in it and are not a part of what is kept. `inline` are the frames, of async
    generators and comprehensions, between the function and the await under way. `acts` are its own, and those of the
    awaits in it that are over.
    """

    count = 0
    made = 0
    now: Await | None = None
    site: tuple[int, int] | None = None
    inline: tuple[FrameType, ...] = ()
    blemish: Blemish | None = None
    holds = False
    agens: WeakSet[Any] | None = None

    def __init__(
        self,
        coroutine: "CoroutineType[Any, Any, Any] | None" = None,
        prefix: str = "",
        outer: "Activation | None" = None,
    ) -> None:
        self.coroutine = coroutine
        self.frame: FrameType | None = coroutine.cr_frame if coroutine is not None else None
        self.code = coroutine.cr_code if coroutine is not None else None
        self.prefix = prefix
        self.outer = outer

    def next(self) -> str:
        """Return the path of the await that begins."""
        self.count += 1
        self.made = 0
        return f"{self.prefix}{self.count}"

    def next_lane(self) -> str:
        """Return what a task that is made now is called in its lane: after the await under way, or the last one."""
        now = self.now
        if now is not None:
            now.made += 1
            return f"{now.path}~{now.made - 1}"
        self.made += 1
        return f"{self.prefix}{self.count}+{self.made - 1}"

    def spot(self, site: tuple[int, int] | None = None) -> Spot | None:
        """Return where in the function an await stands; without a `site`, where it is now."""
        thing = self.frame if site is None and self.frame is not None else self.code
        return spot_of(thing, site) if thing is not None else None

    def note_cancelled(self, blemish: Blemish) -> None:
        """Note in what it was cancelled; who was before has survived that."""
        if self.blemish is None:
            self.blemish = blemish
        else:
            self.blemish = self.blemish._replace(is_moot_at_end=False)

    def forget_cancelled(self) -> None:
        """Note that its lane has ended of what it was cancelled in."""
        if self.blemish is not None and self.blemish.is_moot_at_end:
            self.blemish = None

    def blemishes(self) -> Iterable[Blemish]:
        """Yield what happened in it, and in the lanes that ended without being kept."""
        if self.blemish is not None:
            yield self.blemish
        for lane in (*self.spawned, *(self.now.spawned if self.now is not None else ())):
            if lane.blemish is not None:
                yield lane.blemish
