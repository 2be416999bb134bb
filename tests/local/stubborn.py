"""A program whose handler sends its own process a signal and swallows every cancellation; prints how its run stands.

Usage: stubborn.py STATE_DIR SIGNAL
"""

import asyncio
import os
import sys

from lrwf_cli.clock import SystemClock
from lrwf_cli.core.commands import Effects, Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import ExecutorSpec, Workflow
from lrwf_cli.core.run import Origin
from lrwf_cli.engine.given import Assembly, Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.executors.base import Call, Desk
from lrwf_cli.local.drive import interruptible
from lrwf_cli.store.base import NewRun
from lrwf_cli.store.files import FileStore

WORKFLOW = Workflow("test", {"a": ExecutorSpec("a")}, "a")


class Stubborn:
    """An invoker that cannot be cancelled."""

    async def invoke(self, call: Call, desk: Desk) -> Effects:
        os.kill(os.getpid(), int(sys.argv[2]))
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue


def main() -> None:
    """Begin a run, be interrupted, and say how it stands."""
    store, clock = FileStore.open(sys.argv[1], create=True), SystemClock()
    assembly = Assembly(WORKFLOW, Stubborn())
    engine = Engine(store, clock, lambda *_: assembly, process=Process("boot"), jobs=1, grace_s=0.01)
    start = Start("r", None, Origin(flow="", folder="", cwd="", python=""))
    held = store.create(NewRun("r", "", decide(WORKFLOW, None, start, clock.now()), clock.now()))
    run, caught = interruptible(engine, engine.begin(held, assembly))
    assert run is not None
    print(  # noqa: T201 - what the test reads
        caught, [invocation.attempt for invocation in run.ready["a"]], [each.run_id for each in store.due(clock.now())]
    )


if __name__ == "__main__":
    main()
