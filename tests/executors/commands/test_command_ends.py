"""Commands that are to end: by a timeout, a cancel, Ctrl-C; all of them, and nobody else."""

import asyncio
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core.commands import Effects
from lrwf_cli.executors.commands import attendant
from lrwf_cli.executors.commands.attendant import Attendant, Stopped
from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.processes import alive, boot_id, child, end_session, members, process
from lrwf_cli.executors.commands.supervisor import Task
from tests.executors.commands.commanding import COUNTED, Job, until, until_async

STUBBORN = """
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
for depth in range(3):                       # children, grandchildren, theirs
    if os.fork() == 0:
        if depth == 1:
            os.setpgid(0, 0)                 # a group of its own, in the same session
        if depth == 2:
            os.close(0), os.close(1), os.close(2)
os.write(1, b"ready\\n") if depth < 2 else None
open(f"ready-{os.getpid()}", "w").close()
while True:
    signal.pause()
"""


async def cancelled(job: Job, ready: Any) -> float:
    """Begin, wait until it is ready, cancel as the engine does at a timeout; return how long the end took."""
    work = asyncio.create_task(job.invoke())
    await until_async(ready)
    begun_at = time.monotonic()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    return time.monotonic() - begun_at


def test_a_stubborn_family_is_gone_after_the_grace(tmp_path: Path) -> None:
    """Conformance 30: SIGTERM, the grace, SIGKILL, to the whole session: grandchildren, other groups."""
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    job = Job(tmp_path, "python3 stubborn.py", grace=timedelta(seconds=0.3))
    took = asyncio.run(cancelled(job, lambda: len(list(tmp_path.glob("ready-*"))) == 8))
    assert job.alive() == []
    assert took >= 0.3


def test_what_heeds_sigterm_needs_no_grace(tmp_path: Path) -> None:
    """A command that ends when it is asked to is not waited for any longer, and may say its last words."""
    job = Job(
        tmp_path, "trap 'echo bye; exit 0' TERM; touch up; while :; do sleep 0.01; done", grace=timedelta(minutes=9)
    )
    assert asyncio.run(cancelled(job, (tmp_path / "up").exists)) < 60
    assert (job.alive(), job.text[:4]) == ([], "bye\n")


def test_what_has_stopped_itself_is_ended_too(tmp_path: Path) -> None:
    """SIGTERM reaches a command that was suspended (SIGSTOP) as well."""
    job = Job(tmp_path, "touch up; kill -STOP $$", grace=timedelta(minutes=9))
    assert asyncio.run(cancelled(job, (tmp_path / "up").exists)) < 60
    assert job.alive() == []


ELSEWHERE = 'sh -c "echo \\$\\$ >pid; mv pid fled; trap : TERM HUP; while :; do sleep 0.02; done"'
"""Writes its pid to `fled` and heeds nothing; for a shell line."""


@pytest.mark.parametrize(
    "command",
    [
        f"setsid {ELSEWHERE} <&- >&- 2>&- & touch up; sleep 600",
        f"trap 'setsid {ELSEWHERE} & exit' TERM; touch up; while :; do sleep 0.01; done",
        f"setsid -f {ELSEWHERE}; touch up; sleep 600",
        f"nohup env -i PATH=$PATH setsid {ELSEWHERE} >&- & touch up; sleep 600",
    ],
    ids=["another session", "after SIGTERM", "by two forks", "without an environment"],
)
def test_nobody_flees(tmp_path: Path, command: str) -> None:
    """Conformance 30, 54: who goes to another session, before SIGTERM or after it, is ended with the command."""
    job = Job(tmp_path, command, grace=timedelta(seconds=0.3))
    fled = tmp_path / "fled"
    asyncio.run(cancelled(job, lambda: (tmp_path / "up").exists() and (fled.exists() or "exit" in command)))
    assert job.alive() == []
    if fled.exists():  # after SIGTERM it may have had no time for that
        assert not alive(child(int(fled.read_text())))


def test_who_takes_off_its_mark_is_let_go(tmp_path: Path) -> None:
    """What is meant to live on says so: it leaves the session, its parents and `LRWF_TASK`."""
    job = Job(tmp_path, "setsid -f env -u LRWF_TASK sleep 600 >&- 2>&-; touch up; sleep 600")
    asyncio.run(cancelled(job, (tmp_path / "up").exists))
    (left,) = job.alive()
    os.kill(left, signal.SIGKILL)


def test_another_family_is_left_alone(tmp_path: Path) -> None:
    """Who has a mark of another command is that one's, even as a child: a driver of other runs may be among ours."""
    job = Job(tmp_path, "LRWF_TASK=other setsid sleep 600 >&- 2>&- & touch up; sleep 600")
    asyncio.run(cancelled(job, (tmp_path / "up").exists))
    (left,) = job.alive()
    os.kill(left, signal.SIGKILL)


