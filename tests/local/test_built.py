"""Workflows built in Python: run in a program, streamed, gone on with; and read with the command line's store."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from lrwf_cli import (
    Case,
    Default,
    Executor,
    ExponentialBackoff,
    FileCheckpointStorage,
    InMemoryCheckpointStorage,
    Workflow,
    WorkflowBuilder,
    WorkflowContext,
    executor,
    handler,
    retry,
)
from lrwf_cli.core.events import InvocationCompleted, InvocationFailed, RunCompleted, RunStarted
from lrwf_cli.engine import driver
from lrwf_cli.errors import InputError, RunConflict, RunFailedError


class Counter(Executor):
    """Counts to a limit by sending messages to its partner."""

    def __init__(self, id: str, limit: int = 6) -> None:  # noqa: A002 - as in Executor
        super().__init__(id)
        self.limit = limit
        self.calls = 0

    @handler
    async def count(self, n: int, ctx: WorkflowContext[int, int]) -> None:
        self.calls += 1
        if n >= self.limit:
            await ctx.yield_output(n)
        else:
            await ctx.send_message(n + 1)


def ping_pong(storage: Any = None) -> Workflow:
    """Two counters that send to each other."""
    ping, pong = Counter("ping"), Counter("pong")
    builder = WorkflowBuilder(name="pp", start_executor=ping).add_edge(ping, pong).add_edge(pong, ping)
    return builder.with_checkpointing(storage).build()


async def collected(stream: AsyncIterator[Any]) -> list[Any]:
    return [event async for event in stream]


@pytest.fixture(params=["memory", "files", "none"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Each kind of storage, and none."""
    if request.param == "files":
        return FileCheckpointStorage(tmp_path / "state")
    return InMemoryCheckpointStorage() if request.param == "memory" else None


def test_a_run_gives_outputs_status_and_events(storage: Any) -> None:
    """Design 6: `result.get_outputs()`, `result.status`, `result.events`."""
    workflow = ping_pong(storage)
    result = asyncio.run(workflow.run(0))
    assert (result.status, result.get_outputs()) == ("completed", [6])
    assert isinstance(result.events[0], RunStarted)
    assert isinstance(result.events[-1], RunCompleted)
    assert sum(isinstance(event, InvocationCompleted) for event in result.events) == 7


def test_a_stream_yields_the_same_events(storage: Any) -> None:
    """`run_stream` yields what `run` collects, in order."""
    events = asyncio.run(collected(ping_pong(storage).run_stream(0)))
    again = asyncio.run(ping_pong(storage).run(0)).events
    assert [type(event) for event in events] == [type(event) for event in again]


@pytest.mark.parametrize("seq", [1, 3, 5, 9])
def test_going_on_from_a_checkpoint_gives_the_same_outputs(tmp_path: Path, seq: int) -> None:
    """Conformance 51: `run_stream_from_checkpoint` goes back and on; only what came after is done again."""
    storage = FileCheckpointStorage(tmp_path / "state")
    result = asyncio.run(ping_pong(storage).run(0, run_id="r"))
    another = ping_pong()
    events = asyncio.run(collected(another.run_stream_from_checkpoint(f"r@{seq}", storage)))
    assert sum(isinstance(event, InvocationCompleted) for event in events) == max(0, 9 - max(seq, 2))
    final = asyncio.run(ping_pong(storage).run(0, run_id="r"))
    assert (final.get_outputs(), final.status) == (result.get_outputs(), "completed")


def test_a_listener_that_goes_away_leaves_the_run_to_be_gone_on_with(tmp_path: Path) -> None:
    """Closing the stream cuts the handlers off politely; the same id goes on."""
    storage = FileCheckpointStorage(tmp_path / "state")

    async def first_three() -> None:
        stream = ping_pong(storage).run_stream(0, run_id="r")
        for _ in range(3):
            await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined] # it is an async generator

    asyncio.run(first_three())
    assert asyncio.run(ping_pong(storage).run(0, run_id="r")).get_outputs() == [6]


def test_the_same_id_with_another_message_is_a_conflict(storage: Any) -> None:
    """An id is an idempotency key in Python as on the command line."""
    workflow = ping_pong(storage or InMemoryCheckpointStorage())
    asyncio.run(workflow.run(0, run_id="r"))
    with pytest.raises(RunConflict):
        asyncio.run(workflow.run(1, run_id="r"))


def test_a_message_that_no_handler_takes_is_refused(storage: Any) -> None:
    """Conformance 1: before anything is written, both types named."""
    with pytest.raises(InputError, match=r"`str`.*`int`"):
        asyncio.run(ping_pong(storage).run("text"))


