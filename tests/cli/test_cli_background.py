"""Background work, end to end: begun by one process, done without it, heard of by a tick; and progress meanwhile."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import eventually
from tests.cli.said import Lrwf
from tests.executors.commands.commanding import is_running

pytestmark = pytest.mark.slow

FLOW = "name: bg\nexecutors:\n  begin: {uses: work:Begin}\n"
WORK = """
from pathlib import Path
from lrwf_cli import Executor, WorkflowContext, handler
from lrwf_cli.errors import CommandFailed

def crunch(n: int, *, factor: int = 1) -> dict:
    print("crunching", n)
    with open("ran", "a") as file:
        file.write(f"crunch {n}\\n")
    return {"n": n * factor}

class Begin(Executor):
    @handler
    async def begin(self, asked: dict, ctx: WorkflowContext[list]) -> None:
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def flow(folder: Path, body: str) -> None:
    (folder / "flow.yaml").write_text(FLOW)
    (folder / "work.py").write_text(WORK + "".join(f"        {line}\n" for line in body.splitlines()))


def state() -> Path:
    return Path(os.environ["LRWF_STATE_DIR"])


def completed(lrwf: Lrwf) -> Any:
    """Tick until the run is over; return its status."""
    status: Any = {}

    def is_over() -> bool:
        nonlocal status
        lrwf("tick")
        status = lrwf("status", "it", "--json").json
        return bool(status["finished_at"])

    eventually(is_over)
    return status


def test_a_command_and_a_function(lrwf: Lrwf, folder: Path) -> None:
    """Conformance 53: they outlive the process that began them, report their end by mail, and the run goes on."""
    flow(
        folder,
        "one = await ctx.start_background(['sh', '-c', 'echo ran >> ran; echo \\'{\"a\": 1}\\' > $LRWF_OUTPUT'])\n"
        "two = await ctx.start_background(crunch, 4, factor=3)\n"
        "await ctx.send_message([await ctx.wait_background(one), await ctx.wait_background(two)])",
    )
    assert lrwf("run", "-q", "flow.yaml", "--id", "it").code == 0
    status = completed(lrwf)
    assert (status["status"], status["outputs"]) == ("completed", [[{"a": 1}, {"n": 12}]])
    assert [(each["state"], each["exit_code"]) for each in status["background"]] == [("ended", 0), ("ended", 0)]
    assert sorted((folder / "ran").read_text().splitlines()) == ["crunch 4", "ran"]
    assert not list((state() / "runs/it/work").iterdir())
    assert "crunching 4" in lrwf("logs", "it").out


def test_a_cancelled_run_leaves_nobody_behind(lrwf: Lrwf, folder: Path) -> None:
    """Conformance 32, 54: cancel reaches background work, and the run is over when that is."""
    flow(
        folder,
        "await ctx.wait_background(await ctx.start_background('echo $$ > pid; trap \"\" TERM; sleep 600 & sleep 600'))",
    )
    lrwf("run", "-q", "flow.yaml", "--id", "it")
    eventually(lambda: (folder / "pid").exists() and (folder / "pid").read_text())
    lrwf("cancel", "it", "--grace", "0s")
    status: Any = lrwf("status", "it", "--json").json
    assert (status["status"], status["background"][0]["state"]) == ("cancelled", "cancelled")
    assert not is_running((folder / "pid").read_text().strip())


def test_what_failed_is_raised_where_it_is_waited_for(lrwf: Lrwf, folder: Path) -> None:
    """Nothing is silent: an exit code, or what a function raised."""
    flow(
        folder,
        "said = []\n"
        "for what in (['sh', '-c', 'exit 3'], ['no-such-program']):\n"
        "    try:\n"
        "        await ctx.wait_background(await ctx.start_background(what))\n"
        "    except CommandFailed as error:\n"
        "        said.append(error.exit_code)\n"
        "try:\n"
        "    await ctx.wait_background(await ctx.start_background(crunch, 'x', factor=None))\n"
        "except CommandFailed as error:\n"
        "    said.append(str(error))\n"
        "await ctx.send_message(said)",
    )
    lrwf("run", "-q", "flow.yaml", "--id", "it")
    said = completed(lrwf)["outputs"][0]
    assert said[:2] == [3, 127]
    assert said[2].startswith("`crunch` failed: TypeError:")
