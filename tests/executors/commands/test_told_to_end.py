"""SIGTERM to all of a command's session from somebody else: a service manager, or the end of the machine."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.executors.commands import attendant, supervisor
from lrwf_cli.executors.commands.processes import boot_id, spawn
from lrwf_cli.executors.commands.supervisor import Task
from tests.executors.commands.commanding import COUNTED, Job, until, until_async
from tests.executors.commands.test_command_crashes import in_child, killed
from tests.executors.commands.test_supervisor import SHELLS, begin, over

WAITS = COUNTED + "echo begun; touch up; while [ ! -e go ]; do sleep 0.01; done; echo done"


def tell_all(task: Task) -> None:
    """Send SIGTERM to a command and its witness, as `KillMode=control-group` does."""
    leader = task.record().leader
    assert leader is not None
    os.killpg(leader.pid, signal.SIGTERM)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_witness_notes_that_it_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    """Whatever shell it is: told, then the command's own exit code, and all that it has printed."""

    def other(argv: list[str], *rest: Any) -> int:
        name = Path(shell).name
        arguments = ["sh"] if name == "busybox" else ["--posix"] if name == "bash" else []
        return spawn([shell, *arguments, *argv[1:]], *rest)

    monkeypatch.setattr(supervisor, "spawn", other)
    task = Task(str(tmp_path), boot_id())
    begin(task, "trap 'seq 20000; exit 7' TERM; touch up; while :; do sleep 0.01; done")
    until(Path(task.path("up")).exists)
    tell_all(task)
    until(lambda: over(task))
    record = task.record()
    assert (record.told, record.exit, record.was_told) == (True, 7, True)
    assert Path(task.path("stdout")).read_text().endswith("\n20000\n")
    said = Path(task.path("state")).read_text()
    assert said.index("told\n") < said.index("exit ")


def test_what_was_told_to_end_without_a_driver_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a service manager does after a kill of the driver, or the machine at its end, is held against nobody."""
    job = Job(tmp_path, WAITS, boot="this boot")
    pid = in_child(job.run)
    until((tmp_path / "up").exists)
    killed(pid)
    tell_all(job.task())
    until(lambda: not job.task().is_held())
    monkeypatch.setattr(attendant, "DRAIN_S", 0.05)
    for boot in ("this boot", "the next boot"):
        job.boot = boot
        failed = job.failure(attempt=2)
        assert (failed.error.type, failed.crashed, failed.counted) == ("CommandLost", True, False)
        assert "told to end" in failed.error.message
    assert job.runs() == 1


def test_what_was_told_to_end_and_ended_well_has_its_result(tmp_path: Path) -> None:
    """A command that heeds SIGTERM and still does its work has done it."""
    job = Job(tmp_path, COUNTED + "trap 'echo saved; exit 0' TERM; touch up; while :; do sleep 0.01; done")
    pid = in_child(job.run)
    until((tmp_path / "up").exists)
    killed(pid)
    tell_all(job.task())
    assert (job.result(attempt=2), job.runs()) == ("saved", 1)


def test_a_command_that_ends_its_own_group_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`kill 0` is an end that the command chose: a failure as any other, and not run again."""
    monkeypatch.setattr(attendant, "DRAIN_S", 0.05)
    job = Job(tmp_path, COUNTED + "kill 0")
    assert job.failure().error.exit_code == -signal.SIGTERM
    assert job.failure().error.exit_code == -signal.SIGTERM
    assert job.runs() == 1


def test_it_is_run_anew_if_it_and_its_driver_were_told_to_end(tmp_path: Path) -> None:
    """Conformance 57: `systemctl stop` reaches the command first, then the driver; that is one stop, and no failure."""
    job = Job(tmp_path, WAITS)

    async def stopped() -> None:
        work = asyncio.create_task(job.invoke())
        await until_async((tmp_path / "up").exists)
        tell_all(job.task())
        await until_async(lambda: job.record().exit is not None)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(stopped())
    assert job.record().stopped
    (tmp_path / "go").touch()
    assert job.result() == "begun\ndone"
    assert job.runs() == 2
