"""`simulate`: a workflow played from its beginning to its end, in memory and in virtual time, as a scenario says.

What is put together here: the workflow as `lrwf run` would run it, those who act and answer, and one life.
"""

import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from lrwf_cli.core.commands import Start
from lrwf_cli.core.decide import decide
from lrwf_cli.core.events import Event
from lrwf_cli.core.model import Json
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Failure, Notice, Run, Status
from lrwf_cli.core.view import instant
from lrwf_cli.core.zones import instant_of, zone_of
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.loading.modules import snapshot_of
from lrwf_cli.flow.built import BuiltWorkflow
from lrwf_cli.local.begin import Prepared, assembly
from lrwf_cli.local.built_parts import prepared as prepared_built
from lrwf_cli.local.machine import origin
from lrwf_cli.local.prepare import prepare
from lrwf_cli.local.result import WorkflowResult
from lrwf_cli.store.base import Held, NewRun
from lrwf_cli.store.memory import MemoryStore
from lrwf_cli.testing.acting import Actor, Script
from lrwf_cli.testing.agenda import Agenda
from lrwf_cli.testing.casting import cast_of, checks_of, plays_of
from lrwf_cli.testing.clock import VirtualClock
from lrwf_cli.testing.life import MOST_WAKES, Life
from lrwf_cli.testing.recording import Recorder
from lrwf_cli.testing.replying import People
from lrwf_cli.testing.scenario import Scenario
from lrwf_cli.testing.scenario_file import read_scenario, scenario_from

__all__ = ["Rehearsal", "Simulation", "simulate"]

_MONDAY = datetime(2026, 1, 5, 9)  # noqa: DTZ001 - in the flow's zone, which is not known yet

Given = Scenario | Mapping[str, Any] | str | Path | None
"""A scenario, a mapping of the same form, or the path of its file; `None`: an empty one."""


class Simulation:
    """How a run ended that was only played, and what would have happened when (`agenda`)."""

    def __init__(self, result: WorkflowResult, run: Run, agenda: Agenda) -> None:
        self.result = result
        self.run = run
        self.agenda = agenda

    @property
    def status(self) -> Status:
        """One of the words of the glossary: `completed`, `failed`; `waiting` for an answer that nobody gives..."""
        return self.run.status

    @property
    def outputs(self) -> list[Any]:
        """What the run has yielded, as values; by superstep, then lineage."""
        return self.result.get_outputs()

    @property
    def error(self) -> Failure | None:
        """Why it failed."""
        return self.run.error

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that happened, as it would stand in the journal."""
        return self.result.events


def simulate(
    workflow: str | Path | BuiltWorkflow,
    input: Any = None,  # noqa: A002 - the flow file's own word
    *,
    scenario: Given = None,
    start_at: datetime | None = None,
    most_wakes: int = MOST_WAKES,
) -> Simulation:
    """Play a run of `workflow` to its end, in virtual time, and return how it went. Nothing is written.

    `workflow` is the path of a flow file, `module:attribute`, or a workflow built in Python; `input` the run's input
    (a mapping, where the flow declares one). No command is run, and nobody is told anything: the scenario says what
    commands do. Python executors that it does not name run for real, but for their clock and their timers. `start_at`
    goes before the scenario's; naive: in the flow's zone. The same workflow, input and scenario give the same agenda,
    as long as the author's code does the same. Returns as well when the run waits for what never comes: see `status`.

    Raises FlowError, InputError, LrwfError for a run that has not ended after so many wake-ups, and UsageError where an
    event loop runs already.
    """
    rehearsal = Rehearsal(workflow)
    return rehearsal.play(rehearsal.input_of(input), rehearsal.scenario(scenario), start_at, most_wakes)


class Rehearsal:
    """A workflow that is ready to be played, once."""

    def __init__(self, workflow: str | Path | BuiltWorkflow) -> None:
        self._clock = VirtualClock()
        if isinstance(workflow, BuiltWorkflow):
            self.prepared = _in_program(workflow)
        else:
            self.prepared = prepare(str(workflow), clock=self._clock)
        self._zone = zone_of(self.prepared.workflow.timezone)

    @cached_property
    def cast(self) -> Any:
        """What its executors are, for a scenario."""
        return cast_of(self.prepared.parts)

    def input_of(self, value: Any) -> Json:
        """Return a run's input, checked and encoded. Raises InputError."""
        if value is None or (self.prepared.declared is not None and isinstance(value, Mapping)):
            return self.prepared.input_from(data=value)
        return self.prepared.encoded(value)

    def scenario(self, given: Given) -> Scenario:
        """Return a scenario, checked against the workflow. Raises FlowError."""
        if isinstance(given, str | Path):
            return read_scenario(str(given), self.cast)
        if isinstance(given, Mapping):
            return scenario_from(given, self.cast)
        return given or Scenario()

    def play(
        self, run_input: Json, scenario: Scenario, start_at: datetime | None = None, most_wakes: int = MOST_WAKES
    ) -> Simulation:
        """Play one run. As `simulate`."""
        self._clock.start = instant_of(start_at or scenario.start_at or _MONDAY, self._zone)
        store = MemoryStore()
        held = self._begun(store, run_input)
        recorder, people = Recorder(held.resolve), People(scenario, store, self._clock)
        events: list[Event] = []

        def note(frame: Any, run: Run) -> None:
            events.extend(frame.events)
            recorder(frame, run)

        note(next(iter(store.frames(held.run.id))), held.run)
        script = Script(plays_of(scenario, self.cast), checks_of(scenario, self.cast))
        life = Life(store, self._clock, lambda held: self._assembled(held, script), people, observe=note)
        run = life.live(held, most_wakes)
        result = WorkflowResult(run, events, store, self.prepared.parts.codec)
        return Simulation(result, run, recorder.agenda(run, self._zone))

    def _begun(self, store: MemoryStore, run_input: Json) -> Held:
        """Publish the run; its name is always the same one, as whatever hangs on it shall be."""
        prepared, now = self.prepared, self._clock.now()
        run_id = f"{prepared.name}-0000"
        self._executors(run_id, run_input, now)  # what their constructors refuse is refused before it begins
        start = Start(run_id, run_input, prepared.origin, Person(name="somebody"))
        return store.create(NewRun(run_id, prepared.definition, decide(prepared.workflow, None, start, now), now))

    def _executors(self, run_id: str, run_input: Json, started_at: datetime) -> Any:
        about = {"id": run_id, "workflow": self.prepared.name, "started_at": instant(started_at)}
        return self.prepared.parts.executors(run_input, about, self.prepared.origin)

    def _assembled(self, held: Held, script: Script) -> Assembly:
        """Return what a process has that takes the run up: executors of its own, but the same actors."""
        run, parts = held.run, self.prepared.parts
        executors = self._executors(run.id, held.resolve(run.input), run.started_at)
        real = assembly(parts, executors, held, clock=self._clock)
        return replace(real, invoker=Actor(real.invoker, script, executors, parts.codec), tell=_told)


async def _told(_: Run, __: Notice) -> None:
    """Tell nobody; it counts as told."""


def _in_program(built: BuiltWorkflow) -> Prepared:
    script = str(Path(getattr(sys.modules["__main__"], "__file__", None) or "<interactive>").absolute())
    where = origin(flow=script, folder=str(Path(script).parent), code=None, built="__main__", script=script)
    return prepared_built(built, snapshot_of({}), where, own=True)
