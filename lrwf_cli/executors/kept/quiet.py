"""Whether any lane of a handler can go on by itself.

A lane that is not at work waits for one of these:

- nothing but a wake (it is suspended), or its turn behind another lane: it cannot go on by itself;
- tasks: another lane, a `gather`, a `TaskGroup`, `asyncio.wait`. It goes on when they do, so it is they who count:
  it cannot go on by itself if all of them that are not done are lanes;
- a lock, a queue, an event of asyncio that it awaits itself. Those live in the process, and only other code of the
  handler lets it go on: it cannot go on by itself, unless it has given itself a time;
- anything else: a foreign await, which the world answers. It will go on.

This is right because what a lane of the first three kinds waits for is done only by a lane that runs, and it is asked
only when the callbacks of all that has happened have been called (see `Stretch`). Where it errs (somebody else's thread
sets an event that the handler waits for), the handler suspends too early: it comes by again, waits anew, and nothing
that was kept is lost.
"""

import asyncio
from collections.abc import Collection, Iterable
from types import CoroutineType
from typing import Any, Protocol

from lrwf_cli.executors.kept.activations import Activation, Await

__all__ = ["Member", "can_run", "is_of_the_process", "is_timed"]

_IN_PROCESS = frozenset({"asyncio.locks", "asyncio.queues", "asyncio.mixins", "contextlib"})
_WAITS = ("wait", "as_completed.<locals>._wait_for_one", "_AsCompletedIterator._wait_for_one")
_GROUP_EXIT = asyncio.TaskGroup.__aexit__.__code__


class Member(Protocol):
    """What is known here of a lane. `blocked_on` is what it yielded to the loop last; `None`: it is ready."""

    task: "asyncio.Task[Any]"
    top: Activation
    blocked_on: Any
    is_idle: bool


def is_of_the_process(function: Any) -> bool:
    """Whether what is called, or a coroutine, is one of asyncio that only tasks of this process have to do with.

    It is not kept: what it does is done again on the way back, so that locks are held and queues are filled.
    """
    if type(function) is CoroutineType:
        module = function.cr_frame.f_globals.get("__name__") if function.cr_frame is not None else None
    else:
        module = getattr(function, "__module__", None)
    if module == "asyncio.tasks":
        return getattr(function, "__qualname__", None) in _WAITS
    return module in _IN_PROCESS


def can_run(lane: Member, lanes: "Collection[asyncio.Task[Any]]") -> bool:
    """Whether a lane will go on without any of `lanes`, those of its handler that have not ended."""
    blocked_on = lane.blocked_on
    if blocked_on is None or blocked_on.done():
        return True
    if lane.is_idle:
        return False
    tasks = _waited_for(lane)
    if tasks is None:
        return True
    return any(not task.done() and task not in lanes for task in tasks)


def _waited_for(lane: Member) -> Iterable[Any] | None:
    """Return the tasks that a lane waits for: none of them in particular for a lock. `None`: not for tasks."""
    blocked_on, now = lane.blocked_on, lane.top.now
    if isinstance(blocked_on, asyncio.Task):
        return [blocked_on]
    children = getattr(blocked_on, "_children", None)  # a `gather`
    if children is not None:
        return list(children)
    if now is None:
        return _waited_for_in_with(lane)
    if now.kind == "anew":
        return _waited_for_anew(lane, now)
    if now.called is asyncio.shield and now.args:
        return now.args[:1] if isinstance(now.args[0], asyncio.Future) else [each.task for each in now.spawned]
    return None


def _waited_for_anew(lane: Member, now: Await) -> Iterable[Any] | None:
    if now.called is asyncio.wait:
        is_timed_itself = len(now.args) > 1 and now.args[1] is not None
        return None if is_timed_itself or is_timed(lane.task) else list(now.args[0])
    return None if is_timed(lane.task) else []


def _waited_for_in_with(lane: Member) -> Iterable[Any] | None:
    """Return what a lane waits for that is about to enter or to leave an `async with`."""
    chain = list(_awaited(lane.top))
    if chain and chain[-1].cr_code is _GROUP_EXIT:
        return list(chain[-1].cr_frame.f_locals["self"]._tasks)  # noqa: SLF001 - nobody else knows them
    if chain and all(is_of_the_process(each) for each in chain):
        return None if is_timed(lane.task) else []
    return None


def _awaited(top: Activation) -> Iterable[Any]:
    """Yield the coroutines that a function awaits: one, what that awaits, and so on.

    Where it asks an async generator for its next value it is that one which awaits; Python does not say so.
    """
    awaited = top.coroutine.cr_await if top.coroutine is not None else None
    if type(awaited) is not CoroutineType:
        waiting = (agen.ag_await for agen in top.agens or ())
        awaited = next((each for each in waiting if type(each) is CoroutineType), None)
    while type(awaited) is CoroutineType:
        yield awaited
        awaited = awaited.cr_await


def is_timed(task: "asyncio.Task[Any]") -> bool:
    """Whether an `asyncio.timeout` will end what a task waits for, as far as its loop lets us look."""
    for handle in getattr(task.get_loop(), "_scheduled", ()):
        timeout = getattr(getattr(handle, "_callback", None), "__self__", None)
        if isinstance(timeout, asyncio.Timeout) and getattr(timeout, "_task", None) is task:
            return True  # one that is over has no callback any more
    return False
