"""The world outside of a handler, as it is seen by flows in tests: what is done to it, and what awaits it.

This module is not compiled, so that what a flow calls here is foreign to it. It outlives the processes that a test plays:
what they did stands in `done`, until `reset`.
"""

import asyncio
from typing import Any, Self

done: list[Any] = []
"""What was done, in order. A handler must do each thing once, however often it is run from its top."""

seen: list[Any] = []
"""What happens again whenever a handler is run from its top: plain code, context managers."""

is_dead = [False]
"""Whether the process is dead: what its remains do while they are cleared away has not happened."""


def reset() -> None:
    """Forget all."""
    done.clear()
    seen.clear()
    is_dead[0] = False


async def do(what: Any, turns: int = 1, returns: Any = ...) -> Any:
    """Do something, after some turns of the loop; return what it was."""
    for _ in range(turns):
        await asyncio.sleep(0)
    if not is_dead[0]:
        done.append(what)
    return what if returns is ... else returns


async def fail(what: Any, error: BaseException | None = None) -> Any:
    """Do something, which fails."""
    await do(what)
    raise error or ValueError(what)


def see(what: Any) -> None:
    """Note something that may happen again."""
    if not is_dead[0]:
        seen.append(what)


class Client:
    """What cannot be kept: a connection."""

    def __init__(self, name: str = "client") -> None:
        self.name = name

    async def get(self, what: Any) -> Any:
        """Do something with it."""
        return await do(what)

    async def __aenter__(self) -> Self:
        await asyncio.sleep(0)
        see(f"entered {self.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)
        see(f"left {self.name}")


async def connect() -> Client:
    """Return what cannot be kept."""
    await do("connect")
    return Client()


async def wrapped(function: Any, *args: Any) -> Any:
    """Await a function of the flow from here: a coroutine that lrwf did not compile."""
    return await function(*args)


class Manager:
    """A context manager that is not compiled."""

    def __init__(self, name: str, *, swallows: bool = False) -> None:
        self.name = name
        self.swallows = swallows

    def __enter__(self) -> Self:
        see(f"entered {self.name}")
        return self

    def __exit__(self, *_: object) -> bool:
        see(f"left {self.name}")
        return self.swallows


async def in_task(coroutine: Any) -> Any:
    """Await a coroutine in a task that a foreign coroutine makes."""
    return await asyncio.ensure_future(coroutine)


async def extend(items: list[Any], *more: Any) -> None:
    """Change what is given."""
    items.append(await do("extended"))
    items.extend(more)


async def stream() -> Any:
    """Yield what comes from outside."""
    for n in range(2):
        await asyncio.sleep(0)
        yield n


later: list[Any] = []


async def spawned() -> None:
    """Let somebody else's task await something."""

    async def nested() -> None:
        await asyncio.create_task(later.pop()())

    await asyncio.create_task(nested())


async def quick(what: Any, *_: Any) -> Any:
    """Return at once."""
    return what


async def counted() -> int:
    """Do something; return how often it was done."""
    await do("counted")
    return done.count("counted")


def blocking(what: Any) -> Any:
    """Do something in whatever thread this is."""
    done.append(what)
    return what


async def note(what: Any) -> None:
    """Do something at once."""
    if not is_dead[0]:
        done.append(what)


async def fill(queue: "asyncio.Queue[Any]") -> None:
    """Put something into what is given."""
    await queue.put(await do("filled"))
