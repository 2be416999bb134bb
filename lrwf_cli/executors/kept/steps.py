"""How a lane is driven: each step of its task is made through here, and tasks that it makes become lanes.

The loop knows an ordinary task whose coroutine is a `Steps`: that is how the runtime hears when a lane has come to wait
for something, and for what.
"""

import asyncio
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any

from lrwf_cli.executors.kept.frames import caller
from lrwf_cli.executors.kept.lanes import Lane
from lrwf_cli.executors.kept.runtime import here

__all__ = ["Steps", "lanes_on"]


class Steps(Coroutine[Any, Any, Any]):
    """The coroutine of a lane's task: `running` is what the runtime makes of the author's own, `coroutine`."""

    def __init__(self, lane: Lane, coroutine: Any, running: Coroutine[Any, Any, Any]) -> None:
        self.lane = lane
        self._coroutine = coroutine
        self._running = running
        self._has_begun = False

    def send(self, value: Any) -> Any:
        """Make a step."""
        return self._step(self._running.send, value)

    def throw(self, *error: Any) -> Any:
        """Make a step that begins with an exception."""
        if not self._has_begun:
            if self.lane.is_ending():
                return self.send(None)
            self._coroutine.close()
        return self._step(self._running.throw, *error)

    def close(self) -> None:
        """End it: the loop is closed."""
        if not self._has_begun:
            self._coroutine.close()
        self._running.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield from self._running.__await__())

    def __getattr__(self, name: str) -> Any:
        """Look like the author's coroutine: for debuggers, and where tasks are shown."""
        return getattr(self._coroutine, name)

    def _step(self, go: Any, *args: Any) -> Any:
        lane, before = self.lane, here.lane
        stretch = lane.stretch
        self._has_begun, lane.blocked_on, here.lane = True, None, lane
        stretch.moves += 1
        stretch.moved[lane.id] = stretch.moves
        try:
            lane.blocked_on = blocked_on = go(*args)
        except BaseException:
            lane.has_ended = True
            stretch.lanes.pop(lane.task, None)
            raise
        finally:
            here.lane = before
            if stretch.idle:
                stretch.stir()
        return blocked_on


class lanes_on:  # noqa: N801 - a context manager, read as a word
    """Make lanes of the tasks that handlers make on a loop; other tasks are made as they always are."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        factory = self._loop.get_task_factory()
        if not isinstance(factory, _Factory):
            factory = _Factory(factory)
            self._loop.set_task_factory(factory)
        factory.users += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        factory = self._loop.get_task_factory()
        if isinstance(factory, _Factory):
            factory.users -= 1
            if not factory.users:
                self._loop.set_task_factory(factory.beneath)


class _Factory:
    """Stands before the loop's own way to make tasks while handlers are at work."""

    def __init__(self, beneath: Any) -> None:
        self.beneath = beneath
        self.users = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, coroutine: Any, **facts: Any) -> "asyncio.Task[Any]":
        parent = here.lane
        if not isinstance(parent, Lane):
            return self._made(loop, coroutine, facts)
        name = parent.child_id(caller(1)) if asyncio.iscoroutine(coroutine) else None
        if name is None:
            task = self._made(loop, coroutine, facts)
            parent.note_beside(task)
            return task
        child = parent.child(name, coroutine)
        steps = Steps(child, coroutine, child.run(coroutine))
        child.task = self._made(loop, steps, facts)
        if not child.has_ended:
            parent.stretch.lanes[child.task] = child
        return child.task

    def _made(self, loop: asyncio.AbstractEventLoop, coroutine: Any, facts: dict[str, Any]) -> "asyncio.Task[Any]":
        if self.beneath is not None:
            made: asyncio.Task[Any] = self.beneath(loop, coroutine, **facts)
            return made
        return asyncio.Task(coroutine, loop=loop, **facts)
