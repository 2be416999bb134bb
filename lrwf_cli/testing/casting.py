"""Who plays what: the executors of a workflow as a scenario knows them, and what each of them plays."""

from collections.abc import Mapping, Sequence

from msgspec import UNSET

from lrwf_cli.flow.kinds import Ask, Poll
from lrwf_cli.flow.schema import Executor
from lrwf_cli.local.begin import Parts
from lrwf_cli.local.kinds import kind_of
from lrwf_cli.local.parts import FlowParts
from lrwf_cli.testing.scenario import Play, Scenario
from lrwf_cli.testing.scenario_file import Cast, Role

__all__ = ["cast_of", "plays_of"]


def cast_of(parts: Parts) -> Cast:
    """Return what the executors of a workflow are; those of one built in Python are all of Python."""
    if not isinstance(parts, FlowParts):
        return dict.fromkeys(parts.workflow.executors, Role("uses"))
    return {name: _role(kind_of(parts.loaded, name), each) for name, each in parts.loaded.flow.executors.items()}


def _role(kind: str, executor: Executor) -> Role:
    poll, ask = executor.poll, executor.ask
    return Role(
        kind,
        has_command=kind == "run" or (isinstance(poll, Poll) and poll.run is not UNSET),
        choices=tuple(ask.choices) if isinstance(ask, Ask) and isinstance(ask.choices, list) else (),
    )


def plays_of(scenario: Scenario, cast: Cast) -> Mapping[str, Sequence[Play]]:
    """Return what executors play: each command something, of the others only those that the scenario names."""
    commands = {name: scenario.commands.get(name, (Play(),)) for name, role in cast.items() if role.kind == "run"}
    return {**commands, **scenario.executors}
