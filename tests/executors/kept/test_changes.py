"""What a call changes of what it was given: it is made once, and what it changed is there again when the handler wakes."""

from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.suspended import Suspension
from lrwf_cli.executors.kept.differences import difference, patched, way_of_collection
from lrwf_cli.executors.kept.reach import NotRestorable, Reach
from tests.executors.kept import outside
from tests.executors.kept.test_lanes import KINDS, stage

MORE = """
from collections import Counter, OrderedDict, defaultdict, deque
import msgspec
from tests.executors.kept.outside import blocking

@dataclass
class Order:
    items: list
    state: str = "new"

    async def confirm(self):
        blocking("confirm")
        self.state = "confirmed"

@dataclass(slots=True)
class Slim:
    n: int = 0

class Struct(msgspec.Struct):
    n: int = 0
    parts: list = []

class Plain:
    def __init__(self):
        self.jobs = {}

    async def submit(self, name):
        self.jobs[name] = blocking(name)
        return len(self.jobs)

async def put(where, what):
    where.append(blocking(what))

async def make(where, what):
    made = {"what": blocking(what)}
    where.append(made)
    return made

async def same(where):
    blocking("same")
    return where

async def each(rows):
    for row in rows:
        row["done"] = await do(row["n"])

async def change(thing, function):
    blocking("change")
    function(thing)
"""

ONCE = {
    "a list": ("got = []\nawait put(got, 'a')\nawait pause(ctx)\nawait put(got, 'b')", "got", ["a", "b"]),
    "a list in a dict": ("d = {'x': [1]}\nawait put(d['x'], 'a')\nawait pause(ctx)", "d", {"x": [1, "a"]}),
    "what is in what is given": (
        "rows = [{'n': i} for i in range(200)]\nawait each(rows)\nawait pause(ctx)",
        "[row['done'] for row in rows]",
        [*range(200)],
    ),
    "one in the middle of many": (
        "rows = [{'n': i} for i in range(3000)]\nawait change(rows, lambda r: r[1500].update(x=1))\nawait pause(ctx)",
        "[row['n'] for row in rows if 'x' in row]",
        [1500],
    ),
    "what it returns too": (
        "got = []\nmade = await make(got, 'a')\nawait pause(ctx)\nmade['more'] = 1",
        "got",
        [{"what": "a", "more": 1}],
    ),
    "what it was given, returned": (
        "got = []\nagain = await same(got)\nawait pause(ctx)\nagain.append(1)",
        "[got, again is got]",
        [[1], True],
    ),
    "an object": ("o = Order(['x'])\nawait put(o.items, 'y')\nawait pause(ctx)", "o.items", ["x", "y"]),
    "an attribute": (
        "o = Order([])\nawait change(o, lambda o: setattr(o, 'state', 'paid'))\nawait pause(ctx)",
        "o.state",
        "paid",
    ),
    "an object with slots": (
        "o = Slim()\nawait change(o, lambda o: setattr(o, 'n', 7))\nawait pause(ctx)",
        "o.n",
        7,
    ),
    "a struct": (
        "o = Struct()\nawait change(o, lambda o: (setattr(o, 'n', 7), o.parts.append('x')))\nawait pause(ctx)",
        "[o.n, o.parts]",
        [7, ["x"]],
    ),
    "a set": (
        "s = {1, 2}\nawait change(s, lambda s: (s.add('x'), s.discard(1)))\nawait pause(ctx)",
        "s == {2, 'x'}",
        True,
    ),
    "a deque": ("q = deque([1], 2)\nawait put(q, 'a')\nawait put(q, 'b')\nawait pause(ctx)", "[*q]", ["a", "b"]),
    "a Counter": (
        "c = Counter('aab')\nawait change(c, lambda c: c.update('b'))\nawait pause(ctx)",
        "dict(c)",
        {"a": 2, "b": 2},
    ),
    "a defaultdict": ("d = defaultdict(list)\nawait put(d['k'], 'a')\nawait pause(ctx)", "dict(d)", {"k": ["a"]}),
    "keys in another order": (
        "d = {'a': 1, 'b': 2}\nawait change(d, lambda d: d.update(a=d.pop('a')))\nawait pause(ctx)",
        "[*d]",
        ["b", "a"],
    ),
    "a name around it": (
        "n, rows = 0, []\nasync def count():\n    nonlocal n, rows\n    n += 1\n    rows = [*rows, blocking(n)]\n"
        "    return n\nawait count()\nawait pause(ctx)\nawait count()",
        "[n, rows]",
        [2, [1, 2]],
    ),
    "a name that is not bound before": (
        "async def begin():\n    nonlocal value\n    value = blocking('bound')\nawait begin()\nawait pause(ctx)\n"
        "if value == 9:\n    value = None",
        "value",
        "bound",
    ),
    "and then it raises": (
        "got = []\nasync def both():\n    await put(got, 'a')\n    raise ValueError('no')\n"
        "try:\n    await both()\nexcept ValueError as error:\n    got.append(str(error))\nawait pause(ctx)",
        "got",
        ["a", "no"],
    ),
    "one thing in two places": (
        "a, b, one = [], [], [0]\nasync def both():\n    a.append(one)\n    b.append(one)\n"
        "await both()\nawait pause(ctx)\none.append(1)",
        "[a, b]",
        [[[0, 1]], [[0, 1]]],
    ),
    "a new thing in two places": (
        "a, b = [], []\nasync def two():\n    new = [blocking('new')]\n    a.append(new)\n    b.append(new)\n"
        "await two()\nawait pause(ctx)\na[0].append(1)",
        "b",
        [["new", 1]],
    ),
    "itself": ("a = []\nawait change(a, lambda a: a.append(a))\nawait pause(ctx)", "a[0] is a", True),
    "through wait_for": (
        "got = []\nawait asyncio.wait_for(put(got, 'a'), 9)\nawait pause(ctx)\ngot.append(1)",
        "got",
        ["a", 1],
    ),
    "in a task": (
        "got = []\ntask = asyncio.create_task(make(got, 'a'))\nawait task\nawait pause(ctx)",
        "[got, task.result()]",
        [[{"what": "a"}], {"what": "a"}],
    ),
    "through something foreign": (
        "got = []\nawait wrapped(put, got, 'a')\nasync def both():\n    got.append(blocking('b'))\nawait wrapped(both)\n"
        "await pause(ctx)",
        "got",
        ["a", "b"],
    ),
    "in a step": (
        "got = []\ndef both(more):\n    got.append(blocking('a'))\n    more.append(blocking('b'))\n"
        "more = []\nawait ctx.step(both, more)\nawait pause(ctx)",
        "[got, more]",
        [["a"], ["b"]],
    ),
    "what is foreign": ("got = []\nawait outside.extend(got)\nawait pause(ctx)", "got", ["extended"]),
    "a client's own": ("client = Plain()\njob = await client.submit('a')\nawait pause(ctx)", "job", 1),
}


