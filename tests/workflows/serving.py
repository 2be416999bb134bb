"""The servers of the examples, each a process of its own, and `lrwf` killed when one of them has seen something."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lrwf_cli.clock import SystemClock
from lrwf_cli.store.files import FileStore
from tests.cli.processes import PROGRAM, eventually
from tests.program import environment, lrwf

__all__ = ["Server", "is_over", "lrwf_killed_when", "serving", "tick_when_due"]


class Server(NamedTuple):
    """A server that runs: where, and what it has written down."""

    url: str
    log_path: Path

    def log(self, **wanted: object) -> list[dict[str, Any]]:
        """Return the lines of its log that have these values."""
        lines = self.log_path.read_text(encoding="utf-8").splitlines() if self.log_path.exists() else []
        return [line for line in map(json.loads, lines) if wanted.items() <= line.items()]

    def post(self, path: str) -> Any:
        """Post nothing to `path` and return what it says."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=30)
        connection.request("POST", path, body="")
        said = json.loads(connection.getresponse().read())
        connection.close()
        return said


@contextmanager
def serving(script: Path, folder: Path, *options: str) -> Iterator[Server]:
    """Run an example's server on a port that is free; its log is in `folder`."""
    log = folder / f"{script.stem}.jsonl"
    command = [sys.executable, str(script), "--port", "0", "--log", str(log), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Server(process.stdout.readline().strip(), log)
        finally:
            process.kill()


def lrwf_killed_when(is_so: Callable[[], object], *arguments: str, home: Path) -> bool:
    """Run `lrwf` as `program.lrwf` does and kill it with SIGKILL as soon as `is_so()`.

    Return whether it was killed: it may have ended before.
    """
    process = subprocess.Popen(
        [PROGRAM, *arguments], cwd=home, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with process:
        try:
            eventually(lambda: is_so() or process.poll() is not None)
        finally:
            process.kill()
        process.communicate()
    return process.returncode == -signal.SIGKILL


def is_over(home: Path) -> bool:
    """Whether the run `mine` has finished."""
    return _store(home).load("mine").is_final


def tick_when_due(home: Path) -> None:
    """Tick when something is due, as cron would but without its pauses, until the run `mine` has finished."""
    store, now = _store(home), SystemClock().now
    while not is_over(home):
        eventually(lambda: list(store.due(now())))
        assert lrwf("tick", home=home).returncode == 0


def _store(home: Path) -> FileStore:
    return FileStore(home / ".local" / "state" / "lrwf")
