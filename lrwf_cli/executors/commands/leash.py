"""A child that never outlives this process: started with a watcher that kills its whole group when we are gone.

The watcher is a shell that reads from a pipe whose other end only we hold. The kernel closes it when we end, however we
end, and nothing in the child can keep the watcher from seeing that: not a handler that blocks, not one that hangs.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress

from lrwf_cli.executors.commands.processes import child, end_session, raised, spawn

__all__ = ["Leashed"]

# $0 where the child starts, then its arguments. Descriptor 3 is the pipe. The watcher is not a child of the child's,
# which may wait for all of its own.
_SCRIPT = """
( { trap '' HUP INT QUIT TERM; read -r lrwf_end; kill -KILL 0; } <&3 >/dev/null 2>&1 & )
exec 3<&-
cd -- "$0" && unset OLDPWD && exec "$@"
"""


class Leashed:
    """A child in a session of its own. `fds` are its stdin, stdout and stderr: paths, or descriptors, closed here.

    Raises OSError if it cannot be started.
    """

    def __init__(self, argv: Sequence[str], folder: str, env: Mapping[str, str], fds: Sequence[int | str]) -> None:
        opened = [raised(each) if isinstance(each, int) else each for each in fds]
        end, self._hold = map(raised, os.pipe())
        try:
            pid = spawn(["/bin/sh", "-c", _SCRIPT, folder, *argv], env, [*opened, end])
        except BaseException:
            os.close(self._hold)
            raise
        finally:
            for fd in (*opened, end):
                if isinstance(fd, int):
                    os.close(fd)
        self._leader = child(pid)
        self._code: int | None = None

    @property
    def pid(self) -> int:
        """The child's pid, which is its group's and its session's too."""
        return self._leader.pid

    def watch(self) -> int:
        """Return a descriptor, to be closed by the caller, that is readable once the child itself has ended."""
        return os.pidfd_open(self.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child's group."""
        if self._code is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def end(self) -> int:
        """Have nothing left of the child's session, by SIGKILL; return how the child itself ended. Idempotent.

        The code is as `subprocess` has it: negative if a signal ended it. Returns when nothing of it runs.
        """
        if self._code is None:
            os.close(self._hold)
            end_session(self._leader, grace_s=0)
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # somebody waits for any child
                self._code = -signal.SIGKILL
        return self._code
