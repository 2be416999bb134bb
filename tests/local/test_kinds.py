"""Executors that a flow file describes, from its first word to the end of a run: `run`, `poll`, `wait`, `ask`."""

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core.suspended import Wait
from lrwf_cli.errors import FlowError
from tests.local.living import START, Living


@pytest.fixture
def live(tmp_path: Path) -> Callable[..., Living]:
    """Return what makes a flow live."""
    return lambda text, **modules: Living(tmp_path, text, **modules)


def flow(executor: str, *more: str) -> str:
    return "\n".join(["name: demo", "executors:", f"  it: {executor}", *more, ""])


def waits(run: Any) -> list[Wait]:
    return [wait for invocation in run.waiting.values() for wait in invocation.waits]


# -- wait


def test_a_wait_passes_its_message_on_when_its_time_is_up(live: Callable[..., Living]) -> None:
    """Design 7: nothing runs in between, and it fires once (Conformance 33)."""
    living = live(flow("{wait: {for: 24h}}"))
    run = living.begin({"x": 1})
    assert (run.status, waits(run)[0].due_at) == ("waiting", START + timedelta(days=1))
    run = living.end(run)
    assert (run.status, living.outputs(run), living.waited()) == ("completed", [{"x": 1}], [timedelta(days=1)])


@pytest.mark.parametrize(
    ("until", "more", "due"),
    [
        ("2026-02-01T09:00Z", "", datetime(2026, 2, 1, 9, tzinfo=UTC)),
        ("2026-02-01T09:00", "timezone: Europe/Paris", datetime(2026, 2, 1, 8, tzinfo=UTC)),
        ("2026-03-29T02:30", "timezone: Europe/Paris", datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("2026-10-25T02:30", "timezone: Europe/Paris", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-02-01", "timezone: Asia/Kolkata", datetime(2026, 1, 31, 18, 30, tzinfo=UTC)),
    ],
)
def test_a_wait_until_a_time_is_in_the_flows_zone(
    live: Callable[..., Living], until: str, more: str, due: datetime
) -> None:
    """Conformance 33: summer time done right: what is skipped is the end of the gap, what comes twice the first."""
    living = live(flow(f"{{wait: {{until: '{until}'}}}}", more))
    run = living.end()
    assert (run.status, living.woken_at) == ("completed", [due])


def test_a_time_in_the_past_is_now(live: Callable[..., Living]) -> None:
    """Conformance 33: a due time in the past fires now."""
    living = live(flow("{wait: {until: '2001-01-01'}}"))
    assert (living.begin().status, living.woken_at) == ("completed", [])


def test_how_long_is_settled_once(live: Callable[..., Living]) -> None:
    """An expression with `now()` is not asked again when the handler comes by after its wait."""
    living = live(
        """
        name: demo
        executors:
          count: {uses: tasks:count}
          it: {wait: {for: "${{ state.pause }}h", }}
          other: {wait: {until: "${{ now() }}"}}
        edges: [{from: count, to: it}, {from: it, to: other}]
        """,
        tasks="""
        from lrwf_cli import executor, WorkflowContext
        @executor
        def count(m: dict, ctx: WorkflowContext) -> dict:
            ctx.set_state("pause", 3)
            return m
        """,
    )
    run = living.end()
    assert (run.status, living.waited()) == ("completed", [timedelta(hours=3)])


def test_what_is_no_time_fails_with_its_place(live: Callable[..., Living]) -> None:
    """Only the message shows it: the error names the file, the place and the remedy, and is not retried."""
    living = live(flow("{wait: {for: '${{ message.days }}'}, retry: {max_attempts: 3}}"))
    run = living.begin({"days": 3})
    assert run.status == "failed"
    assert run.error
    assert run.error.message == f"{living.folder / 'flow.yaml'}:3:20: not a duration: '3'"
    assert run.error.hint == "have it give one with its unit, as '${{ message.n }}h'"


# -- poll

SERVICE = """
from pathlib import Path
FILE = Path(__file__).parent / "asked"
def asked():
    count = int(FILE.read_text()) + 1 if FILE.exists() else 1
    FILE.write_text(str(count))
    return count
def status(message):
    return {"status": "DONE" if asked() >= 4 else "RUNNING", "job": message["job"]}
async def flaky(message, ctx):
    if asked() % 2:
        raise ConnectionError("down")
    return {"status": "DONE" if asked() > 5 else "RUNNING", "attempt": ctx.attempt}
def broken(message):
    raise ValueError("no such job")
def never(message):
    return {"status": "RUNNING"}
"""


def test_a_poll_checks_once_per_due_instant(live: Callable[..., Living]) -> None:
    """Conformance 35: at once, then after 10 s, 20 s, 40 s; what was found then is sent on."""
    living = live(
        flow("{poll: {check: 'service:status', until: \"result.status == 'DONE'\", jitter: 0}}"), service=SERVICE
    )
    run = living.begin({"job": 7})
    (wait,) = waits(run)
    assert (wait.kind, wait.count, wait.detail) == ("poll", 1, "RUNNING")
    run = living.end(run)
    assert living.outputs(run) == [{"status": "DONE", "job": 7}]
    assert living.waited() == [timedelta(seconds=each) for each in (10, 30, 70)]
    assert (living.folder / "asked").read_text() == "4"


def test_a_poll_of_a_command_sees_its_exit_code(live: Callable[..., Living]) -> None:
    """Design 7: `exit_code`, `stdout` and `result`; the message is on stdin; 69 means not yet."""
    living = live(
        flow(
            '{poll: {run: "cat > got; echo x >> asked; wc -l < asked; exit $((68 + $(wc -l < asked)))", '
            'until: "exit_code == 70", initial: 1m, jitter: 0}}'
        )
    )
    run = living.end(living.begin({"job": 7}))
    assert (run.status, living.outputs(run), living.waited()) == ("completed", [2], [timedelta(minutes=1)])
    assert (living.folder / "got").read_text() == '{"job":7}\n'


def test_a_command_that_is_asked_knows_where_it_belongs(live: Callable[..., Living]) -> None:
    """As any command: the run, the state directory, and what `env:` gives it."""
    living = live(flow("{poll: {run: 'echo $LRWF_RUN_ID $LRWF_STATE_DIR $A', until: result != ''}, env: {A: 3}}"))
    assert living.outputs(living.begin()) == [f"r {living.folder}/state 3"]


def test_a_command_that_fails_is_no_answer(live: Callable[..., Living]) -> None:
    """An expression that does not look at the exit code is not asked about a command that failed."""
    living = live(flow("{poll: {run: 'echo oh >&2; exit 3', until: \"result == 'DONE'\"}}"))
    run = living.begin()
    assert run.error
    assert (run.status, run.error.type, run.error.exit_code) == ("failed", "CommandFailed", 3)
    assert run.error.message == "`it` ended with exit code 3: oh"


def test_errors_that_are_tolerated_are_not_the_end(live: Callable[..., Living]) -> None:
    """Conformance 35: connection errors and timeouts, as long as they are not five in a row."""
    living = live(
        flow("{poll: {check: 'service:flaky', until: \"result.status == 'DONE'\", jitter: 0}}"), service=SERVICE
    )
    run = living.end()
    assert living.outputs(run) == [{"status": "DONE", "attempt": 1}]


def test_the_flow_says_which_errors_are_tolerated(live: Callable[..., Living]) -> None:
    """By their names; what is shown then is the error."""
    living = live(flow("{poll: {check: 'service:broken', until: result, tolerate: [ValueError]}}"), service=SERVICE)
    run = living.begin()
    assert (run.status, waits(run)[0].detail) == ("waiting", "ValueError: no such job")


def test_a_poll_that_takes_too_long_raises(live: Callable[..., Living]) -> None:
    """Conformance 35: one last check at the end of `max_duration`, then PollTimeoutError; a branch may handle it."""
    living = live(
        flow(
            "{poll: {check: 'service:never', until: \"result.status == 'DONE'\", max_duration: 15s, jitter: 0}, "
            "on_error: late}",
            "  late: {uses: service:late}",
        ),
        service=SERVICE
        + """
from lrwf_cli import executor
@executor
def late(told: dict) -> str:
    return told["error"]["type"]
""",
    )
    run = living.end()
    assert (living.outputs(run), living.waited()) == (
        ["PollTimeoutError"],
        [timedelta(seconds=10), timedelta(seconds=15)],
    )


def test_until_that_cannot_be_said_is_an_error(live: Callable[..., Living]) -> None:
    """Conformance 11: an exception in an expression never means false; it names its place in the file."""
    living = live(flow("{poll: {check: 'service:never', until: result.sttus}}"), service=SERVICE)
    run = living.begin()
    assert run.error
    assert run.error.message == (f"{living.folder / 'flow.yaml'}:3:46: 'result' has no key 'sttus', in: 'result.sttus'")


def test_a_check_that_is_not_there_is_found_before_anything_is_written(live: Callable[..., Living]) -> None:
    """Conformance 10: with the place in the flow file."""
    living = live(flow("{poll: {check: 'service:statsu', until: result}}"), service=SERVICE)
    with pytest.raises(FlowError) as caught:
        living.begin()
    path = living.folder / "flow.yaml"
    assert caught.value.problems == ((f"{path}:3:22: module `service` has no `statsu`", "did you mean `status`?"),)
    assert living.store.run_ids() == []


# -- ask

APPROVE = flow(
    "{ask: {prompt: 'Ship ${{ message.model }}?', choices: [ship, stop], schema: {share: {type: number}}, "
    "expires: 48h, on_expiry: stop}}",
    "allowed_users: [anna]",
)


def test_an_answer_becomes_a_message(live: Callable[..., Living]) -> None:
    """Design 7: `{choice, data, comment, by, at, expired}`; the request shows prompt, choices, schema and expiry."""
    living = live(APPROVE)
    run = living.begin({"model": "m1"})
    request = run.requests["it"]
    assert (request.ask.prompt, request.ask.choices, request.ask.allowed_users) == (
        "Ship m1?",
        ("ship", "stop"),
        ("anna",),
    )
    assert request.ask.schema == {"share": {"type": "number", "required": False}}
    assert request.ask.expires_at == START + timedelta(hours=48)
    living.clock.jump(timedelta(hours=1))
    living.answer("it", "ship", {"share": 0.5}, comment="go")
    run = living.tick()
    assert living.outputs(run) == [
        {
            "choice": "ship",
            "data": {"share": 0.5},
            "comment": "go",
            "by": "anna",
            "at": "2026-01-05T10:00:00.000Z",
            "expired": False,
        }
    ]


def test_an_expiry_with_a_default_goes_on_with_it(live: Callable[..., Living]) -> None:
    """Conformance 40: the answer says that nobody gave it."""
    living = live(APPROVE)
    run = living.end(living.begin({"model": "m1"}))
    assert living.outputs(run) == [
        {
            "choice": "stop",
            "data": None,
            "comment": None,
            "by": None,
            "at": "2026-01-07T09:00:00.000Z",
            "expired": True,
        }
    ]


def test_a_default_may_be_an_object_that_fits_the_schema(live: Callable[..., Living]) -> None:
    """Without choices an answer is what `schema` says: it is the message's data."""
    living = live(
        flow(
            "{ask: {prompt: 'How much?', schema: {share: {type: number, required: true}}, expires: 1h, "
            "on_expiry: {value: {share: 0.1}}}}"
        )
    )
    run = living.end()
    (message,) = living.outputs(run)
    assert (message["choice"], message["data"], message["expired"]) == (None, {"share": 0.1}, True)


def test_an_expiry_without_a_default_fails(live: Callable[..., Living]) -> None:
    """Conformance 40: RequestExpired, which `on_error` or a retry may handle."""
    living = live(flow("{ask: {prompt: 'Go on?', expires: 1h}}"))
    run = living.end()
    assert run.error
    assert (run.status, run.error.type) == ("failed", "RequestExpired")


def test_a_question_without_expiry_waits_for_its_answer_only(live: Callable[..., Living]) -> None:
    """Conformance 41: it stays open across restarts; a text is its answer when nothing else is declared."""
    living = live(flow("{ask: {prompt: 'What is its name?'}}"))
    run = living.end()
    assert (run.status, run.requests["it"].is_open) == ("waiting", True)
    living.answer("it", "Ada")
    run = living.tick()
    assert (living.outputs(run)[0]["choice"], run.status) == ("Ada", "completed")


def test_what_is_asked_is_settled_once(live: Callable[..., Living]) -> None:
    """A prompt with the time in it is not another question when the handler comes by again."""
    living = live(flow("{ask: {prompt: 'Go on, at ${{ now() }}?', expires: 1h, on_expiry: {value: no}}}"))
    run = living.begin()
    assert run.requests["it"].ask.prompt == "Go on, at 2026-01-05T09:00:00Z?"
    run = living.end(run)
    assert (run.status, list(run.requests)) == ("completed", ["it"])


def test_who_may_answer_is_said_once_for_all(live: Callable[..., Living]) -> None:
    """`allowed_users:` at the top holds for what handlers ask, too, where they do not say who may answer."""
    living = live(
        flow("{uses: 'tasks:both'}", "allowed_users: [anna, bert]"),
        tasks="""
        import asyncio
        from lrwf_cli import executor, WorkflowContext
        @executor
        async def both(m: dict, ctx: WorkflowContext) -> list:
            one = ctx.ask("One?")
            other = ctx.ask("Other?", allowed_users=["carl"])
            return await asyncio.gather(one, other)
        """,
    )
    run = living.begin()
    allowed = {request.ask.prompt: request.ask.allowed_users for request in run.requests.values()}
    assert allowed == {"One?": ("anna", "bert"), "Other?": ("carl",)}


def test_what_a_question_sends_is_known_to_the_check(live: Callable[..., Living]) -> None:
    """Conformance 19: an answer is a mapping; who takes only text cannot come after it."""
    living = live(
        flow("{ask: {prompt: 'Go?'}}", "  then: {uses: 'tasks:shout'}", "edges: [{from: it, to: then}]"),
        tasks="from lrwf_cli import executor\n@executor\ndef shout(m: str) -> str:\n    return m.upper()\n",
    )
    with pytest.raises(FlowError, match="'then' cannot handle what 'it' sends: dict"):
        living.begin()


# -- run


def test_a_command_gets_its_message_and_its_environment(live: Callable[..., Living]) -> None:
    """Design 9: JSON on stdin, `env:` rendered for each message, a result that is JSON or text."""
    living = live(
        """
        name: demo
        env: {REGION: eu, RUN: "${{ run.id }}"}
        executors:
          first: {run: 'cat', env: {REGION: us}}
          it:
            run: 'read -r line; printf "%s %s %s %s" "$line" "$REGION" "$RUN" "$WHO"'
            env: {WHO: "${{ message.who }}"}
        edges: [{from: first, to: it}]
        """
    )
    run = living.begin({"who": "$(reboot) 'quoted'"})
    assert living.outputs(run) == ["""{"who":"$(reboot) 'quoted'"} eu r $(reboot) 'quoted'"""]


def test_a_command_is_retried_by_its_exit_code(live: Callable[..., Living]) -> None:
    """Conformance 28: `exit_codes` says which to retry, and no others; the pauses are timers."""
    text = flow(
        "{run: 'echo x >> tries; exit 75', retry: {max_attempts: 3, initial: 10s, jitter: 0, exit_codes: [75]}}"
    )
    living = live(text)
    run = living.end()
    assert run.error
    assert (run.error.exit_code, living.waited()) == (75, [timedelta(seconds=10), timedelta(seconds=30)])
    assert (living.folder / "tries").read_text() == "x\n" * 3


def test_a_code_that_is_not_to_be_retried_is_the_end(live: Callable[..., Living]) -> None:
    """Conformance 28: a failure that another try cannot help is not tried again in vain."""
    living = live(flow("{run: 'exit 1', retry: {max_attempts: 3, exit_codes: [75]}}"))
    run = living.begin()
    assert run.error
    assert (run.status, run.error.exit_code, living.woken_at) == ("failed", 1, [])


def test_nothing_is_not_nothing_sent(live: Callable[..., Living]) -> None:
    """A command that prints nothing has a result all the same, so that what follows on it follows."""
    living = live(flow("{run: 'true'}", "  after: {run: 'cat'}", "edges: [{from: it, to: after}]"))
    assert living.outputs(living.begin()) == [None]


def test_a_secret_that_is_missing_stops_a_run_before_it_begins(
    live: Callable[..., Living], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error before anything is written, with the place; later it is a failure of the executor."""
    monkeypatch.delenv("TOKEN", raising=False)
    living = live(
        flow("{run: 'echo $A$B', secrets: {A: {env: TOKEN}, B: {file: key}}}", "secrets: {C: {file: /no/such}}")
    )
    with pytest.raises(FlowError) as caught:
        living.begin()
    assert [message.removeprefix(str(living.folder)) for message, _ in caught.value.problems] == [
        "/flow.yaml:3:39: the secret `A` cannot be read: the environment has no `TOKEN`",
        f"/flow.yaml:3:56: the secret `B` cannot be read: {living.folder}/key: No such file or directory",
        "/flow.yaml:4:14: the secret `C` cannot be read: /no/such: No such file or directory",
    ]
    assert living.store.run_ids() == []


def test_a_secret_is_never_kept(live: Callable[..., Living], monkeypatch: pytest.MonkeyPatch) -> None:
    """Masked in results and logs; nothing in the state directory holds it."""
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    living = live(flow("{run: 'echo \"with $A\"', secrets: {A: {env: TOKEN}}}"))
    run = living.begin()
    assert living.outputs(run) == ["with ***"]
    for path in (living.folder / "state").rglob("*"):
        if path.is_file() and "/work/" not in str(path):
            assert b"hunter2" not in path.read_bytes(), path


# -- after a failure, after a verdict


def test_a_failure_goes_to_whoever_handles_it(live: Callable[..., Living]) -> None:
    """Design 9: `on_error` gets the error and the message, and the run can complete (Conformance 26)."""
    living = live(flow("{run: 'exit 3', on_error: clean}", "  clean: {run: 'cat'}"))
    run = living.begin({"x": 1})
    assert run.status == "completed"
    (told,) = living.outputs(run)
    assert told["message"] == {"x": 1}
    assert told["error"] == {
        "type": "CommandFailed",
        "message": "`it` ended with exit code 3",
        "executor": "it",
        "attempt": 1,
        "exit_code": 3,
    }


def test_what_comes_after_a_verdict_is_called_once_and_never_changes_it(live: Callable[..., Living]) -> None:
    """Design 4: `on_failure` and `on_exit`, each by its verdict."""
    living = live(
        flow(
            "{run: 'exit 3'}",
            "  failed: {run: 'echo failed >> after'}",
            "  ended: {run: 'echo ended >> after; exit 1'}",
            "on_failure: failed",
            "on_exit: ended",
            "on_timeout: failed",
        )
    )
    run = living.begin()
    assert run.error
    assert (run.status, run.error.executor) == ("failed", "it")
    assert sorted((living.folder / "after").read_text().split()) == ["ended", "failed"]


def test_the_runs_own_time_is_up_although_nothing_runs(live: Callable[..., Living]) -> None:
    """Conformance 32: a tick finds it, and `on_timeout` gets its chance."""
    living = live(flow("{wait: {for: 24h}}", "  late: {run: 'cat > told'}", "timeout: 1h", "on_timeout: late"))
    run = living.end()
    assert (run.status, living.waited()) == ("timed_out", [timedelta(hours=1)])
    assert '"type":"' in (living.folder / "told").read_text()


def test_somebody_is_told(live: Callable[..., Living]) -> None:
    """Design 9: of what was asked, and how it ended; a command that fails is tried again and holds nothing up."""
    living = live(
        flow(
            "{ask: {prompt: 'Go?', choices: [yes], expires: 1h, on_expiry: yes}}",
            "notify: {request: 'cat >> asked', completed: 'test -e ok || { touch ok; exit 1; }; cat >> done'}",
        )
    )
    run = living.begin()
    assert '"request":"it"' in (living.folder / "asked").read_text()
    run = living.end(run)
    assert (run.status, len(run.notices)) == ("completed", 1)
    assert not (living.folder / "done").exists()
    living.tick()
    assert '"event":"completed"' in (living.folder / "done").read_text()


# -- the environment of handlers


def test_handlers_see_what_their_flow_declares(live: Callable[..., Living], monkeypatch: pytest.MonkeyPatch) -> None:
    """Design 9: in-process handlers see the driver's environment and these; secrets are masked in what they print."""
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    monkeypatch.setenv("OF_THE_DRIVER", "here")
    living = live(
        flow(
            '{uses: "tasks:look", env: {WHO: "${{ message.who }}"}}',
            "env: {REGION: eu}",
            "secrets: {SECRET: {env: TOKEN}}",
        ),
        tasks="""
        import os
        from lrwf_cli import executor
        @executor
        def look(m: dict) -> list:
            print("got", os.environ["SECRET"])
            return [os.environ.get(name) for name in ("WHO", "REGION", "OF_THE_DRIVER")] + [len(os.environ["SECRET"])]
        """,
    )
    run = living.begin({"who": "ada"})
    assert living.outputs(run) == [["ada", "eu", "here", 14]]
    assert living.store.log_of("r", "it") == "got ***\n"
    assert "WHO" not in os.environ


def test_a_variable_that_has_no_value_fails_the_executor(live: Callable[..., Living]) -> None:
    """Only the message shows it: the error names the place in the file."""
    living = live(
        flow('{uses: "tasks:look", env: {WHO: "${{ message.who }}"}}'),
        tasks="from lrwf_cli import executor\n@executor\ndef look(m: dict) -> None: ...\n",
    )
    run = living.begin({"x": 1})
    assert run.error
    assert run.error.message == f"{living.folder / 'flow.yaml'}:3:39: 'message' has no key 'who', in: 'message.who'"


def test_a_command_fails_alike(live: Callable[..., Living]) -> None:
    """Whatever an executor is, its variables are rendered when its message is there."""
    living = live(flow('{run: "true", env: {WHO: "${{ message.who }}"}}'))
    run = living.begin({"x": 1})
    assert run.error
    assert run.error.message == f"{living.folder / 'flow.yaml'}:3:32: 'message' has no key 'who', in: 'message.who'"


def test_a_process_of_its_own_sees_the_same(live: Callable[..., Living], monkeypatch: pytest.MonkeyPatch) -> None:
    """`isolation: process`: another process, the same message, environment and masked log."""
    monkeypatch.setenv("TOKEN", "hunter2hunter2")
    living = live(
        flow(
            '{uses: "tasks:look", isolation: process, env: {WHO: "${{ message.who }}"}}',
            "secrets: {SECRET: {env: TOKEN}}",
        ),
        tasks="""
        import os
        from lrwf_cli import executor
        @executor
        def look(m: dict) -> list:
            print("got", os.environ["SECRET"])
            return [os.environ["WHO"], len(os.environ["SECRET"]), os.getpid()]
        """,
    )
    ((who, length, pid),) = living.outputs(living.begin({"who": "ada"}))
    assert (who, length) == ("ada", 14)
    assert pid != os.getpid()
    assert living.store.log_of("r", "it") == "got ***\n"


def test_a_plain_handler_with_a_limit_can_be_killed(live: Callable[..., Living]) -> None:
    """Conformance 30: a thread cannot; so a `timeout`, here that of all, gives it a process by itself."""
    living = live(
        flow("{uses: tasks:where}", "defaults: {timeout: 1m, grace: 0s}"),
        tasks="""
        import os
        from lrwf_cli import executor
        @executor
        def where(m: dict) -> int:
            return os.getpid()
        """,
    )
    (pid,) = living.outputs(living.begin())
    assert pid != os.getpid()
