"""Conformance 42: real processes, killed with SIGKILL at random instants, and nothing comes of it.

Enumeration finds more (see `test_enumeration`); this shows that what it assumes of a kill is so. The short form
kills 20 times; all 200, in about five minutes:

    python -m pytest tests/crash/test_real_kills.py -m soak
"""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.crash.effects import Place
from tests.crash.killer import Killer

BATCH = 4
KILLS_OF_A_BATCH = 2
"""The third crash of one handler would convict it, and fail its run: that is another test's matter."""


def kill_ticks(killer: Killer, kills: int) -> None:
    """Kill ticks that drive several runs, twice in a row, then let one tick go through."""
    for batch in count():
        run_ids = [f"tick-{batch}-{number}" for number in range(BATCH)]
        killer.place.create(run_ids)
        if batch == 0:
            killer.measure("tick", run_ids=run_ids)
        goal = min(killer.kills + KILLS_OF_A_BATCH, kills)
        while killer.kills < goal and not killer.run("tick", after_s=killer.instant()):
            continue
        assert killer.run("tick")
        assert not killer.place.wrong_with(run_ids)
        if killer.kills == kills:
            return


def kill_starts(killer: Killer, kills: int) -> None:
    """Kill a `run`, then the tick that is to go on with it, then begin it again in case it never came to be."""
    for number in count():
        start = [*killer.place.starting, f"run-{number}"]
        if number == 0:
            killer.measure(*start, run_ids=["run-0"])
        elif not killer.run(*start, after_s=killer.instant()) and killer.kills < kills:
            killer.run("tick", after_s=killer.instant())
        assert killer.run(*start)
        assert killer.run("tick")
        assert not killer.place.wrong_with([f"run-{number}"])
        if killer.kills == kills:
            return


@pytest.mark.slow
@pytest.mark.not_twice("it counts how often a handler is entered")
@pytest.mark.parametrize(
    ("kill", "kills", "seed"),
    [
        (kill_ticks, 14, 1),
        (kill_starts, 6, 2),
        pytest.param(kill_ticks, 140, 3, marks=pytest.mark.soak),
        pytest.param(kill_starts, 60, 4, marks=pytest.mark.soak),
    ],
)
def test_a_kill_at_any_instant_changes_nothing(
    kill: Callable[[Killer, int], None], kills: int, seed: int, tmp_path: Path
) -> None:
    """Conformance 42: same outputs, nothing committed runs again, nothing is entered twice, nothing stays due."""
    kill(Killer(Place(tmp_path), tmp_path, Random(seed)), kills)
