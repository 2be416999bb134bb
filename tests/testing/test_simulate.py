"""Whole runs in virtual time: what happens when, for every kind of executor, and what a scenario has a say in."""

import asyncio
import time
from asyncio import sleep
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from textwrap import dedent

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lrwf_cli import WorkflowBuilder, WorkflowContext, executor
from lrwf_cli.core.events import DriverStarted
from lrwf_cli.errors import FlowError, InputError, LrwfError, UsageError
from lrwf_cli.testing import Play, Reply, Scenario, simulate

WriteFlow = Callable[..., str]

RELEASE = """
    name: release
    timezone: Europe/Paris
    executors:
      train: {run: ./train.sh, timeout: 10m, retry: {max_attempts: 3, initial: 1m, jitter: 0}}
      ready: {poll: {run: ./ready.sh, until: "result == 'DONE'", initial: 1m, max: 5m, jitter: 0, max_duration: 6h}}
      cool_off: {wait: {for: 24h}}
      evening: {wait: {until: "2026-01-07T18:00"}}
      approve: {ask: {prompt: "Ship ${{ message }}?", choices: [ship, stop], expires: 48h}}
      ship: {run: ./ship.sh}
      leave: {run: ./leave.sh}
      page: {run: ./page.sh}
    edges:
      - {from: train, to: ready}
      - {from: ready, to: cool_off}
      - {from: cool_off, to: evening}
      - {from: evening, to: approve}
      - {from: approve, switch: [{when: "message.choice == 'ship'", to: ship}, {default: leave}]}
    on_failure: page
    notify: {request: ./tell.sh, failed: ./tell.sh, completed: ./tell.sh}
"""


def text(expected: str) -> str:
    return dedent(expected).strip()


def test_three_days_in_under_a_second(flow: WriteFlow) -> None:
    """Issue 3: a run of days takes moments; each thing happens at its instant, which is told in the flow's zone."""
    path = flow(RELEASE)
    scenario = {
        "commands": {"train": [{"exit": 1, "after": "5m"}, {"after": "20m"}, {"output": "m7", "after": "3m"}]},
        "polls": {"ready": ["QUEUED", *["RUNNING"] * 4, {"exit": 69}, "DONE"]},
        "answers": {"approve": {"choice": "ship", "after": "5h", "by": "ana", "comment": "go"}},
    }
    began = time.process_time()
    played = simulate(path, scenario=scenario)
    assert time.process_time() - began < 1
    assert str(played.agenda) == text("""
        +0s              Mon 09:00:00  the run begins on 2026-01-05
        +0s              Mon 09:00:00  train: begins
        +5m 00s          Mon 09:05:00  train: fails: CommandFailed: `train` ended with exit code 1; again in 1m
        +6m 00s          Mon 09:06:00  train: begins, attempt 2
        +16m 00s         Mon 09:16:00  train: fails: ExecutorTimeoutError: `train` was not done within its timeout of 600 s; again in 2m
        +18m 00s         Mon 09:18:00  train: begins, attempt 3
        +21m 00s         Mon 09:21:00  train: done; sends "m7" to ready
        +21m 00s         Mon 09:21:00  ready: not yet: QUEUED; again in 1m
        +22m 00s         Mon 09:22:00  ready: not yet: RUNNING; again in 2m
        +33m 00s         Mon 09:33:00  ready: still RUNNING at check 5; again in 5m
        +38m 00s         Mon 09:38:00  ready: not yet: exit code 69; again in 5m
        +43m 00s         Mon 09:43:00  ready: done; sends "DONE" to cool_off
        +43m 00s         Mon 09:43:00  cool_off: waits 1d
        +1d 00h 43m 00s  Tue 09:43:00  cool_off: done; sends "DONE" to evening
        +1d 00h 43m 00s  Tue 09:43:00  evening: waits 1d 8h
        +2d 09h 00m 00s  Wed 18:00:00  evening: done; sends "DONE" to approve
        +2d 09h 00m 00s  Wed 18:00:00  approve: asks: Ship DONE? [ship/stop], expires in 2d
        +2d 09h 00m 00s  Wed 18:00:00  somebody is told: request approve
        +2d 14h 00m 00s  Wed 23:00:00  approve: answered: "ship", by ana: go
        +2d 14h 00m 00s  Wed 23:00:00  approve: done; sends {"choice": "ship", "data": null, "comment": "go", "by": "ana", "at": "2026-01-07T22:00:00.000Z", ... to ship
        +2d 14h 00m 00s  Wed 23:00:00  ship: done; yields {}
        +2d 14h 00m 00s  Wed 23:00:00  the run completed
        +2d 14h 00m 00s  Wed 23:00:00  somebody is told: completed
    """)  # noqa: E501 - as it is printed
    assert (played.status, played.outputs, played.error) == ("completed", [{}], None)


