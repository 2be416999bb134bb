"""Signals: a process that is told to end does so, and leaves its runs to be taken up again."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_handler_that_swallows_its_cancellation_does_not_keep_the_process(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Conformance 57: after the grace the driver commits that it was cut off, and the process ends without a word."""
    command = [sys.executable, str(Path(__file__).with_name("stubborn.py")), str(tmp_path / "state"), str(int(number))]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{int(number)} [2] ['r']\n", "")
