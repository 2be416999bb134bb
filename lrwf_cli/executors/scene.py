"""What executors that a flow file describes have of the handling of one message: what expressions see, and keep.

Their texts come as plain functions of names to values (`Given`). What such a function gives is kept under its place, so
that a handler that comes by again after a suspension finds what it found, whatever the clock and the state say by then.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.codec import Codec
from lrwf_cli.executors.base import Call

if TYPE_CHECKING:
    from lrwf_cli.executors.context.context import Context

__all__ = ["Given", "Shared", "kept", "scene_of", "seen"]

Given = Callable[[Mapping[str, Any]], Any]
"""Gives a value for what is seen: names to values. Raises ExpressionError, with the place in the flow file."""


class Shared(Mapping[str, Any]):
    """The run's shared state as committed when the handler was entered, decoded key by key."""

    def __init__(self, call: Call, codec: Codec) -> None:
        self._call = call
        self._codec = codec

    def __getitem__(self, key: str) -> Any:
        return self._codec.decode(self._call.resolve(self._call.state[key].value))

    def __contains__(self, key: object) -> bool:
        return key in self._call.state

    def __iter__(self) -> Iterator[str]:
        return iter(self._call.state)

    def __len__(self) -> int:
        return len(self._call.state)


def scene_of(ctx: WorkflowContext) -> "Context":
    """Return the context as those know it who are of the house."""
    return cast("Context", ctx)


def seen(message: Any, ctx: WorkflowContext) -> dict[str, Any]:
    """Return what an expression sees of this message, but for what it knows of the run already."""
    scene = scene_of(ctx)
    return {"message": message, "state": Shared(scene.call, scene.codec)}


def kept(what: str, given: Given, message: Any, ctx: WorkflowContext) -> Any:
    """Return what `given` gives for this message; when the handler comes by again, what it gave before."""
    scene = scene_of(ctx)
    codec = scene.codec
    return codec.decode(scene.keeper.note(what, lambda _: codec.encode(given(seen(message, ctx)), name=what)))