def test_without_a_scenario_commands_succeed_and_every_request_expires(flow: WriteFlow) -> None:
    """Design 9, simulate: every command succeeds with `{}`; nobody answers; a poll that hopes in vain times out."""
    path = flow(RELEASE)
    played = simulate(path)
    assert str(played.agenda) == text("""
        +0s          Mon 09:00:00  the run begins on 2026-01-05
        +0s          Mon 09:00:00  train: done; sends {} to ready
        +0s          Mon 09:00:00  ready: not yet: {}; again in 1m
        +5h 57m 00s  Mon 14:57:00  ready: still {} at check 74; again in 3m
        +6h 00m 00s  Mon 15:00:00  ready: fails: PollTimeoutError: not complete after 75 checks in 6:00:00: the last status is `{}`, for good
        +6h 00m 00s  Mon 15:00:00  the run is to be failed: PollTimeoutError: not complete after 75 checks in 6:00:00: the last status is `{}`
        +6h 00m 00s  Mon 15:00:00  page: done
        +6h 00m 00s  Mon 15:00:00  the run failed: PollTimeoutError: not complete after 75 checks in 6:00:00: the last status is `{}`
        +6h 00m 00s  Mon 15:00:00  somebody is told: failed
    """)  # noqa: E501 - as it is printed
    played = simulate(path, scenario={"polls": {"ready": "DONE"}})
    assert played.error is not None
    assert played.error.type == "RequestExpired"
    assert played.agenda.entries[-1].after == timedelta(days=4, hours=9)  # Wednesday at six, and two days


def test_the_same_scenario_gives_the_same_agenda(flow: WriteFlow) -> None:
    """An agenda is the same byte for byte each time, jitter, ids and threads included: it can be a golden file."""
    path = flow(
        """
        name: fan
        timezone: Europe/Berlin
        executors:
          start: {uses: "tasks:start"}
          a: {uses: "tasks:slow", retry: {max_attempts: 9}}
          b: {uses: "tasks:plain", retry: {max_attempts: 9}}
          c: {run: ./c.sh, retry: {max_attempts: 9}}
          join: {uses: "tasks:join"}
        edges:
          - {from: start, to: [a, b, c]}
          - {from: [a, b, c], to: join}
        """,
        tasks="""
        from asyncio import sleep
        from lrwf_cli import WorkflowContext, executor

        @executor
        async def start(message: dict) -> str:
            return "go"

        @executor
        async def slow(message: str, ctx: WorkflowContext) -> str:
            await sleep(ctx.random() * 100)
            if ctx.attempt < 4:
                raise ConnectionError(ctx.idempotency_key)
            return str(ctx.uuid4())

        @executor
        def plain(message: str, ctx: WorkflowContext) -> str:
            if ctx.attempt < 3:
                raise TimeoutError("slow")
            return ctx.now().isoformat()

        @executor
        def join(message: list, ctx: WorkflowContext) -> None:
            ctx.yield_output(message)
        """,
    )
    scenario = {"commands": {"c": {"exit": 75, "times": 3, "after": "90s"}}}
    first = simulate(path, scenario=scenario)
    assert first.status == "completed"
    for _ in range(5):
        again = simulate(path, scenario=scenario)
        assert str(again.agenda) == str(first.agenda)
        assert again.agenda.plain() == first.agenda.plain()


def test_a_run_that_waits_for_a_person_only_is_left_waiting(flow: WriteFlow) -> None:
    """Design 9, simulate: it ends at a request that does not expire, and says so."""
    path = flow("""
        name: ask
        executors:
          approve: {ask: {prompt: "Ship?", choices: [ship, stop]}}
    """)
    played = simulate(path)
    assert played.status == "waiting"
    assert [entry.event for entry in played.agenda] == ["began", "asked", "waiting"]
    assert str(played.agenda).endswith("the run waits for an answer to approve")


