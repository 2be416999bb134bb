"""Fan-in: one queue for each source, first with first, in declared order; and what is left over."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.commands import Effects, Retry
from lrwf_cli.core.model import Direct, ExecutorSpec, FanIn, FanOut, Json, Workflow
from lrwf_cli.core.run import Run
from tests.core.simulation import Handler, Luck, Simulation, Task, effects, flow

DIAMOND = flow("a", FanOut("a", ("b", "c")), FanIn(("c", "b"), "d"))


def sends(*messages: Json) -> Handler:
    """Return a handler that sends `messages`."""
    return lambda _: effects(*messages)


def joined(workflow: Workflow, luck: Luck | None = None, **counts: int) -> Simulation:
    """Return a run in which each source sends its own messages, numbered, so many of them."""
    handlers = {each: sends(*(f"{each}{number}" for number in range(count))) for each, count in counts.items()}
    return Simulation(workflow, handlers, luck=luck).start()


def held(run: Run) -> dict[str, dict[str, list[Json]]]:
    """Return what waits in the queues of fan-ins."""
    return {
        group: {source: [entry.message for entry in queue] for source, queue in queues.items()}
        for group, queues in run.queues.items()
    }


def test_it_fires_once_with_a_list_in_declared_order() -> None:
    """Conformance 14: the order of the list is the declared one, not that of the edges or of arrival."""
    simulation = joined(DIAMOND, b=1, c=1)
    assert simulation.outputs == [["c0", "b0"]]
    assert not simulation.now_run.queues


@given(st.integers(0, 3), st.integers(0, 3), st.builds(Luck, st.integers(0, 999), st.integers(0, 4)))
def test_first_goes_with_first(b: int, c: int, luck: Luck) -> None:
    """Conformance 15 and 16: in any timing and over restarts the same pairs, and the same is left over."""
    simulation = joined(DIAMOND, luck, b=b, c=c)
    pairs = min(b, c)
    assert simulation.outputs == [[f"c{number}", f"b{number}"] for number in range(pairs)]
    left = {"b": [f"b{n}" for n in range(pairs, b)], "c": [f"c{n}" for n in range(pairs, c)]}
    assert held(simulation.now_run) == ({"c+b>d": {s: queue for s, queue in left.items() if queue}} if b != c else {})
    assert simulation.error == ("RunStuck" if b != c else "")


def test_what_is_left_over_fails_the_run_and_names_the_silent() -> None:
    """Conformance 15: stuck, with the source that was silent and how much waits for it."""
    workflow = flow("a", FanOut("a", ("b", "c", "e")), FanIn(("b", "c", "e"), "d"))
    run = joined(workflow, b=3, c=1, e=1).now_run
    assert run.status == "failed"
    assert run.error
    assert run.error.message == ("`d` still waits for a message of `c`, `e`; 2 of its other sources' are left over")
    assert (run.error.executor, bool(run.error.hint)) == ("d", True)


def test_of_several_stuck_ones_the_first_declared_is_named() -> None:
    """Conformance 15: which one the error names does not depend on who was faster."""
    workflow = flow("a", FanOut("a", ("b", "c")), FanIn(("c", "x"), "d"), FanIn(("b", "x"), "e"))
    for seed in range(8):
        run = joined(workflow, Luck(seed), b=1, c=1).now_run
        assert run.error
        assert run.error.executor == "d"
        assert [*sorted(run.queues)] == ["b+x>e", "c+x>d"]


def test_a_stuck_run_stays_stuck_when_retried() -> None:
    """Conformance 26: a retry runs nothing again that has not failed, and loses nothing of what waits."""
    simulation = joined(DIAMOND, b=2, c=1)
    before, waiting = simulation.handled.copy(), held(simulation.now_run)
    simulation.ask(Retry())
    assert simulation.error == "RunStuck"
    assert (simulation.handled, held(simulation.now_run)) == (before, waiting)


def test_its_superstep_is_one_more_than_its_deepest_source() -> None:
    """Conformance 14 and 18: a fan-in waits for its own inputs only, and counts from the deepest."""
    simulation = Simulation(
        flow("a", FanOut("a", ("b", "x")), Direct("x", "y"), Direct("y", "c"), FanIn(("b", "c"), "d")),
        {"d": lambda task: effects(task.delivery.superstep, task.delivery.source)},
    ).start()
    assert simulation.outputs == [5, "b+c"]
    assert simulation.now_run.iteration == 5


@pytest.mark.parametrize(("need", "rounds"), [(1, [["b"], ["c"], ["e"]]), (2, [["b", "c"]]), (3, [["b", "c", "e"]])])
def test_it_can_need_fewer(need: int, rounds: list[list[str]]) -> None:
    """`need` fires with as many sources as it says; what comes late then is left over and no reason to fail."""
    workflow = flow("a", FanOut("a", ("b", "c", "e")), FanIn(("b", "c", "e"), "d", need))
    simulation = Simulation(workflow, {each: sends(each) for each in "bce"}).start()
    assert (simulation.outputs, simulation.error) == (rounds, "")
    assert held(simulation.now_run) == ({"b+c+e>d": {"e": ["e"]}} if need == 2 else {})


def test_it_can_need_more_than_ever_comes() -> None:
    """`need` is a promise: a fan-in that never fired has something missing."""
    workflow = flow("a", FanOut("a", ("b", "c", "e")), FanIn(("b", "c", "e"), "d", 2))
    assert joined(workflow, b=2, c=0, e=0).error == "RunStuck"


def test_several_rounds_in_one_go() -> None:
    """Conformance 15: a handler that completes several rounds at once makes a delivery of each, in order."""
    simulation = joined(DIAMOND, Luck(1), b=3, c=3)
    assert simulation.outputs == [["c0", "b0"], ["c1", "b1"], ["c2", "b2"]]


def test_several_rounds_that_need_fewer() -> None:
    """What decides about a round and what takes it out of the queues agree, one entry after the other."""
    workflow = flow("a", FanOut("a", ("b", "c")), FanIn(("b", "c"), "d", 1))
    simulation = joined(workflow, b=2, c=2)
    assert simulation.outputs == [["b0"], ["b1"], ["c0"], ["c1"]]


@pytest.mark.parametrize("seed", [None, *range(8)])
def test_rounds_stay_in_order(seed: int | None) -> None:
    """Conformance 15: what was sent first is listed first, whether the rounds come from one handler or from many."""
    workflow = flow("a", FanOut("a", ("b", "c")), FanIn(("c", "b"), "d"), Direct("d", "e"))
    simulation = Simulation(workflow, {"a": sends(*range(9))}, luck=Luck(seed)).start()
    assert simulation.outputs == [[number, number] for number in range(9)]


def loops(rounds: int) -> Handler:
    """Return a handler that goes another round, or ends by saying what it got."""

    def handle(task: Task) -> Effects:
        return effects(task.message[0] + 1) if task.message[0] < rounds else effects(outputs=[task.message])

    return handle


@pytest.mark.parametrize("seed", [None, *range(10)])
def test_it_works_on_every_round_of_a_loop(seed: int | None) -> None:
    """Conformance 16: and across restarts, which neither lose nor repeat what it holds."""
    specs = [ExecutorSpec(each, max_crashes=99) for each in "abcd"]
    edges = (FanOut("a", ("b", "c")), FanIn(("b", "c"), "d"), Direct("d", "a"))
    simulation = Simulation(flow("a", *edges, specs=specs), {"d": loops(5)}, luck=Luck(seed, 10)).start(0)
    assert simulation.outputs == [[5, 5]]
    assert set(simulation.committed.values()) == {1}
    assert len(simulation.committed) == 6 * 4
    assert [output.path for output in simulation.now_run.outputs] == [()]


@pytest.mark.parametrize("large", [10**9, 4])
def test_large_messages_are_joined_unread(large: int) -> None:
    """What is kept beside the journal stays there: the list holds references, and the handler gets the values."""
    simulation = Simulation(DIAMOND, {"b": sends("bbbbbbbb"), "c": sends("c")}, large=large).start()
    assert simulation.outputs == [["c", "bbbbbbbb"]]


def orders(sources: Sequence[str]) -> st.SearchStrategy[list[str]]:
    """Return the orders in which one message of each of `sources` can arrive."""
    return st.permutations(list(sources))


@given(orders("bce"))
def test_arrival_does_not_show(order: list[str]) -> None:
    """Conformance 14: whoever comes first, the list and the delivery are the same."""
    workflow = flow("a", FanOut("a", ("b", "c", "e")), FanIn(("b", "c", "e"), "d"))

    class Ordered(Luck):
        def some(self, ids: Sequence[str]) -> list[str]:
            return sorted(ids, key=lambda each: order.index(names[each]) if names[each] in order else 9)[:1]

    names: dict[str, str] = {}
    simulation = Simulation(workflow, {each: sends(each) for each in "bce"}, luck=Ordered())
    simulation.after_frame = lambda each: names.update(
        {invocation.delivery.id: invocation.delivery.executor for invocation in each.now_run.open_invocations()}
    )
    simulation.start()
    assert simulation.outputs == [["b", "c", "e"]]
    assert sorted(simulation.committed) == sorted(joined(workflow, b=1, c=1, e=1).committed)
