"""kill -9 of whoever drives a command, at every instant: it never runs twice, and its result is never lost.

The driver is a child of the test that dies before its n-th call of the operating system; another one then
takes over, as the next tick would: half of the time when what the command is has ended, else at once.
"""

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import FrameType

import pytest

from lrwf_cli.core.commands import Effects
from lrwf_cli.executors import threads
from lrwf_cli.executors.base import Failed
from tests.executors.commands.commanding import COUNTED, Job, until

OURS = (
    "/executors/commands/supervisor.py",
    "/executors/commands/attendant.py",
    "/executors/commands/processes.py",
    "/executors/commands/printed.py",
)
COMMAND = COUNTED + "cat"


def dying(at: int) -> Callable[[FrameType, str, object], None]:
    """Return a profiler that kills this process before its `at`-th call of the system from our modules.

    Of what is called again and again, while it waits, the first two times count.
    """
    seen: Counter[tuple[str, int]] = Counter()

    def profile(frame: FrameType, event: str, function: object) -> None:
        if event != "c_call" or not frame.f_code.co_filename.endswith(OURS):
            return
        if getattr(function, "__module__", None) in {"posix", "fcntl", "io", "_io"}:
            place = (frame.f_code.co_filename, frame.f_lineno)
            seen[place] += 1
            if seen[place] <= 2 and sum(min(times, 2) for times in seen.values()) == at:
                os.kill(os.getpid(), signal.SIGKILL)

    return profile


def in_child(work: Callable[[], object]) -> int:
    """Have `work` done in a child process, which exits with 1 if it returns false or raises; return its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        threads._idle.clear()  # they are the parent's
        os._exit(0 if work() else 1)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it must not go on as a test
        os.write(2, f"{error!r}\n".encode())
    os._exit(1)


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    assert ended(pid) == -signal.SIGKILL


def driven(job: Job, at: int) -> bool:
    """Drive `job` in a process that dies at its `at`-th call; return whether it did, or was done before."""

    def drive() -> bool:
        profile = dying(at)
        threading.setprofile(profile)
        sys.setprofile(profile)
        return isinstance(job.run(), Effects)

    code = ended(in_child(drive))
    assert code in (0, -signal.SIGKILL)
    return code != 0


@pytest.mark.slow
def test_a_driver_that_is_killed_at_any_instant(tmp_path: Path) -> None:
    """Conformance 42: at whatever call it dies, the next one has the command's result, and it has run once."""
    for at in count(1):
        folder = tmp_path / f"{at}"
        folder.mkdir()
        job = Job(folder, COMMAND, [at])
        died = driven(job, at)
        if at % 2 == 0:
            until(lambda job=job: not job.alive())  # type: ignore[misc] # mypy takes no defaults of lambdas
        assert job.result(attempt=2) == [at], at
        assert job.runs() == 1, at
        until(lambda job=job: not job.alive())  # type: ignore[misc] # the same
        if not died:
            break
    assert at > 40


@pytest.mark.slow
def test_drivers_that_are_killed_in_turn(tmp_path: Path) -> None:
    """Conformance 42: killed again and again, each a little later, they hand one and the same command on."""
    job = Job(tmp_path, COUNTED + "while [ ! -e go ]; do sleep 0.01; done; cat", "said")
    for at in range(5, 100, 5):
        if not driven(job, at):
            break
        if job.record().leader:
            (tmp_path / "go").touch()
    assert at >= 30
    assert job.result() == "said"
    assert job.runs() == 1


def test_a_successor_waits_for_what_lives(tmp_path: Path) -> None:
    """Conformance 42: the command outlives its driver, and the next one waits for it and goes on with its log."""
    job = Job(tmp_path, COUNTED + "echo one; touch up; while [ ! -e go ]; do sleep 0.01; done; echo two; exit 4")
    pid = in_child(job.run)
    noted = Path(job.task().path("printed"))
    until(lambda: noted.exists() and noted.read_text() == "4 0")
    killed(pid)
    assert job.alive()
    (tmp_path / "go").touch()
    assert job.failure(attempt=2).error.exit_code == 4
    assert (job.runs(), job.text.splitlines()[0]) == (1, "two")


def test_a_killed_witness_loses_the_command(tmp_path: Path) -> None:
    """What becomes of a command whose witness is killed nobody knows: CommandLost, and nothing of it is left."""
    job = Job(tmp_path, COUNTED + "exec >/dev/null 2>&1; touch up; sleep 600", boot="this boot")
    pid = in_child(job.run)
    until((tmp_path / "up").exists)
    leader = job.record().leader
    assert leader is not None
    killed(pid)
    os.kill(leader.pid, signal.SIGKILL)
    until(lambda: not job.task().is_held())
    assert job.alive()
    failed = job.failure(attempt=2)
    assert (failed.error.type, failed.crashed, failed.counted) == ("CommandLost", True, True)
    assert (job.alive(), job.runs()) == ([], 1)


def test_after_a_reboot_nobody_knows(tmp_path: Path) -> None:
    """A command that had begun when the machine went down is lost, which is held against nobody."""
    job = Job(tmp_path, COUNTED + "touch up; sleep 600", boot="this boot")
    pid = in_child(job.run)
    until((tmp_path / "up").exists)
    killed(pid)
    leader = job.record().leader
    assert leader is not None
    os.killpg(leader.pid, signal.SIGKILL)
    until(lambda: not job.alive())
    job.boot = "the next boot"
    failed = job.failure(attempt=2)
    assert (failed.error.type, failed.crashed, failed.counted) == ("CommandLost", True, False)
    assert "started anew" in failed.error.message


def test_two_drivers_run_it_once(tmp_path: Path) -> None:
    """Even if two were to drive one run, the command would run once: its own lock decides."""
    job = Job(tmp_path, COUNTED + "sleep 0.05; echo done")
    pids = [in_child(lambda: job.result() == "done") for _ in range(6)]
    assert [ended(pid) for pid in pids] == [0] * 6
    assert job.runs() == 1


def test_a_failure_is_one_for_all(tmp_path: Path) -> None:
    """Whoever comes by later finds the same failure, without running the command again."""
    job = Job(tmp_path, COUNTED + "echo no >&2; exit 9")
    first, second = job.run(), job.run()
    assert isinstance(first, Failed)
    assert first == second
    assert job.runs() == 1
