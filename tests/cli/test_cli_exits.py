"""Exit codes, one for one; and errors of all kinds: a sentence and a remedy, never a traceback for a user's mistake."""

import os
from pathlib import Path

import pytest

from lrwf_cli import errors
from lrwf_cli.cli import exits
from lrwf_cli.errors import LrwfError
from lrwf_cli.store.files import FileStore
from tests.cli.said import Lrwf


def state() -> Path:
    return Path(os.environ["LRWF_STATE_DIR"])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("UsageError", 2),
        ("FlowError", 2),
        ("InputError", 2),
        ("InvalidRunId", 2),
        ("NotYet", 2),
        ("UnknownRun", 3),
        ("RunBusy", 6),
        ("RunConflict", 6),
        ("WrongStatus", 6),
        ("StateDirectoryError", 7),
        ("JournalCorrupt", 7),
        ("StateFull", 7),
        ("StateNewer", 7),
        ("StateNotOurs", 7),
        ("StateUnwritable", 7),
        ("CodeMissing", 1),
        ("NeedsItsProgram", 1),
        ("FrameTooLarge", 1),
    ],
)
def test_each_error_has_its_exit_code(error: str, code: int) -> None:
    """Design 8: 2 usage, 3 no such run, 6 conflict, 7 the state directory; 1 for a run that cannot be driven."""
    kind: type[LrwfError] = getattr(errors, error)
    assert exits.code_of(kind.__new__(kind)) == code


def test_0_done_and_safely_waiting(lrwf: Lrwf) -> None:
    """Design 8: a run that waits is as good as done, so that cron stays silent."""
    assert lrwf("run", "greet.yaml").code == 0
    assert lrwf("run", "later.yaml").code == 0


def test_1_the_run_failed(lrwf: Lrwf) -> None:
    """Design 8: a failed run is 1 with or without `--exit-status`, and the talk says what to do."""
    assert lrwf("run", "fail.yaml", "--exit-status").code == 1
    said = lrwf("run", "fail.yaml", "--id", "bad", "--json")
    assert (said.code, said.json["status"]) == (1, "failed")
    assert "hint: lrwf retry bad" in said.err


def test_2_bad_input_writes_nothing(lrwf: Lrwf) -> None:
    """Design 8: what cannot be understood is 2, and nothing is written."""
    for arguments in (("run", "wrong.yaml"), ("run", "greet.yaml", "--input", "x=1"), ("status", "../x"), ("nope",)):
        said = lrwf(*arguments)
        assert (said.code, said.out) == (2, "")
        assert said.err.startswith("error: ")
        assert "hint: " in said.err
    assert not state().exists()


def test_3_no_such_run(lrwf: Lrwf) -> None:
    """Design 8: an unknown run is 3 with the nearest id, for every command that takes one."""
    assert lrwf("run", "greet.yaml", "-q", "--id", "greet-1").code == 0
    for command in ("status", "history", "checkpoints", "logs", "wait", "retry", "pause", "resume"):
        said = lrwf(command, "gret-1", "--json")
        assert (said.code, said.out) == (3, ""), command
        assert "did you mean `greet-1`?" in said.err, command
    assert lrwf("rewind", "gret-1", "--to", "1").code == 3
    assert lrwf("fork", "gret-1", "--at", "1").code == 3


def test_4_waiting_only_when_asked(lrwf: Lrwf) -> None:
    """Design 8: 4 only with `--exit-status`, `--wait` and `wait`."""
    assert lrwf("run", "later.yaml", "--exit-status").code == 4


def test_6_conflicts(lrwf: Lrwf) -> None:
    """Design 8: an id that is taken, a run that another process drives, a status that does not allow it."""
    assert lrwf("run", "greet.yaml", "--id", "x").code == 0
    assert lrwf("run", "greet.yaml", "--id", "x", "--input", "who=other").code == 6
    assert lrwf("retry", "x").code == 6
    held = FileStore.open(state()).hold("x")
    try:
        said = lrwf("rewind", "x", "--to", "1")
        assert (said.code, said.out) == (6, "")
        assert "another process drives run `x`" in said.err
    finally:
        held.release()


