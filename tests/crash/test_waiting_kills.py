"""Conformance 42: real ticks of runs that wait, killed with SIGKILL at random instants; a file tells what happened.

A poll, a retry, a timer, a question, commands, news, and a handler of kept awaits in two lanes. It takes some minutes:

    python -m pytest tests/crash/test_waiting_kills.py -m soak
"""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from random import Random

import pytest

from lrwf_cli.core.outside import open_requests
from tests.cli.processes import eventually
from tests.crash.effects import FAR, FLOW, Place
from tests.crash.killer import Killer

KILLS = 100
BATCH = 3
KILLS_OF_A_BATCH = 5
BEFORE = [
    ("submit", "find"),
    ("submit", "light"),
    ("find", "looked"),
    ("looked", "watched"),
    ("light", "stoke"),
    ("stoke", "warmed"),
    ("watched", "bill"),
    ("warmed", "bill"),
    ("bill", "fetch"),
    ("fetch", "load"),
    ("load", "look"),
    ("look", "ship"),
]
"""What was kept before what: the first is not seen any more once the second was."""

COMMANDS = {"load": 2, "ship": 1}
"""How often each command runs: it outlives its driver."""


class Waits(Place):
    """A state directory with runs that wait, and the file of what they did."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, FLOW.with_name("waits.yaml"))

    def wrong_with(self, run_ids: Sequence[str]) -> list[str]:
        """Return what is wrong with runs that should be finished."""
        wrong = [f"{run_id}: {each}" for run_id in run_ids for each in self._wrong(run_id)]
        return wrong + [f"{due.run_id} is due for ever" for due in self.store.due(FAR) if due.run_id in run_ids]

    def _wrong(self, run_id: str) -> Iterator[str]:
        run = self.store.load(run_id)
        if (run.status, run.outputs and run.outputs[0].value) != ("completed", "shipped"):
            yield f"it is {run.status} with {run.outputs}: {run.error}"
        did = [line.split()[1] for line in self._lines() if line.split()[0] == run_id]
        for earlier, later in BEFORE:
            if earlier not in did or later not in did:
                yield f"{earlier} or {later} was never done: {did}"
            elif earlier in did[did.index(later) :]:
                yield f"{earlier} was done again after {later}: {did}"
        for name, times in COMMANDS.items():
            if did.count(name) != times:
                yield f"`{name}` ran {did.count(name)} times"
        if "told" not in did:
            yield "nobody was told of the question"

    def asking(self, run_ids: Sequence[str]) -> list[str]:
        """Return the runs that wait for an answer."""
        return [run_id for run_id in run_ids if open_requests(self.store.load(run_id))]

    def is_over(self, run_ids: Sequence[str]) -> bool:
        """Whether all runs are finished."""
        return all(self.store.load(run_id).is_final for run_id in run_ids)


def go_on(killer: Killer, place: Waits, run_ids: Sequence[str], goal: int) -> bool:
    """Tick once, killed as long as that is wanted, and answer what is asked; return whether all is done."""
    if killer.kills < goal:
        killer.run("tick", after_s=killer.instant())
    else:
        assert killer.run("tick")
    for run_id in place.asking(run_ids):
        assert killer.run("respond", run_id, "approve", "ship", "--no-advance")
    return place.is_over(run_ids)


@pytest.mark.soak
def test_no_kill_has_anything_done_twice_that_was_kept(tmp_path: Path) -> None:
    """Promise 3, conformance 29, 35, 39, 42: what had returned is not run again, commands run once, news are told."""
    place = Waits(tmp_path)
    killer = Killer(place, tmp_path, Random(6))
    for batch in count():
        run_ids = [f"waits-{batch}-{number}" for number in range(BATCH)]
        place.create(run_ids)
        if batch == 0:
            killer.measure("tick", run_ids=run_ids)
        goal = min(killer.kills + KILLS_OF_A_BATCH, KILLS)
        eventually(lambda run_ids=run_ids, goal=goal: go_on(killer, place, run_ids, goal))  # type: ignore[misc]
        assert killer.run("tick")  # who has finished the last one may have been killed before it could say so
        assert not place.wrong_with(run_ids)
        if killer.kills == KILLS:
            return