def test_answers_come_while_others_are_at_work(flow: WriteFlow) -> None:
    """Conformance 39: an answer that is given while a process drives the run is taken up by it, at its instant."""
    path = flow("""
        name: both
        executors:
          go: {run: ./go.sh}
          long: {run: ./long.sh}
          approve: {ask: {prompt: "Ship?", expires: 9h}}
          sign: {ask: {prompt: "Sign?", expires: 9h}}
          done: {run: ./done.sh}
        edges:
          - {from: go, to: [long, approve, sign]}
          - {from: approve, to: done}
    """)
    scenario = {
        "commands": {"long": {"after": "3h"}},
        "answers": {"approve": {"value": "yes", "after": "30m"}, "sign": {"value": "me", "after": "4h"}},
    }
    played = simulate(path, scenario=scenario)
    at = {(entry.executor, entry.event): entry.after for entry in played.agenda}
    assert at["approve", "answered"] == at["done", "done"] == timedelta(minutes=30)
    assert at["long", "done"] == timedelta(hours=3)
    assert at["sign", "answered"] == timedelta(hours=4)


def test_a_list_of_answers_is_for_one_request_each(flow: WriteFlow) -> None:
    """`approve`, `approve.2` and so on are answered in turn; what is beyond the list, or `~` in it, expires."""
    path = flow(
        """
        name: thrice
        executors:
          ask: {uses: "tasks:ask"}
        """,
        tasks="""
        from datetime import timedelta
        from lrwf_cli import WorkflowContext, executor

        @executor
        async def ask(message: dict, ctx: WorkflowContext) -> None:
            for number in range(4):
                answer = await ctx.ask(f"Number {number}?", response_type=int, timeout=timedelta(hours=1), default=-1)
                await ctx.yield_output(answer)
        """,
    )
    played = simulate(path, scenario={"answers": {"ask": [7, None, {"value": 8, "after": "10m"}]}})
    assert played.outputs == [7, -1, 8, -1]
    assert next(entry.detail for entry in played.agenda if entry.event == "expired").endswith("(ask.2)")
    assert played.agenda.entries[-1].after == timedelta(hours=2, minutes=10)


def test_an_answer_that_does_not_fit_is_told_with_its_place(flow: WriteFlow, tmp_path: object) -> None:
    """A scenario's answer is checked against what is asked, as that of a person is."""
    path = flow(
        "{name: ask, executors: {ask: {uses: 'tasks:ask'}}}",
        tasks="""
        from lrwf_cli import WorkflowContext, executor

        @executor
        async def ask(message: dict, ctx: WorkflowContext) -> None:
            await ctx.ask("How many?", response_type=int, allowed_users=["ana"])
        """,
    )
    scenario = flow("{name: ask, executors: {ask: {uses: 'tasks:ask'}}}").replace("flow.yaml", "scenario.yaml")
    with open(scenario, "w", encoding="utf-8") as file:  # noqa: PTH123 - a path of text
        file.write("answers:\n  ask: {value: many, after: 2h}\n")
    with pytest.raises(FlowError, match=r"scenario.yaml:2:16: ask: the answer .*"):
        simulate(path, scenario=scenario)
    with pytest.raises(FlowError, match="scenario: bob may not answer ask"):
        simulate(path, scenario={"answers": {"ask": {"value": 3, "by": "bob"}}})
    assert simulate(path, scenario={"answers": {"ask": 3}}).status == "completed"


POLLING = """
from datetime import timedelta
from lrwf_cli import ExponentialBackoff, LongRunningExecutor, WorkflowContext, handler

class Job(LongRunningExecutor):
    @handler
    async def run(self, message: dict, ctx: WorkflowContext) -> None:
        submitted = await self.submit(message)
        status = await ctx.poll_until_complete(
            check=lambda: self.ask(submitted),
            is_complete=lambda status: status == "DONE",
            max_duration=timedelta(hours=6),
            backoff=ExponentialBackoff(initial=60, max=60, jitter=0),
        )
        await ctx.schedule_resume(after=timedelta(days=2))
        await ctx.yield_output([submitted, status])

    async def submit(self, message: dict) -> int:
        COUNT.append(1)
        return len(COUNT)

    async def ask(self, job: int) -> str:
        raise AssertionError("nobody asks")

COUNT: list[int] = []
"""


