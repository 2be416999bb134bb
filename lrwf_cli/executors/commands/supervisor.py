# A command's files are few and known by name; pathlib would add nothing but its import.
# ruff: noqa: PTH123
"""A command that outlives whoever started it: a few lines of `sh` that witness it, and what they leave in its folder.

The shell is the leader of a session of its own. It says that it has begun, runs the command, writes down how that
ended, and heeds no signal that would end the command. In the folder there are:

`lock`      held as long as the shell, or one of its parts, lives: whether it lives is asked of the kernel, and never
            of a pid. Who starts the command takes the lock first and hands it on, so that it is never free between
            the two, and two cannot start the same command.
`state`     lines that are only ever added, each of them true once it has its newline:
            `asked <boot id>`    whoever starts it; durable before anything runs
            `started <stat>`     the shell, before the command runs: its own line of /proc
            `told`               the shell, when a signal told it to end, and so all of its session, before `exit`
            `exit <code>`        the shell, when the command has ended; 128 + n: signal n ended it
            `kept`               the shell, once result and exit are durable, if whoever started it is gone by then
            `stopped`            whoever is about to end the command; durable before any signal
`message`   the command's stdin; `output`: what it wrote to $LRWF_OUTPUT; `letter`, of one that nobody waits for: is
            moved to where the run's mail is when it has ended
`stdout`, `stderr`   what it printed, up to `MAX_OUTPUT` and `MAX_TALK`; `stdout.end`, `stderr.end`: the end of what
            was too much. A `cat` with a limit of file size copies from a pipe and dies of the limit; a `tail` then
            reads on and keeps the end in its memory. Neither needs anybody of lrwf to be there, and the command sees
            nothing of it, however much it prints.

So a kill of anyone at any instant, or a power loss, leaves one of: *new* (nothing ran), *running*, *ended*, and *lost*:
nobody knows what became of it. After another boot an exit counts only if it was kept: else what stands in `stdout` may
be less than was printed.
"""

import errno
import fcntl
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal

import msgspec

from lrwf_cli.errors import CommandFailed, StateFull
from lrwf_cli.executors.commands.processes import Process, alive, end_session, process, raised, spawn

__all__ = ["END", "MAX_OUTPUT", "MAX_TALK", "Record", "Stage", "Task"]

MAX_OUTPUT = 16 << 20
"""Bytes of stdout that are kept: more is no result."""

MAX_TALK = 4 << 20
"""Bytes of stderr that are kept."""

END = 1 << 20
"""Bytes that are kept of the end of what was too much."""

Stage = Literal["new", "running", "ended", "lost"]

# $0 the folder, $1 where the command starts, $2 who waits for it (a pid), $3 where the letter goes that says that it
# has ended, then the command. Descriptors: 3 the lock; 4 and 5 the pipe for stdout, 6 and 7 the one for stderr. Nothing
# is kept in a variable, which the command might have in its environment, but for one whose name nobody else has.
_SCRIPT = f"""
trap '' HUP INT QUIT TERM
read -r lrwf_stat </proc/self/stat && printf 'started %s\\n' "$lrwf_stat" >>"$0/state" || exit 70
keep() {{
  exec <&"$4" 4<&- 5>&- 6<&- 7>&-
  trap '' XFSZ
  ulimit -f "$2"
  PATH=/usr/bin:/bin:$PATH
  cat >"$0/$1" || tail -c "$3" >"$0/$1.end"
}}
keep stdout {MAX_OUTPUT // 512} {END} 4 &
keep stderr {MAX_TALK // 512} {END} 6 &
exec 4<&- 6<&-
trap 'printf "told\\n" >>"$0/state"' HUP INT TERM
(trap - HUP INT QUIT TERM; cd -- "$1" && unset OLDPWD && shift 3 && exec "$@") <"$0/message" >&5 2>&7 3>&- 5>&- 7>&-
printf 'exit %s\\n' "$?" >>"$0/state"
trap '' HUP INT TERM
exec 5>&- 7>&-
wait
PATH=/usr/bin:/bin:$PATH
kill -0 "$2" ||
  {{ sync "$0/stdout" "$0/output" "$0" && printf 'kept\\n' >>"$0/state" && sync "$0/state"; }}
[ -z "$3" ] || mv "$0/letter" "$3"
"""

_NOBODY = "nobody"  # no pid: what is left is kept at once

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_MAX_STATE = 64 << 10
_LOOK_EVERY_S = 0.005


class Record(msgspec.Struct, frozen=True):
    """What is known of a command: in which boot it was asked for, who witnesses it, how it ended. `None`: nothing."""

    boot: str | None = None
    leader: Process | None = None
    exit: int | None = None
    told: bool = False
    kept: bool = False
    stopped: bool = False

    @property
    def was_told(self) -> bool:
        """Whether a signal told it and all of its session to end, and it did not end well."""
        return self.told and bool(self.exit)