def test_a_failed_run_comes_back_and_can_be_raised() -> None:
    """`raise_for_status` makes an exception of a bad end; the result itself is there to be looked at."""

    @executor
    def broken(n: int) -> int:
        return 1 // n

    result = asyncio.run(WorkflowBuilder(start_executor=broken).build().run(0))
    assert result.status == "failed"
    with pytest.raises(RunFailedError, match="ZeroDivisionError"):
        result.raise_for_status()  # type: ignore[attr-defined] # the protocol of flow/ promises less


def test_switches_and_fan_ins_work_as_in_flow_files() -> None:
    """Conformance 12 and 14, from Python."""

    @executor
    def split(n: int) -> int:
        return n

    @executor
    def odd(n: int) -> str:
        return f"{n} is odd"

    @executor
    def even(n: int) -> str:
        return f"{n} is even"

    workflow = (
        WorkflowBuilder(name="parity", start_executor=split)
        .add_switch_case_edge_group(split, [Case(condition=lambda n: n % 2, target=odd), Default(target=even)])
        .build()
    )
    assert [asyncio.run(workflow.run(n)).get_outputs() for n in (3, 4)] == [["3 is odd"], ["4 is even"]]


PROGRAM = """
    import asyncio, os, sys
    from lrwf_cli import FileCheckpointStorage, WorkflowBuilder, WorkflowContext, executor

    @executor
    def first(n: int) -> int:
        print("first", file=sys.stderr)
        with open("first.log", "a") as log:
            log.write("first\\n")
        return n + 1

    @executor
    def second(n: int, ctx: WorkflowContext[int]) -> int:
        if not ctx.maybe_done:
            os._exit(9)
        return n * 10

    workflow = (
        WorkflowBuilder(name="prog", start_executor=first).add_edge(first, second)
        .with_checkpointing(FileCheckpointStorage("state")).build()
    )

    if __name__ == "__main__":
        result = asyncio.run(workflow.run(1, run_id="r"))
        print(result.status, result.get_outputs())
"""


def lrwf(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lrwf_cli", "--state-dir", "state", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_program_that_is_killed_goes_on_when_it_is_begun_again(tmp_path: Path) -> None:
    """Design 9, Python-built runs: only that script can drive it; a tick leaves it alone, and it goes on by its id."""
    (tmp_path / "prog.py").write_text(dedent(PROGRAM))
    command = [sys.executable, "prog.py"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 9
    ticked = lrwf(tmp_path, "tick", "-v")
    assert "its program" in ticked.stdout + ticked.stderr
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert again.stdout == "completed [20]\n", again.stderr
    assert (tmp_path / "first.log").read_text() == "first\n"


def test_a_tick_goes_on_with_a_workflow_that_a_module_holds(tmp_path: Path) -> None:
    """Design 9, Python-built runs: the run keeps `module:attribute`, and the code in its folder is pinned."""
    (tmp_path / "prog.py").write_text(dedent(PROGRAM))
    begun = lrwf(tmp_path, "run", "prog:workflow", "--id", "r")
    assert begun.returncode == 2
    assert "handles `int`" in begun.stderr
    (tmp_path / "prog.py").write_text(dedent(PROGRAM).replace("first(n: int)", "first(n: dict)").replace("n + 1", "1"))
    assert lrwf(tmp_path, "run", "prog:workflow", "--id", "r").returncode == 9
    (tmp_path / "prog.py").unlink()
    ticked = lrwf(tmp_path, "tick")
    assert ticked.returncode == 0, ticked.stderr
    assert json.loads(lrwf(tmp_path, "status", "r", "--json").stdout)["outputs"] == [10]


@pytest.mark.usefixtures("patient")
def test_a_run_in_memory_is_stayed_with() -> None:
    """Nothing else ever finds a run in memory: the program waits for what is due in it, however late."""

    @executor
    @retry(max_attempts=3, backoff=ExponentialBackoff(initial=0.01))
    async def flaky(text: str, ctx: WorkflowContext[None, str]) -> None:
        if ctx.attempt < 3:
            raise ConnectionError(text)
        await ctx.yield_output(text)

    result = asyncio.run(WorkflowBuilder(name="flaky", start_executor=flaky).build().run("hi"))
    assert (result.status, result.get_outputs()) == ("completed", ["hi"])


@pytest.mark.usefixtures("patient")
def test_a_run_in_memory_that_waits_can_be_left() -> None:
    """A stream that nobody listens to any more ends, however long its run would wait."""

    @executor
    @retry(max_attempts=2, backoff=ExponentialBackoff(initial=300))
    async def flaky(text: str) -> None:
        raise ConnectionError(text)

    async def main() -> None:
        stream = WorkflowBuilder(name="flaky", start_executor=flaky).build().run_stream("hi")
        async with aclosing(stream) as events:  # type: ignore[type-var]  # it is a generator
            async for event in events:
                if isinstance(event, InvocationFailed):
                    break

    asyncio.run(asyncio.wait_for(main(), 20))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No driver waits in place: whatever is due later, however soon, is left to whoever comes then."""
    monkeypatch.setattr(driver, "IN_PLACE", timedelta(-1))