def test_the_polls_of_python_find_what_the_scenario_says(flow: WriteFlow) -> None:
    """`polls:` stands in for `check`, which is not called; the rest of the handler runs for real, and once."""
    path = flow("{name: job, executors: {train: {uses: 'tasks:Job'}}}", tasks=POLLING)
    played = simulate(path, scenario={"polls": {"train": ["RUNNING", "RUNNING", "RUNNING", "DONE"]}})
    assert (played.status, played.outputs) == ("completed", [[1, "DONE"]])
    assert played.agenda.entries[-1].after == timedelta(days=2, minutes=3)
    assert played.result.get_outputs() == played.outputs


def test_python_that_the_scenario_names_is_only_played(flow: WriteFlow) -> None:
    """`executors:` is as `commands:`; an error is of the class that it names, for whoever retries on it."""
    path = flow(
        """
        name: job
        executors:
          train: {uses: "tasks:Job", retry: {max_attempts: 3, initial: 10s, jitter: 0, retry_on: [ConnectionError]}}
        """,
        tasks=POLLING,
    )
    plays = [{"error": "ConnectionResetError: gone"}, {"output": {"a": 1}, "after": "1h"}]
    played = simulate(path, scenario={"executors": {"train": plays}})
    assert played.outputs == [{"a": 1}]
    assert [entry.after for entry in played.agenda if entry.event == "failed"] == [timedelta(0)]
    assert played.agenda.entries[-1].after == timedelta(hours=1, seconds=10)
    played = simulate(path, scenario={"executors": {"train": {"error": "QuotaExceeded: no more"}}})
    assert played.error is not None
    assert (played.error.type, played.error.message, played.error.attempt) == ("QuotaExceeded", "no more", 1)


def test_what_is_played_is_of_the_class_that_is_declared(flow: WriteFlow) -> None:
    """An executor that sends a dataclass does so when it is played, too."""
    path = flow(
        """
        name: typed
        executors:
          make: {uses: "tasks:Make"}
          take: {uses: "tasks:take"}
        edges: [{from: make, to: take}]
        """,
        tasks="""
        from dataclasses import dataclass
        from lrwf_cli import Executor, WorkflowContext, executor, handler

        @dataclass
        class Model:
            name: str
            score: float = 0.5

        class Make(Executor):
            @handler
            async def make(self, message: dict, ctx: WorkflowContext[Model]) -> None:
                raise AssertionError

        @executor
        async def take(model: Model) -> float:
            return model.score
        """,
    )
    played = simulate(path, scenario={"executors": {"make": {"output": {"name": "m"}}}})
    assert played.outputs == [0.5]


def test_the_runs_timeout_ends_it_though_nothing_runs(flow: WriteFlow) -> None:
    """Conformance 32: the run's own timeout fires on time, by a tick with nothing else to do."""
    path = flow("""
        name: late
        timeout: 3d
        executors:
          approve: {ask: {prompt: "Ship?"}}
    """)
    played = simulate(path)
    assert played.status == "timed_out"
    assert played.agenda.entries[-1].after == timedelta(days=3)


def test_what_hangs_is_ended_by_its_timeout(flow: WriteFlow) -> None:
    """Conformance 30: in virtual time too: a handler that sleeps for weeks, and one that waits for what never comes."""
    source = """
        from asyncio import Event, sleep
        from lrwf_cli import executor

        @executor
        async def sleeps(message: dict) -> None:
            await sleep(10_000_000)

        @executor
        async def hangs(message: dict) -> None:
            await Event().wait()
    """
    for name in ("sleeps", "hangs"):
        path = flow(f"{{name: hang, executors: {{it: {{uses: 'tasks:{name}', timeout: 5h}}}}}}", tasks=source)
        played = simulate(path)
        assert played.error is not None
        assert played.error.type == "ExecutorTimeoutError"
        assert played.agenda.entries[-1].after == timedelta(hours=5)


def test_what_would_hang_for_ever_is_told(flow: WriteFlow) -> None:
    """A handler without a timeout that waits for what never comes does not hang the simulation: it is left at work."""
    path = flow(
        "{name: hang, executors: {it: {uses: 'tasks:hangs'}}}",
        tasks="""
        import asyncio
        from lrwf_cli import executor

        @executor
        async def hangs(message: dict) -> None:
            await asyncio.Event().wait()
        """,
    )
    played = simulate(path)
    assert played.status == "running"
    assert played.agenda.entries[-1].event == "stuck"
    assert played.agenda.entries[-1].detail.endswith("what is at work: it")


