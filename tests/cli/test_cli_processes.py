"""What only a process of its own shows: signals, pipes, terminals, colours, the environment."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import PROGRAM, begun, eventually, on_terminal, surroundings
from tests.cli.said import Lrwf

pytestmark = pytest.mark.slow


def is_at_work(folder: Path) -> bool:
    return any(folder.glob("at-work-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_goes_on_with_the_next_tick(lrwf: Lrwf, flows: Path, number: signal.Signals) -> None:
    """Conformance 57: Ctrl-C leaves a state from which `tick` goes on, says so, and exits 130."""
    with begun("run", "hold.yaml", "--id", "held", "--input", "folder=.") as process:
        eventually(lambda: is_at_work(flows))
        process.send_signal(number)
        out, err = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "interrupted: held is safe on disk; `lrwf tick` goes on with it"
    assert "Traceback" not in err
    (flows / "go").touch()
    said = lrwf("tick")
    assert (said.code, said.out) == (0, "held  completed\n")
    assert lrwf("status", "held", "--json").json["outputs"] == ["gone"]


def test_an_interrupted_tick_says_so_too(lrwf: Lrwf, flows: Path) -> None:
    """Conformance 57: a tick that is cut short leaves every run for the next one."""
    assert lrwf("run", "hold.yaml", "--id", "held", "--input", "folder=.", "--timeout", "10ms").code == 124
    for trace in flows.glob("at-work-*"):
        trace.unlink()
    with begun("tick", "--json") as process:
        eventually(lambda: is_at_work(flows))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err == "interrupted: every run is safe on disk; the next tick goes on\n"


def test_ctrl_c_while_only_looking_is_quiet(lrwf: Lrwf) -> None:
    """Ctrl-C is no mistake: no traceback, 130."""
    assert lrwf("run", "later.yaml", "-q", "--id", "later").code == 0
    with begun("logs", "later", "-f") as process:
        assert process.stdout
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert (process.returncode, err) == (130, "interrupted\n")


def test_a_reader_that_has_read_enough_ends_it_quietly(lrwf: Lrwf) -> None:
    """`lrwf history RUN | head -1`: no traceback, no message."""
    assert lrwf("run", "loop.yaml", "-q", "--id", "loop").code == 0
    for command in ("lrwf history loop", "lrwf list", "lrwf status loop", "lrwf status loop --json"):
        done = subprocess.run(
            ["bash", "-c", f"{command} 2>err | true; cat err >&2; echo ${{PIPESTATUS[0]}}"],
            env=surroundings(),
            capture_output=True,
            text=True,
            check=True,
        )
        assert (done.stdout, done.stderr) == ("0\n", "")


def test_a_run_outlives_who_listens_to_it(flows: Path, lrwf: Lrwf) -> None:
    """Nobody reading the talk is no reason to stop the work."""
    command = "lrwf run greet.yaml --id x 2>&1 >out | true; echo ${PIPESTATUS[0]}"
    done = subprocess.run(["bash", "-c", command], env=surroundings(), capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
    assert lrwf("status", "x", "--json").json["status"] == "completed"


def test_a_full_disk_behind_stdout_is_an_error(lrwf: Lrwf) -> None:
    """What could not be printed is told, in a sentence."""
    assert lrwf("run", "greet.yaml", "-q", "--id", "x").code == 0
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [PROGRAM, "status", "x"], env=surroundings(), stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "error: no space left on device\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_any_locale_will_do(lrwf: Lrwf, encoding: str) -> None:
    """A cron job has no locale to speak of; what it cannot say is an escape, never an error."""
    assert lrwf("run", "greet.yaml", "-q", "--id", "x", "--input", "who=漢").code == 0
    done = subprocess.run(
        [PROGRAM, "status", "x"], env=surroundings(PYTHONIOENCODING=encoding), capture_output=True, check=True
    )
    assert ("漢" if encoding == "utf-8" else "\\u6f22") in done.stdout.decode(encoding)


def test_a_terminal_shows_a_live_picture_and_is_left_as_it_was(flows: Path) -> None:
    """A run on a terminal is drawn, a line an executor, and the drawing is gone at the end."""
    command = ("run", "hold.yaml", "--id", "held", "--input", "folder=.")
    code, written = on_terminal(*command, when="running", then=(flows / "go").touch)
    assert code == 0
    drawn, _, after = written.rpartition("\x1b[?25h")
    assert "\x1b[?25l" in drawn
    assert "hold" in drawn
    assert "running" in drawn
    assert "running" not in after
    assert "\x1b[32mcompleted\x1b[0m" in after
    assert "began, attempt" not in written


def test_ctrl_c_on_a_terminal_leaves_it_as_it_was(flows: Path) -> None:
    """Conformance 57: the cursor comes back, the drawing goes, and a sentence says how it goes on."""

    def interrupt() -> None:
        (pid,) = (int(path.name.rpartition("-")[2]) for path in flows.glob("at-work-*"))
        os.kill(pid, signal.SIGINT)

    command = ("run", "hold.yaml", "--id", "held", "--input", "folder=.")
    code, written = on_terminal(*command, when="running", then=interrupt)
    assert code == 130
    after = written.rpartition("\x1b[?25h")[2]
    assert "interrupted: held is safe on disk; `lrwf tick` goes on with it" in after


def test_colours_on_terminals_that_want_them(lrwf: Lrwf) -> None:
    """NO_COLOR is obeyed, and so are dumb terminals and `--json`; nothing is said by colour only."""
    assert lrwf("run", "fail.yaml", "-q", "--id", "bad").code == 1
    for command in (("list",), ("status", "bad"), ("nothing",)):
        assert "\x1b[3" in on_terminal(*command)[1]
        assert "\x1b" not in on_terminal(*command, settings={"NO_COLOR": "1"})[1]
    assert "\x1b" not in on_terminal("list", settings={"TERM": "dumb"})[1]
    assert "\x1b" not in on_terminal("list", "--json")[1]


def test_a_list_fits_the_terminal(lrwf: Lrwf) -> None:
    """A long reason is cut on a terminal, and whole in a pipe."""
    assert lrwf("run", "evil.yaml", "-q", "--id", "evil", "--input", "fail=true").code == 1
    _, written = on_terminal("list", settings={"COLUMNS": "60", "NO_COLOR": "1"})
    assert max(map(len, written.splitlines())) <= 60
    assert "rich[/]" in lrwf("list").out
