"""Shared state: what handlers see of it, how a write becomes a change, and what a change costs."""

from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.commands import Complete, Effects, StateWrite
from lrwf_cli.core.events import InvocationCompleted, StateChange
from lrwf_cli.core.model import Direct, FanIn, FanOut, Json, identity
from lrwf_cli.core.run import StateEntry
from lrwf_cli.core.state import changed, changes_of, extension, is_kept_elsewhere, same
from tests.core.simulation import Handler, Luck, Plain, Simulation, Task, effects, fails, flow

SIDE_BY_SIDE = flow("a", FanOut("a", ("b", "c")))


def write(key: str, value: Json, **seen: Any) -> StateWrite:
    """Return a write of `set_state`."""
    return StateWrite(key, value, **seen)


def writes(*several: StateWrite) -> Handler:
    """Return a handler that writes and sends nothing."""
    return lambda _: effects(writes=several)


def sets(key: str, value: Any) -> Plain:
    """Return a handler that reads `key`, then sets it to `value`, or to what `value` makes of what it read."""

    def handle(task: Task) -> Effects:
        old = task.state.get(key)
        new = value(old) if callable(value) else value
        return effects(writes=[StateWrite(key, new, seen=task.versions.get(key, 0), base=old)])

    return handle


def changes_in(simulation: Simulation) -> list[StateChange]:
    """Return the changes of state that were journaled."""
    return [change for event in simulation.events() if isinstance(event, InvocationCompleted) for change in event.state]


def test_others_see_a_write_once_it_is_committed() -> None:
    """Conformance 20: never before, and then those that start afterwards; siblings at work see it not at all."""
    seen: dict[str, Any] = {}

    def looks(task: Task) -> Effects:
        seen[task.delivery.executor] = dict(task.state)
        return effects(0, writes=[write(task.delivery.executor, 1)])

    edges = (FanOut("a", ("b", "c")), FanIn(("b", "c"), "d"))
    Simulation(flow("a", *edges), dict.fromkeys("abcd", looks)).start()
    assert seen == {"a": {}, "b": {"a": 1}, "c": {"a": 1}, "d": {"a": 1, "b": 1, "c": 1}}


def test_an_attempt_that_does_not_complete_leaves_nothing() -> None:
    """Conformance 21: no state, no messages, no outputs of an attempt whose effects cannot be."""
    bad = effects("sent", outputs=["yielded"], writes=[write("k", 1), StateWrite("k", 2, "append")])
    simulation = Simulation(flow("a", Direct("a", "b")), {"a": lambda _: bad}).start()
    assert simulation.error == "TypeError"
    assert (simulation.state, simulation.outputs, simulation.now_run.ready) == ({}, [], {})
    assert Simulation(flow("a"), {"a": fails(9)}).start().state == {}


def test_the_last_commit_wins_and_the_conflict_shows() -> None:
    """Conformance 20: two that set what both have read: the later one wins, journaled and counted."""
    simulation = Simulation(SIDE_BY_SIDE, {"b": sets("k", "b"), "c": sets("k", "c")}).start()
    assert simulation.state == {"k": "c"}
    assert [change.conflict for change in changes_in(simulation)] == [False, True]
    assert simulation.now_run.conflicts == {"k": 1}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("large", [10**9, 3])
def test_updates_lose_nothing(seed: int, large: int) -> None:
    """Conformance 20: append, add and merge are applied at commit, whoever comes first and however large the rest."""

    def updates(task: Task) -> Effects:
        me, number = task.delivery.executor, task.message
        several = (
            StateWrite("log", f"{me}{number}", "append"),
            StateWrite("sum", number, "add"),
            StateWrite("by", {f"{me}{number}": [number]}, "merge"),
        )
        return effects(writes=several)

    handlers = {"a": lambda _: effects(1, 2, 3), "b": updates, "c": updates}
    simulation = Simulation(SIDE_BY_SIDE, handlers, luck=Luck(seed), large=large).start()
    everything = {f"{me}{number}" for me in "bc" for number in (1, 2, 3)}
    assert simulation.state["sum"] == 12
    assert sorted(simulation.state["log"]) == sorted(everything)
    assert simulation.state["by"] == {each: [int(each[1])] for each in everything}
    assert not simulation.now_run.conflicts


def test_a_deleted_key_that_comes_back_is_another() -> None:
    """Conformance 20: who read the key before it was deleted and set again has read something else, and it shows."""
    edges = (FanOut("a", ("b", "c")), Direct("c", "d"), Direct("d", "e"), FanIn(("b", "e"), "f"))

    def late(task: Task) -> Effects:
        return sets("k", lambda old: [*old, "b"])(task)

    handlers = {
        "a": lambda _: effects(0, writes=[write("k", ["a"])]),
        "b": late,
        "c": lambda _: effects(0, writes=[StateWrite("k", None, "delete")]),
        "d": lambda _: effects(0, writes=[write("k", ["d"])]),
    }

    class Last(Luck):
        def some(self, ids: Any) -> list[str]:
            return list(ids[-1:])

    simulation = Simulation(flow("a", *edges), handlers, luck=Last()).start()
    assert simulation.state == {"k": ["a", "b"]}
    assert simulation.now_run.conflicts == {"k": 1}


