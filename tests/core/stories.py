"""Random workflows with handlers, for the properties of the core. No test here.

A story's handlers depend on nothing but the message, its depth and the attempt, so whatever differs between two runs
of one story comes from the machine. Loops end because handlers fall silent at a depth.

A fan-in pairs the first message of each source with the first of the others. What comes first out of an executor that
several others send to depends on which of these was faster; so does its order if a delivery of it had to come again.
Where a story is to have one outcome, its fan-ins therefore stand behind executors whose order is settled.
"""

from collections.abc import Mapping
from json import dumps
from zlib import crc32

import msgspec
from hypothesis import strategies as st

from lrwf_cli.core.commands import Effects, StateWrite
from lrwf_cli.core.model import (
    Condition,
    Direct,
    EdgeGroup,
    ExecutorSpec,
    FanIn,
    FanOut,
    Json,
    MultiSelection,
    RetryPolicy,
    Scope,
    Selection,
    Switch,
    Workflow,
    sources_of,
    targets_of,
)
from tests.core.scripts import Await, Poll, Question, Sleep
from tests.core.simulation import Handler, Luck, Result, Task, effects, script

DEPTH = 4
NEVER = 10_000


class Story(msgspec.Struct, frozen=True):
    """A workflow, its handlers as they are, and as they are when somebody has mended what was broken."""

    workflow: Workflow
    handlers: Mapping[str, Handler]
    mended: Mapping[str, Handler]


def draw_lots(*values: Json) -> int:
    """Return a number that depends on `values` only."""
    return crc32(dumps(values).encode())


Lanes = tuple[tuple[Await, ...], ...]


def answer_to(prompt: str) -> Json:
    """Return what everybody answers to a question."""
    return draw_lots(prompt) % 1000 + 1


def _handler(executor: str, sends: int, *, flaky: bool, broken: bool, lanes: Lanes = ()) -> Handler:
    def handle(task: Task) -> Result:
        return script(*lanes, then=finish)(task) if lanes else finish(task, [])

    def finish(task: Task, _: object) -> Effects:
        if broken or (flaky and task.attempt == 1):
            raise OSError(executor)
        number = draw_lots(executor, task.message)
        writes = (
            StateWrite("count", 1, "add"),
            StateWrite("seen", [executor, task.message], "append"),
            StateWrite("by", {executor: number}, "merge"),
        )
        outputs = [number % 100] if number % 3 == 0 else []
        count = sends if task.delivery.superstep < DEPTH else 0
        return effects(*((number + each) % 50 for each in range(count)), outputs=outputs, writes=writes)

    return handle


def _condition(salt: int) -> Condition:
    def holds(message: Json, _: Scope) -> bool:
        return draw_lots(salt, message) % 3 > 0

    return holds


def _selection(salt: int) -> Selection:
    def select(message: Json, _: Scope, targets: tuple[str, ...]) -> list[str]:
        return [target for number, target in enumerate(targets) if draw_lots(salt, message) >> number & 1]

    return select


@st.composite
def _group(draw: st.DrawFn, source: str, targets: tuple[str, ...]) -> EdgeGroup:
    """Draw an edge group from `source` to some of `targets`."""
    salt = draw(st.integers(0, 99))
    match draw(st.sampled_from(["out", "direct", "condition", "out", "switch", "multi"])):
        case "direct":
            return Direct(source, targets[0])
        case "condition":
            return Direct(source, targets[0], _condition(salt))
        case "switch":
            return Switch(source, ((_condition(salt), targets[0]),), targets[-1])
        case "multi":
            return MultiSelection(source, targets, _selection(salt))
        case _:
            return FanOut(source, targets)


@st.composite
def _trees(draw: st.DrawFn, ids: list[str]) -> list[EdgeGroup]:
    """Draw groups that lead to every executor from exactly one other."""
    children: dict[str, list[str]] = {}
    for place, each in enumerate(ids[1:], 1):
        children.setdefault(ids[draw(st.integers(0, place - 1))], []).append(each)
    return [draw(_group(source, tuple(targets))) for source, targets in children.items()]


