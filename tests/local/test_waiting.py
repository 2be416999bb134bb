"""What handlers wait for, from the first word of a flow file to the end of its run: played in virtual time.

Each wake-up is a process of its own: the modules are loaded anew, and nothing is left in memory.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli import Executor, WorkflowBuilder, WorkflowContext, handler
from lrwf_cli.core.events import InvocationFailed, InvocationSuspended, WokeUp
from lrwf_cli.errors import FlowError
from lrwf_cli.testing import Simulation, simulate

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
LOG = """
from datetime import datetime, timedelta
from pathlib import Path
from dataclasses import dataclass
from lrwf_cli import *
from lrwf_cli.errors import *

def log(word):
    with Path(LOG).open("a") as file:
        file.write(f"{word}\\n")

def logged(word):
    return Path(LOG).read_text().splitlines().count(word) if Path(LOG).exists() else 0
"""


@pytest.fixture
def flow(tmp_path: Path) -> Any:
    """Return what plays a module's executor `It` (or `it`): a flow of one executor, whose log is `tmp_path/log`."""

    def play(module: str, more: str = "", input: Any = None, **scenario: Any) -> Simulation:  # noqa: A002 - as in simulate
        (tmp_path / "tasks.py").write_text(f"LOG = {str(tmp_path / 'log')!r}\n{LOG}{module}")
        uses = "It" if "class It" in module else "it"
        top, _, own = more.partition("|")
        text = f"name: played\n{top}\nexecutors:\n  it:\n    uses: tasks:{uses}\n    {own}\n"
        (tmp_path / "flow.yaml").write_text(text)
        return simulate(tmp_path / "flow.yaml", input or {}, scenario=scenario, start_at=START)

    play.log = lambda: (tmp_path / "log").read_text().splitlines()  # type: ignore[attr-defined]  # a helper of it
    return play


def wakes(played: Simulation) -> int:
    return sum(isinstance(event, WokeUp) for event in played.events)


def failures(played: Simulation) -> list[tuple[str, bool]]:
    return [
        (event.error.type, event.retry_at is not None) for event in played.events if isinstance(event, InvocationFailed)
    ]


POLL = """
class Service:
    async def submit(self, what):
        log("submit")
        return f"job-{what}"

    async def status(self, job):
        log("status")
        return await self.asked(job)

    async def asked(self, job):
        return "DONE" if logged("status") >= 100 else "RUNNING"

class It(KIND):
    @handler
    async def run(self, message: dict, ctx: WorkflowContext):
        service = Service()
        job = await service.submit("x")
        status = await ctx.poll_until_complete(
            check=lambda: service.status(job),
            is_complete=lambda status: status == "DONE",
            max_duration=timedelta(days=3),
            backoff=ExponentialBackoff(initial=600, max=600, jitter=0),
        )
        await ctx.yield_output(f"{job}: {status}")
"""


@pytest.mark.parametrize("kind", ["Executor", "LongRunningExecutor"])
def test_a_job_is_submitted_once_however_long_it_is_polled(flow: Any, kind: str) -> None:
    """Conformance 29 and 35: 100 checks in 100 processes, one submission, and what a check awaits is not kept."""
    played = flow(POLL.replace("KIND", kind))
    assert played.outputs == ["job-x: DONE"]
    assert flow.log() == ["submit", *["status"] * 100]
    assert wakes(played) == 99
    assert played.run.updated_at == START + timedelta(minutes=10 * 99)
    kept = [event.kept for event in played.events if isinstance(event, InvocationSuspended)]
    assert [len(each) for each in kept[1:]] == [0] * 98


def test_a_timer_in_the_zone_of_the_flow(flow: Any) -> None:
    """Conformance 33: what comes before `schedule_resume` happens once; a naive time is in the flow's zone."""
    played = flow(
        """
async def mail(to):
    log(f"mail {to}")

class It(Executor):
    @handler
    async def run(self, message: dict, ctx: WorkflowContext):
        await mail("ana")
        why = await ctx.schedule_resume(at=datetime(2026, 7, 1, 9, 30))
        await ctx.yield_output((why, ctx.now()))
""",
        "timezone: Europe/Paris",
    )
    assert played.outputs == [("timer", datetime(2026, 7, 1, 7, 30, tzinfo=UTC))]
    assert flow.log() == ["mail ana"]


