"""Runs of lrwf that have been asleep and are due: `python -m benchmarks.peers.sleepers_lrwf FLOW FOLDER NUMBER...`.

One run for each number, which is its input. They begin an hour ago, by the clock of whoever drives them here, so that
nobody has to wait until they are due.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import timedelta

from lrwf_cli.clock import ManualClock, SystemClock
from lrwf_cli.engine.given import Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.local.assemble import Assembler
from lrwf_cli.local.begin import begin
from lrwf_cli.local.machine import boot_id
from lrwf_cli.local.prepare import prepare
from lrwf_cli.store.files import FileStore

AGO = timedelta(hours=1)


async def main(flow: str, folder: str, numbers: Sequence[str]) -> None:
    """Begin the runs, and leave each when it sleeps."""
    clock = ManualClock(SystemClock().now() - AGO)
    store, prepared = FileStore.open(folder, create=True), prepare(flow)
    engine = Engine(store, clock, Assembler(store), process=Process(boot_id()), jobs=1)
    for place, number in enumerate(numbers):
        run_input = prepared.input_from([f"number={number}"])
        run = await engine.begin(*begin(store, prepared, f"sleeps-{place:05}", run_input, clock))
        if run.status != "waiting":
            sys.exit(f"{run.id} is {run.status}: {run.error}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
