# The files of a command are known by name; pathlib would add nothing but its import.
# ruff: noqa: PTH123
"""What a command prints, passed on to the run's log while it runs: whole lines, secrets masked, not without end.

How far it got is noted in the command's folder, so that whoever goes on after a crash does not print everything anew.
"""

import codecs
import os
from collections.abc import Callable

from lrwf_cli.executors.commands.masking import Mask
from lrwf_cli.executors.commands.supervisor import Task

__all__ = ["END_OF_LOG", "LOG", "MaskedLines", "Printed", "last_line"]

LOG = 4 << 20
"""Bytes of each stream that are passed on as they come."""

END_OF_LOG = 1 << 20
"""Bytes of each stream's end that are passed on besides."""

_AT_ONCE = 256 << 10
_LONGEST_LINE = 64 << 10
_END_OF_TALK = 4 << 10
_LONGEST_WORD = 300


class Printed:
    """Both streams of one command. `write` takes whole lines. Made anew after a crash it goes on where it was."""

    def __init__(self, task: Task, mask: Mask, write: Callable[[str], None]) -> None:
        self._noted = task.path("printed")
        self._at = _numbers(self._noted)
        self._sizes = [0, 0]
        self._streams = [
            _Stream(task, name, begin, mask, write) for name, begin in zip(("stdout", "stderr"), self._at, strict=True)
        ]

    def pump(self) -> bool:
        """Pass on the lines that have come since; return whether anything may have come, be it half a line."""
        sizes = [each.size() for each in self._streams]
        # of what is too much to be kept nobody can tell whether it still comes: better taken for alive than for hung
        has_news = sizes != self._sizes or any(each.is_cut() for each in self._streams)
        self._sizes = sizes
        for each in self._streams:
            each.pump()
        at = tuple(each.passed_on for each in self._streams)
        if at != self._at:
            self._note(at)
        return has_news

    def close(self) -> None:
        """Pass on what is left: of what was too much, the end."""
        for each in self._streams:
            each.close()
        self._note(tuple(each.passed_on for each in self._streams))

    def _note(self, at: tuple[int, ...]) -> None:
        self._at = at
        with open(self._noted, "w", encoding="ascii") as file:
            file.write(" ".join(map(str, at)))


class _Stream:
    def __init__(self, task: Task, name: str, begin: int, mask: Mask, write: Callable[[str], None]) -> None:
        self._at = begin
        self._name = name
        self._path = task.path(name)
        self._lines = MaskedLines(mask, write)
        self._write = write

    @property
    def passed_on(self) -> int:
        """How many bytes have been passed on, or left out."""
        return self._at - self._lines.held_back

    def size(self) -> int:
        """Return how many bytes have come, up to what is kept of them."""
        return _size(self._path)

    def is_cut(self) -> bool:
        """Whether more has come than is kept."""
        return os.path.exists(self._path + ".end")  # noqa: PTH110 - see above

    def pump(self) -> None:
        while self._at < LOG and (data := _part(self._path, self._at, min(_AT_ONCE, LOG - self._at))):
            self._lines.add(data)
            self._at += len(data)

    def close(self) -> None:
        self.pump()
        size, cut = _size(self._path), self._path + ".end"
        rest = _end_of(self._path, size - self._at)
        if self.is_cut():
            self._leave_out(f"the middle of {self._name}")
            rest = _end_of(cut, END_OF_LOG)
        elif (left_out := size - self._at - len(rest)) > 0:
            self._leave_out(f"{left_out} bytes of {self._name}")
        self._lines.add(rest)
        self._lines.close()
        self._at = size

    def _leave_out(self, what: str) -> None:
        self._lines.close()
        self._write(f"[lrwf: {what} left out here: it printed too much]\n")


class MaskedLines:
    """Makes masked text of bytes, and passes it on line by line."""

    def __init__(self, mask: Mask, write: Callable[[str], None]) -> None:
        self._mask = mask
        self._write = write
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._rest = ""

    @property
    def held_back(self) -> int:
        """Bytes that were taken and not passed on: a line that has not ended, or what may become a secret."""
        return len(self._rest.encode(errors="surrogateescape")) + len(self._decoder.getstate()[0])

    def add(self, data: bytes) -> None:
        """Take what has come; pass on the lines that it completes."""
        self._rest += self._decoder.decode(data)
        end = self._rest.rfind("\n") + 1
        while end and (safe := self._mask.boundary(self._rest, end)) < end:  # a secret may have several lines
            end = self._rest.rfind("\n", 0, safe) + 1
        if len(self._rest) - end > _LONGEST_LINE:
            end = self._mask.boundary(self._rest, len(self._rest))
        self._pass_on(end)

    def close(self) -> None:
        """Pass on what is left, as a line. More may come."""
        self._rest += self._decoder.decode(b"", final=True)
        self._decoder.reset()
        self._pass_on(len(self._rest))

    def _pass_on(self, end: int) -> None:
        text, self._rest = readable(self._mask.text(self._rest[:end])), self._rest[end:]
        if text:
            self._write(text if text.endswith("\n") else f"{text}\n")


def readable(text: str) -> str:
    r"""Return `text` with bytes that are none of UTF-8 as `\xff`."""
    return text.encode(errors="surrogateescape").decode(errors="backslashreplace")


def last_line(task: Task, mask: Mask) -> tuple[str, str]:
    """Return the end of what a command said on stderr, masked, and the last line of it that says something."""
    path = task.path("stderr")
    cut = path + ".end"
    text = mask.text(_end_of(cut if os.path.exists(cut) else path, _END_OF_TALK).decode(errors="backslashreplace"))  # noqa: PTH110 - see above
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    return text, last if len(last) <= _LONGEST_WORD else f"{last[: _LONGEST_WORD - 1]}…"


def _end_of(path: str, most: int) -> bytes:
    """Return the last bytes of a file, at most so many, and never more than `END_OF_LOG`."""
    return _part(path, max(_size(path) - min(most, END_OF_LOG), 0), END_OF_LOG)


def _part(path: str, begin: int, most: int) -> bytes:
    """Return bytes of a file; of one that is not there yet, none."""
    try:
        with open(path, "rb") as file:
            file.seek(begin)
            return file.read(most)
    except FileNotFoundError:
        return b""


def _size(path: str) -> int:
    return os.stat(path).st_size if os.path.exists(path) else 0  # noqa: PTH110, PTH116 - see above


def _numbers(path: str) -> tuple[int, ...]:
    """Return how far the streams were passed on."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            words = file.read(100).split()
    except FileNotFoundError:
        return 0, 0
    out, err = (int(word) if word.isdecimal() else 0 for word in (*words, "", "")[:2])
    return out, err
