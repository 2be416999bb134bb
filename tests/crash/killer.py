"""Real processes, killed with SIGKILL at an instant that is drawn by lot."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.cli.processes import PROGRAM
from tests.crash.effects import Place
from tests.program import environment

__all__ = ["Killer"]


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