def test_a_growing_history_costs_what_it_grows_by() -> None:
    """Conformance 52: a list that is read, extended and set is journaled as what was added; so is a dict."""

    def grows(task: Task) -> Effects:
        history = [*task.state.get("history", []), f"step {task.message}"]
        pages = {**task.state.get("pages", {}), str(task.message): task.message}
        seen = task.versions.get
        several = [
            StateWrite("history", history, seen=seen("history", 0), base=task.state.get("history")),
            StateWrite("pages", pages, seen=seen("pages", 0), base=task.state.get("pages")),
        ]
        return effects(task.message + 1, writes=several) if task.message < 40 else effects(writes=several)

    simulation = Simulation(flow("a", Direct("a", "a")), {"a": grows}).start(0)
    assert simulation.state["history"] == [f"step {number}" for number in range(41)]
    assert list(simulation.state["pages"].values()) == list(range(41))
    assert max(len(msgspec.json.encode(change)) for change in changes_in(simulation)) < 60


def test_setting_what_was_read_changes_nothing() -> None:
    """A value that is set as it was read makes no change and no conflict for others."""
    handlers = {
        "a": lambda _: effects(0, writes=[write("k", [1])]),
        "b": sets("k", lambda old: old),
        "c": sets("k", [2]),
    }
    simulation = Simulation(SIDE_BY_SIDE, handlers).start()
    assert (len(changes_in(simulation)), simulation.now_run.conflicts) == (2, {})


ENTRY: dict[str, StateEntry] = {
    "number": StateEntry(5, 3),
    "list": StateEntry(["a"], 4),
    "dict": StateEntry({"a": 1, "b": 2}, 5),
    "null": StateEntry(None, 6),
    "text": StateEntry("t", 7),
    "tagged": StateEntry({"$type": "set", "value": []}, 8),
}
READ: dict[str, dict[str, Any]] = {key: {"seen": entry.version, "base": entry.value} for key, entry in ENTRY.items()}
Op = Literal["set", "append", "add", "merge", "delete"]


def by(op: Op, key: str, value: Json = None, **seen: Any) -> StateWrite:
    """Return a write of any kind."""
    return StateWrite(key, value, op, **seen)


@pytest.mark.parametrize(
    ("several", "journaled", "value"),
    [
        ([by("set", "list", ["a", "x"], **READ["list"])], ["extend"], ["a", "x"]),
        ([by("set", "list", ["a", "x"])], ["set"], ["a", "x"]),
        ([by("set", "list", ["x"], **READ["list"])], ["set"], ["x"]),
        ([by("set", "dict", {"a": 1, "b": 2, "c": 3}, **READ["dict"])], ["merge"], {"a": 1, "b": 2, "c": 3}),
        ([by("set", "dict", {"b": 2, "a": 1, "c": 3}, **READ["dict"])], ["set"], {"b": 2, "a": 1, "c": 3}),
        ([by("set", "dict", {"a": True, "b": 2}, **READ["dict"])], ["merge"], {"a": True, "b": 2}),
        ([by("set", "dict", {"a": 3, "b": 4}, **READ["dict"])], ["set"], {"a": 3, "b": 4}),
        ([by("set", "dict", {"a": 1}, **READ["dict"])], ["set"], {"a": 1}),
        ([by("set", "number", 5, **READ["number"])], [], 5),
        ([by("set", "number", 5)], ["set"], 5),
        ([by("set", "number", 5.0, **READ["number"])], ["set"], 5.0),
        ([by("set", "null", None, **READ["null"])], [], None),
        ([by("set", "list", ["x"], **READ["list"]), by("append", "list", "y")], ["set", "append"], ["x", "y"]),
        ([by("append", "list", "x"), by("append", "list", "y")], ["append", "append"], ["a", "x", "y"]),
        ([by("append", "list", "x"), by("set", "list", ["y"], seen=4)], ["set"], ["y"]),
        ([by("append", "list", "x"), by("set", "list", ["a"], **READ["list"])], ["set"], ["a"]),
        (
            [by("set", "list", ["a", "x"], **READ["list"]), by("set", "list", ["a", "x", "y"], **READ["list"])],
            ["extend"],
            ["a", "x", "y"],
        ),
        ([by("set", "new", 1), by("delete", "new")], [], None),
        ([by("delete", "number"), by("set", "number", 5, **READ["number"])], ["set"], 5),
        ([by("delete", "list"), by("append", "list", "x")], ["delete", "append"], ["x"]),
        ([by("delete", "new")], [], None),
        ([by("add", "new", 1), by("add", "new", 0.5)], ["add", "add"], 1.5),
        ([by("append", "null", 1)], ["append"], [1]),
        ([by("merge", "null", {"a": 1}), by("merge", "null", {"a": 2})], ["merge", "merge"], {"a": 2}),
        ([by("set", "text", 1), by("add", "text", 2)], ["set", "add"], 3),
    ],
)
def test_what_a_handler_writes_is_what_is_kept(several: list[StateWrite], journaled: list[str], value: Json) -> None:
    """Conformance 20: each write sees the handler's own earlier ones, and as little as possible is journaled."""
    changes = changes_of(ENTRY, several, identity)
    assert [change.op for change in changes] == journaled
    assert not any(change.conflict for change in changes)
    key = several[0].key
    found = ENTRY[key].value if key in ENTRY else None
    for change in changes:
        found = changed(found, change)
    assert same(found, value)


