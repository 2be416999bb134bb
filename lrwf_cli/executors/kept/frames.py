"""Who asks: the way from a frame that is running up to the function of the flow that stands above it.

A frame is the only thing that tells a handler's own `await` from one inside a foreign coroutine that it awaits. Frames
of lrwf are transparent, and so are plain functions, comprehensions and async generators of the flow.
"""

import sys
from types import CoroutineType, FrameType
from typing import Any

from lrwf_cli.executors.kept.codes import ASYNC, is_inline

__all__ = ["caller", "foreign_between", "inline_between", "is_ours", "is_reached"]

_OURS = "lrwf_cli.executors."
_RUNTIME = f"{_OURS}kept."
_BOUNDARY = "_step"
"""What drives a lane (`Steps`): above it there is the loop."""


def caller(depth: int) -> FrameType:
    """Return the frame `depth` above the one that asks."""
    return sys._getframe(depth + 1)  # noqa: SLF001 - it is how Python says who calls


def is_ours(thing: "FrameType | CoroutineType[Any, Any, Any]", prefix: str = _OURS) -> bool:
    """Whether a frame, or that of a coroutine which has not ended, runs what lrwf has for handlers."""
    frame = thing if isinstance(thing, FrameType) else thing.cr_frame
    return frame is not None and str(frame.f_globals.get("__name__", "")).startswith(prefix)


def inline_between(frame: FrameType, owner: FrameType | None) -> tuple[FrameType, ...] | None:
    """Return the frames from `frame` up to `owner` if `owner` drives them as parts of itself; else `None`."""
    between: list[FrameType] = []
    current: FrameType | None = frame
    while current is not None and current is not owner:
        if not is_inline(current):
            return None
        between.append(current)
        current = current.f_back
    return None if current is None else tuple(between)


def is_reached(frame: FrameType | None, owner: FrameType | None, *, by_task: bool = False) -> bool:
    """Whether only plain functions, and what is ours or inline, stand between `frame` and `owner`.

    `by_task`: of what is ours only the runtime may stand there, as a task that lrwf makes for itself is no lane.
    """
    prefix = _RUNTIME if by_task else _OURS
    while frame is not None and frame is not owner:
        if frame.f_code.co_name == _BOUNDARY and is_ours(frame, _RUNTIME):
            return owner is None
        if frame.f_code.co_flags & ASYNC and not is_ours(frame, prefix) and not is_inline(frame):
            return False
        frame = frame.f_back
    return frame is owner


def foreign_between(frame: FrameType | None, owner: FrameType | None) -> FrameType | None:
    """Return the outermost foreign coroutine between `frame` and `owner`: what the flow's function awaits."""
    found = None
    while frame is not None and frame is not owner:
        if frame.f_code.co_flags & ASYNC and not is_ours(frame) and not is_inline(frame):
            found = frame
        frame = frame.f_back
    return found if frame is owner else None
