"""`run:` from the command line, with real processes: killed drivers, Ctrl-C, timeouts, cancels, ticks after them."""

import os
import signal
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from tests.cli.processes import begun, eventually
from tests.cli.said import Lrwf

pytestmark = pytest.mark.slow

WORK = 'echo begun >>runs; echo up; touch up; while [ ! -e go ]; do sleep 0.02; done; echo "done $LRWF_ATTEMPT"'
STUBBORN = (
    "trap '' TERM INT HUP; echo begun >>runs; (while :; do sleep 600; done) & (setsid -w true; sleep 600) & touch up; "
    "while :; do sleep 0.02; done"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / f"job-{uuid4().hex}"
    made.mkdir()
    monkeypatch.chdir(made)
    return made


def flow(folder: Path, command: str, keys: str = "") -> None:
    text = f"name: job\nexecutors:\n  work:\n    run: |\n      {command}\n    env: {{MARK: {folder.name}}}\n{keys}"
    (folder / "flow.yaml").write_text(text)


def alive(folder: Path) -> list[str]:
    """Return who runs with the mark of this test in its environment."""
    found = []
    for path in Path("/proc").iterdir():
        with suppress(OSError):
            is_ended = path.name.isdecimal() and (path / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            if (
                path.name.isdecimal()
                and not is_ended
                and f"MARK={folder.name}".encode() in (path / "environ").read_bytes()
            ):
                found.append(path.name)
    return found


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text().splitlines())


@pytest.mark.parametrize("is_over", [False, True])
def test_a_killed_driver_does_not_run_it_twice(lrwf: Lrwf, folder: Path, is_over: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Conformance 42: kill -9 of the driver while a command runs; the next tick waits for it, or harvests its end."""
    flow(folder, WORK)
    with begun("run", "flow.yaml", "--id", "job") as process:
        eventually((folder / "up").exists)
        process.kill()
    assert alive(folder)
    if is_over:
        (folder / "go").touch()
        eventually(lambda: not alive(folder))
        assert lrwf("tick").code == 0
    else:
        with begun("tick") as tick:
            eventually(lambda: lrwf("status", "job", "--json").json["executors"][0]["state"] == "running")
            (folder / "go").touch()
            out, _ = tick.communicate()
            assert (tick.returncode, out) == (0, "job  completed\n")
    shown = lrwf("status", "job", "--json").json
    assert (shown["status"], shown["outputs"], runs(folder)) == ("completed", ["up\ndone 1"], 1)
    assert "done 1" in lrwf("logs", "job").out
    assert list(Path(os.environ["LRWF_STATE_DIR"]).glob("runs/job/work/*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_driver_takes_it_along(lrwf: Lrwf, folder: Path, number: signal.Signals) -> None:
    """Conformance 57: Ctrl-C ends the command and all of its own; the next tick runs it anew."""
    flow(folder, WORK)
    with begun("run", "flow.yaml", "--id", "job") as process:
        eventually((folder / "up").exists)
        process.send_signal(number)
        process.communicate()
    assert (process.returncode, alive(folder)) == (130, [])
    (folder / "go").touch()
    assert lrwf("tick").code == 0
    shown = lrwf("status", "job", "--json").json
    assert (shown["status"], shown["outputs"], runs(folder)) == ("completed", ["up\ndone 2"], 2)


def test_a_timeout_ends_a_stubborn_family(lrwf: Lrwf, folder: Path) -> None:
    """Conformance 30: a command that ignores SIGTERM and forks is gone after timeout plus grace, all of it."""
    flow(folder, STUBBORN, "    timeout: 500ms\n    grace: 300ms\n")
    assert lrwf("run", "flow.yaml", "--id", "job", "--wait").code == 1
    assert alive(folder) == []
    error = lrwf("status", "job", "--json").json["error"]
    assert error["type"] == "ExecutorTimeoutError"
    assert runs(folder) == 1


def test_a_cancel_ends_what_no_driver_attends_to(lrwf: Lrwf, folder: Path) -> None:
    """Issue 3.9: the driver was killed and the command lives on; whoever cancels the run ends it all."""
    flow(folder, STUBBORN)
    with begun("run", "flow.yaml", "--id", "job") as process:
        eventually((folder / "up").exists)
        process.kill()
    assert alive(folder)
    said = lrwf("cancel", "job", "--grace", "100ms")
    assert (said.code, said.out, alive(folder)) == (0, "job  cancelled\n", [])
    assert list(Path(os.environ["LRWF_STATE_DIR"]).glob("runs/job/work/*")) == []


def test_a_cancel_without_a_grace_leaves_nobody(lrwf: Lrwf, folder: Path) -> None:
    """Design 8: `--grace 0s` ends a command that heeds nothing before the driver does, whatever its executor grants."""
    flow(folder, STUBBORN, "    grace: 1h\n")
    with begun("run", "flow.yaml", "--id", "job") as process:
        eventually((folder / "up").exists)
        assert lrwf("cancel", "job", "--grace", "0s").code == 0
        process.communicate()
    assert (lrwf("status", "job", "--json").json["status"], alive(folder)) == ("cancelled", [])


def test_what_is_lost_is_for_a_person_to_judge(lrwf: Lrwf, folder: Path) -> None:
    """`on_crash: ask`: a command whose witness was killed with it is not run again before somebody says so."""
    flow(folder, WORK, "    on_crash: ask\n")
    with begun("run", "flow.yaml", "--id", "job") as process:
        eventually((folder / "up").exists)
        process.kill()
    for pid in alive(folder):
        with suppress(ProcessLookupError):  # the end of one of them ends others
            os.kill(int(pid), signal.SIGKILL)
    eventually(lambda: not alive(folder))
    assert lrwf("tick").code == 0
    assert lrwf("status", "job", "--json").json["status"] == "waiting"
    (folder / "go").touch()
    assert lrwf("respond", "job", "work", "retry").code == 0
    eventually(lambda: lrwf("status", "job", "--json").json["status"] == "completed")
    assert runs(folder) == 2


def test_a_missing_secret_waits_for_a_person(lrwf: Lrwf, folder: Path) -> None:
    """Under cron the secret is not there: the run is blocked, nothing has run, and it goes on when it is."""
    flow(folder, WORK, "    secrets: {TOKEN: {file: token}}\n")
    (folder / "token").write_text("secret-1\n")
    assert lrwf("run", "flow.yaml", "--id", "job", "--detach").code == 0
    (folder / "token").unlink()
    assert lrwf("tick").code == 1
    assert lrwf("status", "job", "--json").json["status"] == "blocked"
    assert not (folder / "runs").exists()
    (folder / "token").write_text("secret-1\n")
    (folder / "go").touch()
    assert lrwf("resume", "job").code == 0
    eventually(lambda: lrwf("status", "job", "--json").json["status"] == "completed")
    assert runs(folder) == 1
