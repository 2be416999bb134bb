"""Handlers that keep their process to themselves are ended all the same, and the run knows why."""

import subprocess
import sys
from pathlib import Path

import pytest

from lrwf_cli.core.model import UNKNOWN
from lrwf_cli.core.verdict import verdict
from lrwf_cli.store.files import FileStore


def overrun(state: Path, how: str) -> subprocess.CompletedProcess[str]:
    """Run the program to its end, which has to come."""
    program = Path(__file__).with_name("overrunning.py")
    command = [sys.executable, str(program), str(state), how]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
def test_a_handler_that_blocks_the_loop_is_interrupted(tmp_path: Path) -> None:
    """Conformance 30: a handler that never awaits is ended where it is, and the process goes on."""
    ended = overrun(tmp_path / "state", "sleep")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "failed ExecutorTimeoutError\n", "")


@pytest.mark.slow
def test_a_handler_that_hears_no_signal_ends_with_its_process(tmp_path: Path) -> None:
    """Conformance 30: what cannot be interrupted is failed durably, and its process ends; the next one goes on."""
    ended = overrun(tmp_path / "state", "lock")
    assert ended.returncode == 1
    assert ended.stderr == (
        "error: `a` kept the process to itself, past its timeout of 0.05 s, and cannot be interrupted\n"
        "  hint: give it `isolation: process`; `lrwf tick` goes on\n"
    )
    store = FileStore.open(tmp_path / "state")
    run = store.load("r")
    assert [(failed.error.type if failed.error else None, failed.crashes) for failed in run.failed.values()] == [
        ("ExecutorTimeoutError", 0)
    ]
    assert [due.run_id for due in store.due(run.updated_at)] == ["r"]
    assert [type(event).__name__ for event in verdict(UNKNOWN, run)] == ["RunFailed"]
