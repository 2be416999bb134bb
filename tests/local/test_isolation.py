"""Python handlers in processes of their own, from a flow file on: they can be ended, and otherwise nobody can tell."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core.run import Run
from tests.local.conftest import Desk

pytestmark = pytest.mark.slow

FLOW = """
    name: alone
    executors:
      work: {{uses: "tasks:{handler}", {keys}}}
"""
TASKS = """
    import os, signal, subprocess, sys, threading
    from dataclasses import dataclass
    from pathlib import Path
    from typing import Any
    from lrwf_cli import Executor, LongRunningExecutor, WorkflowContext, executor, handler

    @dataclass
    class Note:
        text: str

    HERE = Path(__file__).parent

    def begun():
        with (HERE / "begun").open("a") as file:
            file.write(f"{os.getpid()}\\n")

    @executor
    def sleeps(message: Any, ctx: WorkflowContext) -> None:
        begun()
        subprocess.Popen(["sleep", "600"])
        threading.Event().wait()

    @executor
    async def swallows(message: Any, ctx: WorkflowContext) -> None:
        import asyncio
        begun()
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

    @executor
    def where(message: Any, ctx: WorkflowContext) -> None:
        begun()

    @executor
    def dies(message: Any, ctx: WorkflowContext) -> None:
        begun()
        if ctx.attempt < 3:
            os.kill(os.getpid(), signal.SIGSEGV)
        ctx.yield_output([ctx.attempt, ctx.maybe_done])

    @executor
    def plain(message: Any, ctx: WorkflowContext) -> None:
        begun()
        print("printed")
        print("said", file=sys.stderr)
        subprocess.run(["echo", "by a program"])
        ctx.set_state("note", Note("x" * 100_000))
        ctx.yield_output([os.getpid(), os.getppid(), sys.stdin.read(), len(ctx.input["large"])])
        ctx.yield_output(Note("kept"))

    class Kept(LongRunningExecutor):
        def __init__(self, id):
            super().__init__(id)
            self.count = 0

        def on_checkpoint_save(self):
            return {"count": self.count}

        def on_checkpoint_restore(self, state):
            self.count = state["count"]

        @handler
        async def go(self, message: Any, ctx: WorkflowContext) -> None:
            self.count += 1
            await ctx.step(begun)
            if ctx.attempt == 1:
                os._exit(9)
            await ctx.schedule_resume(after=0.1)
            await ctx.report_progress(1, 2, "half")
            await ctx.yield_output(self.count)

    @executor
    def raises(message: Any, ctx: WorkflowContext) -> None:
        raise ConnectionError("no such host")
"""


def run(desk: Desk, handler: str, keys: str, *assignments: str) -> Run:
    desk.write(flow_yaml=FLOW.format(handler=handler, keys=keys), tasks_py=TASKS)
    return desk.run(*assignments)


def begun(desk: Desk) -> list[int]:
    """Return the processes in which a handler has begun."""
    path = desk.folder / "begun"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def in_session(leader: int) -> list[str]:
    """Return what runs in the session of a process that led one."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdecimal():
            try:
                fields = (path / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == leader and fields[0] not in "ZX":
                found.append(path.name)
    return found


def failure(run: Run) -> Any:
    assert run.status == "failed"
    assert run.error is not None
    return run.error


@pytest.mark.parametrize(("handler", "keys"), [("sleeps", ""), ("swallows", "isolation: process,")])
def test_what_hangs_is_ended(desk: Desk, handler: str, keys: str) -> None:
    """Conformance 30: a thread that hangs, a handler that swallows its cancellation: the process is ended, by group."""
    error = failure(run(desk, handler, f"{keys} timeout: 1500ms, grace: 100ms"))
    assert error.type == "ExecutorTimeoutError"
    (leader,) = begun(desk)
    assert leader != os.getpid()
    assert in_session(leader) == []


def test_what_crashes_takes_nobody_with_it(desk: Desk) -> None:
    """Conformance 30: a handler whose process is killed is tried again as after any crash, and the driver lives on."""
    ended = run(desk, "dies", "isolation: process")
    assert (ended.status, desk.outputs(ended)) == ("completed", [[3, True]])
    assert len(set(begun(desk))) == 3


def test_a_crash_each_time_is_found(desk: Desk) -> None:
    """A handler that kills its process again and again fails the run, and says how it ended."""
    error = failure(run(desk, "dies", "isolation: process, max_crashes: 2"))
    assert error.type == "ExecutorCrashed"
    assert len(begun(desk)) == 2


def test_nobody_can_tell(desk: Desk) -> None:
    """State, outputs, types, prints and large inputs are as in the driver's process; stdin is empty."""
    desk.write(flow_yaml=FLOW.format(handler="plain", keys="timeout: 60s"), tasks_py=TASKS)
    ended = desk.run("large=" + "y" * 100_000)
    assert ended.status == "completed", ended.error
    (pid, parent, read, large), note = desk.outputs(ended)
    assert (parent, read, large) == (os.getpid(), "", 100_000)
    assert pid == begun(desk)[0] != os.getpid()
    assert note == {"text": "kept"}
    log = desk.store.log_of(ended.id, "work")
    assert sorted(log.splitlines()) == ["by a program", "printed", "said"]


def test_what_is_kept_outlasts_the_process(desk: Desk) -> None:
    """Kept awaits, a suspension, progress and the executor's own attributes go over the pipes."""
    ended = run(desk, "Kept", "isolation: process")
    assert (ended.status, desk.outputs(ended)) == ("completed", [1])
    assert len(begun(desk)) == 1
    assert desk.store.progress_of(ended.id, "work")["message"] == "half"


def test_a_failure_is_one_like_any_other(desk: Desk) -> None:
    """An exception in the child has its type, its text, and its traceback in the log."""
    ended = run(
        desk, "raises", "isolation: process, retry: {max_attempts: 2, initial: 1ms, retry_on: [ConnectionError]}"
    )
    error = failure(ended)
    assert (error.type, error.message, error.attempt) == ("ConnectionError", "no such host", 2)
    log = desk.store.log_of(ended.id, "work")
    assert f'File "{desk.folder}/tasks.py"' in log
    assert "lrwf_cli/" not in log


def test_none_is_none(desk: Desk) -> None:
    """`isolation: none`: in the driver's process, limits or not."""
    ended = run(desk, "where", "timeout: 60s, isolation: none")
    assert ended.status == "completed", ended.error
    assert begun(desk) == [os.getpid()]


def test_a_killed_driver_leaves_nobody(desk: Desk) -> None:
    """kill -9 of the driver while a handler hangs in a process of its own: nothing is left."""
    pid = os.fork()
    if pid == 0:
        run(desk, "sleeps", "isolation: process")
        os._exit(1)
    while not begun(desk):
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    (leader,) = begun(desk)
    while in_session(leader):
        pass
