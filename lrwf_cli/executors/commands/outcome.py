# The files of a command are known by name; pathlib would add nothing but its import.
# ruff: noqa: PTH123
"""What a command's end means: the message that it sends on, or the failure that it is.

An exit code is what a shell makes of the end of a process: above 128 it stands for a signal, which is then named.
"""

import os
import signal
import stat

import msgspec

from lrwf_cli.core.model import Json
from lrwf_cli.errors import CommandFailed
from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.printed import last_line
from lrwf_cli.executors.commands.supervisor import MAX_OUTPUT, Task

__all__ = ["NOT_YET", "code_of", "described", "failure", "how_ended", "parsed", "result"]

NOT_YET = 69
"""What the command of a poll exits with when there is nothing to say yet: EX_UNAVAILABLE of sysexits.h."""

_CANNOT = {126: "make it executable: chmod +x", 127: "install it, or name it by its path as seen from the flow file"}
_SIGNALS = {number.value for number in signal.Signals}


def code_of(shell_code: int) -> int:
    """Return the exit code that a shell reports, negative if it stands for a signal. Of 0 to 128 it is the same."""
    return 128 - shell_code if shell_code - 128 in _SIGNALS else shell_code


def parsed(data: bytes) -> Json:
    """Return a result: JSON if all of `data` parses, else text less one newline; nothing is `None`.

    Bytes that are none of UTF-8 are kept as Python keeps them in file names (`surrogateescape`).
    """
    try:
        return msgspec.json.decode(data) if data.strip() else None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return data.decode(errors="surrogateescape").removesuffix("\n").removesuffix("\r")


def result(task: Task, mask: Mask, executor: str) -> Json:
    """Return what a command that ended well sends on: what it wrote to `$LRWF_OUTPUT`, else to stdout; masked.

    Raises CommandFailed if it is too much, or no file.
    """
    for name, what, is_cut in (
        ("output", "$LRWF_OUTPUT", False),
        ("stdout", "stdout", os.path.exists(task.path("stdout.end"))),  # noqa: PTH110 - see above
    ):
        data = _content(task.path(name), executor)
        if is_cut and len(data) < MAX_OUTPUT:
            raise CommandFailed(
                f"`{executor}` ended well, but not all that it printed could be kept: the disk may have been full",
                hint="make room, then retry",
                exit_code=0,
            )
        if is_cut or len(data) > MAX_OUTPUT:
            raise CommandFailed(
                f"`{executor}` wrote more than {MAX_OUTPUT >> 20} MiB to {what}, which is too much for a message",
                hint="have it write a file of its own, and the file's path to $LRWF_OUTPUT",
                exit_code=0,
            )
        if data:
            return mask.value(parsed(data))
    return None


def failure(task: Task, mask: Mask, executor: str, code: int) -> CommandFailed:
    """Return what is wrong with a command that did not end well."""
    said, last = last_line(task, mask)
    return described(executor, code, said, last)


def described(executor: str, code: int, said: str, last: str) -> CommandFailed:
    """Return the failure of a command that ended with `code`; `last` is the last line of what it `said` on stderr."""
    return CommandFailed(
        f"`{executor}` ended {how_ended(code)}" + (f": {last}" if last else ""),
        hint=_CANNOT.get(code),
        exit_code=code,
        stderr=said,
    )


def how_ended(code: int) -> str:
    """Return in words how a process ended: `with exit code 3`, `by SIGKILL`."""
    if code >= 0:
        return f"with exit code {code}"
    return f"by {signal.Signals(-code).name}" if -code in _SIGNALS else f"by signal {-code}"


def _content(path: str, executor: str) -> bytes:
    """Return at most one byte more than may be; of a file that the command has removed, nothing."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return file.read(MAX_OUTPUT + 1)
    except FileNotFoundError:
        return b""
    except OSError as error:
        reason = error.strerror
    else:
        reason = "it is no file"
    raise CommandFailed(
        f"`{executor}` ended well, but $LRWF_OUTPUT cannot be read: {reason}",
        hint="write to the file that $LRWF_OUTPUT names, and do not replace it by anything else",
        exit_code=0,
    )
