"""Standard streams that are not there: `lrwf` is started by programs that have closed them."""

import os
import subprocess

import pytest

from tests.cli.processes import PROGRAM, surroundings

STREAMS = [(0,), (1,), (2,), (0, 1, 2)]


def closed(*arguments: str, fds: tuple[int, ...]) -> int:
    """Run `lrwf` without the streams of these numbers; return its exit code."""
    end = " ".join(f"{fd}>&-" for fd in fds)
    command = ["/bin/sh", "-c", f'exec "$0" "$@" {end}', PROGRAM, *arguments]
    return subprocess.run(command, env=surroundings(), capture_output=True, check=False).returncode


@pytest.mark.parametrize("fds", STREAMS)
def test_a_stream_that_is_closed_changes_no_exit_code(fds: tuple[int, ...]) -> None:
    """Design 8: exit codes do not depend on whether anybody reads what is printed."""
    assert closed("list", fds=fds) == 0
    assert closed("status", "nope", fds=fds) == 3
    assert closed("tick", fds=fds) == 0


def test_no_file_takes_the_number_of_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a library prints never gets into a journal: the numbers 0 to 2 are taken, by the null device."""
    code = "import os; from lrwf_cli.__main__ import main; main(['tick']); print(os.open('/', os.O_RDONLY) > 2)"
    monkeypatch.chdir("/")
    reader, writer = os.pipe()
    command = f'exec {PROGRAM.rpartition("/")[0]}/python -c "{code}" 0>&- 2>&-'
    with os.fdopen(reader) as read, os.fdopen(writer, "w") as write:
        subprocess.run(["/bin/sh", "-c", command], env=surroundings(), stdout=write, check=True)
        write.close()
        assert read.read() == "True\n"
