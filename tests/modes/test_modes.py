"""The modes do what they say, whether the suite runs in one or not: else they would prove nothing."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.modes.settings import FRESH, TWICE, settings
from tests.program import environment, lrwf

FLOWS = Path(__file__).parent / "flow"
FRESHLY = {**settings(fresh=True), TWICE: ""}
TWICE_OVER = {**settings(twice=True), FRESH: ""}


class Entry(NamedTuple):
    """A handler was entered: by which process, and as the how many-th that its module has seen."""

    handler: str
    process: int
    number: int


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    shutil.copytree(FLOWS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _entries(folder: Path) -> list[Entry]:
    lines = [line.split() for line in (folder / "entries").read_text().splitlines()]
    return [Entry(name, int(process), int(number)) for name, process, number in lines]


@pytest.mark.slow
def test_whoever_goes_on_after_a_wait_is_another_process(flows: Path) -> None:
    """Fresh: after a timer, even of no length, a pause of a poll and a delay of a retry, a new process goes on."""
    done = lrwf("run", str(flows / "stretches.yaml"), "-q", home=flows, env=FRESHLY)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    entries = _entries(flows)
    assert [each.handler for each in entries] == ["waits"] * 2 + ["looks"] * 2 + ["again"] * 2
    for handler in ("waits", "looks", "again"):
        assert len({each.process for each in entries if each.handler == handler}) == 2


@pytest.mark.slow
def test_what_goes_on_beside_a_handler_at_work_finds_its_modules_new(flows: Path) -> None:
    """Fresh: the driver that holds the run is the only one who may go on; all else that it has is made again."""
    assert lrwf("run", str(flows / "beside.yaml"), "-q", home=flows, env=FRESHLY).returncode == 0
    first, second = _entries(flows)
    assert (first.process, first.number) == (second.process, second.number)


@pytest.mark.slow
def test_a_simulated_process_finds_its_modules_new(flows: Path) -> None:
    """Fresh: each wake-up of a run that is only played loads the flow's modules."""
    assert lrwf("simulate", "stretches.yaml", home=flows, env={**FRESHLY, "PWD": str(flows)}).returncode == 0
    assert [each.number for each in _entries(flows) if each.handler == "waits"] == [1, 1]


@pytest.mark.slow
def test_a_program_goes_on_with_executors_that_were_never_used(flows: Path) -> None:
    """Fresh: a run in the memory of its program has copies of its executors, as they were in the beginning."""
    program = [sys.executable, str(flows / "program.py")]
    done = subprocess.run(
        program, env=environment(flows, **FRESHLY), capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[1]\n"


@pytest.mark.slow
def test_a_stretch_that_does_not_do_the_same_twice_is_found(flows: Path) -> None:
    """Twice: a handler whose result hangs on what it finds in memory blocks its run."""
    done = lrwf("run", str(flows / "lucky.yaml"), "--exit-status", "-q", home=flows, env=TWICE_OVER)
    assert (done.returncode, "`draws` was run twice" in done.stderr) == (4, True), done.stderr
