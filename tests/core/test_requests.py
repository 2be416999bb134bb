"""Requests: how they are named, answered, expired, frozen and withdrawn, and what an answer sets going."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import msgspec
import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.events import MailTaken, RequestAnswered
from lrwf_cli.core.model import Direct, ExecutorSpec, FanOut, RetryPolicy
from lrwf_cli.core.outside import open_requests
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Ask, Request
from lrwf_cli.core.waking import wake_at
from tests.core.scripts import Await, Poll, Question, Sleep
from tests.core.simulation import ORIGIN, Handler, Result, Simulation, Task, effects, flow, script

HOUR = 3600.0


def begun(*lanes: Sequence[Await], **more: Any) -> Simulation:
    """Return a run of one executor `approve`, as it is when its first stretch is over."""
    simulation = Simulation(flow("approve", **more), {"approve": script(*lanes)})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    return simulation.wake()


def asks(*asks: Ask, after: c.Effects | None = None) -> Handler:
    """Return a handler that asks without waiting, and sends on how it was answered."""

    def handle(task: Task) -> c.Effects:
        if task.delivery.answers:
            return effects([task.delivery.answers, task.message])
        return msgspec.structs.replace(after or effects(), asks=asks)

    return handle


def ids(run: Run) -> list[str]:
    return [request.id for request in open_requests(run)]


def test_requests_are_named_after_their_executor() -> None:
    """Conformance 36: `approve`, `approve.2` and so on, in the order in which they were asked, of all deliveries."""
    simulation = Simulation(
        flow("a", Direct("a", "approve")),
        {"a": lambda _: effects(1, 2), "approve": script([Question("one?")], [Question("two?")])},
    )
    simulation.publish(c.Start("sim", 0, ORIGIN))
    run = simulation.wake().now_run
    assert ids(run) == ["approve", "approve.2", "approve.3", "approve.4"]
    assert [request.ask.prompt for request in run.requests.values()] == ["one?", "two?"] * 2
    assert {request.executor for request in run.requests.values()} == {"approve"}
    assert run.status == "waiting"
    assert wake_at(run) is None


@pytest.mark.parametrize("order", list(permutations(["approve", "approve.2", "approve.3"])))
def test_answers_come_in_any_order_and_partly(order: tuple[str, ...]) -> None:
    """Conformance 36, 41: each lane goes on with its own answer; what is not answered stays open, and as it was."""
    simulation = begun(*([Question(f"{name}?")] for name in "xyz"))
    before = dict(simulation.now_run.requests)
    for number, request in enumerate(order, 1):
        simulation.answer(request, f"to {request}")
        simulation.wake()
        still = [each for each in before if each not in order[:number]]
        assert ids(simulation.now_run) == still
        assert all(simulation.now_run.requests[each] == before[each] for each in still)
    assert simulation.outputs == ["to approve", "to approve.2", "to approve.3"]


def test_unanswered_requests_stay_open_across_restarts() -> None:
    """Conformance 41: whoever takes the run up finds them as they were, and asks nothing anew."""
    simulation = begun([Question("one?")], [Question("two?"), Question("three?")])
    simulation.answer("approve.2", "yes")
    simulation.wake()
    for boots in range(5):
        simulation.boots = boots // 2
        simulation.take()
        simulation.go_on()
        assert ids(simulation.now_run) == ["approve", "approve.3"]
    assert list(simulation.now_run.requests) == ["approve", "approve.2", "approve.3"]


def test_the_first_answer_stands() -> None:
    """Conformance 38: a second answer, a late one, an unknown request: each is taken note of, and nothing else."""
    simulation = begun([Question("ok?"), Question("sure?")])
    first = simulation.answer("approve", "yes", comment="fine")
    assert simulation.answer("approve", "no") == first
    simulation.answer("unknown", "no")
    simulation.wake()
    assert simulation.now_run.requests["approve"].answer == first
    run = msgspec.json.encode(simulation.now_run)
    for request in ("approve", "unknown", "approve.9"):
        assert not simulation.decide(c.Respond(request, first))
        simulation.mail.append(c.TakeMail(f"late-{request}", 0, "answered", c.Respond(request, first)))
    simulation.wake()
    changed = msgspec.structs.replace(simulation.now_run, mail={}, seq=0, updated_at=simulation.now)
    expected = msgspec.structs.replace(msgspec.json.decode(run, type=Run), mail={}, seq=0, updated_at=simulation.now)
    assert changed == expected
    assert sum(isinstance(event, RequestAnswered) for event in simulation.events()) == 1
    assert sum(isinstance(event, MailTaken) for event in simulation.events()) == 6


def test_an_expiry_with_a_default_goes_on_with_it() -> None:
    """Conformance 40: at its instant, not before; the answer says that nobody gave it."""
    simulation = begun([Question("ok?", expires=HOUR, default="stop")])
    run = simulation.now_run
    assert wake_at(run) == run.requests["approve"].ask.expires_at
    simulation.pass_time(HOUR - 1)
    assert ids(simulation.now_run) == ["approve"]
    simulation.pass_time(1)
    answer = simulation.now_run.requests["approve"].answer
    assert answer
    assert (simulation.outputs, answer.expired, answer.by) == (["stop"], True, None)


def test_an_expiry_without_a_default_raises_in_the_handler() -> None:
    """Conformance 40: and what it raises is a failure like any other."""
    simulation = begun([Question("ok?", expires=HOUR)]).go_on()
    assert (simulation.now_run.status, simulation.error) == ("failed", "RequestExpired")


def test_a_retry_asks_anew_what_expired() -> None:
    """Conformance 26, 40: else a run that failed because nobody answered could never be retried."""
    simulation = begun([Question("ok?", expires=HOUR)]).go_on()
    simulation.publish(c.Retry())
    simulation.wake()
    assert ids(simulation.now_run) == ["approve.2"]
    assert simulation.now_run.requests["approve"].withdrawn
    simulation.answer("approve.2", "yes")
    assert simulation.wake().outputs == ["yes"]


def test_a_retry_does_not_ask_again_what_was_answered() -> None:
    """Conformance 41: an attempt that begins anew finds the answer to the same question; open ones are asked anew."""
    entries: list[int] = []

    def handle(task: Task) -> Result:
        entries.append(task.attempt)
        if len(entries) == 2:
            raise OSError
        return script([Question("one?")], [Question("two?")])(task)

    spec = ExecutorSpec("approve", retry=RetryPolicy(max_attempts=2))
    simulation = Simulation(flow("approve", specs=[spec]), {"approve": handle})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake().answer("approve", "yes")
    simulation.wake().go_on()
    assert list(simulation.now_run.requests) == ["approve", "approve.2", "approve.3"]
    assert (ids(simulation.now_run), simulation.now_run.requests["approve.2"].withdrawn) == (["approve.3"], True)
    simulation.answer("approve.3", "too")
    assert simulation.wake().outputs == ["yes", "too"]


def test_another_question_from_the_same_place_is_another_request() -> None:
    """Conformance 41: an answer is to what was asked: a new attempt that asks something else is not given it."""
    entries: list[int] = []

    def handle(task: Task) -> Result:
        entries.append(task.attempt)
        if len(entries) == 2:
            raise OSError
        return script([Question(f"attempt {task.attempt}?")])(task)

    spec = ExecutorSpec("approve", retry=RetryPolicy(max_attempts=2))
    simulation = Simulation(flow("approve", specs=[spec]), {"approve": handle})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake().answer("approve", "yes")
    simulation.wake().go_on()
    assert ids(simulation.now_run) == ["approve.2"]


def test_who_answers_before_the_expiry_wins() -> None:
    """Conformance 38, 40: an answer that stands is not expired any more, however late the run hears of it."""
    simulation = begun([Question("ok?", expires=HOUR, default="stop")])
    simulation.now += timedelta(seconds=HOUR - 1)
    simulation.answer("approve", "ship")
    simulation.mail.clear()  # its letter is late
    simulation.pass_time(HOUR)
    assert simulation.outputs == ["ship"]


def test_an_answer_after_the_expiry_changes_nothing() -> None:
    """Conformance 38: it gets to see the expiry, and the run goes on as it was going."""
    simulation = begun([Question("ok?", expires=HOUR, default="stop"), Sleep(HOUR)]).pass_time(HOUR)
    assert simulation.answer("approve", "ship").expired
    assert simulation.wake().go_on().outputs == ["stop", "timer"]


def test_an_answer_that_calls_becomes_a_delivery() -> None:
    """Design 6: for the executor that asked, one superstep deeper, with an id that comes from where it was asked."""
    simulation = Simulation(flow("a", Direct("a", "b")), {"a": asks(Ask("", "1", "one?", calls=True))}).start()
    run = simulation.now_run
    assert (run.status, ids(run), wake_at(run)) == ("waiting", ["a"], None)
    simulation.answer("a", 7)
    simulation.wake()
    assert (simulation.outputs, simulation.now_run.status) == ([["a", 7]], "completed")
    (answered,) = [event for event in simulation.events() if isinstance(event, RequestAnswered)]
    assert answered.delivery
    assert (answered.delivery.superstep, answered.delivery.answers) == (2, "a")


@pytest.mark.parametrize("order", [("a", "a.2"), ("a.2", "a")])
def test_the_order_of_answers_does_not_show(order: tuple[str, str]) -> None:
    """Design 4: ids, and with them keys and the order of outputs, do not depend on who answers first."""
    both = (Ask("", "1", "one?", calls=True), Ask("", "2", "two?", calls=True))
    simulation = Simulation(flow("a", Direct("a", "b")), {"a": asks(*both)}).start()
    for request in order:
        simulation.answer(request, f"to {request}")
        simulation.wake()
    assert simulation.now_run.status == "completed"
    assert sorted(simulation.outputs) == [["a", "to a"], ["a.2", "to a.2"]]
    assert {e.delivery.id for e in simulation.events() if isinstance(e, RequestAnswered) and e.delivery} == _ids(both)


def _ids(both: tuple[Ask, ...]) -> set[str]:
    calmly = Simulation(flow("a", Direct("a", "b")), {"a": asks(*both)}).start()
    for request in ("a", "a.2"):
        calmly.answer(request, "?")
    calmly.wake()
    return {e.delivery.id for e in calmly.events() if isinstance(e, RequestAnswered) and e.delivery}


def test_a_run_does_not_complete_while_somebody_is_asked() -> None:
    """Conformance 41: one of two answers does not end it; nor does the end of all that it does otherwise."""
    both = (Ask("", "1", "one?", calls=True), Ask("", "2", "two?", calls=True))
    simulation = Simulation(flow("a", Direct("a", "b")), {"a": asks(*both, after=effects(1))}).start()
    assert (simulation.outputs, simulation.now_run.status) == ([1], "waiting")
    simulation.answer("a", 1)
    assert simulation.wake().now_run.status == "waiting"
    simulation.answer("a.2", 2)
    assert simulation.wake().now_run.status == "completed"


def test_two_answers_to_the_same_place_are_two_deliveries() -> None:
    """Design 4: what a failed attempt asked, and was answered, and what the next one asks, are told apart."""

    def handle(task: Task) -> Result:
        if task.delivery.answers:
            return effects([task.delivery.answers, task.message])
        if task.waits and task.attempt == 1:
            raise OSError
        question = Question(f"attempt {task.attempt}?", calls=True)
        return script([question, Sleep(HOUR)], then=lambda *_: effects())(task)

    spec = ExecutorSpec("approve", retry=RetryPolicy(max_attempts=2))
    simulation = Simulation(flow("approve", specs=[spec]), {"approve": handle})
    simulation.publish(c.Start("sim", 0, ORIGIN))
    simulation.wake().answer("approve", 1)
    simulation.wake().pass_time(HOUR).answer("approve.2", 2)
    simulation.go_on()
    assert sorted(simulation.outputs) == [["approve", 1], ["approve.2", 2]]
    assert set(simulation.committed.values()) == {1}
    assert len(simulation.committed) == 3


def test_a_timer_hears_an_answer_and_is_woken_before_its_time() -> None:
    """Design 6: a handler that has asked without waiting and sleeps is woken by the answer, or by the instant."""
    for answered in (True, False):
        simulation = begun([Question("ok?", calls=True), Sleep(HOUR)])
        if answered:
            simulation.answer("approve", "yes")
        else:
            simulation.now += timedelta(hours=1)
        simulation.wake()
        assert [None, "response" if answered else "timer"] == simulation.outputs[:2]


def test_an_answer_while_its_handler_is_at_work_is_heard() -> None:
    """Conformance 39: a lane that waits on, while another is at work, is woken by what was answered meanwhile."""
    simulation = begun([Sleep(24 * HOUR)], [Poll(60, 2), Sleep(24 * HOUR)], [Question("ok?", calls=True)])
    simulation.now += timedelta(seconds=60)
    simulation.take()
    assert simulation.at_work
    simulation.answer("approve", "yes")
    simulation.work_off()
    kept = [entry.value for lanes in simulation.now_run.kept.values() for log in lanes.values() for entry in log]
    assert kept.count("response") == 1


def test_a_handler_that_ends_withdraws_what_it_waited_for() -> None:
    """Conformance 41: a question that nobody waits for any more is closed, and an answer to it changes nothing."""

    def handle(task: Task) -> Result:
        return effects("done") if task.waits else script([Sleep(60)], [Question("ok?")])(task)

    simulation = Simulation(flow("a"), {"a": handle}).start()
    assert simulation.outputs == ["done"]
    assert simulation.now_run.requests["a"].withdrawn
    assert ids(simulation.now_run) == []


def frozen() -> Simulation:
    """Return a run that has failed with a suspended handler in it that waits for two answers and a timer."""
    broken: list[bool] = [True]

    def bad(task: Task) -> c.Effects:
        if broken and broken.pop():
            raise OSError
        return effects("mended")

    lanes = [Question("one?")], [Question("two?", expires=HOUR, default="stop")], [Sleep(HOUR)]
    return Simulation(
        flow("a", FanOut("a", ("approve", "bad"))), {"approve": script(*lanes), "bad": bad}
    ).start()  # fmt: skip


def test_a_failed_run_freezes_its_requests_and_timers() -> None:
    """Conformance 26: nothing of it expires or fires while it has failed; a retry thaws all of it."""
    simulation = frozen()
    run = simulation.now_run
    assert (run.status, len(run.waiting), wake_at(run), open_requests(run)) == ("failed", 1, None, [])
    frames = len(simulation.disk)
    simulation.pass_time(7 * 24 * HOUR)
    assert len(simulation.disk) == frames
    simulation.publish(c.Retry())
    simulation.wake()
    assert ids(simulation.now_run) == ["approve"]
    simulation.answer("approve", "yes")
    assert simulation.wake().outputs == ["yes", "stop", "timer", "mended"]


def test_an_answer_to_a_frozen_request_is_not_lost() -> None:
    """Conformance 39: given while the run was failing, it is there when somebody retries the run."""
    simulation = frozen()
    simulation.answer("approve", "yes")
    simulation.take()
    simulation.go_on()
    assert simulation.now_run.status == "failed"
    assert not simulation.mail
    simulation.ask(c.Retry())
    assert simulation.outputs[:2] == ["yes", "stop"]


@pytest.mark.parametrize("end", [c.Cancel(), c.Pause()])
def test_an_answer_that_calls_is_not_lost_either(end: c.Command) -> None:
    """Conformance 39: one that came after the run was cancelled, or while it was held, is delivered when it goes on."""
    simulation = Simulation(flow("a", Direct("a", "b")), {"a": asks(Ask("", "1", "one?", calls=True))}).start()
    simulation.publish(end)
    simulation.answer("a", 7)
    simulation.take()
    simulation.go_on()
    assert simulation.outputs == []
    simulation.ask(c.Retry() if isinstance(end, c.Cancel) else c.Resume())
    assert simulation.outputs == [["a", 7]]


def test_a_paused_run_takes_answers_and_expires_nothing() -> None:
    """Conformance 39: what was answered meanwhile counts when it is resumed; only then does the rest expire."""
    simulation = begun([Question("one?")], [Question("two?", expires=HOUR, default="stop")])
    simulation.publish(c.Pause())
    assert wake_at(simulation.now_run) is None
    simulation.answer("approve", "yes")
    simulation.take()
    simulation.go_on()
    simulation.pass_time(2 * HOUR)
    assert (ids(simulation.now_run), simulation.now_run.status) == (["approve.2"], "paused")
    simulation.ask(c.Resume())
    assert simulation.outputs == ["yes", "stop"]


@pytest.mark.parametrize("again", [c.Rewind, c.Fork])
def test_going_back_asks_anew(again: type[c.Rewind | c.Fork]) -> None:
    """Conformance 51: answers are of an epoch: after a rewind to before the answer the question is open once more."""
    simulation = begun([Question("ok?"), Sleep(HOUR), Question("sure?")])
    past = simulation.past(len(simulation.disk))
    simulation.answer("approve", "yes")
    simulation.wake()
    assert ids(past) == ["approve"]
    if again is c.Rewind:
        other = simulation
        other.publish(c.Rewind(past))
    else:
        other = Simulation(simulation.workflow, simulation.handlers)
        other.now = simulation.now
        other.publish(c.Fork("fork", past))
    other.wake()
    assert ids(other.now_run) == ["approve"]
    other.answer("approve", "no")
    other.wake().go_on()
    assert ids(other.now_run) == ["approve.2"]
    other.answer("approve.2", "maybe")
    assert other.wake().outputs == ["no", "timer", "maybe"]


def test_an_answer_as_of_an_older_epoch_is_discarded() -> None:
    """I7: it was to a question that a rewind has taken back."""
    simulation = begun([Question("ok?")])
    simulation.answer("approve", "yes")
    simulation.publish(c.Rewind(simulation.past(len(simulation.disk))))
    simulation.take()
    simulation.go_on()
    assert (ids(simulation.now_run), simulation.outputs) == (["approve"], [])


def test_many_requests_may_expire_at_once() -> None:
    """Conformance 36, 40: a hundred that expire at the same instant are one frame, and each goes on with its own."""
    lanes = [[Question(f"{n}?", expires=HOUR, default=n + 1)] for n in range(100)]
    simulation = begun(*lanes)
    frames = len(simulation.disk)
    simulation.pass_time(HOUR)
    assert simulation.outputs == list(range(1, 101))
    assert len(simulation.disk) == frames + 2


def test_what_a_request_shows() -> None:
    """Conformance 36: id, executor, prompt, expiry, and since when."""
    simulation = begun([Question("ok?", expires=HOUR)])
    request: Request = simulation.now_run.requests["approve"]
    assert (request.id, request.executor, request.ask.prompt) == ("approve", "approve", "ok?")
    assert request.ask.expires_at is not None
    assert request.opened_at == simulation.now_run.updated_at
