"""Processes of this machine: started with the descriptors they are to have, known again later, ended with all theirs.

What they are for is not known here. A process is known by its pid and the instant of its start in this boot of the
machine: a pid alone is given to others again. What belongs together is a *session*: whoever leaves it (`setsid`) has
said that it wants to be left alone, and is.
"""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

__all__ = ["Process", "alive", "boot_id", "child", "end_session", "members", "process", "raised", "shell", "spawn"]

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
    return list(_members(leader))


def end_session(leader: Process, grace_s: float) -> list[int]:
    """Send SIGTERM to all of a session, after `grace_s` SIGKILL, and return when nobody is left in it.

    Without a grace there is no SIGTERM. Returns the pids of those that are not ours to end (another user's: `sudo`),
    which are left.
    """
    if grace_s > 0:
        _ask_to_end(leader, grace_s)
    empty = 0
    for pause_s in _pauses():
        sent = {pid: _signal(pid, leader, signal.SIGKILL) for pid in _members(leader)}
        left = [pid for pid, is_ours in sent.items() if not is_ours]
        empty = 0 if len(left) < len(sent) else empty + 1
        if empty == _TWICE:
            break
        if not empty:
            time.sleep(pause_s)
    return sorted(left)


def _ask_to_end(leader: Process, grace_s: float) -> None:
    """Send SIGTERM, and return when everybody has heeded it, or the grace is over.

    To the group at once, so that nobody can fork away from it. What comes later is left alone, for it may clean up;
    but for a child of the leader's: that has only just begun.
    """
    until = time.monotonic() + grace_s
    asked = _members(leader)
    if asked:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader.pid, signal.SIGTERM)
            os.killpg(leader.pid, signal.SIGCONT)
    left = {
        pid
        for pid, stat in asked.items()
        if stat.group != leader.pid and not _signal(pid, leader, signal.SIGTERM, signal.SIGCONT)
    }
    for pause_s in _pauses():
        found = _members(leader)
        for pid in [pid for pid, stat in found.items() if pid not in asked and stat.parent == leader.pid]:
            asked[pid] = found[pid]
            _signal(pid, leader, signal.SIGTERM)
        if left.issuperset(found) or time.monotonic() >= until:
            return
        time.sleep(min(pause_s, max(until - time.monotonic(), 0)))


def _pauses() -> Iterator[float]:
    """Yield for how long to wait before looking again: soon at first, then less often."""
    yield from (0.001, 0.002, 0.005, 0.01)
    while True:
        yield 0.02


def spawn(argv: Sequence[str], env: Mapping[str, str], fds: Sequence[int | str]) -> int:
    """Start a process in a session of its own and return its pid. Its descriptors are `fds`, from 0 on, and no others.

    A number is a descriptor of ours, which is `raised`; a path is opened, for reading as 0 and for writing else.
    Signals are as in a fresh process, but for those that this one was told to ignore. Raises OSError.
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
        setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),  # Python ignores them, and whom it starts would too
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


def _signal(pid: int, leader: Process, *signals: signal.Signals) -> bool:
    """Send signals to a member of a session, if it still is one; return whether that is allowed."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        stat = _stat(pid)
        if stat is not None and stat.session == leader.pid:  # else the pid is someone else's by now
            for number in signals:
                signal.pidfd_send_signal(fd, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        os.close(fd)
    return True


def _members(leader: Process) -> dict[int, _Stat]:
    found = _stat(leader.pid)
    if found is not None and found.since != leader.since:
        return {}  # the kernel gives a pid again only when nobody is left in its session
    return {pid: stat for pid, stat in _all() if stat.session == leader.pid and stat.state not in _ENDED}


def _all() -> Iterator[tuple[int, _Stat]]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - as above
        if name.isdecimal() and (stat := _stat(int(name))) is not None:
            yield int(name), stat


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
