"""Conformance 46: however many processes are at one state directory at once, each piece of work is done once.

Nobody is killed here, so once is once: no handler is entered a second time. The short form takes ten seconds; a minute:

    python -m pytest tests/crash/test_races.py -m soak
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from lrwf_cli.errors import RunBusy
from lrwf_cli.store.files import FileStore
from tests.cli.processes import PROGRAM, eventually
from tests.crash.effects import FLOW, Place
from tests.program import environment

PROCESSES = 8
EFFECTS_OF_A_RUN = 13


class Crowd:
    """Processes at one state directory, and one that is stopped now and then while the others go on."""

    def __init__(self, place: Place, home: Path, seconds: float) -> None:
        self.place = place
        self.home = home
        self.begun: set[str] = set()
        self._end = time.monotonic() + seconds
        self._alive: list[subprocess.Popen[str]] = []
        self._done = 0
        self._changed = threading.Condition()

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() > self._end

    def member(self, seed: int) -> None:
        """Do one thing after the other."""
        random = Random(seed)
        while not self.is_over:
            run_id = f"run-{self._done // PROCESSES + random.randrange(3)}"
            match random.randrange(5):
                case 0 | 1:
                    self.lrwf("tick")
                case 2:
                    json.loads(self.lrwf("list", "--json"))
                case 3:
                    self.lrwf("status", run_id, "--json", expected=(0, 3))
                case _:
                    self.lrwf(*self.place.starting, run_id)
                    self.begun.add(run_id)

    def stopper(self, seed: int) -> None:
        """Stop a process, and let it go on when the others have done something."""
        random = Random(seed)
        while not self.is_over:
            with self._changed:
                if self._changed.wait_for(lambda: self._alive, timeout=1):
                    process = random.choice(self._alive)
                    process.send_signal(signal.SIGSTOP)
                    self._let_others_do(PROCESSES)
                    process.send_signal(signal.SIGCONT)

    def _let_others_do(self, commands: int) -> None:
        goal = self._done + commands
        self._changed.wait_for(lambda: self._done >= goal or self.is_over, timeout=5)

    def lrwf(self, *arguments: str, expected: tuple[int, ...] = (0,)) -> str:
        """Run a command to its end; return what it printed."""
        with subprocess.Popen(
            [PROGRAM, *arguments, "--state-dir", str(self.place.state)],
            env=environment(self.home),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            with self._changed:
                self._alive.append(process)
                self._changed.notify_all()
            out, err = process.communicate()
            with self._changed:
                self._alive.remove(process)
                self._done += 1
                self._changed.notify_all()
        assert process.returncode in expected, (arguments, process.returncode, err)
        assert "Traceback" not in err, err
        return out


@pytest.mark.slow
@pytest.mark.not_twice("it counts how often a handler is entered")
@pytest.mark.parametrize(("seconds", "seed"), [(10, 100), pytest.param(60, 200, marks=pytest.mark.soak)])
def test_a_crowd_does_each_piece_of_work_once(seconds: int, seed: int, tmp_path: Path) -> None:
    """Conformance 46: eight processes that tick, look and start at once, one of them stopped at times."""
    place = Place(tmp_path)
    crowd = Crowd(place, tmp_path, seconds)
    with ThreadPoolExecutor(PROCESSES + 1) as threads:
        members = [threads.submit(crowd.member, seed + number) for number in range(PROCESSES)]
        threads.submit(crowd.stopper, seed + PROCESSES).result()
        for member in members:
            member.result()
    crowd.lrwf("tick")
    run_ids = place.store.run_ids()
    assert set(run_ids) == crowd.begun
    assert not place.wrong_with(run_ids)
    assert place.effects_of(run_ids) == EFFECTS_OF_A_RUN * len(run_ids)


@contextmanager
def driver_at_work(place: Place, home: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Yield a process whose handler waits for a word, and the pipe for the word; the process is killed in the end."""
    word = home / "word"
    os.mkfifo(word)
    arguments = ["run", str(FLOW.with_name("held.yaml")), "--id", "held", "--state-dir", str(place.state)]
    inputs = ["--input", f"effects={place.effects}", "--input", f"word={word}"]
    with subprocess.Popen(
        [PROGRAM, *arguments, *inputs], env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            pipes: list[int] = []
            eventually(lambda: _opened(word, pipes))
            yield process, pipes[0]
        finally:
            process.kill()


def _opened(word: Path, pipes: list[int]) -> bool:
    try:
        pipes.append(os.open(word, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # nobody listens yet
        return False
    return True


@pytest.mark.slow
def test_a_stopped_driver_keeps_its_run(tmp_path: Path) -> None:
    """Conformance 46: a process that stands still still drives; the others say busy, and may look. It then goes on."""
    place = Place(tmp_path)
    crowd = Crowd(place, tmp_path, 0)
    with driver_at_work(place, tmp_path) as (process, pipe):
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        tick = json.loads(crowd.lrwf("tick", "--json"))
        assert (tick["due"], tick["busy"], tick["advanced"], tick["failed"]) == (1, 1, 0, 0)
        assert json.loads(crowd.lrwf("status", "held", "--json"))["status"] == "running"
        crowd.lrwf("rewind", "held", "--to", "1", expected=(6,))
        with pytest.raises(RunBusy):
            FileStore.open(str(place.state)).hold("held")
        os.write(pipe, b"go")
        os.close(pipe)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate()
    assert (process.returncode, json.loads(out)) == (0, "go"), err
    assert place.effects_of(["held"]) == 1
    assert json.loads(crowd.lrwf("tick", "--json"))["due"] == 0
