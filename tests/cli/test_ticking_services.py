"""Ticks by a systemd timer: what is left of a tick's unit is ended with it, and nothing is lost or held against it."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from tests.cli.processes import eventually
from tests.cli.said import Lrwf
from tests.cli.services import Unit, unit

pytestmark = pytest.mark.slow

COMMAND = """
    name: command
    input: {}
    executors:
      work: {run: "echo begun >>begun; while [ ! -e go ]; do sleep 0.01; done; echo done"}
    """
TIDY = """
    name: tidy
    input: {}
    executors:
      work: {uses: tidying:work, isolation: process, grace: 1m}
    """
TIDYING = '''
    """A handler that has something to do when it is cut off."""

    import asyncio
    from pathlib import Path

    from lrwf_cli import WorkflowContext, executor

    FOLDER = Path("%s")


    @executor
    async def work(asked: dict, ctx: WorkflowContext) -> str:
        (FOLDER / f"begun-{ctx.run_id}").touch()
        try:
            while not (FOLDER / "go").exists():
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            (FOLDER / f"told-{ctx.run_id}").touch()
            while not (FOLDER / "may-end").exists():
                await asyncio.sleep(0.01)
            (FOLDER / f"tidied-{ctx.run_id}").touch()
            raise
        return "done"
    '''


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Unit]:
    with unit(tmp_path / "said") as made:
        yield made


def leave_due(lrwf: Lrwf, flow: str, run_id: str) -> None:
    """Leave a run that is due, and of which nothing has happened yet."""
    Path("go").touch()
    assert lrwf("run", flow, "-q", "--id", run_id).code == 0
    assert lrwf("rewind", run_id, "--to", "1", "--no-advance").code == 0
    for trace in ("go", "begun", f"begun-{run_id}"):
        Path(trace).unlink(missing_ok=True)


def times_begun() -> int:
    return len(Path("begun").read_text().splitlines()) if Path("begun").exists() else 0


def status(lrwf: Lrwf, run_id: str) -> str:
    return str(lrwf("status", run_id, "--json").json["status"])


def ends(lrwf: Lrwf, run_id: str) -> list[str]:
    """How the attempts were cut off, as `history` tells it, since the run was made due."""
    lines = lrwf("history", run_id).out.splitlines()
    return [line.partition("cut off: ")[2] for line in lines if "cut off: " in line]


@pytest.fixture
def command(lrwf: Lrwf, flows: Path) -> str:
    """A run of a command that waits until there is a file `go`."""
    Path("command.yaml").write_text(dedent(COMMAND))
    leave_due(lrwf, "command.yaml", "c")
    return "c"


def test_a_stop_of_the_unit_cuts_a_command_off_and_the_next_tick_runs_it_anew(
    lrwf: Lrwf, service: Unit, command: str
) -> None:
    """Conformance 57: `systemctl stop` tells command and driver at once; that is no failure of either."""
    service.start()
    eventually(times_begun)
    assert service.stop() == 130
    assert service.members() == []
    assert (status(lrwf, command), ends(lrwf, command)) == ("running", ["the process was told to end"])
    Path("go").touch()
    assert service.run() == 0
    assert (status(lrwf, command), times_begun()) == ("completed", 2)


def test_a_unit_whose_main_process_was_killed_loses_nothing(lrwf: Lrwf, service: Unit, command: str) -> None:
    """Conformance 42: systemd ends the command, too; the next tick runs it anew, and nobody is blamed."""
    service.start()
    eventually(times_begun)
    service.kill_main()
    service.tidy_up()
    assert service.members() == []
    Path("go").touch()
    assert service.run() == 0
    assert (status(lrwf, command), times_begun()) == ("completed", 2)
    assert lrwf("status", command, "--json").json["error"] is None


def test_with_killmode_process_a_command_outlives_its_unit(lrwf: Lrwf, service: Unit, command: str) -> None:
    """Conformance 42: what systemd leaves alone goes on; the next tick waits for it, and it has run once."""
    service.start()
    eventually(times_begun)
    service.kill_main()
    assert service.members() != []
    service.start()
    eventually(lambda: lrwf("status", command, "--json").json["driven"])
    assert service.is_active
    Path("go").touch()
    assert service.run() == 0
    assert (status(lrwf, command), times_begun()) == ("completed", 1)
    eventually(lambda: service.members() == [])


def test_one_stop_that_comes_twice_is_one(lrwf: Lrwf, flows: Path, service: Unit, tmp_path: Path) -> None:
    """Conformance 57: systemd tells all, and each tells those that it has started: nobody is cut short by the second.

    One of the runs belongs to another interpreter, so that it is driven by a tick that the first one started.
    """
    Path("tidying.py").write_text(dedent(TIDYING % flows))
    Path("tidy.yaml").write_text(dedent(TIDY))
    leave_due(lrwf, "tidy.yaml", "ours")
    begin_with(other_python(tmp_path), lambda: leave_due(lrwf, "tidy.yaml", "theirs"))
    service.start()
    eventually(lambda: all(Path(f"begun-{run_id}").exists() for run_id in ("ours", "theirs")))
    service.tell_all()
    eventually(lambda: len(list(flows.glob("told-*"))) == 2)
    service.tell_all()
    Path("may-end").touch()
    assert service.stop() == 130
    assert sorted(each.name for each in flows.glob("tidied-*")) == ["tidied-ours", "tidied-theirs"]
    for run_id in ("ours", "theirs"):
        assert ends(lrwf, run_id) == ["the process was told to end"]


def other_python(folder: Path) -> Path:
    """Return the path of an interpreter that is another one by its name."""
    found = folder / "other-python"
    found.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    found.chmod(0o700)
    return found


def begin_with(python: Path, begin: Callable[[], None]) -> None:
    """Have runs begin that say that they began with the interpreter `python`."""
    before, sys.executable = sys.executable, str(python)
    try:
        begin()
    finally:
        sys.executable = before