@KINDS
@pytest.mark.parametrize(("body", "expression", "value"), ONCE.values(), ids=ONCE)
def test_it_is_made_once(kind: str, body: str, expression: str, value: Any) -> None:
    """Design 6, 'Helpers': a call of the flow's own is kept as a whole, whatever it is made of, with what it changed."""
    if "nonlocal value" in body:
        body += "\nvalue = value"
    made = stage(f"{body}\nawait pause(ctx)\nreturn {expression}", kind, MORE)
    assert made.value() == value
    assert made.entries == 3
    assert len(outside.done) == len(set(map(str, outside.done))), "something was done twice"


@KINDS
def test_a_method_of_a_message_is_made_once(kind: str) -> None:
    """`self` belongs to the process: a method that changes it is not made again for that."""
    made = stage("o = Order([])\nawait o.confirm()\nawait pause(ctx)\nreturn 1", kind, MORE)
    assert made.value() == 1
    assert outside.done == ["confirm"]


@KINDS
def test_what_cannot_be_kept_is_made_anew(kind: str) -> None:
    """A call that puts a connection into what it is given is made again, as one that returns a connection is."""
    body = (
        "got = []\nasync def join():\n    got.append(Client())\n    return await do('join')\n"
        "await join()\nawait pause(ctx)\nreturn [type(each).__name__ for each in got]"
    )
    assert stage(body, kind, MORE).value() == ["Client"]
    assert outside.done == ["join"]