def test_a_life_without_an_end_is_given_up(flow: WriteFlow) -> None:
    """A run that is woken again and again for ever is an error, not a command that never returns."""
    path = flow("{name: on, executors: {ready: {poll: {run: ./r.sh, until: 'exit_code == 7'}}}}")
    with pytest.raises(LrwfError, match="was woken 50 times"):
        simulate(path, most_wakes=50)


def test_a_workflow_built_in_python(flow: WriteFlow) -> None:
    """What a program has built is simulated where it is; its executors are copied for each wake-up."""

    @executor
    async def wait(message: int, ctx: WorkflowContext) -> None:
        await sleep(3600)
        await ctx.send_message(message + 1)

    @executor
    async def end(message: int, ctx: WorkflowContext) -> None:
        await ctx.yield_output([message, ctx.now()])

    workflow = WorkflowBuilder(name="built", start_executor=wait).add_edge(wait, end).build()
    start = datetime(2026, 5, 1, tzinfo=UTC)
    played = simulate(workflow, 41, start_at=start)
    assert played.outputs == [[42, start + timedelta(hours=1)]]
    scenario = Scenario(start_at=start, executors={"wait": [Play(output=7, after=timedelta(minutes=1))]})
    assert simulate(workflow, 41, scenario=scenario).outputs == [[7, start + timedelta(minutes=1)]]


def test_where_it_starts(flow: WriteFlow) -> None:
    """`start_at` of the call goes before the scenario's; a naive one is in the flow's zone, summer time and all."""
    path = flow("""
        name: zoned
        timezone: America/New_York
        executors:
          night: {wait: {for: 24h}}
    """)
    spring = simulate(path, scenario={"start_at": "2026-03-07T12:00"})
    assert " Sun 13:00:00 " in str(spring.agenda)  # an hour was skipped in the night
    assert spring.run.started_at == datetime(2026, 3, 7, 17, tzinfo=UTC)
    given = datetime(2026, 7, 1, tzinfo=UTC)
    assert simulate(path, scenario={"start_at": "2026-03-07T12:00"}, start_at=given).run.started_at == given


def test_a_long_agenda_has_dates(flow: WriteFlow) -> None:
    """From a week on a weekday says too little."""
    played = simulate(flow("{name: long, timezone: UTC, executors: {wait: {wait: {for: 8d}}}}"))
    assert str(played.agenda).splitlines()[-1] == "+8d 00h 00m 00s  Tue 2026-01-13 09:00:00  the run completed"


def test_input_is_checked_as_that_of_a_run(flow: WriteFlow) -> None:
    """Missing input is an error before anything happens; defaults are filled in."""
    path = flow("""
        name: given
        input: {who: {required: true}, many: {type: integer, default: 3}}
        executors: {say: {run: ./say.sh}}
    """)
    with pytest.raises(InputError, match="'who' is missing"):
        simulate(path)
    assert simulate(path, {"who": "ana"}).run.input == {"who": "ana", "many": 3}


def test_an_answer_that_does_not_fit_ends_the_simulation_while_others_are_at_work(flow: WriteFlow) -> None:
    """What is wrong with a scenario is told at once, whatever is under way."""
    path = flow("""
        name: both
        executors:
          go: {run: ./go.sh}
          long: {run: ./long.sh}
          count: {ask: {prompt: "How many?", schema: {amount: {type: integer, required: true}}}}
        edges:
          - {from: go, to: [long, count]}
    """)
    scenario = {"commands": {"long": {"after": "3h"}}, "answers": {"count": {"data": {"amount": "x"}, "after": "1h"}}}
    with pytest.raises(FlowError, match=r"scenario: count: the answer does not fit: 'amount' "):
        simulate(path, scenario=scenario)
    scenario["answers"]["count"]["data"]["amount"] = 7  # type: ignore[index]  # of a scenario's form
    assert simulate(path, scenario=scenario).status == "completed"


