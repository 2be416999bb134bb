"""What a process costs: wall clock, CPU, peak memory, and how often it has synced. Nothing about who is measured."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lrwf_cli.errors import LrwfError

__all__ = ["Command", "ProgramFailed", "Usage", "count_syncs", "measure", "run"]

_LAUNCHER = Path(__file__).with_name("launch.py")
_PASSED_ON = ("PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV")
_SYNCS = frozenset({"fsync", "fdatasync", "sync_file_range", "msync", "syncfs", "sync"})


class ProgramFailed(LrwfError):
    """A measured program has failed."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program to start: its arguments, where, and what its environment has besides the machine's usual.

    The environment never has PYTHONDONTWRITEBYTECODE: start-up without byte code is nobody's.
    """

    argv: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process has cost. `said` is its stdout."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    said: str


def measure(command: Command) -> Usage:
    """Run `command` to its end. Raises ProgramFailed unless it exits with 0."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report")
        launcher = (sys.executable, "-I", "-S", str(_LAUNCHER), str(report))
        said = _run(command, launcher)
        code, wall_s, cpu_s, peak = report.read_text(encoding="ascii").split()
        _check(command, int(code), said)
    return Usage(float(wall_s), float(cpu_s), int(peak), said.stdout)


def run(command: Command) -> str:
    """Run `command` unmeasured and return its stdout. Raises ProgramFailed."""
    said = _run(command)
    _check(command, said.returncode, said)
    return said.stdout


def count_syncs(command: Command) -> int | None:
    """Run `command` under strace and return how often it and its children have asked for a sync.

    `None` where there is no strace, or where it may not trace. Raises ProgramFailed if the program itself fails.
    """
    if not shutil.which("strace"):
        return None
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report")
        trace = f"trace={','.join(sorted(_SYNCS))}"
        said = _run(command, ("strace", "-f", "--seccomp-bpf", "-qq", "-c", "-e", trace, "-o", str(report)))
        if not report.exists() or said.stderr.startswith("strace: "):
            return None
        _check(command, said.returncode, said)
        return _calls(report.read_text(encoding="utf-8"))


def _calls(summary: str) -> int:
    """Return the sum of the calls in `strace -c`'s table: percent, seconds, each, calls, perhaps errors, name."""
    rows = (line.split() for line in summary.splitlines())
    return sum(int(row[3]) for row in rows if row and row[-1] in _SYNCS)


def _run(command: Command, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return subprocess.run(
        [*before, *command.argv],
        cwd=command.folder,
        env={**environment, **command.environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def _check(command: Command, code: int, said: subprocess.CompletedProcess[str]) -> None:
    if code != 0:
        tail = "\n".join((said.stderr or said.stdout).strip().splitlines()[-5:])
        raise ProgramFailed(
            f"exit code {code} of `{' '.join(command.argv)}`: {tail}", hint="run it by hand to see what it needs"
        )
