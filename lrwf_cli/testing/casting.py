"""Who plays what: the executors of a workflow as a scenario knows them, and what each of them plays.

A poll of a command is played check by check, from the beginning each time: by what `polls` says it finds, or by what
`commands` says the command does.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET

from lrwf_cli.core.model import Json
from lrwf_cli.executors.commands.check import Checked, judged
from lrwf_cli.flow.expressions import compile_expression
from lrwf_cli.flow.kinds import Ask, Poll
from lrwf_cli.flow.schema import Executor
from lrwf_cli.local.begin import Parts
from lrwf_cli.local.kinds import kind_of
from lrwf_cli.local.parts import FlowParts
from lrwf_cli.testing.acting import error_of
from lrwf_cli.testing.scenario import Play, Scenario, play_of, status_of
from lrwf_cli.testing.scenario_file import Cast, Role

__all__ = ["cast_of", "checks_of", "plays_of"]

_OF_A_CHECK = frozenset({"exit", "output"})


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
        judges_codes=isinstance(poll, Poll) and "exit_code" in compile_expression(poll.until).names,
        choices=tuple(ask.choices) if isinstance(ask, Ask) and isinstance(ask.choices, list) else (),
    )


def plays_of(scenario: Scenario, cast: Cast) -> Mapping[str, Sequence[Play]]:
    """Return what executors play: each command something, of the others only those that the scenario names."""
    commands = {name: scenario.commands.get(name, (Play(),)) for name, role in cast.items() if role.kind == "run"}
    return {**commands, **scenario.executors}


def checks_of(scenario: Scenario, cast: Cast) -> Mapping[str, Callable[[int], Any]]:
    """Return what the polls of executors find, by the number of the check; those that are left out ask for real."""
    found: dict[str, Callable[[int], Any]] = {
        name: partial(status_of, statuses) for name, statuses in scenario.polls.items()
    }
    for name, role in cast.items():
        if role.kind == "poll" and role.has_command:
            said = scenario.polls.get(name)
            plays = [_play(each) for each in said] if said else scenario.commands.get(name, (Play(),))
            found[name] = partial(_checked, name, plays, not role.judges_codes)
    return found


def _play(status: Json) -> Play:
    """Return what a command does for a poll to find this: it prints that, unless its exit code is given."""
    if isinstance(status, dict) and status and status.keys() <= _OF_A_CHECK:
        return Play(exit=status.get("exit", 0), output=status.get("output"))
    return Play(output=status)


async def _checked(executor: str, plays: Sequence[Play], strict: bool, number: int) -> Json:  # noqa: FBT001 - partial
    """Play check `number`, and return what it finds. Raises as the command of a poll would."""
    play = play_of(plays, number)
    await asyncio.sleep(play.after.total_seconds())
    if play.error is not None:
        raise error_of(executor, play)
    result = {} if play.output is UNSET else play.output
    stdout = result if isinstance(result, str) else msgspec.json.encode(result).decode()
    return judged(executor, Checked(play.exit, stdout, "", result), strict=strict)
