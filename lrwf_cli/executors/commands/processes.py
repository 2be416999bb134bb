"""Processes of this machine: started with the descriptors they are to have, known again later, ended with all theirs.

What they are for is not known here. A process is known by its pid and the instant of its start in this boot of the
machine: a pid alone is given to others again. What belongs together is a *family*: a session; whoever has its mark in
the environment, and its children, into whatever session they went; and whoever was seen to be one of them. A child that
lost both its mark and its parents before anyone looked is not found.
"""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

__all__ = [
    "MARK",
    "Process",
    "alive",
    "boot_id",
    "child",
    "end_session",
    "members",
    "process",
    "raised",
    "shell",
    "spawn",
]

MARK = "LRWF_TASK"
"""The variable whose value a family has in common, and nobody else."""

_ENDED = frozenset("ZX")  # it waits to be reaped, and runs no more
_TWICE = 2
"""A process that forks and ends while they are listed may hide its child once."""

_LOWEST_FD = 10  # above all numbers that a shell can name


class Process(NamedTuple):
    """A process that may have ended: `since` is when it started, in the kernel's own count."""

    pid: int
    since: str


class _Stat(NamedTuple):
    state: str
    parent: int
    group: int
    session: int
    since: str


def boot_id() -> str:
    """Return what changes with each boot of this machine; where the kernel does not say, nothing does."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123 - pathlib is not worth its import
            return file.read().strip()
    except OSError:
        return "unknown"


def process(stat: str) -> Process | None:
    """Return the process that a line of `/proc/<pid>/stat` is about; `None` if it is no such line."""
    found = _parsed(stat)
    pid = stat.partition(" ")[0]
    return Process(int(pid), found.since) if found is not None and pid.isdecimal() else None


def child(pid: int) -> Process:
    """Return the process that is a child of ours, and that we have not waited for: until then it has its pid."""
    found = _stat(pid)
    return Process(pid, found.since if found is not None else "")


def alive(process: Process) -> bool:
    """Whether a process still runs."""
    found = _stat(process.pid)
    return found is not None and found.since == process.since and found.state not in _ENDED


def members(leader: Process) -> list[int]:
    """Return the pids of what runs in the session that `leader` has begun, whether it lives itself or not."""
    return list(_Family(leader, "").members())


def end_session(leader: Process, grace_s: float, *, mark: str = "") -> list[int]:
    """Send SIGTERM to all of a session, after `grace_s` SIGKILL, and return when nobody is left in it.

    With a `mark` that goes for the whole family: for whoever has left the session, too. Without a grace there is no
    SIGTERM. This process itself is left, and so are those that are not ours to end (another user's: `sudo`), of which
    the pids are returned.
    """
    family = _Family(leader, mark)
    if grace_s > 0:
        _ask_to_end(family, grace_s)
    empty = 0
    for pause_s in _pauses():
        sent = {pid: _signal(pid, stat, signal.SIGKILL) for pid, stat in family.members().items()}
        left = [pid for pid, is_ours in sent.items() if not is_ours]
        empty = 0 if len(left) < len(sent) else empty + 1
        if empty == _TWICE:
            break
        if not empty:
            time.sleep(pause_s)
    return sorted(left)


class _Family:
    """Those who belong to a session that `leader` has begun; without a mark only who is in it."""

    def __init__(self, leader: Process, mark: str) -> None:
        self.leader = leader
        self._mark = f"{MARK}={mark}".encode() if mark else b""
        self._known: set[Process] = set()

    def members(self) -> dict[int, "_Stat"]:
        """Return who of it runs now, but for this process."""
        everybody = dict(_all())
        found = everybody.get(self.leader.pid)
        # the kernel gives a pid again only when nobody is left in its session
        session = self.leader.pid if found is None or found.since == self.leader.since else -1
        mine = {pid for pid, stat in everybody.items() if stat.session == session or self._is_marked(pid, stat)}
        if self._mark:
            self._add_children(mine, everybody)
            self._known |= {Process(pid, everybody[pid].since) for pid in mine}
        mine.discard(os.getpid())
        return {pid: everybody[pid] for pid in mine if everybody[pid].state not in _ENDED}

    def _is_marked(self, pid: int, stat: "_Stat") -> bool:
        if not self._mark or int(stat.since) < int(self.leader.since or 0):
            return False
        return Process(pid, stat.since) in self._known or self._mark in _environment(pid)

    def _add_children(self, mine: set[int], everybody: Mapping[int, "_Stat"]) -> None:
        """Add the children of whoever is found; one that has another mark is of another family, and all of its own."""
        while more := {
            pid
            for pid, stat in everybody.items()
            if stat.parent in mine and pid not in mine and not self._is_anothers(pid)
        }:
            mine |= more

    def _is_anothers(self, pid: int) -> bool:
        marks = [each for each in _environment(pid) if each.startswith(f"{MARK}=".encode())]
        return bool(marks) and self._mark not in marks


def _ask_to_end(family: _Family, grace_s: float) -> None:
    """Send SIGTERM, and return when everybody has heeded it, or the grace is over.

    To the group at once, so that nobody can fork away from it. What comes later is left alone, for it may clean up;
    but for a child of the leader's: that has only just begun.
    """
    until, leader = time.monotonic() + grace_s, family.leader
    asked = family.members()
    if asked:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, signal.SIGTERM)
            os.killpg(leader.pid, signal.SIGCONT)
    left = {
        pid
        for pid, stat in asked.items()
        if stat.group != leader.pid and not _signal(pid, stat, signal.SIGTERM, signal.SIGCONT)
    }
    for pause_s in _pauses():
        found = family.members()
        for pid in [pid for pid, stat in found.items() if pid not in asked and stat.parent == leader.pid]:
            asked[pid] = found[pid]
            _signal(pid, found[pid], signal.SIGTERM)
        if left.issuperset(found) or time.monotonic() >= until:
            return
        time.sleep(min(pause_s, max(until - time.monotonic(), 0)))


def _pauses() -> Iterator[float]:
    """Yield for how long to wait before looking again: soon at first, then less often."""
    yield from (0.001, 0.002, 0.005, 0.01)
    while True:
        yield 0.02


_USUALLY_IGNORED = (
    *(signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM),  # by whoever starts something in the background
    *(signal.SIGPIPE, signal.SIGXFSZ),  # by Python
)


def spawn(argv: Sequence[str], env: Mapping[str, str], fds: Sequence[int | str]) -> int:
    """Start a process in a session of its own and return its pid. Its descriptors are `fds`, from 0 on, and no others.

    A number is a descriptor of ours, which is `raised`; a path is opened, for reading as 0 and for writing else.
    Signals are as in a fresh process, whatever this one, begun with `nohup` or `&`, was told to ignore. Raises OSError.
    """
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
    for number, each in enumerate(fds):
        if isinstance(each, str):
            actions.append((os.POSIX_SPAWN_OPEN, number, each, os.O_WRONLY if number else os.O_RDONLY, 0))
        else:
            actions.append((os.POSIX_SPAWN_DUP2, each, number))
    actions += [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inherited() if fd >= len(fds)]
    return os.posix_spawn(
        argv[0],
        list(argv),
        env,
        file_actions=actions,
        setsid=True,
        setsigmask=(),
        setsigdef=_USUALLY_IGNORED,
    )


def _inherited() -> Iterator[int]:
    """Yield what a child of ours would find open although Python has not opened it: our own parents have."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - as above
        with suppress(OSError):  # the listing itself was open
            if os.get_inheritable(int(name)):
                yield int(name)


def raised(fd: int) -> int:
    """Return `fd` under a number that no target of `spawn` has; closes the old one."""
    import fcntl

    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _LOWEST_FD)
    finally:
        os.close(fd)