def test_a_question_its_answer_and_its_expiry(flow: Any) -> None:
    """Conformance 36, 40 and 41: asked once; a dataclass comes back; one that expires can be caught."""
    played = flow(
        """
@dataclass
class Terms:
    amount: int
    note: str = "-"

class It(Executor):
    @handler
    async def run(self, message: dict, ctx: WorkflowContext):
        log("began")
        first = await ctx.ask("Ship?", choices=["ship", "stop"], timeout=timedelta(days=3), default="stop")
        terms = await ctx.ask("Terms?", response_type=Terms)
        try:
            late = await ctx.ask("Still there?", timeout=3600)
        except RequestExpired:
            late = await ctx.ask("Hello?", timeout=60, default=None)
        await ctx.yield_output([first, terms, late])
""",
        answers={"it": [{"value": "ship", "after": "2h"}, {"data": {"amount": 7}}, None, None]},
    )
    (output,) = played.outputs
    assert (output[0], output[1].amount, output[1].note, output[2]) == ("ship", 7, "-", None)
    assert [(request.id, request.ask.prompt) for request in played.run.requests.values()] == [
        ("it", "Ship?"),
        ("it.2", "Terms?"),
        ("it.3", "Still there?"),
        ("it.4", "Hello?"),
    ]
    assert played.run.updated_at == START + timedelta(hours=3, minutes=1)


REQUESTS = """
class It(Executor):
    @handler
    async def run(self, message: dict, ctx: WorkflowContext):
        for guest in ("ana", "bo"):
            await ctx.request_info(guest, bool, prompt=f"Will {guest} come?")
        WAIT

    @response_handler
    async def heard(self, original_request: str, response: bool, ctx: WorkflowContext):
        log(f"{original_request} {response}")
        await ctx.yield_output(f"{original_request}: {response}")
"""


@pytest.mark.not_twice("it counts what stands between two awaits")
def test_answers_come_as_calls_in_any_order(flow: Any) -> None:
    """Conformance 36 and 41: both are open at once; each answer is a call of its own."""
    answers = {"it": [{"value": "true", "after": "3h"}, {"value": "false", "after": "1h"}]}
    played = flow(REQUESTS.replace("WAIT", "pass"), answers=answers)
    assert played.status == "completed"
    assert flow.log() == ["bo False", "ana True"]
    assert sorted(played.outputs) == ["ana: True", "bo: False"]


def test_an_answer_ends_a_timer_of_who_asked(flow: Any) -> None:
    """Design 6: `schedule_resume` returns `response` when a request of the handler was answered first."""
    wait = "await ctx.yield_output((await ctx.schedule_resume(after=timedelta(days=1)), ctx.now()))"
    answers = {"it": [{"value": "true", "after": "3h"}, {"value": "false", "after": "1h"}]}
    played = flow(REQUESTS.replace("WAIT", wait), answers=answers)
    assert ("response", START + timedelta(hours=1)) in played.outputs
    assert len(played.outputs) == 3
    unanswered = flow(REQUESTS.replace("WAIT", wait))
    assert unanswered.outputs == [("timer", START + timedelta(days=1))]
    assert unanswered.status == "waiting"


RETRY = """
class It(Executor):
    @handler
    @retry(max_attempts=3, backoff=ExponentialBackoff(initial=3600, max=36000, jitter=0), give_up_on=KeyError)
    async def run(self, message: dict, ctx: WorkflowContext):
        log(f"attempt {ctx.attempt} {await ctx.step(log, 'step')}")
        if ctx.attempt < message.get("good", 9):
            raise KeyError("no") if message.get("hopeless") else ConnectionError("no")
        await ctx.yield_output((ctx.attempt, ctx.now()))
"""


@pytest.mark.not_twice("it counts what stands between two awaits")
def test_retries_survive_their_processes(flow: Any) -> None:
    """Conformance 25 and 29: the delays are timers, attempts are counted in the journal, a step happens once."""
    played = flow(RETRY, input={"good": 3})
    assert played.outputs == [(3, START + timedelta(hours=3))]
    assert flow.log() == ["step", "attempt 1 None", "attempt 2 None", "attempt 3 None"]
    assert failures(played) == [("ConnectionError", True)] * 2


def test_retries_end(flow: Any) -> None:
    """Conformance 25 and 28: after `max_attempts`, or at what is not worth another."""
    assert failures(flow(RETRY)) == [("ConnectionError", True)] * 2 + [("ConnectionError", False)]
    assert failures(flow(RETRY, input={"hopeless": True})) == [("KeyError", False)]


