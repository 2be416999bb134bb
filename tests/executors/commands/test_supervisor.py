"""The witness of a command: what it leaves, whoever is killed at whatever instant."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.errors import StateFull
from lrwf_cli.executors.commands import supervisor
from lrwf_cli.executors.commands.attendant import Attendant, Wanted
from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.processes import alive, boot_id, members, spawn
from lrwf_cli.executors.commands.supervisor import MAX_OUTPUT, MAX_TALK, Task
from tests.executors.commands.commanding import until

BOOT = boot_id()
ENV = {"PATH": os.environ["PATH"]}
SHELLS = [path for path in ("/bin/dash", "/bin/bash", "/bin/busybox") if os.path.exists(path)]  # noqa: PTH110 - at import


@pytest.fixture
def task(tmp_path: Path) -> Iterator[Task]:
    made = Task(str(tmp_path), BOOT)
    yield made
    made.end(0)


def begin(task: Task, command: str, message: bytes = b"") -> int:
    lock = task.lock()
    assert lock is not None
    return task.start(lock, ["/bin/sh", "-c", command], task.folder, ENV, message)


def stage(task: Task) -> str:
    """Return how a command stands, as whoever comes by finds it."""
    is_held = task.is_held()
    return task.stage(task.record(), is_held=is_held)


def over(task: Task) -> bool:
    return not task.is_held()


def content(task: Task, name: str) -> bytes:
    return Path(task.path(name)).read_bytes()


def test_a_command_from_beginning_to_end(task: Task) -> None:
    """It is new, then it runs, then it has ended: and the lock says so, not a pid."""
    assert stage(task) == "new"
    os.mkfifo(task.path("go"))
    pid = begin(task, "cat; read -r line <go; exit 3", b"message")
    until(lambda: content(task, "stdout") == b"message")
    assert (stage(task), task.lock()) == ("running", None)
    leader = task.record().leader
    assert leader is not None
    assert (leader.pid, task.is_led()) == (pid, True)
    Path(task.path("go")).write_text("on\n")
    until(lambda: over(task))
    assert (stage(task), task.record().exit) == ("ended", 3)


@pytest.mark.parametrize("shell", SHELLS)
def test_any_shell_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    """What `/bin/sh` is, dash or bash, makes no difference."""

    def other(argv: list[str], *rest: Any) -> int:
        name = Path(shell).name
        arguments = ["sh"] if name == "busybox" else ["--posix"] if name == "bash" else []
        return spawn([shell, *arguments, *argv[1:]], *rest)

    monkeypatch.setattr(supervisor, "spawn", other)
    task = Task(str(tmp_path), BOOT)
    begin(task, "yes | head -c 30000000; cat >&2; kill -USR1 $$", b"said")
    until(lambda: over(task))
    assert (task.record().exit, content(task, "stderr")) == (128 + signal.SIGUSR1, b"said")
    assert len(content(task, "stdout")) == MAX_OUTPUT
    assert len(content(task, "stdout.end")) == supervisor.END


def test_nobody_starts_it_twice(task: Task) -> None:
    """From the moment that one has the lock until the command has ended, no other gets it."""
    first = task.lock()
    assert first is not None
    assert task.lock() is None
    task.start(first, ["/bin/sh", "-c", "sleep 600"], task.folder, ENV, b"")
    assert task.lock() is None
    task.end(0)
    assert not task.is_held()


def test_stopping_is_noted_before_any_signal(task: Task) -> None:
    """Whoever comes by after a stop sees that it was one, and takes the end for no failure of the command's."""
    begin(task, "sleep 600")
    until(lambda: task.record().leader)
    task.end(5)
    assert task.record().stopped
    until(lambda: task.record().exit == 128 + signal.SIGTERM)  # noted by who may still be on its way