class Task:
    """A command, found again under its folder, which exists and is its own. `boot` is this boot of the machine."""

    def __init__(self, folder: str, boot: str) -> None:
        self.folder = folder
        self.boot = boot

    def path(self, name: str) -> str:
        """Return the path of one of its files."""
        return f"{self.folder}/{name}"

    @property
    def mark(self) -> str:
        """What `MARK` is in the environment of the command and of all that it starts, whoever asks."""
        return os.path.realpath(self.folder)

    def record(self) -> Record:
        """Return what has been written down so far."""
        try:
            with open(self.path("state"), "rb") as file:
                text = file.read(_MAX_STATE).decode(errors="replace")
        except FileNotFoundError:
            return Record()
        lines = [line.partition(" ") for line in text.split("\n")[:-1]]
        said = {word: rest for word, _, rest in lines}
        code = said.get("exit", "")
        return Record(
            boot=said.get("asked"),
            leader=process(said.get("started", "")),
            exit=int(code) if code.isdecimal() else None,
            told="told" in said,
            kept="kept" in said,
            stopped="stopped" in said,
        )

    def stage(self, record: Record, *, is_held: bool) -> Stage:
        """Return how the command stands. `is_held`: somebody has the lock; if it is the caller, false."""
        if record.exit is not None and (record.kept or record.boot == self.boot):
            return "ended"
        if is_held:
            return "running"
        if record.boot is None or (record.boot == self.boot and record.leader is None):
            return "new"
        return "lost"

    def lock(self) -> int | None:
        """Take the lock, and return its descriptor: closing it lets it go. `None`: the command, or its start, lives."""
        fd = os.open(self.path("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        except BaseException:
            os.close(fd)
            raise
        return fd

    def is_held(self) -> bool:
        """Whether the command's witness lives, or is being started."""
        fd = self.lock()
        if fd is not None:
            os.close(fd)
        return fd is None

    def start(
        self,
        lock: int,
        command: Sequence[str],
        folder: str,
        env: Mapping[str, str],
        message: bytes,
        letter: tuple[bytes, str] | None = None,
    ) -> int:
        """Start the command, which is `new`, and return the pid of its witness; `lock` goes to that.

        `message` is its stdin, and in `folder` it starts. It has begun once `record` knows its leader. With a `letter`
        nobody waits for it: when it has ended, that is put where its path says. Raises StateFull, OSError,
        CommandFailed where there is no /proc; then nothing runs.
        """
        fds = [raised(lock)]
        try:
            if not os.path.exists("/proc/self/stat"):  # noqa: PTH110 - see above
                raise CommandFailed(
                    "commands need /proc, which is not there", hint="mount it: mount -t proc proc /proc"
                )
            self._prepare(message, letter[0] if letter else b"")
            for _ in ("stdout", "stderr"):
                fds += map(raised, os.pipe())
            who, where = (_NOBODY, letter[1]) if letter else (str(os.getpid()), "")
            argv = ["/bin/sh", "-c", _SCRIPT, self.folder, folder, who, where, *command]
            return spawn(argv, env, ["/dev/null", "/dev/null", "/dev/null", *fds])
        except OSError as error:
            if error.errno in _FULL:
                raise self.full() from error
            if error.errno == errno.E2BIG:
                raise CommandFailed(
                    "the command's arguments and environment are larger than a process may have",
                    hint="have it read what is large from the message, which is on its stdin",
                ) from error
            raise
        finally:
            for fd in fds:
                os.close(fd)

    def full(self) -> StateFull:
        """Return what is wrong when the folder cannot take what belongs in it."""
        return StateFull(f"there is no room for a command's files: {self.folder}", hint="make room, and try again")

    def end(self, grace_s: float) -> list[int]:
        """End the command and all of its family: SIGTERM, after `grace_s` SIGKILL. Returns when nothing of it runs.

        That it was stopped is durable first, so that whoever comes by later does not take it for a failure of its
        own; one that has ended by itself is left as it is. Returns the pids of what may not be ended (another user's).
        """
        record = self.record()
        if not record.stopped:
            if record.exit is not None and not record.was_told:
                return []
            try:
                self._add("stopped")
            except OSError:  # a full disk keeps nobody alive
                self._end_session(grace_s)
                raise
        return self._end_session(grace_s)

    def _end_session(self, grace_s: float) -> list[int]:
        leader = self._leader()
        return end_session(leader, grace_s, mark=self.mark) if leader is not None else []

    def is_led(self) -> bool:
        """Whether the witness itself lives: parts of it may live on while something holds the command's output."""
        leader = self.record().leader
        return leader is not None and alive(leader)

    def _leader(self) -> Process | None:
        """Return who witnesses the command, waiting for one that is just beginning."""
        while (found := self.record()).leader is None and self.is_held():
            time.sleep(_LOOK_EVERY_S)
        return found.leader if found.boot == self.boot else None

    def _prepare(self, message: bytes, letter: bytes) -> None:
        """Have the files stand that the shell will write to, and what was asked for be durable."""
        empty = {"stdout": b"", "stderr": b"", "output": b""}
        for name, content in {"message": message, **empty, **({"letter": letter} if letter else {})}.items():
            self._write(name, content)
        for name in ("stdout.end", "stderr.end"):
            with suppress(FileNotFoundError):
                os.unlink(self.path(name))  # noqa: PTH108 - see above
        if self.record().boot is None:
            self._write("state", f"asked {self.boot}\n".encode())  # over what a kill has left of it
        self._settle()

    def _write(self, name: str, content: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        with open(os.open(self.path(name), flags, 0o600), "wb") as file:
            file.write(content)

    def _add(self, line: str) -> None:
        """Add a line to `state`; durable on return."""
        with open(self.path("state"), "ab") as file:
            file.write(f"{line}\n".encode())
        self._settle()

    def _settle(self) -> None:
        """Make `state` durable, whoever wrote it."""
        for path, flags in ((self.path("state"), os.O_RDONLY), (self.folder, os.O_RDONLY | os.O_DIRECTORY)):
            fd = os.open(path, flags | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