def test_the_flow_file_goes_before_the_decorator(flow: Any) -> None:
    """Design 7: the executor's own `retry:`, then the decorator, then `defaults:`."""
    own = flow(RETRY, "|retry: {max_attempts: 2, initial: 1m, jitter: 0}")
    assert failures(own) == [("ConnectionError", True), ("ConnectionError", False)]
    assert own.run.updated_at == START + timedelta(minutes=1)
    assert len(failures(flow(RETRY, "defaults: {retry: {max_attempts: 2}}|"))) == 3


HANGS = """
import asyncio

class Agent:
    async def run(self, message):
        log("run")
        await asyncio.Event().wait()

class It(AgentExecutor):
    def __init__(self):
        super().__init__(Agent(), timeout=timedelta(minutes=5))
"""


def test_an_agent_that_hangs_is_ended(flow: Any) -> None:
    """Conformance 30: `AgentExecutor(agent, timeout=timedelta(minutes=5))`, then the retry policy."""
    played = flow(HANGS)
    assert (played.status, failures(played)) == ("failed", [("ExecutorTimeoutError", False)])
    assert played.run.updated_at == START + timedelta(minutes=5)
    again = flow(HANGS, "|retry: {max_attempts: 2, initial: 1h, max: 1h, jitter: 0}")
    assert again.run.updated_at == START + timedelta(hours=1, minutes=10)
    assert flow.log() == ["run"] * 3


def test_the_flow_file_goes_before_an_executors_own_limit(flow: Any) -> None:
    """Conformance 30: its own `timeout:`, then the code's, then that of `defaults:`."""
    assert flow(HANGS, "|timeout: 30s").run.updated_at == START + timedelta(seconds=30)
    assert flow(HANGS, "defaults: {timeout: 30s}|").run.updated_at == START + timedelta(minutes=5)


def test_a_timeout_asks_the_policy_of_the_handler(flow: Any) -> None:
    """Conformance 25 and 30: what ends a handler from outside is retried as its decorator says."""
    played = flow(
        """
import asyncio

class It(Executor):
    timeout = 60

    @handler
    @retry(max_attempts=2, retry_on=ExecutorTimeoutError)
    async def run(self, message: dict, ctx: WorkflowContext):
        if ctx.attempt == 1:
            await asyncio.Event().wait()
        await ctx.yield_output(ctx.attempt)
"""
    )
    assert played.outputs == [2]
    assert failures(played) == [("ExecutorTimeoutError", True)]


PATIENT = """
class It(Executor):
    timeout = 60

    @handler
    async def run(self, message: dict, ctx: WorkflowContext):
        log("entered")
        await ctx.schedule_resume(after=timedelta(days=1))
        await ctx.yield_output(ctx.now())
"""


def test_a_suspension_counts_against_the_deadline_only(flow: Any) -> None:
    """Conformance 31: not against `timeout`; against `deadline`, and against the run's own `timeout`."""
    played = flow(PATIENT)
    assert played.outputs == [START + timedelta(days=1)]
    late = flow(PATIENT, "|deadline: 2h")
    assert (late.status, failures(late)) == ("failed", [("ExecutorTimeoutError", False)])
    assert late.run.updated_at == START + timedelta(hours=2)
    over = flow(PATIENT, "timeout: 3h|")
    assert (over.status, over.run.updated_at) == ("timed_out", START + timedelta(hours=3))


class Sleeper(Executor):
    @handler
    async def run(self, message: dict[str, Any], ctx: WorkflowContext[None, str]) -> None:
        why = await ctx.schedule_resume(after=timedelta(days=2))
        await ctx.yield_output(why)


def test_a_built_workflow_waits_and_is_ended_in_time() -> None:
    """Conformance 31 and 32: the same without a flow file; `with_timeout` fires although nothing runs."""
    builder = WorkflowBuilder(name="built", start_executor=Sleeper())
    played = simulate(builder.build(), {}, start_at=START)
    assert (played.outputs, played.run.updated_at) == (["timer"], START + timedelta(days=2))
    over = simulate(builder.with_timeout(timedelta(hours=1)).build(), {}, start_at=START)
    assert (over.status, over.run.updated_at) == ("timed_out", START + timedelta(hours=1))


