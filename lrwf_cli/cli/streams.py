"""stdout and stderr when they cannot be written: in another encoding, full, or with nobody at the other end."""

import io
import os
import sys
from contextlib import suppress
from typing import IO

__all__ = ["let_go", "make_printable"]


def make_printable() -> None:
    """Let no character fail to print, whatever the locale: what it cannot say becomes an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def let_go(stream: IO[str]) -> None:
    """Send what is in the buffer of `stream`, and all that will be, nowhere: Python would try again at its end."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
