"""Commands that do what none should, and what can be told of them all the same."""

from datetime import timedelta
from pathlib import Path

import pytest

from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.printed import Printed
from lrwf_cli.executors.commands.supervisor import Task
from tests.executors.commands.commanding import Job


def test_what_it_prints_is_a_sign_of_life(tmp_path: Path) -> None:
    """Conformance 30: half a line will do; what stood there before this driver came is one sign, silence is none."""
    task = Task(str(tmp_path), "boot")
    signs = []
    printed = Printed(task, Mask(), lambda _: None)
    for name, data in (("stdout", b"."), ("stdout", b""), ("stderr", b"50 %\r"), ("stderr", b"")):
        with (tmp_path / name).open("ab") as file:
            file.write(data)
        signs.append(printed.pump())
    (tmp_path / "stderr.end").touch()  # more has come than is kept: nobody can tell any more
    assert [*signs, printed.pump()] == [True, False, True, False, True]


@pytest.mark.parametrize(
    "remove", ['rm -rf "$d"', 'rm -rf "$d"; setsid sleep 600', 'mv "$d" "$d.away"; sleep 600', 'rm "$d/state"']
)
def test_a_command_that_removes_its_files(tmp_path: Path, remove: str) -> None:
    """Conformance 59: nobody knows how it ended, which is said and counted; nothing of it is left."""
    job = Job(tmp_path, f'd=$(dirname "$LRWF_OUTPUT"); {remove}', grace=timedelta(seconds=0.1))
    failed = job.failure()
    assert (failed.error.type, failed.crashed, failed.counted) == ("CommandLost", True, True)
    assert "its files were removed from" in failed.error.message
    assert job.alive() == []


def test_too_much_for_an_environment(tmp_path: Path) -> None:
    """What no process can be given is told with its remedy, and is no riddle of the system's."""
    failed = Job(tmp_path, "true", values={"LARGE": lambda _: "x" * (1 << 18)}).failure()
    assert failed.error.type == "CommandFailed"
    assert failed.error.hint == "have it read what is large from the message, which is on its stdin"
