"""A tick as systemd runs it for a timer: a oneshot unit, without systemd.

What it does to a process is in systemd.exec(5), systemd.service(5) and systemd.kill(5): hardly an environment, no
stdin, `/` as working directory, never two at once. What a cgroup is to systemd is here what has the unit's state
directory in its environment: nothing that a tick starts is without it.
"""

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.cli.processes import PROGRAM, eventually
from tests.modes.settings import settings

__all__ = ["Unit", "unit"]


class Unit:
    """`Type=oneshot` with `ExecStart=lrwf tick`, and the default `KillMode=control-group`. `said` is its output."""

    def __init__(self, said: Path, arguments: Sequence[str] = ("tick",)) -> None:
        self.said = said
        self._arguments = arguments
        self._main: subprocess.Popen[bytes] | None = None
        self._mark = f"LRWF_STATE_DIR={os.environ['LRWF_STATE_DIR']}"

    @property
    def is_active(self) -> bool:
        """Whether its main process lives: then a timer that elapses starts no other."""
        return self._main is not None and self._main.poll() is None

    def start(self) -> None:
        """What a timer does when it elapses."""
        if self.is_active:
            return
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        name, _, state = self._mark.partition("=")
        known = {name: state, "PATH": path, "LANG": "C.UTF-8", "INVOCATION_ID": "0" * 32, **settings()}
        with self.said.open("ab") as said:
            self._main = subprocess.Popen(
                [PROGRAM, *self._arguments],
                env=known,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def run(self) -> int:
        """Start it, wait until its main process has ended, and end what is left; return the exit code."""
        self.start()
        return self._ended()

    def tell_all(self) -> None:
        """Send SIGTERM to everything, the main process first."""
        for pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def stop(self) -> int:
        """What `systemctl stop` does; return the exit code."""
        self.tell_all()
        return self._ended()

    def kill_main(self) -> None:
        """Kill the main process alone, as the kernel does when memory runs out."""
        assert self._main is not None
        self._main.kill()
        self._main.wait()

    def tidy_up(self) -> None:
        """End what is left when the main process has ended: SIGTERM, and SIGKILL for whom that does not end."""
        self.tell_all()
        with suppress(AssertionError):
            eventually(lambda: not self.members())
        for pid in self.members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def members(self) -> list[int]:
        """The pids of what runs of it, but for what only waits to be reaped."""
        return sorted(_marked(self._mark.encode()))

    def _ended(self) -> int:
        assert self._main is not None
        code = self._main.wait(60)
        self.tidy_up()
        return code


@contextmanager
def unit(said: Path, *arguments: str) -> Iterator[Unit]:
    """A unit of which nothing is left at the end of the context."""
    made = Unit(said, arguments or ("tick",))
    try:
        yield made
    finally:
        for pid in made.members():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if made.is_active:
            made.kill_main()


def _marked(mark: bytes) -> Iterator[int]:
    for path in Path("/proc").iterdir():
        if path.name.isdecimal() and int(path.name) != os.getpid():
            with suppress(OSError):
                has_ended = (path / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
                if not has_ended and mark in (path / "environ").read_bytes().split(b"\0"):
                    yield int(path.name)
