"""A program whose handler keeps its process to itself past its timeout; prints how its run stands.

Usage: overrunning.py STATE_DIR sleep|lock
"""

import ctypes
import sys
import time
from datetime import timedelta

from lrwf_cli.clock import SystemClock
from lrwf_cli.core.commands import Effects, Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import ExecutorSpec, Workflow
from lrwf_cli.core.run import Failure, Origin
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.base import Call, Desk, Failed
from lrwf_cli.local.drive import engine, interruptible
from lrwf_cli.store.base import NewRun
from lrwf_cli.store.files import FileStore

BLINK = timedelta(milliseconds=50)
WORKFLOW = Workflow("test", {"a": ExecutorSpec("a", timeout=BLINK, grace=BLINK)}, "a")


def deadlocked() -> None:
    """Wait in foreign code for a mutex that nobody frees: no signal ends that."""
    libc = ctypes.CDLL(None)
    mutex = ctypes.create_string_buffer(64)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


class Blocking:
    """An invoker whose handler does not return to the loop."""

    async def invoke(self, call: Call, desk: Desk) -> Effects | Failed:
        try:
            deadlocked() if sys.argv[2] == "lock" else time.sleep(600)  # noqa: ASYNC251 - that is the mistake
        except BaseException as error:  # noqa: BLE001 - as an invoker does
            return Failed(Failure(type(error).__name__, "interrupted"))
        return Effects()


def main() -> None:
    """Begin a run and say how it stands."""
    store, clock = FileStore.open(sys.argv[1], create=True), SystemClock()
    assembly = Assembly(WORKFLOW, Blocking())
    driving = engine(store, jobs=1, make=lambda *_: assembly)
    start = Start("r", None, Origin(flow="", folder="", cwd="", python=""))
    held = store.create(NewRun("r", "", decide(WORKFLOW, None, start, clock.now()), clock.now()))
    run, _ = interruptible(driving, driving.begin(held, assembly))
    assert run is not None
    print(run.status, run.error.type if run.error else None)  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main()
