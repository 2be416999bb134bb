"""A child that never outlives this process: started with a watcher that kills its whole group when we are gone.

The watcher is a shell that reads from a pipe whose other end only we hold. The kernel closes it when we end, however we
end, and nothing in the child can keep the watcher from seeing that: not a handler that blocks, not one that hangs. What
has left the group it finds by the mark that all of the child's family has in its environment.
"""

import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from secrets import token_hex

from lrwf_cli.executors.commands.processes import MARK, child, end_session, raised, spawn

__all__ = ["Leashed"]

# $0 where the child starts, then its arguments. Descriptor 3 is the pipe. The watcher is not a child of the child's,
# which may wait for all of its own.
_SCRIPT = f"""
(
  {{
    trap '' HUP INT QUIT TERM
    read -r lrwf_end
    read -r lrwf_self lrwf_end </proc/self/stat
    PATH=/usr/bin:/bin:$PATH
    for lrwf_end in $(grep -lF "{MARK}=${MARK}" /proc/[0-9]*/environ); do
      lrwf_end=${{lrwf_end%/environ}}
      [ "${{lrwf_end#/proc/}}" = "$lrwf_self" ] || kill -KILL "${{lrwf_end#/proc/}}"
    done
    kill -KILL 0
  }} <&3 >/dev/null 2>&1 &
)
exec 3<&-
cd -- "$0" && unset OLDPWD && exec "$@"
"""


class Leashed:
    """A child in a session of its own. `fds` are its stdin, stdout and stderr: paths, or descriptors, closed here.

    Raises OSError if it cannot be started.
    """

    def __init__(self, argv: Sequence[str], folder: str, env: Mapping[str, str], fds: Sequence[int | str]) -> None:
        self._mark = token_hex(16)
        opened = [raised(each) if isinstance(each, int) else each for each in fds]
        end, self._hold = map(raised, os.pipe())
        try:
            pid = spawn(["/bin/sh", "-c", _SCRIPT, folder, *argv], {**env, MARK: self._mark}, [*opened, end])
        except BaseException:
            os.close(self._hold)
            raise
        finally:
            for fd in (*opened, end):
                if isinstance(fd, int):
                    os.close(fd)
        self._leader = child(pid)
        self._code: int | None = None
        self._is_cut_short = False

    @property
    def pid(self) -> int:
        """The child's pid, which is its group's and its session's too."""
        return self._leader.pid

    def watch(self) -> int:
        """Return a descriptor, to be closed by the caller, that is readable once the child itself has ended."""
        return os.pidfd_open(self.pid)

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the child's group, which is cut short by that."""
        self._is_cut_short = True
        if self._code is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def end(self) -> int:
        """Have nothing left of the child's session, by SIGKILL; return how the child itself ended. Idempotent.

        If it was cut short, that goes for its whole family; of one that has ended by itself, what has left the session
        is its own.

        The code is as `subprocess` has it: negative if a signal ended it. Returns when nothing of it runs.
        """
        if self._code is None:
            end_session(self._leader, grace_s=0, mark=self._mark if self._is_cut_short else "")
            os.close(self._hold)
            try:
                self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            except ChildProcessError:  # somebody waits for any child
                self._code = -signal.SIGKILL
        return self._code

    def end_family(self) -> None:
        """Have nothing left of whom the child has started, if it has ended otherwise than it should have."""
        end_session(self._leader, grace_s=0, mark=self._mark)
