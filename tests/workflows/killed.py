"""`lrwf` in a process that is killed before its n-th operation on the files below a folder.

The processes are forked from one that has imported the program, so that dying often costs little.
"""

import multiprocessing
import os
import signal
import sys
from itertools import count
from pathlib import Path

from lrwf_cli import __main__
from tests.program import environment

__all__ = ["lrwf_killed"]

_PROGRAM = ("cli.app", "cli.run", "cli.tick", "cli.groups", "cli.driving", "local.drive", "local.parts")
_forked = multiprocessing.get_context("forkserver")
_forked.set_forkserver_preload([__name__, *(f"lrwf_cli.{name}" for name in _PROGRAM)])


def lrwf_killed(arguments: list[str], *, home: Path, below: Path, before: int = 0) -> int:
    """Run `lrwf` as `program.lrwf` does, killed at that operation (from 1; 0: never); return its exit code."""
    process = _forked.Process(target=_run, args=(arguments, home, below, before))
    process.start()
    process.join()
    code = process.exitcode
    assert code is not None
    return code


def _run(arguments: list[str], home: Path, below: Path, before: int) -> None:
    os.chdir(home)
    environ = environment(home)
    os.environ.clear()
    os.environ.update(environ)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(os.open(home / "printed", os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream.fileno())
    _kill_at(below, before)
    sys.exit(__main__.main(arguments))


def _kill_at(below: Path, before: int) -> None:
    operations = count(1)

    def see(event: str, arguments: tuple[object, ...]) -> None:
        if event not in {"open", "os.rename", "os.remove", "os.mkdir"}:
            return
        path = arguments[0]
        if isinstance(path, str | os.PathLike) and Path(path).is_relative_to(below) and next(operations) == before:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(see)
