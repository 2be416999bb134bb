"""Conformance 42: real processes, killed with SIGKILL at random instants, and nothing comes of it.

Enumeration finds more (see `test_enumeration`); this shows that what it assumes of a kill is so. The short form
kills 20 times; all 200, in about five minutes:

    python -m pytest tests/crash/test_real_kills.py -m soak
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tests.cli.processes import PROGRAM
from tests.crash.effects import Place
from tests.program import environment

BATCH = 4
KILLS_OF_A_BATCH = 2
"""The third crash of one handler would convict it, and fail its run: that is another test's matter."""


@dataclass
class Killer:
    """Runs `lrwf` and kills it, mostly while it is driving: how long that takes is measured first."""

    place: Place
    home: Path
    random: Random
    begins_s: float = 0.0
    ends_s: float = 0.0
    kills: int = 0

    def run(self, *arguments: str, after_s: float = 60.0) -> bool:
        """Run `lrwf` and kill it and all its children if it is still there after `after_s`; whether it ended first."""
        with subprocess.Popen(
            [PROGRAM, *arguments, "--state-dir", str(self.place.state)],
            env=environment(self.home),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                _, err = process.communicate(timeout=after_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                _, err = process.communicate()
                self.kills += 1
        assert "Traceback" not in err, err
        assert process.returncode in (0, -signal.SIGKILL), err
        return process.returncode == 0

    def measure(self, *arguments: str, run_ids: list[str]) -> None:
        """Find out when a process begins and ends to drive these runs."""
        started = time.time()
        assert self.run(*arguments)
        frames = [
            frame.at.timestamp() for run_id in run_ids for frame in self.place.store.frames(run_id) if frame.seq > 1
        ]
        self.begins_s = min(frames) - started
        self.ends_s = max(frames) - started

    def instant(self) -> float:
        """Return a random instant: most are between the first frame and the last."""
        if self.random.random() < 0.1:
            return self.random.uniform(0, self.begins_s)
        return self.random.uniform(self.begins_s - 0.03, self.ends_s)


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
