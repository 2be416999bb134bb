"""Answers: whoever drives the run, or nobody, they are taken up once; expiry and a person decide between them."""

import asyncio
from datetime import timedelta

import pytest

from lrwf_cli.core.commands import Effects, Retry
from lrwf_cli.core.events import DriverStarted, MailTaken, RequestAnswered
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, Workflow
from lrwf_cli.core.suspended import Answer, Ask
from lrwf_cli.core.view import outputs
from lrwf_cli.engine import steer
from lrwf_cli.engine.post import PATIENCE
from lrwf_cli.errors import FlowError
from lrwf_cli.executors.base import Call, Result
from lrwf_cli.store.base import Store
from tests.core.scripts import Question, Sleep
from tests.engine.handling import Handlers, World, chain, graph, one, passes_on, plays, sends


def asked(store: Store, *more: Question | Sleep, expires: float | None = None, default: object = None) -> World:
    """A run that has asked and waits."""
    world = World(store, one(), Handlers(a=plays([Question("ok?", expires, default), *more])))
    assert world.begin().status == "waiting"
    return world


def count(store: Store, event: type, run_id: str = "r") -> int:
    return sum(isinstance(each, event) for frame in store.frames(run_id) for each in frame.events)


def test_an_answer_makes_the_run_due_and_the_next_tick_takes_it(store: Store) -> None:
    """Conformance 39: durably left, found by whoever comes next, acted upon once, and the letter is gone."""
    world = asked(store)
    assert store.due(world.clock.now()) == []
    world.answer("a", "yes")
    assert [due.run_id for due in store.due(world.clock.now())] == ["r"]
    assert world.tick() == ["completed"]
    assert outputs(store.load("r")) == ["yes"]
    assert (count(store, RequestAnswered), count(store, MailTaken)) == (1, 1)
    assert store.due(world.clock.now()) == []


def test_a_second_answer_changes_nothing(store: Store) -> None:
    """Conformance 38: who is second is shown the first; the run hears of both letters and of one answer."""
    world = asked(store, Sleep(3600))
    first = world.answer("a", "yes")
    world.pass_time(1)
    assert world.answer("a", "no") == first
    assert world.tick() == ["waiting"]
    assert world.answer("a", "no") == first
    assert world.tick() == ["waiting"]
    assert (count(store, RequestAnswered), count(store, MailTaken)) == (1, 3)
    world.pass_time(3600)
    world.tick()
    assert outputs(store.load("r")) == ["yes", "timer"]


def test_an_answer_reaches_the_driver_at_work(store: Store) -> None:
    """Conformance 39: given while a process drives the run, it is taken up by that process."""

    async def main() -> list[object]:
        go = asyncio.Event()

        async def slow(_: Call) -> Result:
            await go.wait()
            return await sends("slow")(_)

        async def heard(_: Call) -> Result:
            go.set()
            return Effects()

        workflow = graph(FanOut("s", ("a", "slow")), Direct("a", "heard"), start="s")
        handlers = Handlers(s=sends(1), a=plays([Question("ok?")]), slow=slow, heard=heard)
        world = World(store, workflow, handlers)
        engine = world.process()
        driving = asyncio.ensure_future(engine.begin(world.create(), world.assembly()))
        while not store.load("r").requests:  # noqa: ASYNC110 - the driver says nothing by itself
            await asyncio.sleep(0)
        world.answer("a", "yes")
        engine.look()
        await driving
        return outputs(store.load("r"))

    assert asyncio.run(main()) == ["slow"]
    assert count(store, DriverStarted) == 1


def test_a_letter_before_its_answer_is_left_where_it_is(store: Store) -> None:
    """Conformance 39: whoever answers leaves the letter first; a driver that finds it too soon writes nothing."""
    world = asked(store)
    letter = world.letter("answered", {"request": "a"})
    store.post(letter)
    before = store.load("r")
    for _ in range(3):
        assert world.tick() == ["waiting"]
    assert asyncio.run(world.process().advance("r")) == before
    assert [due.run_id for due in store.due(world.clock.now())] == ["r"]
    store.answer(letter, "a", Answer(world.clock.now(), "yes"))
    assert world.tick() == ["completed"]