EFFECTS = """
import asyncio

async def nested(ctx, n):
    ctx.update_state("seen", "append", n)
    await ctx.yield_output(f"nested {n}")
    await asyncio.sleep(0)
    return n

class It(KIND):
    async def helper(self, ctx, n):
        await ctx.yield_output(f"helper {n}")
        log(f"helper {n}")
        return await nested(ctx, n) + 1

    async def branch(self, ctx, n):
        await ctx.schedule_resume(after=WAIT * n)
        await ctx.yield_output(f"branch {n}")
        ctx.set_state(f"branch {n}", await nested(ctx, 10 * n))

    def work(self, ctx):
        ctx.yield_output("thread")
        ctx.set_state("thread", 1)

    @handler
    async def run(self, message: dict, ctx: WorkflowContext):
        first = await self.helper(ctx, 1)
        await ctx.schedule_resume(after=WAIT)
        await asyncio.to_thread(self.work, ctx)
        await ctx.step(self.work, ctx)
        await asyncio.gather(self.branch(ctx, 2), self.branch(ctx, 1), self.helper(ctx, 7))
        task = asyncio.create_task(self.helper(ctx, first))
        await ctx.schedule_resume(after=WAIT)
        await task
        await ctx.request_info("ok?", str, timeout=5, default="yes")
        await ctx.schedule_resume(after=1)
        ctx.update_state("seen", "append", "end")
        await ctx.yield_output(ctx.get_state("branch 2"))

    @response_handler
    async def heard(self, asked: str, response: str, ctx: WorkflowContext):
        await ctx.yield_output(ctx.get_state("seen"))
        await ctx.yield_output(ctx.get_state("thread"))
"""


@pytest.mark.parametrize("kind", ["Executor", "LongRunningExecutor"])
def test_what_is_done_in_helpers_tasks_and_threads_counts_once(flow: Any, kind: str) -> None:
    """Design 6: effects happen again on the way back, wherever they happened: it comes to the same without waits.

    A helper that has returned is not run again, and yet its messages, outputs and state count, in their order.
    """
    straight = flow(EFFECTS.replace("KIND", kind).replace("WAIT", "0"))
    done = flow.log()
    suspended = flow(EFFECTS.replace("KIND", kind).replace("WAIT", "3600"))
    assert flow.log()[len(done) :] == done
    assert wakes(suspended) > wakes(straight)
    for played in (straight, suspended):
        assert sorted(map(str, played.outputs)) == sorted(
            [
                *(f"helper {n}" for n in (1, 2, 7)),
                *(f"nested {n}" for n in (1, 2, 7, 10, 20)),
                *("branch 1", "branch 2", "thread", "thread", "20", "1"),
                str(played.outputs[-2]),
            ]
        )
        assert played.outputs[-2][0] == 1
        assert sorted(map(str, played.outputs[-2])) == sorted(["1", "2", "7", "10", "20", "end"])


def test_nothing_is_done_inside_a_check(flow: Any) -> None:
    """Design 6: a check is made in one process and forgotten in the next: what it would send is refused, not lost."""
    played = flow(
        """
class It(Executor):
    @handler
    async def run(self, message: dict, ctx: WorkflowContext):
        await ctx.poll_until_complete(check=lambda: ctx.yield_output("checked"))
"""
    )
    assert played.error is not None
    assert "`poll_until_complete` may be begun several times: nothing can be sent" in played.error.message


WRONG = {
    "`timeout` of executor `It` is negative: -1": """
class It(Executor):
    timeout = -1

    @handler
    async def run(self, message: dict): ...
""",
    "`max_attempts` of `@retry` is 0": """
@executor
@retry(max_attempts=0)
def it(message: dict): ...
""",
    "`initial` of a backoff is negative: -1": """
@executor
@retry(backoff=ExponentialBackoff(initial=-1))
def it(message: dict): ...
""",
    "response handler `It.heard` does not take": """
class It(Executor):
    @handler
    async def run(self, message: dict): ...

    @response_handler
    async def heard(self, asked: int): ...
""",
}


@pytest.mark.parametrize("said", WRONG)
def test_what_cannot_be_meant_is_found_when_the_flow_is_checked(flow: Any, said: str, tmp_path: Path) -> None:
    """Conformance 10: negative durations, absurd policies, wrong shapes: with the author's file and line."""
    with pytest.raises(FlowError) as caught:
        flow(WRONG[said])
    message, _ = caught.value.problems[0]
    assert said in message
    assert str(tmp_path / "tasks.py") in message
