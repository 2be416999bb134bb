"""Handlers in processes of their own, as seen from this one. The children here are shells that say what one says."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from lrwf_cli.core.commands import Effects, Send, StateWrite
from lrwf_cli.core.model import ExecutorSpec, RetryPolicy
from lrwf_cli.core.run import Delivery, Failure, StateEntry
from lrwf_cli.core.suspended import Ask, Kept, Request, Suspension, Wait
from lrwf_cli.executors import threads, wire
from lrwf_cli.executors.api import Executor, executor, handler
from lrwf_cli.executors.base import Call, Failed, Result, Stuck
from lrwf_cli.executors.isolate import IsolatingInvoker, Launch
from lrwf_cli.local.isolation import needs_process
from tests.executors.commands.commanding import Job, until, until_async

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
WAIT = Wait("request", "", "3", "ask", NOW, due_at=NOW, request="work", count=2, data={"a": 1})
ASK = Ask("", "3", "Ship?", choices=("yes", "no"), expires_at=NOW, has_default=True, default="no")
KEPT = Kept("", "1.2", "submit", digest="ab", value={"$type": "set", "value": [1]}, lasts=True)
DONE = '{"result":{"Effects":{"sends":[{"value":1}]}}}'


class Inner:
    async def invoke(self, call: Call, desk: object) -> Result:
        return Effects((Send("inner"),))


class Desk:
    """Keeps what it is given, after a moment."""

    def __init__(self) -> None:
        self.kept: list[Kept] = []
        self.shown: list[Any] = []

    async def keep(self, kept: Sequence[Kept]) -> None:
        await asyncio.sleep(0)
        self.kept += kept

    def progress(self, current: float | None, total: float | None, message: str | None) -> None:
        self.shown.append((current, total, message))


class Isolated:
    """One call for a child that is a shell."""

    def __init__(self, script: str, *, grace: timedelta = timedelta(seconds=5)) -> None:
        self.script = script
        self.key = uuid4().hex
        self.desk = Desk()
        self.log: list[str] = []
        self.grace = grace

    async def invoke(self) -> Result:
        launch = Launch(("/bin/sh", "-c", self.script, self.key), {"setup": 1})
        invoker = IsolatingInvoker(
            Inner(),
            {"work"},
            lambda: launch,
            specs={"work": ExecutorSpec("work", grace=self.grace)},
            log=lambda _, text: self.log.append(text),
        )
        return await invoker.invoke(Job(Path(), "", message="said").call(), self.desk)

    def run(self) -> Result:
        return asyncio.run(self.invoke())


@pytest.fixture(autouse=True)
def _marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the children start is known by a variable that this process has."""
    monkeypatch.setenv("LRWF_IDEMPOTENCY_KEY", uuid4().hex)


def alive() -> list[int]:
    """Return who of the children, and of theirs, runs."""
    return [each for each in Job(Path(), "", key=os.environ["LRWF_IDEMPOTENCY_KEY"]).alive() if each != os.getpid()]


@pytest.mark.parametrize(
    "result",
    [
        Effects(
            (Send({"$type": "x", "value": 1}, "b", "", 2),), (1,), (StateWrite("k", [1], "append", 3, None),), {"s": 1}
        ),
        Failed(Failure("E", "no", "work", 2, 3, "hint", ("E", "Exception")), retryable=False, policy=RetryPolicy(3)),
        Suspension((KEPT,), (WAIT,), (ASK,)),
        Stuck(Failure("ReplayDiverged", "elsewhere")),
    ],
    ids=lambda each: type(each).__name__,
)
def test_results_are_plain_values(result: Result) -> None:
    """Whatever a handler comes back with is the same at the other end of a pipe."""
    what, value = wire.read(wire.line(result=wire.told(result)))
    assert (what, wire.result_of(value)) == ("result", result)


def test_calls_are_plain_values() -> None:
    """All that a handler may know gets there."""
    request = Request("work", "work", "d", ASK, NOW)
    call = Job(Path(), "").call(
        delivery=Delivery("d", "work", 3, {"a": "\ud83d"[:0]}, "src", (1, 2)),
        state={"k": StateEntry({"$blob": "x"}, 4)},
        saved={"n": 1},
        deadline_at=NOW,
        kept={"": [KEPT], "1": []},
        steps=[KEPT],
        waits=(WAIT,),
        requests=(request,),
        timezone="Europe/Paris",
    )
    _, job = wire.read(wire.line(job=wire.parts_of(call)))
    other = wire.call_of(job, lambda value: ["resolved", value])
    assert other.resolve(1) == ["resolved", 1]
    for field in msgspec.structs.fields(Call):
        if field.name != "resolve":
            assert getattr(other, field.name) == getattr(call, field.name), field.name


def test_others_stay_in_this_process() -> None:
    """Only those that are to have a process of their own get one."""
    invoker = IsolatingInvoker(Inner(), (), lambda: pytest.fail("a child"), specs={})
    effects = asyncio.run(invoker.invoke(Job(Path(), "").call(), Desk()))
    assert effects == Effects((Send("inner"),))


