"""Limits of time: how an executor is given them; and agents, which need them most."""

import asyncio
import inspect
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects
from lrwf_cli.core.model import Direct, ExecutorSpec, Workflow
from lrwf_cli.core.run import Delivery
from lrwf_cli.errors import UsageError
from lrwf_cli.executors.agent import AgentExecutor
from lrwf_cli.executors.api import (
    Executor,
    Limits,
    LongRunningExecutor,
    check_executor,
    executor,
    handler,
    home_of,
    limits_of,
)
from lrwf_cli.executors.base import Call
from lrwf_cli.executors.invoke import PythonInvoker
from tests.executors.keeping import START, Progress

MINUTE = timedelta(minutes=1)


class Plain(Executor):
    @handler
    async def take(self, message: int) -> None: ...


class Limited(Plain):
    timeout = timedelta(minutes=1)
    deadline = 7200


def test_limits_are_given_when_an_executor_is_made() -> None:
    """Design 6: timedeltas, or seconds; what is left out is no limit."""
    assert limits_of(Plain()) == Limits()
    assert limits_of(Plain("a", timeout=60, deadline=timedelta(hours=2), idle_timeout=0.5)) == Limits(
        MINUTE, timedelta(hours=2), timedelta(milliseconds=500)
    )
    assert limits_of(LongRunningExecutor("a", timeout=60)) == Limits(MINUTE)


def test_a_class_may_have_limits() -> None:
    """Design 6: of the class, inherited or not; those of the instance go before them."""

    class Child(Limited): ...

    for made in (Limited, Limited(), Child, Child()):
        assert limits_of(made) == Limits(MINUTE, timedelta(hours=2))
    assert limits_of(Limited(timeout=5)) == Limits(timedelta(seconds=5), timedelta(hours=2))


def test_an_attribute_of_the_authors_is_no_limit() -> None:
    """An executor may call something else of its own `timeout`: an attribute, a method, a property."""

    class Own(Plain):
        def __init__(self) -> None:
            super().__init__("own", deadline=60)
            self.timeout = 5

        @property
        def idle_timeout(self) -> int:
            return 3

    class Bare(Plain):
        def __init__(self) -> None:
            self.timeout = 3

        def deadline(self) -> None: ...

    assert limits_of(Own()) == Limits(deadline=MINUTE)
    assert limits_of(Bare()) == Limits()


@pytest.mark.parametrize("name", ["timeout", "deadline", "idle_timeout"])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (-1, "is negative: -1"),
        (0, "is 0"),
        (timedelta(days=36500), "is longer than ten years"),
        (float("nan"), "is longer than ten years: nan"),
        ("5m", "is no duration: '5m'"),
        (True, "is no duration: True"),
    ],
)
def test_absurd_limits_are_refused(name: str, value: Any, said: str) -> None:
    """Negative and absurd durations: of an instance when it is made, of a class when it is checked, with its line."""
    with pytest.raises(UsageError) as caught:
        Plain("it", **{name: value})
    assert f"`{name}` of executor `it` {said}" in caught.value.message
    assert caught.value.hint
    made = type("Made", (Plain,), {name: value, "__module__": __name__})
    ((message, hint),) = check_executor(made)
    assert f": `{name}` of executor `Made` {said}" in message
    assert hint

    class Wrong(Plain):
        timeout = -1

    line = inspect.getsourcelines(Wrong)[1]
    ((message, _),) = check_executor(Wrong)
    assert message.startswith(f"{__file__}:{line}: ")


@dataclass
class Said:
    text: str
    value: Any = None


class Agent:
    """Says something about anything; async or plain."""

    name = "Shop Assistant!"

    def __init__(self, said: Any) -> None:
        self.said = said
        self.threads: list[threading.Thread] = []

    async def run(self, message: Any) -> Any:
        self.threads.append(threading.current_thread())
        await asyncio.sleep(0)
        return self.said


class PlainAgent(Agent):
    def run(self, message: Any) -> Any:
        self.threads.append(threading.current_thread())
        return self.said


class LazyAgent(Agent):
    def run(self, message: Any) -> Any:
        return super().run(message)


def sent(agent: Any) -> list[Any]:
    call = Call(
        run_id="run-1",
        workflow="flow",
        delivery=Delivery("d", "a", 1, {"ask": 1}),
        attempt=1,
        maybe_done=False,
        idempotency_key="key",
        started_at=START,
        input={},
        state={},
    )
    workflow = Workflow("flow", {name: ExecutorSpec(name) for name in "ab"}, "a", (Direct("a", "b"),))
    made = AgentExecutor(agent, "a")
    result = asyncio.run(PythonInvoker({"a": made}, workflow, Codec()).invoke(call, Progress()))
    assert isinstance(result, Effects), result
    return [send.value for send in result.sends]


@pytest.mark.parametrize("kind", [Agent, PlainAgent, LazyAgent])
@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("hello", ["hello"]),
        ({"a": 1}, [{"a": 1}]),
        (Said("hello"), ["hello"]),
        (Said("text", {"structured": True}), [{"structured": True}]),
        (None, []),
    ],
)
def test_an_agent_is_anything_that_runs(kind: type[Agent], said: Any, message: list[Any]) -> None:
    """Design 6: async or plain; its result's value or text is sent, else the result itself."""
    assert sent(kind(said)) == message


def test_a_plain_agent_does_not_block_the_loop() -> None:
    """A `run` that is no coroutine is called in a thread."""
    agent = PlainAgent("hello")
    sent(agent)
    assert agent.threads[0] is not threading.main_thread()


def test_an_agent_has_limits_and_a_name() -> None:
    """Design 6: `AgentExecutor(agent, timeout=timedelta(minutes=5))`; the agent's own name is its id."""
    made = AgentExecutor(Agent("x"), timeout=timedelta(minutes=5))
    assert (made.id, limits_of(made)) == ("Shop-Assistant", Limits(timedelta(minutes=5)))
    assert AgentExecutor(Agent("x"), "other", deadline=60).id == "other"
    assert AgentExecutor(type("Nameless", (), {"run": print})()).id == "agent"
    assert home_of(made) == __name__
    assert check_executor(made) == []
    with pytest.raises(UsageError, match="`int` is no agent: it has no `run`"):
        AgentExecutor(7)


def test_where_an_executors_types_are_found() -> None:
    """Conformance 47: in the module of its class, or of its function."""

    @executor
    def function(message: int) -> None: ...

    assert home_of(function) == home_of(Plain()) == __name__