def test_a_letter_whose_answer_never_came_is_burned_in_the_end(store: Store) -> None:
    """Conformance 58: whoever answered was killed in the middle of it: the run is not due for ever."""
    world = asked(store)
    store.post(world.letter("answered", {"request": "a"}))
    world.clock.jump(PATIENCE)
    assert world.tick() == ["waiting"]
    assert count(store, MailTaken) == 0
    world.pass_time(1)
    assert world.tick() == ["waiting"]
    assert (count(store, MailTaken), count(store, RequestAnswered)) == (1, 0)
    assert store.due(world.clock.now()) == []
    world.answer("a", "yes")
    assert world.tick() == ["completed"]


@pytest.mark.parametrize("data", [None, {}, {"request": 7}, {"request": "unknown"}, ["a"]])
def test_a_letter_that_makes_no_sense_is_burned(store: Store, data: object) -> None:
    """Conformance 38, 59: it stops nothing, and the request stays open."""
    world = asked(store)
    store.post(world.letter("answered", data))
    world.clock.jump(PATIENCE * 2)
    assert world.tick() == ["waiting"]
    assert store.due(world.clock.now()) == []
    assert store.load("r").requests["a"].is_open


def test_an_expiry_is_an_answer_that_stands(store: Store) -> None:
    """Conformance 38, 40: whoever answers after it is told so."""
    world = asked(store, Sleep(3600), expires=60, default="stop")
    world.pass_time(60)
    assert world.tick() == ["waiting"]
    late = world.answer("a", "ship")
    assert (late.expired, late.value) == (True, "stop")
    assert world.tick() == ["waiting"]
    world.pass_time(3600)
    world.tick()
    assert outputs(store.load("r")) == ["stop", "timer"]


def test_who_answers_before_the_expiry_is_decided_wins(store: Store) -> None:
    """Conformance 38, 39: an answer that stands when the driver lets the request expire is taken, letter or not."""
    world = asked(store, expires=60, default="stop")
    held = store.hold("r")
    held.answer("a", Answer(world.clock.now(), "ship"))
    held.wake_at(None)
    held.release()
    world.pass_time(3600)
    assert asyncio.run(world.process().advance("r")).status == "completed"
    assert outputs(store.load("r")) == ["ship"]


def test_an_expiry_and_its_letter_in_one_tick(store: Store) -> None:
    """Conformance 39, 40: an answer of before the expiry, found after it, is what counts, and counts once."""
    world = asked(store, expires=60, default="stop")
    world.pass_time(59)
    world.answer("a", "ship")
    world.pass_time(3600)
    assert world.tick() == ["completed"]
    assert (outputs(store.load("r")), count(store, RequestAnswered)) == (["ship"], 1)


def test_an_expiry_without_a_default_fails_the_handler(store: Store) -> None:
    """Conformance 40: with what the handler makes of it."""
    from lrwf_cli.core.run import Failure
    from lrwf_cli.executors.base import Failed
    from tests.core.scripts import RequestExpired

    async def handler(call: Call) -> Result:
        try:
            return await plays([Question("ok?", 60)])(call)
        except RequestExpired as error:
            return Failed(Failure("RequestExpired", str(error), "a", call.attempt))

    world = World(store, one(), Handlers(a=handler))
    world.begin()
    world.pass_time(60)
    assert world.tick() == ["failed"]
    steer.retry(store, world.clock, "r", Retry())
    assert world.tick() == ["waiting"]
    world.answer("a.2", "yes")
    assert world.tick() == ["completed"]


