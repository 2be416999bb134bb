"""The shapes that authors write, over processes that are killed: what lies behind a wait has happened once."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.program import lrwf
from tests.workflows.serving import is_over, lrwf_killed_when, tick_when_due

CODE = Path(__file__).parent / "flow"

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the code of these tests in it, and a folder for the world outside."""
    shutil.copytree(CODE, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "world").mkdir()
    return tmp_path


def status(home: Path) -> Any:
    return json.loads(lrwf("status", "mine", "--json", home=home).stdout)


def happened(home: Path, *events: str) -> Callable[[], int]:
    """Return what counts events of these types in the run's journal."""
    journal = home / ".local" / "state" / "lrwf" / "runs" / "mine" / "journal.jsonl"
    return lambda: sum(journal.read_text().count(f'"type":"{event}"') for event in events) if journal.exists() else 0


def killed_at_every_wait(home: Path, executor: str) -> int:
    """Run `shapes:EXECUTOR`, in processes that are killed as soon as it waits again; return how many were."""
    flow = home / "flow.yaml"
    flow.write_text(
        "name: shape\ninput: {what: {default: it}}\nexecutors:\n"
        f"  it: {{uses: 'shapes:{executor}', with: {{world: {home}/world}}}}\n"
    )
    count, killed = happened(home, "invocation_suspended", "invocation_failed"), 0
    command = ["run", str(flow), "--id", "mine"]
    for _ in range(40):
        killed += lrwf_killed_when(partial(is_above, count, count()), *command, home=home)
        command = ["tick"]
        if is_over(home):
            break
    return killed


def is_above(count: Callable[[], int], before: int) -> bool:
    return count() > before


def lines(home: Path, name: str) -> list[str]:
    return (home / "world" / name).read_text().splitlines()


@pytest.mark.parametrize("executor", ["Training", "PatientTraining"])
def test_what_was_submitted_before_a_poll_was_submitted_once(home: Path, executor: str) -> None:
    """Conformance 35, 42: `submit`, `poll_until_complete`, `send_message`, over at least five processes that die."""
    assert killed_at_every_wait(home, executor) >= 5
    assert status(home)["outputs"] == ["job 1 DONE"]
    assert lines(home, "submitted") == ["it"]


def test_an_email_before_a_timer_is_sent_once(home: Path) -> None:
    """Conformance 33: `schedule_resume` after each of six e-mails, and a process that dies after each."""
    assert killed_at_every_wait(home, "Courier") >= 5
    assert status(home)["outputs"] == ["all sent"]
    assert lines(home, "sent") == [f"it, day {day}" for day in range(6)]


@pytest.mark.not_twice("it counts what stands between two awaits")
def test_attempts_survive_those_who_make_them(home: Path) -> None:
    """Conformance 25, 29: `@handler` over `@retry`: seven attempts in as many processes, all with the same key."""
    assert killed_at_every_wait(home, "Caller") >= 5
    assert status(home)["outputs"] == ["answered call 7"]
    attempts, keys = zip(*((line.split()[1], line.split()[2]) for line in lines(home, "called")), strict=True)
    assert attempts == tuple("1234567")
    assert len(set(keys)) == 1


@pytest.mark.parametrize("agent", ["waits", "insists", "blocks", "calls"])
def test_an_agent_that_hangs_is_ended(home: Path, agent: str) -> None:
    """Conformance 30: `AgentExecutor(agent, timeout=...)`: the run fails with ExecutorTimeoutError, and it is told."""
    done = lrwf("run", f"built:{agent}", "--id", "mine", "--input", "what=it", home=home)
    assert done.returncode == 1, done.stderr
    assert status(home)["error"]["type"] == "ExecutorTimeoutError"
    assert "Traceback" not in done.stderr


def test_an_agent_that_answers_is_heard(home: Path) -> None:
    """The same, in time."""
    done = lrwf("run", "built:answers", "-q", "--input", "what=it", home=home)
    assert done.stdout == '"read it"\n'


def test_a_tick_ends_a_workflow_whose_time_is_up(home: Path) -> None:
    """Conformance 32: `.with_timeout(...)`, while it waits for a person and nothing runs but the tick."""
    begun = lrwf("run", "built:asks", "--id", "mine", "--input", "what=it", home=home)
    assert begun.returncode == 0, begun.stderr
    assert status(home)["status"] == "waiting"
    tick_when_due(home)
    assert status(home)["status"] == "timed_out"
    assert lrwf("respond", "mine", "asker", "too late", home=home).returncode == 6
