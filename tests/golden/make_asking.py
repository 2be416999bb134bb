"""Makes `tests/golden/format-1-asking`, runs of format 1 that wait for people and for time:

    python -m tests.golden.make_asking

As `make` says: it was made once and stays as it is.
"""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.commands import Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Origin
from lrwf_cli.core.suspended import Answer
from lrwf_cli.engine import steer
from lrwf_cli.engine.given import Assembly, Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.executors.base import Call, Desk, Result
from lrwf_cli.local.assemble import Assembler
from lrwf_cli.local.prepare import prepare
from lrwf_cli.store.base import Held, Letter, NewRun
from lrwf_cli.store.files import FileStore
from tests.golden.make import ADA, Killed

HERE = Path(__file__).parent
FLOW = HERE / "asking" / "flow.yaml"
GOLDEN = HERE / "format-1-asking"
RECIPE = {"flour": "rye", "grams": 500, "by": "2026-01-02"}


class Deadly:
    """An invoker that dies over what is called after a verdict."""

    def __init__(self, assembly: Assembly) -> None:
        self._invoker = assembly.invoker

    async def invoke(self, call: Call, desk: Desk) -> Result:
        if call.delivery.executor == "sweep":
            raise Killed
        return await self._invoker.invoke(call, desk)


def main() -> None:
    """Make it, in the place of one that is there."""
    shutil.rmtree(GOLDEN, ignore_errors=True)
    store, clock = FileStore.open(str(GOLDEN), create=True), ManualClock()
    for run_id in ("asked", "answered", "sold", "ending"):
        begin(store, clock, run_id)
    tick(store, clock)
    respond(store, clock, "sold", "bake", data=RECIPE)
    go_on(store, clock, hours=3)
    respond(store, clock, "sold", "bake.2", "it is")
    begin(store, clock, "heating")
    tick(store, clock)
    respond(store, clock, "heating", "bake", data=RECIPE)
    go_on(store, clock, hours=0.5)
    respond(store, clock, "answered", "bake", data=RECIPE)
    steer.send(
        store, clock, Letter(id="end", run_id="ending", kind="cancel", at=clock.now(), by=ADA, reason="no flour")
    )
    try:
        asyncio.run(engine_of(store, clock, deadly=True).tick(["ending"]))
    except Killed:
        return


def begin(store: FileStore, clock: ManualClock, run_id: str) -> None:
    """Begin a run that could have begun on any machine."""
    prepared = prepare(str(FLOW))
    code = prepared.snapshot
    origin = Origin(
        flow="/srv/bakery/flow.yaml", folder="/srv/bakery", cwd="/srv", python="/usr/bin/python3", code=code.digest
    )
    events = decide(prepared.workflow, None, Start(run_id, prepared.input_from(), origin, ADA), clock.now())
    store.create(
        NewRun(run_id, prepared.definition, events, clock.now(), code_digest=code.digest, code=code.files)
    ).release()


def tick(store: FileStore, clock: ManualClock) -> None:
    """Have all that is due go on."""
    for outcome in asyncio.run(engine_of(store, clock).tick([due.run_id for due in store.due(clock.now())])):
        assert outcome.error is None, outcome


def go_on(store: FileStore, clock: ManualClock, *, hours: float) -> None:
    """Tick every ten minutes."""
    for _ in range(round(hours * 6)):
        clock.jump(timedelta(minutes=10))
        tick(store, clock)


def respond(
    store: FileStore, clock: ManualClock, run_id: str, request: str, value: Json = None, data: Json = None
) -> None:
    """Have Ada answer."""
    letter = Letter(f"{request}-{clock.now():%H%M}", run_id, "answered", clock.now(), by=ADA, data={"request": request})
    store.answer(letter, request, Answer(clock.now(), value, data, "gladly", ADA))


def engine_of(store: FileStore, clock: ManualClock, *, deadly: bool = False) -> Engine:
    """Return an engine that drives runs from what they are pinned to."""
    assemble = Assembler(store, clock)

    def make(held: Held, definition: str) -> Assembly:
        assembly = assemble(held, definition)
        return Assembly(assembly.workflow, Deadly(assembly)) if deadly else assembly

    return Engine(store, clock, make, process=Process("a-boot", 4711), jobs=4)


if __name__ == "__main__":
    main()