@st.composite
def _knots(draw: st.DrawFn, ids: list[str]) -> list[EdgeGroup]:
    """Draw groups that lead anywhere, back too, and from an executor to itself."""
    targets = st.lists(st.sampled_from(ids), min_size=1, max_size=2, unique=True).map(tuple)
    counts = [1, *(draw(st.sampled_from([1, 0, 1, 2])) for _ in ids[1:])]
    return [draw(_group(each, draw(targets))) for each, count in zip(ids, counts, strict=True) for _ in range(count)]


def _settled(start: str, groups: list[EdgeGroup], unsettled: frozenset[str]) -> list[str]:
    """Return the executors that always get the same messages in the same order."""
    found: list[str] = []
    inbound: dict[str, list[EdgeGroup]] = {start: []}
    for group in groups:
        for target in targets_of(group):
            inbound.setdefault(target, []).append(group)
    while more := [
        each
        for each, ways in inbound.items()
        if each not in found
        and each not in unsettled
        and len(ways) == (each != start)
        and all(source in found for way in ways for source in sources_of(way))
    ]:
        found += more
    return found


def _question(prompt: str, expires: float | None) -> Question:
    return Question(prompt, expires, None if expires is None else answer_to(prompt))


_awaits: st.SearchStrategy[Await] = st.one_of(
    st.sampled_from([0.0, 1, 60, 3600, 86_400]).map(Sleep),
    st.builds(Poll, st.sampled_from([1.0, 60, 3600]), st.integers(1, 3)),
    st.builds(_question, st.sampled_from(["ship?", "sure?", "really?"]), st.sampled_from([None, None, 60.0, 86_400])),
)
_lanes = st.lists(st.lists(_awaits, min_size=1, max_size=2).map(tuple), min_size=1, max_size=2).map(tuple)


@st.composite
def stories(
    draw: st.DrawFn, *, broken: bool = False, flaky: bool = True, need: bool = False, waits: bool = False
) -> Story:
    """Draw a story. `need` allows for fan-ins that fire with fewer, whose lists depend on who is first.

    With `waits` handlers suspend, at timers, polls and questions; some of their executors are `ordered`.
    """
    ids = [f"e{number}" for number in range(draw(st.integers(3, 6)))]
    groups = draw(st.one_of(_trees(ids), _knots(ids)))
    weak = draw(st.frozensets(st.sampled_from(ids), max_size=1)) if flaky else frozenset()
    bad = draw(st.frozensets(st.sampled_from(ids), min_size=1, max_size=2)) if broken else frozenset()
    slow: dict[str, Lanes] = (
        draw(st.dictionaries(st.sampled_from(ids), _lanes, min_size=1, max_size=2)) if waits else {}
    )
    ordered = {each for each in ids if waits and draw(st.booleans())}
    for name in ("j0", "j1"):
        candidates = ids if need else _settled(ids[0], groups, ((weak | set(slow)) - ordered) | bad)
        if len(candidates) < 2 or not draw(st.sampled_from([True, True, True, False])):
            break
        sources = draw(st.lists(st.sampled_from(candidates[::-1]), min_size=2, max_size=3, unique=True))
        fewer = draw(st.integers(1, len(sources))) if need else None
        groups += [FanIn(tuple(sources), name, fewer), Direct(name, f"{name}-end")]
        ids.append(name)
    ids += [f"{each}-end" for each in ids if each.startswith("j")]
    some = st.sampled_from([1, 1, 0] if waits else [1, 1, 2, 0])
    sends = {each: draw(st.integers(1, 3) if each == ids[0] else some) for each in ids}
    retry = {each: RetryPolicy(max_attempts=2) for each in weak}
    specs = {
        each: ExecutorSpec(each, retry=retry.get(each, RetryPolicy()), max_crashes=NEVER, ordered=each in ordered)
        for each in ids
    }
    return Story(
        Workflow("story", specs, ids[0], tuple(groups)),
        {
            each: _handler(each, sends[each], flaky=each in weak, broken=each in bad, lanes=slow.get(each, ()))
            for each in ids
        },
        {each: _handler(each, sends[each], flaky=each in weak, broken=False, lanes=slow.get(each, ())) for each in ids},
    )


drifts = st.builds(Luck, st.integers(0, 10**6), crashes=st.sampled_from([0, 1, 3, 8]), drifts=st.booleans())
lucks = st.builds(Luck, st.integers(0, 10**6), crashes=st.sampled_from([0, 1, 3, 8]))
calm = st.builds(Luck, st.integers(0, 10**6))
