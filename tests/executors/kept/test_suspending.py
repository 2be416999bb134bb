"""Handlers that suspend: what they awaited does not happen again, whatever stands around it."""

import pytest

from tests.executors.kept import outside
from tests.executors.kept.stage import Stage

BODIES = {
    "a call before and after": (
        "a = await do(1)\nawait pause(ctx)\nb = await do(a + 1)\nawait pause(ctx)\nreturn [a, b]",
        [1, 2],
        [1, 2],
    ),
    "a loop": (
        "total = 0\nfor i in range(4):\n    total += await do(i)\n    await pause(ctx)\nreturn total",
        6,
        [0, 1, 2, 3],
    ),
    "a comprehension": (
        "got = [await do(i) for i in range(3)]\nawait pause(ctx)\nreturn got + [x async for x in numbers(ctx)]",
        [0, 1, 2, 10, 11],
        [0, 1, 2, 10, 11],
    ),
    "a dict and a set": (
        "got = {i: await do(i) for i in range(2)}\nkinds = {await do(9), await do(9)}\nawait pause(ctx)\n"
        "return [got[1], len(kinds)]",
        [1, 1],
        [0, 1, 9, 9],
    ),
    "an async generator of the flow": (
        "got = []\nasync for x in numbers(ctx):\n    got.append(x)\n    await pause(ctx)\n    got.append(await do(-x))\n"
        "return got",
        [10, -10, 11, -11],
        [10, -10, 11, -11],
    ),
    "a generator that is asked step by step": (
        "g = numbers(ctx)\na = await anext(g)\nawait pause(ctx)\nb = await g.__anext__()\nreturn [a, b]",
        [10, 11],
        [10, 11],
    ),
    "an exception that is caught": (
        "try:\n    await fail(1)\nexcept ValueError as error:\n    await pause(ctx)\n    got = await do(str(error))\n"
        "await pause(ctx)\nreturn got",
        "1",
        [1, "1"],
    ),
    "finally": (
        "try:\n    await pause(ctx)\n    await do(1)\nfinally:\n    await do(2)\nawait pause(ctx)\nreturn await do(3)",
        3,
        [1, 2, 3],
    ),
    "an early return": (
        "try:\n    if await do(True):\n        await pause(ctx)\n        return await do(2)\nfinally:\n    await do(3)\n"
        "    await pause(ctx)",
        2,
        [True, 2, 3],
    ),
    "walrus, match and a conditional": (
        "if (x := await do(5)) > 3:\n    match await do({'k': x}):\n        case {'k': int(y)} if await do(y == 5):\n"
        "            await pause(ctx)\n            del x\nreturn [y, await do(6) if y else await do(7)]",
        [5, 6],
        [5, {"k": 5}, True, 6],
    ),
    "awaits inside awaits": (
        "await pause(ctx)\nreturn await do(await do(1) + await do(2), returns=f'{await do(3)}!')",
        "3!",
        [1, 2, 3, 3],
    ),
    "star and keyword arguments": (
        "args = [1]\nawait do(*args, **{'turns': 2})\nawait pause(ctx)\nreturn await do(what=4, turns=0)",
        4,
        [1, 4],
    ),
    "nested functions and lambdas": (
        "base = 10\nasync def inner(n):\n    nonlocal base\n    base += await do(n)\n    await pause(ctx)\n    return base\n"
        "first = await inner(1)\nmake = lambda n: inner(n)\nreturn [first, await make(2)]",
        [11, 13],
        [1, 2],
    ),
    "a coroutine that is awaited later": (
        "later = do(1)\nhelper = twice(ctx, 2)\nawait pause(ctx)\nawait do(0)\nreturn [await later, await helper]",
        [1, 4],
        [0, 1, 2, 2],
    ),
}


@pytest.mark.parametrize("body", BODIES, ids=str)
@pytest.mark.parametrize("kind", ["Executor", "LongRunningExecutor"])
def test_what_was_awaited_does_not_happen_again(kind: str, body: str) -> None:
    """Promise 3, conformance 29: each await that returned before a suspension is read after it, and not run."""
    text, value, done = BODIES[body]
    stage = Stage(handler(text, kind), "flow:Handler")
    assert stage.value() == value
    assert outside.done == done
    assert stage.entries > 1


def handler(body: str, kind: str = "Executor", more: str = "") -> str:
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return f"{HELPERS}{more}\nclass Handler({kind}):\n    @handler\n    async def handle(self, n: None, ctx: WorkflowContext):\n{lines}\n"


HELPERS = """
async def numbers(ctx):
    for i in (10, 11):
        yield await do(i)
        await pause(ctx)

async def twice(ctx, n):
    await do(n)
    await pause(ctx)
    return n + await do(n)
"""
