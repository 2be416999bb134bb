"""Running `lrwf` beside a test: processes that can be waited for by what they have done, and terminals."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.program import environment

__all__ = ["PROGRAM", "TOO_LONG_S", "begun", "eventually", "on_terminal", "surroundings"]

PROGRAM = str(Path(sys.executable).with_name("lrwf"))
TOO_LONG_S = 60


def eventually(is_so: Callable[[], object]) -> None:
    """Return when `is_so()` is true; fail after a minute."""
    end = time.monotonic() + TOO_LONG_S
    while not is_so():
        assert time.monotonic() < end, "it never came true"
        select.select([], [], [], 0.01)


def surroundings(**more: str) -> dict[str, str]:
    """Return the environment of a process that works on this test's state directory."""
    return environment(Path.home(), LRWF_STATE_DIR=os.environ["LRWF_STATE_DIR"], **more)


@contextmanager
def begun(*arguments: str, **more: str) -> Iterator[subprocess.Popen[str]]:
    """Start `lrwf` in the working directory; it is killed at the end of the context if it still runs."""
    process = subprocess.Popen(
        [PROGRAM, *arguments], env=surroundings(**more), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def on_terminal(
    *arguments: str,
    when: str = "",
    then: Callable[[], None] = lambda: None,
    replies: Sequence[tuple[str, str]] = (),
    settings: Mapping[str, str] | None = None,
) -> tuple[int, str]:
    """Run `lrwf` on a terminal of its own; return its exit code and all it wrote there.

    `then` is called once, as soon as `when` was written. `replies` are what is typed, in turn, each as soon as the text
    before it was written.
    """
    more = {"TERM": "xterm-256color", "NO_COLOR": "", **(settings or {})}
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [PROGRAM, *arguments], surroundings(**more))
    written, answered, left = "", 0, list(replies)
    try:
        for text in _read(terminal):
            waiting = when not in written
            written += text
            if waiting and when in written:
                then()
            while left and (place := written.find(left[0][0], answered)) >= 0:
                answered = place + len(left[0][0])
                os.write(terminal, left.pop(0)[1].encode())
    finally:
        os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), written


def _read(terminal: int) -> Iterator[str]:
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # how Linux says that the other side has ended
            return
        yield chunk.decode(errors="replace")
