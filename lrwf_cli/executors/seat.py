"""An executor's instance in this process, and its own attributes: kept with its completions, and only so.

An attempt that failed or was cancelled may have changed them: before the next one they are set back to what was
committed last; before anything was, to what they were in the beginning.
"""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from copy import copy, deepcopy
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.executors.api import Executor, saves_state
from lrwf_cli.executors.base import Call

__all__ = ["Seat", "copied", "settled"]


class Seat:
    """One executor of one run. Of concurrent handlers on it none is set back while another is at work."""

    def __init__(self, executor: Executor, codec: Codec) -> None:
        self.executor = executor
        self._codec = codec
        self._saves = saves_state(type(executor))
        self._at_work = 0
        self._begun = False
        self._dirty = False
        self._pristine: Json = None
        self._known: Json = None

    @asynccontextmanager
    async def taken(self, call: Call) -> AsyncIterator[None]:
        """Have the attributes as they were committed when a handler starts; note whether it ends well."""
        if self._saves and not self._at_work:
            await self._set_back(None if call.saved is None else call.resolve(call.saved))
        self._at_work += 1
        try:
            yield
        except BaseException:
            self._dirty = True
            raise
        finally:
            self._at_work -= 1

    def leave(self) -> None:
        """Note that a handler goes without an end: what it changed does not count."""
        self._dirty = True

    async def save(self) -> Json:
        """Return what the executor keeps, encoded; `None` if it keeps nothing."""
        if not self._saves:
            return None
        state = await settled(self.executor.on_checkpoint_save())
        if state is None:
            return None
        if not isinstance(state, dict):
            raise TypeError(
                f"`on_checkpoint_save` of `{self.executor.id}` returned a `{type(state).__name__}`, no dict"
            )
        self._known = self._codec.encode(state, name=f"{self.executor.id}.on_checkpoint_save()")
        return self._known

    async def _set_back(self, saved: Json) -> None:
        if not self._begun:
            self._pristine = await self.save()
            self._known = None
            self._begun = True
        if self._dirty or saved != self._known:
            state = self._pristine if saved is None else saved
            if state is not None:
                await settled(self.executor.on_checkpoint_restore(self._codec.decode(state)))
            self._known = saved
            self._dirty = False


async def settled(value: Any) -> Any:
    """Return `value`, awaited if it is to be: hooks and handlers may be async or plain."""
    return await value if isinstance(value, Awaitable) else value


def copied(executor: Executor) -> Executor:
    """Return a copy that shares nothing with `executor`, or only what cannot be copied: a lock, a client."""
    try:
        return deepcopy(executor)
    except Exception:  # noqa: BLE001 - whatever its parts raise
        return copy(executor)