@pytest.mark.parametrize(
    ("several", "words"),
    [
        ([by("append", "number", 1)], "cannot append a `int` to the state `number`, which is a `int`"),
        ([by("append", "tagged", 1)], "to the state `tagged`, which is a `set`"),
        ([by("merge", "list", {"a": 1})], "cannot merge a `dict` into the state `list`, which is a `list`"),
        ([by("merge", "dict", ["a"])], "cannot merge a `list` into the state `dict`"),
        ([by("merge", "new", 5)], "cannot merge a `int` into the state `new`, which is a `None`"),
        ([by("merge", "new", {"$type": "set", "value": []})], "cannot merge a `set` into"),
        ([by("merge", "tagged", {"a": 1})], "which is a `set`"),
        ([by("add", "text", 1)], "cannot add a `int` to the state `text`, which is a `str`"),
        ([by("add", "number", value=True)], "cannot add a `bool` to"),
        ([by("add", "new", "x")], "cannot add a `str` to"),
        ([by("add", "new", 1e308), by("add", "new", 1e308)], "cannot add a `float` to"),
        ([by("set", "list", 5), by("append", "list", 1)], "which is a `int`"),
        ([by("append", "new", 5), by("add", "new", 1)], "which is a `list`"),
    ],
)
def test_what_does_not_fit_is_refused_before_it_is_journaled(several: list[StateWrite], words: str) -> None:
    """A change that is committed can always be made: what does not fit fails the handler, not the journal."""
    with pytest.raises(TypeError, match=words.replace("(", r"\(")):
        changes_of(ENTRY, several, identity)


@pytest.mark.parametrize(
    ("written", "conflict"),
    [
        (by("set", "list", ["x"], seen=3), True),
        (by("set", "list", ["a", "x"], seen=3, base=["a"]), True),
        (by("set", "list", ["x"], seen=0), True),
        (by("set", "new", 1, seen=2), True),
        (by("set", "new", 1, seen=0), False),
        (by("set", "list", ["x"]), False),
        (by("append", "list", "x"), False),
        (by("delete", "list", seen=3), False),
    ],
)
def test_a_conflict_is_to_have_read_something_else(written: StateWrite, *, conflict: bool) -> None:
    """Conformance 20: whoever did not look cannot be contradicted; an update contradicts nobody."""
    (change,) = changes_of(ENTRY, [written], identity)
    assert change.conflict is conflict
    assert change.op != "extend"


def test_what_is_kept_elsewhere_is_read_at_most_once() -> None:
    """A list of which a part is kept beside the journal is known to be a list without being read; so is a dict."""
    ref = {"$blob": "x"}
    state = {
        "list": StateEntry(ref),
        "cat": StateEntry({"$cat": [ref, [1]]}),
        "merge": StateEntry({"$merge": [ref, {}]}),
    }
    read: list[Json] = []

    def resolve(value: Json) -> Json:
        read.append(value)
        return ["long"]

    several = [by("append", "list", 1), by("append", "cat", 1), by("append", "cat", 2), by("merge", "merge", {"a": 1})]
    assert changes_of(state, several, resolve) == tuple(
        StateChange(key=each.key, op=each.op, value=each.value) for each in several
    )
    assert read == [ref]


REF, MORE = {"$blob": "old", "size": 9}, {"$blob": "more", "size": 9}


