"""Objects that a handler makes, and what of asyncio's it fills: what methods and helpers did to them is there again."""

import pytest

from tests.executors.kept import outside
from tests.executors.kept.test_lanes import KINDS, played, stage

MORE = """
import types

@dataclass
class Job:
    name: str
    done: list
    async def work(self, ctx, what):
        self.done.append(await do(what))
        self.name += "!"
        return self

class Basket:
    def __init__(self):
        self.names, self.total, self.client = [], 0, None
    async def add(self, what):
        self.names.append(await do(what))
        self.total += 1
    async def add_with_client(self, what):
        if self.client is None:
            self.client = Client()
            see('made')
        self.names.append(await self.client.get(what))
        return self

async def fill(basket, what):
    await basket.add(what)

async def put(queue, what):
    await queue.put(await do(what))
    queue.put_nowait(what + "!")

async def count(space):
    space.number += await do(1)
"""
USED = {
    "an iterator": "it = iter('ab')\nasync def one():\n    return await do(next(it))",
    "a counter": "it = map(chr, itertools.count(97))\nasync def one():\n    return await do(next(it))",
    "a generator": "it = (each for each in 'abc')\nasync def one():\n    return await do(next(it))",
    "luck": "it = random.Random(1)\nasync def one():\n    return 'ab'[await do(it.randint(0, 9)) > 5]",
    "a function around": (
        "n = 96\nasync def bump():\n    nonlocal n\n    n += 1\nasync def one():\n    await bump()\n    return await do(chr(n))"
    ),
    "a method of a list": (
        "it = []\nasync def add(to):\n    to(await do('ab'[len(it)]))\nasync def one():\n    await add(it.append)\n"
        "    return it[-1]"
    ),
}
METHODS = {
    "of a dataclass": (
        "job = Job('job', [])\nawait job.work(ctx, 'a')\nawait pause(ctx)\nsame = await job.work(ctx, 'b')\n"
        "await pause(ctx)\nreturn [job.name, job.done, same is job]",
        ["job!!", ["a", "b"], True],
    ),
    "of a plain class": (
        "it = Basket()\nawait it.add('a')\nawait pause(ctx)\nawait fill(it, 'b')\nawait pause(ctx)\n"
        "return [it.names, it.total]",
        [["a", "b"], 2],
    ),
    "with a client": (
        "it = Basket()\nawait it.add_with_client('a')\nawait pause(ctx)\nawait it.add_with_client('b')\nawait pause(ctx)\n"
        "return it.names",
        ["a", "b"],
    ),
    "of a namespace": (
        "space = types.SimpleNamespace(number=0)\nawait count(space)\nawait pause(ctx)\nreturn space.number",
        1,
    ),
}
TOOLS = {
    "a queue": "it = asyncio.Queue()\nawait put(it, 'a')\nawait pause(ctx)\nreturn [await it.get(), it.get_nowait()]",
    "an event": (
        "it = asyncio.Event()\nasync def ring():\n    await do('a')\n    it.set()\nawait ring()\nawait pause(ctx)\n"
        "await it.wait()\nreturn ['a', 'a!']"
    ),
    "a future": (
        "it = asyncio.get_running_loop().create_future()\nasync def answer():\n    it.set_result(await do('a'))\n"
        "await answer()\nawait pause(ctx)\nreturn [await it, 'a!']"
    ),
    "a lock": (
        "it = asyncio.Lock()\nasync def hold():\n    await it.acquire()\n    await do('a')\nawait hold()\nawait pause(ctx)\n"
        "return ['a' if it.locked() else 'free', 'a!']"
    ),
    "a queue, in a task": (
        "it = asyncio.Queue()\nasync def fill():\n    await put(it, 'a')\n    await pause(ctx)\n"
        "task = asyncio.create_task(fill())\nfirst = await it.get()\nawait pause(ctx)\nawait task\nawait pause(ctx)\n"
        "return [first, await it.get()]"
    ),
}


@KINDS
@pytest.mark.parametrize("what", USED)
def test_what_a_helper_has_used_up_is_used_up_again(kind: str, what: str) -> None:
    """A helper that moves an iterator on, or what another function has hold of, has done so when the handler wakes."""
    body = f"{USED[what]}\ngot = [await one()]\nawait pause(ctx)\ngot.append(await one())\nawait pause(ctx)\nreturn got"
    assert played(body, kind, "import itertools, random\n") == ["a", "b"]


@KINDS
@pytest.mark.parametrize("what", METHODS)
def test_what_methods_do_to_their_objects_is_there_again(kind: str, what: str) -> None:
    """A method that has returned is not entered again; what it changed of an object that the handler made is kept."""
    body, value = METHODS[what]
    assert played(body, kind, MORE) == value


@pytest.mark.not_twice("what it leaves in its executor is the process's own")
@KINDS
def test_what_was_there_before_is_not_changed_twice(kind: str) -> None:
    """What hangs on the executor, or on a global, lives as long as the process: waking there adds nothing to it."""
    more = f"{MORE}BASKETS = {{'one': Basket()}}\n"
    body = (
        "if not hasattr(self, 'own'):\n    self.own = {'one': [Basket()]}\n"
        "await self.own['one'][0].add('a')\nawait fill(BASKETS['one'], 'b')\nawait pause(ctx)\n"
        "return [self.own['one'][0].names, BASKETS['one'].total]"
    )
    made = stage(body, kind, more)
    made.same_process = True
    assert made.value() == [["a"], 1]
    assert outside.done == ["a", "b"]


@KINDS
@pytest.mark.parametrize("what", TOOLS)
def test_what_is_done_to_the_tools_of_asyncio_is_done_again(kind: str, what: str) -> None:
    """A helper, or a task, that has used a queue or an event of its caller's is entered again: it lives in the process."""
    assert played(TOOLS[what], kind, MORE) == ["a", "a!"]


def test_a_queue_that_something_foreign_has_used_is_refused() -> None:
    """Nobody can put into a queue again what a foreign call has put there."""
    failure = stage("it = asyncio.Queue()\nawait outside.fill(it)\nawait pause(ctx)", more=MORE).stuck()
    assert failure.type == "NotKeepable"
    assert "has changed what it was given, which cannot be kept (a `Queue` belongs to the process)" in failure.message


@KINDS
def test_a_message_is_changed_again(kind: str) -> None:
    """The message of a handler is its own: it is made anew for each entry, and changed as it was."""
    more = f"{MORE}@executor\nasync def handle(job: Job, ctx: WorkflowContext):\n"
    body = "await job.work(ctx, 'a')\nawait pause(ctx)\nreturn [job.name, job.done]"
    made = stage("return 1", kind, more + "\n".join(f"    {line}" for line in body.splitlines()) + "\n")
    made.uses, made.message = "flow:handle", {"$type": "flow:Job", "value": {"name": "j", "done": []}}
    assert made.value() == ["j!", ["a"]]