def test_7_a_newer_state_directory(lrwf: Lrwf) -> None:
    """Design 8: what a newer version wrote is refused, also for looking, and stays as it is."""
    assert lrwf("run", "greet.yaml", "--id", "x").code == 0
    (state() / "FORMAT").write_text("2\n")
    for arguments in (("list",), ("status", "x"), ("run", "greet.yaml"), ("history", "x"), ("retry", "x")):
        said = lrwf(*arguments)
        assert (said.code, said.out) == (7, ""), arguments
        assert "format 2" in said.err


def test_7_a_state_directory_that_others_may_write(lrwf: Lrwf) -> None:
    """Design 8: who may write there could have runs do what they like."""
    state().mkdir()
    state().chmod(0o777)
    for arguments in (("list",), ("run", "greet.yaml"), ("tick",)):
        said = lrwf(*arguments)
        assert said.code == 7, arguments
        assert f"chmod go-w {state()}" in said.err


def test_7_a_damaged_journal(lrwf: Lrwf) -> None:
    """Conformance 45, 59: a damaged run is reported with its place, and hides no other."""
    for run_id in ("good", "harmed"):
        assert lrwf("run", "greet.yaml", "-q", "--id", run_id).code == 0
    harm("harmed")
    for command in ("status", "history", "checkpoints"):
        said = lrwf(command, "harmed", "--json")
        assert (said.code, said.out) == (7, ""), command
        assert "journal.jsonl:" in said.err
    said = lrwf("list")
    assert said.code == 7
    assert "good" in said.out
    assert "unreadable" in said.out
    assert "journal.jsonl:" in said.err
    runs = {run["run_id"]: run for run in lrwf("list", "--json").json}
    assert runs["good"]["status"] == "completed"
    assert runs["harmed"]["status"] == "unreadable"
    assert runs["harmed"]["error"]["type"] == "JournalCorrupt"
    assert runs["harmed"].keys() == runs["good"].keys()


def harm(run_id: str) -> None:
    """Change a byte in the middle of a journal."""
    folder = state() / "runs" / run_id
    for cached in (folder / "checkpoints").iterdir():
        cached.unlink()
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b"{", b"[", 1)
    journal.write_bytes(b"".join(lines))


def test_124_out_of_time(lrwf: Lrwf) -> None:
    """Design 8: `--timeout` ends the command, not the run."""
    assert lrwf("run", "later.yaml", "--id", "later").code == 0
    assert lrwf("run", "later.yaml", "--id", "later", "--wait", "--timeout", "10ms").code == 124
    assert lrwf("wait", "later", "--timeout", "10ms").code == 124
    assert lrwf("status", "later", "--json").json["status"] == "waiting"


def test_a_timeout_cuts_a_handler_off_and_loses_nothing(lrwf: Lrwf, flows: Path) -> None:
    """Design 8: a command that is out of time leaves its run due, for the next tick to go on."""
    said = lrwf("run", "hold.yaml", "--id", "held", "--input", "folder=.", "--timeout", "300ms")
    assert said.code == 124
    (flows / "go").touch()
    said = lrwf("tick")
    assert (said.code, said.out) == (0, "held  completed\n")


def test_a_mistake_of_ours_shows_a_traceback_and_the_journal(lrwf: Lrwf) -> None:
    """Style 5: never a traceback for a user's mistake, always one for ours, with where the journal is.

    No command line can have a NUL in it, so that what it leads to is our mistake.
    """
    said = lrwf("status", "x", "--state-dir", "a\0b")
    assert (said.code, said.out) == (1, "")
    assert "Traceback" in said.err
    assert "error: a mistake of lrwf itself: ValueError" in said.err
    assert "a\\x00b/runs/x/journal.jsonl" in said.err
