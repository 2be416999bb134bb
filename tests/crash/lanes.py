"""Scenarios of real handlers, as `lanes.py` beside the flows has them: compiled, with lanes, steps and kept awaits."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path

from lrwf_cli.clock import Clock, ManualClock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.model import ExecutorSpec, Json, RetryPolicy, Workflow
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.base import Call, Desk, Invoker, Result
from lrwf_cli.executors.invoke import PythonInvoker
from lrwf_cli.executors.loading.modules import FlowModules, make_executor, snapshot_of
from lrwf_cli.store.base import Held, NewRun, Store
from tests.crash.flows import ORIGIN
from tests.crash.outside import here
from tests.crash.witness import WitnessDesk
from tests.crash.worlds import RUN, START, News

__all__ = ["LANES", "STEPS", "Handled"]

FOLDER = Path(__file__).parent / "flow"
LONG_AGO = ManualClock(START - timedelta(days=1))
"""What handlers ask for the time: so it is always that of their entry."""


@cache
def _modules() -> FlowModules:
    return FlowModules(snapshot_of({"lanes.py": (FOLDER / "lanes.py").read_bytes()}), FOLDER)


@dataclass(frozen=True)
class Handled:
    """A run of one executor, `uses`, which is made anew for each life."""

    uses: str
    retry: RetryPolicy
    answer: Json = None
    letters: tuple[str, ...] = ()
    is_steered: bool = False
    cancels: bool = False
    ends: str = "completed"

    @property
    def workflow(self) -> Workflow:
        return Workflow("lanes", {"do": ExecutorSpec("do", retry=self.retry)}, "do")

    def begin(self, store: Store, clock: Clock, news: News) -> tuple[Held, Assembly]:
        now = clock.now()
        events = decide(self.workflow, None, Start(RUN, "in", ORIGIN), now)
        held = store.create(NewRun(run_id=RUN, definition="name: lanes\n", events=events, at=now))
        return held, self.assemble(store, held, news)

    def assemble(self, store: Store, held: Held, news: News) -> Assembly:
        executor = make_executor(_modules().resolve(self.uses), "do")
        return Assembly(self.workflow, _Placed(PythonInvoker({"do": executor}, self.workflow, Codec(), clock=LONG_AGO)))


@dataclass(frozen=True)
class _Placed:
    """Lets handlers find the world outside."""

    invoker: Invoker

    async def invoke(self, call: Call, desk: Desk) -> Result:
        assert isinstance(desk, WitnessDesk)
        token = here.set((desk, call))
        try:
            return await self.invoker.invoke(call, desk)
        finally:
            here.reset(token)


LANES = Handled("lanes:Train", RetryPolicy())
"""A LongRunningExecutor that polls in one lane and waits in another."""

STEPS = Handled("lanes:Ship", RetryPolicy(max_attempts=2, initial=timedelta(minutes=1), jitter=0), answer="ship")
"""An Executor that asks, has a step, waits and fails once."""