def test_a_full_disk_keeps_nobody_alive(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it cannot be noted that it was stopped, it is ended all the same, and the disk is told of."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    begin(task, "touch up; sleep 600")
    until(Path(task.path("up")).exists)
    leader = task.record().leader
    assert leader is not None
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            task.end(5)
    assert members(leader) == []


def test_one_that_has_ended_is_not_stopped(task: Task) -> None:
    """A stop that comes too late leaves the result, and what the command left behind, as they are."""
    begin(task, "sleep 600 >/dev/null 2>&1 & echo $!")
    until(lambda: over(task))
    leader = task.record().leader
    assert leader is not None
    assert task.end(0) == []
    assert not task.record().stopped
    left = int(content(task, "stdout"))
    assert left in members(leader)
    os.kill(left, signal.SIGKILL)


def test_a_stop_that_was_cut_off_is_finished(task: Task) -> None:
    """Of a command that was marked as stopped nothing is left when it has been ended once more."""
    begin(task, "(trap '' TERM; sleep 600 & sleep 600) & sleep 600")
    until(lambda: task.record().leader and len(members(task.record().leader)) >= 7)  # type: ignore[arg-type] # it has one
    leader = task.record().leader
    assert leader is not None
    task._add("stopped")
    os.killpg(leader.pid, signal.SIGTERM)
    until(lambda: task.record().exit is not None)
    assert members(leader)
    task.end(0)
    assert members(leader) == []


def test_after_a_reboot_it_is_lost(task: Task) -> None:
    """Whatever stood in the folder when the power went: without an exit that was kept, nobody knows."""
    begin(task, "sleep 600")
    until(lambda: task.record().leader)
    task.end(0)
    later = Task(task.folder, "another boot")
    assert stage(later) == "lost"
    for known in (
        "asked {}\n",
        "asked {}\nstarted 1 (sh) S\n",
        "asked {}\nexit 0\n",
        "asked {}\nexit 0",
        "asked {}\n\0\0",
    ):
        Path(task.path("state")).write_text(known.format(BOOT))
        assert stage(later) == "lost", known
    Path(task.path("state")).write_text(f"asked {BOOT}\nexit 0\nkept\n")
    assert stage(later) == "ended"
    for known in ("", "asked", f"asked {BOOT}"):
        Path(task.path("state")).write_text(known)
        assert stage(later) == "new", known


def test_an_exit_is_kept_when_nobody_waits(tmp_path: Path) -> None:
    """If whoever started it is gone, its witness makes result and exit durable: they outlast a power loss."""
    pid = os.fork()
    if pid == 0:  # the driver
        task = Task(str(tmp_path), BOOT)
        begin(task, "while [ ! -e go ]; do sleep 0.01; done; echo result")
        os._exit(0)
    os.waitpid(pid, 0)
    (tmp_path / "go").touch()
    task = Task(str(tmp_path), BOOT)
    until(lambda: over(task))
    record = task.record()
    assert (record.exit, record.kept) == (0, True)
    assert Task(str(tmp_path), "another boot").stage(record, is_held=False) == "ended"


LINES = supervisor._SCRIPT.strip().split("\n")
CUTS = [i for i in range(len(LINES)) if not LINES[i - 1].startswith("  ") or LINES[i].startswith("keep")]


@pytest.mark.parametrize("cut", CUTS)
def test_a_witness_that_is_killed_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: int) -> None:
    """Killed between any two of its lines, it leaves one of the four; never a command that could run twice."""
    lines = [*LINES[:cut], "kill -KILL $$", *LINES[cut:]]
    monkeypatch.setattr(supervisor, "_SCRIPT", "\n".join(lines))
    task = Task(str(tmp_path), BOOT)
    pid = begin(task, "echo begun >>runs; echo result")
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)
    until(lambda: over(task))
    began = (tmp_path / "runs").exists()
    found = stage(task)
    assert (found, began) in {("new", False), ("lost", False), ("lost", True), ("ended", True)}
    if found == "ended":
        assert content(task, "stdout") == b"result\n"
    if found == "new":
        monkeypatch.undo()
        begin(task, "echo begun >>runs; echo result")
        until(lambda: over(task))
        assert (stage(task), content(task, "stdout")) == ("ended", b"result\n")
    runs = (tmp_path / "runs").read_text() if (tmp_path / "runs").exists() else ""
    assert runs.count("begun") == (began or found == "new")