def shell(command: str | Sequence[str]) -> list[str]:
    """Return the arguments of a command: text is for `/bin/sh -c`, a list is taken as it is."""
    return ["/bin/sh", "-c", command] if isinstance(command, str) else list(command)


def _signal(pid: int, seen: "_Stat", *signals: signal.Signals) -> bool:
    """Send signals to the process that was `seen`, if it still has that pid; return whether that is allowed."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        stat = _stat(pid)
        if stat is not None and stat.since == seen.since:  # else the pid is someone else's by now
            for number in signals:
                signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        os.close(fd)
    return True


def _all() -> Iterator[tuple[int, _Stat]]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        if name.isdecimal() and (stat := _stat(int(name))) is not None:
            yield int(name), stat


def _environment(pid: int) -> list[bytes]:
    """Return the environment that a process began with; of one that is not ours to look into, nothing."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - as above
            return file.read().split(b"\0")
    except OSError:
        return []


def _stat(pid: int) -> _Stat | None:
    with suppress(FileNotFoundError, ProcessLookupError):
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
        try:
            return _parsed(os.read(fd, 4096).decode(errors="replace"))
        finally:
            os.close(fd)
    return None


def _parsed(line: str) -> _Stat | None:
    fields = line.rpartition(")")[2].split()  # a program's name may contain anything, a parenthesis too
    return _Stat(fields[0], int(fields[1]), int(fields[2]), int(fields[3]), fields[19]) if len(fields) > 19 else None
