"""Ticks: what they drive, where, what they report; and the one that stays."""

import os
import shutil
import signal
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from lrwf_cli.cli import groups
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standby import _Watch
from lrwf_cli.core.events import DriverStarted
from lrwf_cli.store.files import FileStore
from tests.cli.processes import begun, eventually
from tests.cli.said import Lrwf

NOTHING = {"due": 0, "advanced": 0, "busy": 0, "failed": 0, "runs": []}


def leave_due(lrwf: Lrwf, run_id: str, flow: str = "greet.yaml") -> None:
    """Leave a run that is due and that nobody drives."""
    assert lrwf("run", flow, "-q", "--id", run_id).code in {0, 1}
    assert lrwf("rewind", run_id, "--to", "1", "--no-advance").code == 0


def status(lrwf: Lrwf, run_id: str) -> str:
    return str(lrwf("status", run_id, "--json").json["status"])


def test_a_tick_drives_what_is_due_and_says_so_in_a_line_each(lrwf: Lrwf) -> None:
    """Design 9: 0 if every due run was driven, whatever its verdict."""
    leave_due(lrwf, "good")
    leave_due(lrwf, "bad", "fail.yaml")
    said = lrwf("tick")
    assert (said.code, said.err) == (0, "")
    assert sorted(said.out.splitlines()) == ["bad  failed  ValueError: no such luck", "good  completed"]
    assert lrwf("tick") == (0, "", "")


def test_a_tick_as_json(lrwf: Lrwf) -> None:
    """Design 8: `{"due","advanced","busy","failed","runs":[{"run_id","status"}]}`."""
    leave_due(lrwf, "good")
    report = lrwf("tick", "--json").json
    assert [(run["run_id"], run["status"]) for run in report.pop("runs")] == [("good", "completed")]
    assert report == {"due": 1, "advanced": 1, "busy": 0, "failed": 0}
    assert lrwf("tick", "--json").json == NOTHING