@KINDS
def test_what_other_lanes_have_seen_is_seen_again(kind: str) -> None:
    """A call whose changes another lane has seen before it was over is made again, so that it sees them again."""
    body = (
        "got = []\nasync def slow():\n    got.append('begun')\n    await do('slow', 3)\n    got.append('over')\n"
        "async def watch():\n    await do(f'{got}')\n    await pause(ctx)\n    await do(f'{got}!')\n"
        "async def work():\n    await slow()\n    await pause(ctx)\n"
        "await asyncio.gather(work(), watch())\nreturn got"
    )
    assert stage(body, kind, MORE).value() == ["begun", "over"]
    assert sorted(outside.done) == ["['begun', 'over']!", "['begun']", "slow"]


def test_what_is_kept_grows_with_the_change() -> None:
    """A list that a thousand calls append to is not kept a thousand times."""
    body = "got = []\nfor i in range(1000):\n    await put(got, str(i))\nawait pause(ctx)\nreturn len(got)"
    made = stage(body, more=MORE)
    result = made.enter()
    assert isinstance(result, Suspension)
    assert len(msgspec.json.encode(result.kept)) < 200_000
    made.suspended(result)
    assert made.value() == 1000


small = st.recursive(
    st.none() | st.integers(0, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(small, max_size=6), st.lists(small, max_size=6))
def test_a_difference_makes_the_later_of_the_earlier(old: list[Any], new: list[Any]) -> None:
    """Lists, and dicts with the order of their keys: patching gives what differed, and nothing differs after that."""
    for one, other in ((old, new), (dict(enumerate(old)), dict(reversed([*enumerate(new)])))):
        changed = difference(one, other, lambda value: value)
        made = patched(one, changed, lambda value: value) if changed is not None else one
        assert made == other
        assert list(made) == list(other)
    assert difference(old, list(old), lambda value: value) is None


@given(small, st.lists(st.tuples(st.integers(0, 20), small), max_size=6))
def test_what_a_call_has_changed_is_made_again(value: Any, messes: list[tuple[int, Any]]) -> None:
    """Whatever is changed in nested lists and dicts, what is made again of the same equals it, and so does its shape."""
    codec = Codec()
    first, second = [value, [value]], [copied(value), [None]]
    second[1][0] = second[0]  # the same thing twice, as in `first`
    reach = Reach(codec, [first])
    mess_up(first, messes)
    try:
        changes = reach.changes(None)
    except NotRestorable:
        assert len(containers(first)) < sum(map(len, shape(first))) + 1, "nothing is in two places"
        return
    if changes is not None:
        Reach(codec, [second]).make(copied(changes))
    assert second == first
    assert shape(second) == shape(first)


def copied(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def containers(value: Any) -> list[Any]:
    """Return the lists and dicts in a value, each once, in order."""
    found: list[Any] = []
    known: set[int] = set()
    todo = [value]
    for each in todo:
        if isinstance(each, list | dict) and id(each) not in known:
            known.add(id(each))
            found.append(each)
            todo.extend(each.values() if isinstance(each, dict) else each)
    return found


def shape(value: Any) -> list[list[int]]:
    """Return which things are in which, by number."""
    found = containers(value)
    numbers = {id(each): number for number, each in enumerate(found)}
    inside = [list(each.values()) if isinstance(each, dict) else each for each in found]
    return [[numbers[id(each)] for each in part if id(each) in numbers] for part in inside]


def mess_up(value: Any, messes: list[tuple[int, Any]]) -> None:
    """Change things in a value: put new ones into them, take some out, put one into another."""
    for number, new in messes:
        found = containers(value)
        thing = found[number % len(found)]
        other = copied(new) if number % 3 else found[-1]
        if any(thing is each for each in containers(other)):
            other = 0  # no circles: they cannot be compared
        if isinstance(thing, dict):
            thing.update({"abc"[number % 3]: other})
        elif number % 5 == 0 and thing:
            thing.pop()
        else:
            thing.insert(number % (len(thing) + 1), other)


@pytest.mark.parametrize(
    "thing", [[1], {"a": 1}, {1}, deque([1]), bytearray(b"x"), Counter("a"), OrderedDict(a=1), defaultdict(int, a=1)]
)
def test_every_plain_collection_is_looked_into(thing: Any) -> None:
    """The collections of the standard library that can change, and those derived from them."""
    way = way_of_collection(type(thing))
    assert way is not None
    state = way.read(thing)
    thing.clear()
    way.write(thing, state)
    assert way.read(thing) == state