def test_an_answer_that_calls_is_a_delivery(store: Store) -> None:
    """Design 6: `request_info`: the run waits for it, and its handler is called with what was answered."""

    async def handler(call: Call) -> Result:
        if call.delivery.answers:
            (request,) = (each for each in call.requests if each.id == call.delivery.answers)
            assert request.answer
            return await sends([request.ask.prompt, request.answer.value, call.delivery.message])(call)
        return Effects(asks=(Ask("", "1", "one?", calls=True), Ask("", "2", "two?", calls=True)))

    world = World(store, chain("a", "b"), Handlers(a=handler, b=passes_on()))
    assert world.begin().status == "waiting"
    world.answer("a.2", 2)
    assert world.tick() == ["waiting"]
    world.answer("a", 1)
    assert world.tick() == ["completed"]
    assert sorted(outputs(store.load("r"))) == [["one?", 1, 1], ["two?", 2, 2]]


def test_an_answer_to_a_run_that_cannot_be_put_together_is_kept(store: Store) -> None:
    """Conformance 39, 59: its flow is gone for now; the answer is taken all the same, and counts when it is back."""
    world = asked(store)
    world.answer("a", "yes")
    engine = world.process()
    broken = FlowError(("flow.yaml:1:1: no module `gone`", "install it"))

    def assemble(*_: object) -> object:
        raise broken

    engine._assemble = assemble  # type: ignore[assignment]
    (outcome,) = asyncio.run(engine.tick(["r"]))
    assert outcome.error is broken
    assert store.load("r").status == "blocked"
    assert count(store, RequestAnswered) == 1
    assert store.due(world.clock.now()) == []
    steer.send(store, world.clock, world.letter("resume"))
    assert world.tick() == ["completed"]


def test_an_answer_to_a_run_that_was_cancelled_meanwhile(store: Store) -> None:
    """Conformance 39: the person was told that it is taken: after a retry it counts."""
    world = asked(store)
    store.post(world.letter("cancel"))
    world.answer("a", "yes")
    assert world.tick() == ["cancelled"]
    assert store.due(world.clock.now()) == []
    steer.retry(store, world.clock, "r", Retry())
    assert world.tick() == ["completed"]
    assert outputs(store.load("r")) == ["yes"]


@pytest.mark.parametrize("number", [1, 20])
def test_many_answers_at_once_are_one_frame(store: Store, number: int) -> None:
    """Conformance 36, 41: all that have come by the time the run is taken up."""
    lanes = [[Question(f"{n}?")] for n in range(number)]
    world = World(store, one(), Handlers(a=plays(*lanes)))
    before = world.begin().seq
    for n in range(number):
        world.answer("a" if n == 0 else f"a.{n + 1}", n)
    assert world.tick() == ["completed"]
    assert store.load("r").seq == before + 2
    assert outputs(store.load("r")) == list(range(number))


def test_a_question_after_a_crash_is_answered_by_mail(store: Store) -> None:
    """Design 7: `on_crash: ask`: nobody's process waits for the answer, and `retry` has it done."""

    class Killed(BaseException):
        """The process is gone."""

    async def deadly(call: Call) -> Result:
        if call.attempt == 1:
            raise Killed
        return await sends(call.attempt)(call)

    world = World(store, Workflow("test", {"a": ExecutorSpec("a", on_crash="ask")}, "a"), Handlers(a=deadly))
    with pytest.raises(Killed):
        world.begin()
    assert world.tick() == ["waiting"]
    assert store.due(world.clock.now() + timedelta(days=9)) == []
    world.answer("a", "retry")
    assert world.tick() == ["completed"]
    assert outputs(store.load("r")) == [2]


def test_a_cancel_by_mail_is_decided_in_the_order_of_the_letters(store: Store) -> None:
    """I7: an answer before a cancel sets the handler going, and the cancel cuts it off."""
    world = asked(store)
    world.answer("a", "yes")
    world.pass_time(1)
    assert steer.send(store, world.clock, world.letter("cancel")) is None
    assert world.tick() == ["cancelled"]
    assert len(world.handlers.calls) == 1