def test_a_run_that_is_blocked_is_left_so(flow: WriteFlow) -> None:
    """A handler that cannot suspend where it is blocks the run: no time helps, and the agenda says why."""
    path = flow(
        "{name: stuck, executors: {it: {uses: 'tasks:it'}}}",
        tasks="""
        import asyncio
        from datetime import timedelta
        from lrwf_cli import WorkflowContext, executor

        @executor
        async def it(message: dict, ctx: WorkflowContext) -> None:
            connection = await asyncio.to_thread(object)
            await ctx.schedule_resume(after=timedelta(hours=1))
        """,
    )
    played = simulate(path)
    assert played.status == "blocked"
    assert "the run is blocked: NotKeepable: " in str(played.agenda)


def test_state_and_dropped_messages_are_told(flow: WriteFlow) -> None:
    """What a handler writes for others, and what no edge takes, is part of what happens."""
    path = flow(
        """
        name: effects
        executors:
          a: {uses: "tasks:a"}
          b: {run: ./b.sh}
          c: {run: ./c.sh}
        edges:
          - {from: a, to: [b, c], select: "[]"}
        """,
        tasks="""
        from lrwf_cli import WorkflowContext, executor

        @executor
        async def a(message: dict, ctx: WorkflowContext) -> str:
            ctx.set_state("seen", 1)
            return "m"
        """,
    )
    assert str(simulate(path).agenda.lines()[1]).endswith('a: done; no edge takes "m"; sets seen')


def test_it_is_plain_code_that_simulates(flow: WriteFlow) -> None:
    """Within a running loop it is refused, with the remedy."""
    path = flow("{name: x, executors: {x: {run: ./x.sh}}}")

    async def main() -> None:
        with pytest.raises(UsageError, match="where an event loop runs"):
            simulate(path)
        assert (await asyncio.to_thread(simulate, path)).status == "completed"

    asyncio.run(main())


def test_each_wake_up_is_a_process_of_its_own(flow: WriteFlow) -> None:
    """Every suspension is resumed by new executors: what an attribute held is gone, what an await returned is not."""
    path = flow(
        "{name: fresh, executors: {it: {uses: 'tasks:It'}}}",
        tasks="""
        from datetime import timedelta
        from lrwf_cli import Executor, WorkflowContext, handler

        class It(Executor):
            def __init__(self) -> None:
                super().__init__()
                self.seen = []

            @handler
            async def run(self, message: dict, ctx: WorkflowContext) -> None:
                got = await self.get()
                self.seen.append(got)
                await ctx.schedule_resume(after=timedelta(hours=1))
                await ctx.yield_output([got, self.seen])

            async def get(self) -> int:
                return 7
        """,
    )
    played = simulate(path)
    assert played.outputs == [[7, [7]]]
    assert sum(isinstance(event, DriverStarted) for event in played.events) == 2


def test_replies_of_a_typed_scenario() -> None:
    """A scenario may be built of values, where a type checker looks on."""
    scenario = Scenario(answers={"approve": Reply("ship", after=timedelta(hours=1))})
    assert scenario.answers["approve"] == Reply("ship", after=timedelta(hours=1))


STRETCHES = st.fixed_dictionaries(
    {
        "exit": st.sampled_from([0, 1, 75]),
        "after": st.integers(0, 20).map(lambda minutes: timedelta(minutes=minutes)),
        "times": st.integers(1, 3),
    }
)
PLAYED = st.fixed_dictionaries(
    {
        "commands": st.fixed_dictionaries({}, optional={"train": st.lists(STRETCHES, min_size=1, max_size=3)}),
        "polls": st.fixed_dictionaries({}, optional={"ready": st.lists(st.sampled_from(["DONE", "NO"]), min_size=1)}),
        "answers": st.fixed_dictionaries(
            {},
            optional={
                "approve": st.fixed_dictionaries(
                    {
                        "choice": st.sampled_from(["ship", "stop"]),
                        "after": st.integers(0, 60).map(lambda hours: timedelta(hours=hours)),
                    }
                )
            },
        ),
    }
)


@pytest.mark.slow
@given(scenario=PLAYED)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_the_agenda_is_in_order_and_the_same_again(
    flow: WriteFlow, scenario: dict[str, object]
) -> None:
    """Any scenario is played to an end, in the order of time, and goes the same way when it is played again."""
    path = flow(RELEASE)
    played = simulate(path, scenario=scenario)
    assert played.run.is_final
    instants = [entry.at for entry in played.agenda]
    assert instants == sorted(instants)
    assert [entry.after for entry in played.agenda] == [at - played.run.started_at for at in instants]
    assert simulate(path, scenario=scenario).agenda == played.agenda