def test_many_due_runs_are_shared_out_among_processes(lrwf: Lrwf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Conformance 34: each run is driven once, by one of the processes, and all are told of."""
    monkeypatch.setattr(groups, "WORTH_A_PROCESS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    names = [f"run-{number}" for number in range(5)]
    for name in names:
        leave_due(lrwf, name)
    said = lrwf("tick", "--jobs", "4")
    assert sorted(said.out.splitlines()) == [f"{name}  completed" for name in names]
    by_pid = Counter(map(last_driver, names))
    assert sorted(by_pid.values()) == [2, 3]
    assert by_pid[os.getpid()] == 3


def last_driver(run_id: str) -> int:
    frames = FileStore.open(os.environ["LRWF_STATE_DIR"]).frames(run_id)
    *_, last = (event.pid for frame in frames for event in frame.events if isinstance(event, DriverStarted))
    return last


@pytest.mark.parametrize(("jobs", "shares"), [(1, [(7, 1)]), (2, [(4, 1), (3, 1)]), (8, [(3, 2), (2, 2), (2, 2)])])
def test_shares_have_no_more_handlers_at_work_than_one_process(
    monkeypatch: pytest.MonkeyPatch, jobs: int, shares: list[tuple[int, int]]
) -> None:
    """`--jobs` bounds what is at work however many processes there are; no share is too small to be worth its start."""
    monkeypatch.setattr(groups, "WORTH_A_PROCESS", 2)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    shared = groups.shared_out({(sys.executable, None): list("abcdefg")}, jobs)
    assert [(len(share.run_ids), share.jobs) for share in shared] == shares
    assert sorted(run_id for share in shared for run_id in share.run_ids) == list("abcdefg")
    assert all(share.run_ids == sorted(share.run_ids) for share in shared)


def test_a_quiet_tick_is_quiet(lrwf: Lrwf) -> None:
    """`-q` leaves a cron job nothing to mail but errors."""
    leave_due(lrwf, "good")
    assert lrwf("tick", "-q") == (0, "", "")
    assert status(lrwf, "good") == "completed"


def test_a_busy_run_is_no_error(lrwf: Lrwf) -> None:
    """Design 9: a run that another process drives is left to it."""
    leave_due(lrwf, "busy")
    held = FileStore.open(os.environ["LRWF_STATE_DIR"]).hold("busy")
    try:
        assert lrwf("tick") == (0, "", "")
        report = lrwf("tick", "--json").json
        assert (report["due"], report["busy"], report["advanced"]) == (1, 1, 0)
        assert "busy is driven by another process" in lrwf("tick", "-v").err
    finally:
        held.release()


def test_a_broken_run_stops_no_other(lrwf: Lrwf) -> None:
    """Conformance 59: a damaged journal is reported, the others go on, the exit code tells (7)."""
    for run_id in ("a-good", "b-harmed", "c-good"):
        leave_due(lrwf, run_id)
    journal = Path(os.environ["LRWF_STATE_DIR"], "runs", "b-harmed", "journal.jsonl")
    for cached in (journal.parent / "checkpoints").iterdir():
        cached.unlink()
    journal.write_bytes(journal.read_bytes().replace(b"greet", b"great", 1))
    said = lrwf("tick")
    assert said.code == 7
    assert sorted(said.out.splitlines()) == ["a-good  completed", "c-good  completed"]
    assert said.err.startswith("error: b-harmed: ")
    assert lrwf("tick", "--json").json["failed"] == 1


def test_a_run_that_cannot_be_driven_is_blocked_once(lrwf: Lrwf) -> None:
    """Conformance 59: code that is gone: 1, the run is blocked with the remedy, and the next tick is silent."""
    leave_due(lrwf, "lost")
    leave_due(lrwf, "other", "later.yaml")
    for kept in Path(os.environ["LRWF_STATE_DIR"], "code").iterdir():
        shutil.rmtree(kept)
    said = lrwf("tick", "--json")
    assert said.code == 1
    assert {run["run_id"]: run["status"] for run in said.json["runs"]} == {"lost": "blocked", "other": "blocked"}
    assert "hint: " in said.err
    assert lrwf("tick") == (0, "", "")
    said = lrwf("retry", "lost")
    assert (said.code, said.out) == (0, '"HELLO WORLD"\n')


@pytest.mark.slow
def test_each_pinned_code_has_a_process_of_its_own(lrwf: Lrwf, flows: Path) -> None:
    """Design 5: a tick groups what is due by interpreter and code; both versions of a module run, each its own runs."""
    leave_due(lrwf, "old")
    tasks = flows / "tasks.py"
    tasks.write_text(tasks.read_text().replace("hello", "good day"))
    leave_due(lrwf, "new")
    said = lrwf("tick")
    assert (said.code, said.err) == (0, "")
    assert sorted(said.out.splitlines()) == ["new  completed", "old  completed"]
    assert lrwf("status", "old", "--json").json["outputs"] == ["HELLO WORLD"]
    assert lrwf("status", "new", "--json").json["outputs"] == ["GOOD DAY WORLD"]


def other_python(folder: Path) -> Path:
    """Return the path of an interpreter that is another one by its name."""
    found = folder / "other-python"
    found.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    found.chmod(0o700)
    return found


def begin_with(python: Path, lrwf: Lrwf, run_id: str) -> None:
    """Leave a due run that says that it began with the interpreter `python`."""
    before, sys.executable = sys.executable, str(python)
    try:
        leave_due(lrwf, run_id)
    finally:
        sys.executable = before


@pytest.mark.slow
def test_a_run_is_driven_by_the_interpreter_that_it_began_with(lrwf: Lrwf, tmp_path: Path) -> None:
    """Design 5: a virtual environment's runs run in it, whoever ticks; the rest runs here."""
    begin_with(other_python(tmp_path), lrwf, "theirs")
    leave_due(lrwf, "ours")
    assert lrwf("status", "theirs", "--json").json["origin"]["python"] == str(tmp_path / "other-python")
    said = lrwf("tick")
    assert (said.code, said.err) == (0, "")
    assert sorted(said.out.splitlines()) == ["ours  completed", "theirs  completed"]


@pytest.mark.slow
def test_a_command_that_drives_in_place_uses_that_interpreter_too(lrwf: Lrwf, tmp_path: Path) -> None:
    """Design 5: `rewind`, `retry` and `resume` from another environment do not run the code in the wrong one."""
    begin_with(other_python(tmp_path), lrwf, "theirs")
    said = lrwf("rewind", "theirs", "--to", "1")
    assert (said.code, said.out) == (0, '"HELLO WORLD"\n')


@pytest.mark.slow
def test_ctrl_c_reaches_the_other_interpreter(lrwf: Lrwf, flows: Path, tmp_path: Path) -> None:
    """Conformance 57: what another process drives for this one is cut off with it, and nothing is lost."""
    held = ("hold.yaml", "--id", "held", "--input", "folder=.")
    before, sys.executable = sys.executable, str(other_python(tmp_path))
    try:
        assert lrwf("run", *held, "--timeout", "10ms").code == 124
    finally:
        sys.executable = before
    for trace in flows.glob("at-work-*"):
        trace.unlink()
    with begun("run", *held, "--wait") as process:
        eventually(lambda: any(flows.glob("at-work-*")))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert err.endswith("interrupted: held is safe on disk; `lrwf tick` goes on with it\n")
    assert lrwf("status", "held", "--json").json["driven"] is False
    (flows / "go").touch()
    assert lrwf("tick") == (0, "held  completed\n", "")


def test_an_interpreter_that_is_gone_blocks_its_run_with_the_remedy(lrwf: Lrwf, tmp_path: Path) -> None:
    """Design 6: an interpreter that is gone: `blocked`; put back, `resume` goes on."""
    python = other_python(tmp_path)
    begin_with(python, lrwf, "theirs")
    leave_due(lrwf, "ours")
    text = python.read_text()
    python.unlink()
    said = lrwf("tick")
    assert (said.code, said.out) == (1, "ours  completed\n")
    assert f"the interpreter that the run began with is gone: `{python}`" in said.err
    assert "hint: put it back, then: lrwf resume theirs" in said.err
    assert status(lrwf, "theirs") == "blocked"
    assert lrwf("tick") == (0, "", "")
    python.write_text(text)
    python.chmod(0o700)
    assert lrwf("resume", "theirs").code == 0
    assert status(lrwf, "theirs") == "completed"


def test_an_interpreter_without_lrwf_is_reported(lrwf: Lrwf, tmp_path: Path) -> None:
    """Conformance 59: what its process could not even begin is told, with what to look at."""
    python = other_python(tmp_path)
    begin_with(python, lrwf, "theirs")
    python.write_text("#!/bin/sh\nexit 3\n")
    said = lrwf("tick")
    assert (said.code, said.out) == (1, "")
    assert "ended with exit code 3 and no report" in said.err
    assert f"hint: see that lrwf is installed there: {python} -P -m lrwf_cli --version" in said.err
    assert status(lrwf, "theirs") == "running"


@pytest.mark.slow
def test_a_handler_that_kills_its_process_is_found_by_ticks(lrwf: Lrwf) -> None:
    """Design 4: the third crash convicts the handler; every tick before it dies, and loses nothing."""
    with begun("run", "kill.yaml", "--id", "killer") as process:
        assert process.wait() == -signal.SIGKILL
    for _ in range(2):
        with begun("tick") as process:
            assert process.wait() == -signal.SIGKILL
    assert lrwf("tick").code == 0
    error = lrwf("status", "killer", "--json").json["error"]
    assert (error["type"], error["attempt"]) == ("ExecutorCrashed", 3)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_tick_that_stays(lrwf: Lrwf, flows: Path, number: signal.Signals, code: int) -> None:
    """Design 8: `--watch` stays, drives what becomes due, and ends with Ctrl-C (130) or SIGTERM (0), losing nothing."""
    with begun("tick", "--watch") as watch:
        assert lrwf("run", "soon.yaml", "-q", "--id", "soon").code == 0
        leave_due(lrwf, "bad", "fail.yaml")
        eventually(lambda: status(lrwf, "soon") == "completed" and status(lrwf, "bad") == "failed")
        assert lrwf("run", "hold.yaml", "--id", "held", "--input", "folder=.", "--detach").code == 0
        eventually(lambda: any(flows.glob("at-work-*")))
        watch.send_signal(number)
        out, err = watch.communicate()
    assert watch.returncode == code
    assert "soon  completed\n" in out
    assert ("interrupted" in err) == (number == signal.SIGINT)
    (flows / "go").touch()
    eventually(lambda: lrwf("tick").code == 0 and status(lrwf, "held") == "completed")


def test_a_tick_that_stays_wakes_at_the_instant(lrwf: Lrwf) -> None:
    """Design 8: `--watch` sleeps until the next wake-up, and no longer than until mail is looked for again."""
    session = Session(lambda: os.environ["LRWF_STATE_DIR"])
    watch = _Watch(session, 1)
    assert watch.pause_s() == 0.5
    lrwf("run", "later.yaml", "-q", "--id", "later")
    held = session.writable_store.hold("later")
    for seconds, low, high in ((0.2, 0.0, 0.2), (60, 0.5, 0.5), (-1, 0.5, 0.5)):
        held.wake_at(session.now() + timedelta(seconds=seconds))
        assert low < watch.pause_s() + 0.001 <= high + 0.002
    held.release()


@pytest.mark.slow
def test_a_tick_that_stays_does_not_die_with_a_handler(lrwf: Lrwf) -> None:
    """Conformance 59: handlers work in processes of their own, so that one that ends its process ends nothing else."""
    with begun("run", "kill.yaml", "--id", "killer") as process:
        process.wait()
    with begun("tick", "--watch", "-q") as watch:
        eventually(lambda: status(lrwf, "killer") == "failed")
        assert watch.poll() is None
        watch.terminate()
        assert watch.wait() == 0