@pytest.mark.parametrize(
    ("old", "changes", "value"),
    [
        (REF, [StateChange("k", 1, "append"), StateChange("k", [2, 3], "extend")], {"$cat": [REF, [1, 2, 3]]}),
        ([0], [StateChange("k", MORE, "extend"), StateChange("k", 1, "append")], {"$cat": [[0], MORE, [1]]}),
        (REF, [StateChange("k", MORE, "extend"), StateChange("k", MORE, "extend")], {"$cat": [REF, MORE, MORE]}),
        (None, [StateChange("k", MORE, "extend")], MORE),
        ([0], [StateChange("k", MORE, "append")], [0, MORE]),
        (REF, [StateChange("k", {"a": 1}, "merge"), StateChange("k", {"a": 2}, "merge")], {"$merge": [REF, {"a": 2}]}),
        (
            {"a": 1},
            [StateChange("k", MORE, "merge"), StateChange("k", {"b": 1}, "merge")],
            {"$merge": [{"a": 1}, MORE, {"b": 1}]},
        ),
        (None, [StateChange("k", MORE, "merge")], MORE),
        (REF, [StateChange("k", 5)], 5),
        (REF, [StateChange("k", op="delete")], None),
    ],
)
def test_large_values_stay_where_they_are(old: Json, changes: list[StateChange], value: Json) -> None:
    """Conformance 52: appending to a large list, or a large one to a list, reads and copies neither."""
    before = msgspec.json.encode(old)
    found = old
    for change in changes:
        found = changed(found, change)
    assert found == value
    assert msgspec.json.encode(old) == before


values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, -0.0, 1.0, 2.5]) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=4),
    max_leaves=12,
)


def text_of(value: Json) -> bytes:
    """Return the JSON of `value`, by which 1, 1.0 and True, and 0.0 and -0.0, are told apart."""
    return msgspec.json.encode(value)


@given(values, values)
def test_same_is_to_be_the_same_json(one: Json, other: Json) -> None:
    """Conformance 47: 1, 1.0 and True are three values, and so are 0.0 and -0.0; the order of keys counts."""
    assert same(one, other) == (text_of(one) == text_of(other))


grown = st.one_of(
    st.tuples(values, values),
    st.lists(values, min_size=1, max_size=4).flatmap(
        lambda old: st.tuples(st.just(old), st.lists(values).map(lambda more: old + more))
    ),
    st.dictionaries(st.text("abc", max_size=1), values, max_size=3).flatmap(
        lambda old: st.tuples(
            st.just(old), st.dictionaries(st.text("abcdef", max_size=1), values).map(lambda more: old | more)
        )
    ),
)


@given(grown)
def test_an_extension_is_exact(pair: tuple[Json, Json]) -> None:
    """Conformance 47 and 52: a value that is journaled as what was added comes back exactly."""
    old, new = pair
    smaller = extension(old, new)
    if smaller is not None:
        assert text_of(changed(old, smaller)) == text_of(new)
        assert not is_kept_elsewhere(changed(old, smaller))


@given(st.lists(st.sampled_from([[1], [True], [1.0], {"a": 1}, {"a": True}, {"a": 1, "b": 2}, None, {"$type": "x"}])))
def test_an_executors_own_attributes_are_kept_with_its_completions(kept: list[Json]) -> None:
    """Conformance 23, the core's part: what `on_checkpoint_save` last returned comes back, whatever it was before."""

    def saves(task: Task) -> Effects:
        number = task.delivery.superstep - 1
        return Effects(effects(0).sends, saved=kept[number]) if number < len(kept) else effects()

    simulation = Simulation(flow("a", Direct("a", "a")), {"a": saves}, large=8).start()
    last = next((each for each in reversed(kept) if each is not None), None)
    found = simulation.resolve(simulation.now_run.saved.get("a"))
    assert text_of(found) == text_of(last)


def test_attributes_are_journaled_as_what_was_added() -> None:
    """Conformance 52: attributes that grow cost what they grow by; unchanged ones cost nothing."""
    states = iter([{"seen": 1, "names": 2}, {"seen": 1, "names": 2}, {"seen": 1, "names": 2, "more": 3}, None])

    def saves(task: Task) -> Effects:
        return Effects(effects(*[0] * (task.delivery.superstep < 4)).sends, saved=next(states))

    simulation = Simulation(flow("a", Direct("a", "a")), {"a": saves}).start()
    events = [event.saved for event in simulation.events() if isinstance(event, InvocationCompleted)]
    assert [(saved.op, saved.value) if saved else None for saved in events] == [
        ("set", {"seen": 1, "names": 2}),
        None,
        ("merge", {"more": 3}),
        None,
    ]
    assert simulation.now_run.saved == {"a": {"seen": 1, "names": 2, "more": 3}}


def test_a_late_completion_is_passed_over() -> None:
    """Conformance 21: what ends after its run has ended, or twice, leaves nothing."""
    simulation = Simulation(flow("a"), {"a": writes(write("k", 1))}).start()
    (delivery,) = simulation.committed
    assert simulation.decide(Complete(delivery, effects(writes=[write("k", 2)]))) == ()
    assert simulation.state == {"k": 1}