def test_a_witness_that_is_killed_while_it_waits(task: Task) -> None:
    """The command goes on, and as long as it may print, it is running; then it is lost."""
    pid = begin(task, "touch begun; while [ ! -e go ]; do sleep 0.01; done; touch done")
    until(Path(task.path("begun")).exists)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert (stage(task), task.is_led()) == ("running", False)
    Path(task.path("go")).touch()
    until(lambda: over(task))
    assert Path(task.path("done")).exists()
    assert stage(task) == "lost"


def test_a_command_that_is_killed(task: Task) -> None:
    """A kill of the command itself is an end like any other."""
    begin(task, "echo $$; kill -KILL $$")
    until(lambda: over(task))
    assert (stage(task), task.record().exit) == ("ended", 128 + signal.SIGKILL)


def test_endless_output_fills_no_disk(task: Task) -> None:
    """A command that prints for ever, to both streams, with nobody of lrwf there, takes what was said and no more."""
    begin(task, "yes out & yes err >&2")
    until(lambda: Path(task.path("stdout.end")).exists() and Path(task.path("stderr.end")).exists())
    time_to_fill = time.monotonic() + 0.2
    until(lambda: time.monotonic() > time_to_fill)
    task.end(0)
    sizes = {name: os.path.getsize(task.path(name)) for name in os.listdir(task.folder)}  # noqa: PTH208, PTH202 - names are wanted
    assert (sizes["stdout"], sizes["stderr"]) == (MAX_OUTPUT, MAX_TALK)
    assert sum(sizes.values()) < MAX_OUTPUT + MAX_TALK + 3 * supervisor.END


def test_the_limit_is_none_for_the_command(task: Task) -> None:
    """What a command writes to its own files is not limited."""
    begin(task, "ulimit -f; head -c 40000000 /dev/zero >file && wc -c <file")
    until(lambda: over(task))
    assert content(task, "stdout").split() == [b"unlimited", b"40000000"]


def test_no_room_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk without room is StateFull, and no failure of the command's; nothing has run."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    task = Task(str(tmp_path), BOOT)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateFull):
        begin(task, "touch oops")
    assert not task.is_held()
    assert not (tmp_path / "oops").exists()


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    """A link in place of one of its files is refused, and its target is left alone."""
    other = tmp_path / "other"
    other.write_text("mine")
    for name in ("message", "lock"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).symlink_to(other)
        with pytest.raises(OSError, match="Too many levels"):
            begin(Task(str(folder), BOOT), "true")
    assert other.read_text() == "mine"


def test_a_witness_is_light(task: Task) -> None:
    """No interpreter is started to look after a command: a shell, and what copies its output."""
    begin(task, "touch up; exec sleep 600")
    until(Path(task.path("up")).exists)
    leader = task.record().leader
    assert leader is not None
    until(lambda: sorted(map(name_of, members(leader))).count("cat") == 2)
    assert {name_of(pid) for pid in members(leader)} <= {"sh", "cat", "sleep"}
    assert len(members(leader)) == 6


def name_of(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def test_nothing_is_alive_afterwards(task: Task) -> None:
    """A witness ends with its command."""
    begin(task, "true")
    until(lambda: over(task))
    leader = task.record().leader
    assert leader is not None
    until(lambda: not alive(leader))


def test_a_witness_that_cannot_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it cannot even say that it has begun, the command has not run, and the disk is what is wrong."""
    monkeypatch.setattr(supervisor, "_SCRIPT", "exit 70")
    attendant = Attendant(Task(str(tmp_path), BOOT), mask=Mask(), write=lambda _: None, grace_s=0)
    with pytest.raises(StateFull, match="no room"):
        attendant.attend(Wanted(["touch", "oops"], str(tmp_path), ENV, b""))
    assert not (tmp_path / "oops").exists()
