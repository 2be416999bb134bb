"""Makes `tests/golden/format-1`, the state directory that all later versions have to go on with:

    python -m tests.golden.make

It was made once and stays as it is. What makes a new one necessary is a new format, and that one comes beside it.
"""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.commands import Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Origin
from lrwf_cli.engine import steer
from lrwf_cli.engine.given import Assembly, Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.executors.base import Call, Desk, Result
from lrwf_cli.local.assemble import assemble
from lrwf_cli.local.prepare import prepare
from lrwf_cli.store.base import Held, Letter, NewRun
from lrwf_cli.store.files import FileStore

HERE = Path(__file__).parent
FLOW = HERE / "flow" / "flow.yaml"
GOLDEN = HERE / "format-1"
ADA = Person(uid=1000, user="ada", name="Ada")


class Killed(BaseException):
    """The end of a process that did not see it coming."""


class Deadly:
    """An invoker that dies while it ships."""

    def __init__(self, assembly: Assembly) -> None:
        self._invoker = assembly.invoker

    async def invoke(self, call: Call, desk: Desk) -> Result:
        if call.delivery.executor == "ship":
            raise Killed
        return await self._invoker.invoke(call, desk)


def main() -> None:
    """Make it, in the place of one that is there."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    store, clock = FileStore.open(str(GOLDEN), create=True), ManualClock()
    for run_id, flaky in {"finished": False, "waiting": True, "paused": True, "crashed": False}.items():
        begin(store, clock, run_id, flaky=flaky)
        clock.jump(timedelta(minutes=1))
    engine = engine_of(store, clock)
    asyncio.run(engine.tick(["finished", "waiting", "paused"]))
    steer.send(store, clock, Letter(id="1", run_id="paused", kind="pause", at=clock.now(), by=ADA, reason="a break"))
    try:
        asyncio.run(engine_of(store, clock, deadly=True).tick(["crashed"]))
    except Killed:
        tail = b'0a1b2c3d {"seq":99,"at":"2026-01-01T00:0'
        with (GOLDEN / "runs/crashed/journal.jsonl").open("ab") as journal:
            journal.write(tail)
    store.post(Letter(id="2", run_id="crashed", kind="gossip", at=clock.now(), by=ADA))


def begin(store: FileStore, clock: ManualClock, run_id: str, *, flaky: bool) -> None:
    """Begin a run that could have begun on any machine."""
    prepared = prepare(str(FLOW))
    code = prepared.snapshot
    origin = Origin(
        flow="/srv/parcels/flow.yaml", folder="/srv/parcels", cwd="/srv", python="/usr/bin/python3", code=code.digest
    )
    run_input = prepared.input_from([f"flaky={str(flaky).lower()}"])
    events = decide(prepared.workflow, None, Start(run_id, run_input, origin, ADA), clock.now())
    new = NewRun(run_id, prepared.definition, events, clock.now(), code_digest=code.digest, code=code.files)
    store.create(new).release()


def engine_of(store: FileStore, clock: ManualClock, *, deadly: bool = False) -> Engine:
    """Return an engine that drives runs from what they are pinned to."""

    def make(held: Held, definition: str) -> Assembly:
        assembly = assemble(store, held, definition)
        return Assembly(assembly.workflow, Deadly(assembly)) if deadly else assembly

    return Engine(store, clock, make, process=Process("a-boot", 4711), jobs=4)


if __name__ == "__main__":
    main()