def test_whoever_ends_a_family_is_not_ended() -> None:
    """A command may cancel its own run when nobody drives it: who does that for it lives to tell."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        end_session(child(os.getpid()), 0, mark="mine")
        os.write(writer, b"alive")
        os._exit(0)
    os.close(writer)
    assert os.read(reader, 5) == b"alive"
    os.close(reader)
    os.waitpid(pid, 0)


def test_a_second_cancel_hurries_nothing(tmp_path: Path) -> None:
    """However often it is told to, it returns only when the command is gone."""
    job = Job(tmp_path, "trap '' TERM; touch up; while :; do sleep 0.01; done", grace=timedelta(seconds=0.3))

    async def scenario() -> None:
        work = asyncio.create_task(job.invoke())
        await until_async((tmp_path / "up").exists)
        for _ in range(5):
            work.cancel()
            await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(scenario())
    assert job.alive() == []


def test_one_that_was_stopped_runs_again(tmp_path: Path) -> None:
    """After Ctrl-C the next driver runs the command anew, in a folder of its own, and takes the end for no failure."""
    job = Job(tmp_path, f"{COUNTED} test -e go || {{ touch up; sleep 600; }}; echo done")
    asyncio.run(cancelled(job, (tmp_path / "up").exists))
    assert (job.runs(), job.record().stopped) == (1, True)
    (tmp_path / "go").touch()
    assert job.result(attempt=2, maybe_done=True) == "done"
    assert (job.runs(), job.record(2).exit) == (2, 0)
    assert job.result() == "done"
    assert job.runs() == 2


def test_a_new_start_is_a_new_command(tmp_path: Path) -> None:
    """After a failure the command runs again; what an earlier start has left is not taken for its result."""
    job = Job(tmp_path, f"{COUNTED} test -e go")
    assert job.failure().error.exit_code == 1
    (tmp_path / "go").touch()
    assert job.failure().error.exit_code == 1
    job.start = 2
    assert job.result(attempt=2) is None
    assert job.runs() == 2


def test_a_command_that_has_ended_meanwhile_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancel that comes when the command has just ended leaves its result for whoever comes next."""
    monkeypatch.setattr(attendant, "DRAIN_S", 0.1)
    job = Job(tmp_path, f"{COUNTED} echo done; sleep 600 >&2 & touch up")

    async def scenario() -> None:
        work = asyncio.create_task(job.invoke())
        await until_async(lambda: job.record().exit is not None)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(scenario())
    assert not job.record().stopped
    assert job.result() == "done"
    assert job.runs() == 1
    for pid in job.alive():
        os.kill(pid, signal.SIGKILL)


def test_stopped_before_it_began(tmp_path: Path) -> None:
    """A stop that comes first starts nothing."""
    attending = Attendant(Task(str(tmp_path), boot_id()), mask=Mask(), write=lambda _: None, grace_s=0)
    attending.stop()
    with pytest.raises(Stopped):
        attending.attend((["touch", "oops"], str(tmp_path), {"PATH": os.environ["PATH"]}, b""))  # type: ignore[arg-type] # never looked at
    assert not (tmp_path / "oops").exists()


def test_a_pid_that_somebody_else_has_by_now(tmp_path: Path) -> None:
    """Nobody is ended who only has the number: the instant of the start tells them apart."""
    job = Job(tmp_path, "touch up; sleep 600")

    async def scenario() -> None:
        work = asyncio.create_task(job.invoke())
        await until_async((tmp_path / "up").exists)
        leader = job.record().leader
        assert leader is not None
        assert end_session(leader._replace(since="1"), 0) == []
        assert members(leader)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(scenario())


def test_lines_of_proc() -> None:
    """A program's name may hold anything; what is no such line is nobody."""
    line = Path("/proc/self/stat").read_text()
    assert process(line) is not None
    head, _, tail = line.rpartition(")")
    assert process(f"{head.partition('(')[0]}(a) b ( 1 2 3){tail}") == process(line)
    for odd in ("", "x", "1 (a", "1 (a) S", "x (a) " + "0 " * 30):
        assert process(odd) is None


def test_every_group_is_ended(tmp_path: Path) -> None:
    """Conformance 30: jobs that a shell with job control put into groups of their own are ended as well."""
    job = Job(tmp_path, ["bash", "-mc", "sleep 600 & sleep 601 & touch up; wait"], grace=timedelta(seconds=5))
    asyncio.run(cancelled(job, (tmp_path / "up").exists))
    until(lambda: job.alive() == [], 1)


def test_effects_are_the_same_however_it_was_attended(tmp_path: Path) -> None:
    """Conformance 42: whoever comes by after the end gets the same result, any number of times."""
    job = Job(tmp_path, f"{COUNTED} echo '[1]'; echo talk >&2")
    first = job.run()
    assert isinstance(first, Effects)
    assert [job.run(), job.run()] == [first, first]
    assert job.runs() == 1
    assert sorted(job.text.splitlines()) == ["[1]", "talk"]


@pytest.mark.skipif(os.getuid() != 0, reason="takes two users")
def test_another_users_processes_are_left_and_told(tmp_path: Path) -> None:
    """What is not ours to end (after `sudo`, say) neither hangs anybody nor is passed over in silence."""
    ready, told = os.pipe()
    theirs = os.fork()
    if theirs == 0:
        os.setsid()
        os.write(told, b"up")
        while True:
            signal.pause()
    os.read(ready, 2)
    leader = child(theirs)
    mine = os.fork()
    if mine == 0:
        os.setuid(65534)
        os._exit(0 if end_session(leader, 0.05) == [theirs] else 1)
    assert os.waitpid(mine, 0)[1] == 0
    os.kill(theirs, signal.SIGKILL)
    os.waitpid(theirs, 0)
    for fd in (ready, told):
        os.close(fd)
    lines: list[str] = []
    attending = Attendant(Task(str(tmp_path), boot_id()), mask=Mask(), write=lines.append, grace_s=0)
    attending._tell_of_survivors([7, 8])
    assert lines == ["[lrwf: not ended, for they belong to another user: processes 7, 8]\n"]