def test_a_child_has_a_desk_and_a_log() -> None:
    """What it wants kept is kept before it hears so; progress is shown; what it prints, by whatever means, is log."""
    kept = msgspec.json.encode([KEPT]).decode()
    script = f"""
        read -r job; echo "$job" >&2
        echo '{{"progress":[1,2,"half"]}}'; echo '{{"keep":[7,{kept}]}}'
        read -r answer; echo "$answer" >&2; printf 'no end' >&2
        echo '{DONE}'; exec sleep 600
    """
    isolated = Isolated(script)
    assert isolated.run() == Effects((Send(1),))
    assert (isolated.desk.kept, isolated.desk.shown) == ([KEPT], [(1, 2, "half")])
    job, answer, rest = "".join(isolated.log).splitlines()
    assert msgspec.json.decode(job)["job"]["setup"] == {"setup": 1}
    assert (answer, rest) == ('{"kept":7}', "no end")
    assert alive() == []


@pytest.mark.parametrize(("end", "how"), [("exit 3", "with exit code 3"), ("kill -SEGV $$", "by SIGSEGV")])
def test_a_child_that_ends_without_a_word_has_crashed(end: str, how: str) -> None:
    """A handler that takes its process down takes nothing else with it, and is a crash: that is said, and counted."""
    result = Isolated(f"sleep 600 & setsid -f sleep 600 >&2; {end}").run()
    assert isinstance(result, Failed)
    assert (result.crashed, result.counted) == (True, True)
    assert result.error.message == f"the process of `work` ended {how} while it was at work"
    assert alive() == []


def test_what_it_leaves_to_live_on_is_not_waited_for() -> None:
    """A handler may start a daemon that has its stdout open: the call ends, and what was printed is kept."""
    isolated = Isolated(f"setsid -f sleep 600 >&2; printf 'no end' >&2; echo '{DONE}'")
    assert isolated.run() == Effects((Send(1),))
    assert isolated.log == ["no end\n"]
    (left,) = alive()
    os.kill(left, signal.SIGKILL)


async def cancelled(isolated: Isolated) -> None:
    work = asyncio.create_task(isolated.invoke())
    await until_async(lambda: isolated.log)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


def test_cancelling_ends_it_and_all_of_its_own() -> None:
    """Conformance 30: SIGTERM; whoever heeds it is not waited for any longer, and its children are gone as well."""
    isolated = Isolated("sleep 600 & sleep 600 & echo up >&2; wait", grace=timedelta(minutes=9))
    asyncio.run(cancelled(isolated))
    assert alive() == []


def test_a_stubborn_child_is_killed() -> None:
    """Conformance 30: one that swallows its cancellation is ended after the grace, and all of its session."""
    script = "trap '' TERM; (trap '' TERM; set -m; sleep 600 & sleep 600) & echo up >&2; while :; do sleep 0.01; done"
    isolated = Isolated(script, grace=timedelta(seconds=0.2))
    begun_at = time.monotonic()
    asyncio.run(cancelled(isolated))
    assert time.monotonic() - begun_at >= 0.2
    assert alive() == []


def test_cancelled_before_it_began() -> None:
    """A cancel that comes at once leaves nobody."""

    async def scenario() -> None:
        work = asyncio.create_task(Isolated("sleep 600").invoke())
        await asyncio.sleep(0)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(scenario())
    assert alive() == []


def test_it_dies_with_this_process(tmp_path: Path) -> None:
    """kill -9 of the driver ends the child, and what it has started, whatever they heed."""
    pid = os.fork()
    if pid == 0:
        threads._idle.clear()
        begin = "trap '' TERM HUP PIPE; sleep 600 & setsid sleep 600 &"
        Isolated(f"{begin} touch {tmp_path}/up; while :; do sleep 0.01; done").run()
        os._exit(1)
    until((tmp_path / "up").exists)
    assert alive()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until(lambda: alive() == [])


def test_a_child_that_reads_nothing() -> None:
    """A call larger than any pipe hangs nobody: it is written while the child is listened to."""
    isolated = Isolated(f"echo '{DONE}'")
    assert isolated.run() == Effects((Send(1),))


class Mixed(Executor):
    @handler
    async def one(self, message: int) -> None: ...

    @handler
    def two(self, message: str) -> None: ...


class Quick(Executor):
    @handler
    async def one(self, message: int) -> None: ...


def test_who_needs_a_process() -> None:
    """Plain handlers with a limit of time: nothing but the end of a process could enforce that."""
    plain, minute = executor(lambda_of()), timedelta(minutes=1)
    for spec in (
        ExecutorSpec("a", timeout=minute),
        ExecutorSpec("a", deadline=minute),
        ExecutorSpec("a", idle_timeout=minute),
    ):
        assert [needs_process(each, spec) for each in (plain, Mixed("a"), Mixed, Quick)] == [True, True, True, False]
    assert not needs_process(plain, ExecutorSpec("a"))


def lambda_of() -> Any:
    def plain(message: int) -> None: ...

    return plain
