"""What every command works with: where the runs are, how much to say, and the run that is meant. One per process."""

import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import cached_property
from typing import IO, Any

from lrwf_cli.cli.layout import width_of, wrapped
from lrwf_cli.cli.render import json_line, json_text
from lrwf_cli.cli.streams import let_go
from lrwf_cli.clock import SystemClock
from lrwf_cli.core.run import Run
from lrwf_cli.errors import UnknownRun, UsageError
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.names import checked_run_id

__all__ = ["Session"]

_SHOWN = 5
_COMPARED = 5000
"""How many ids are looked through for the nearest one: more would take longer than reading `lrwf list`."""


class Session:
    """The common options of a command line, and what follows from them.

    `default_dir` says where runs are kept without `--state-dir`. `verbosity` is below 0 for `-q` and above for `-v`.
    `run_id` is the run that the command is about, as soon as it is known: where to look if a mistake of ours shows.
    `driving` is the run that this process has begun to drive: what to say when it is interrupted.
    """

    def __init__(self, default_dir: Callable[[], str]) -> None:
        self._default_dir = default_dir
        self.state_dir: str | None = None
        self.as_json = False
        self.verbosity = 0
        self.run_id: str | None = None
        self.driving: str | None = None
        self.clock = SystemClock()

    @property
    def path(self) -> str:
        """The state directory."""
        return self.state_dir or self._default_dir()

    @cached_property
    def store(self) -> FileStore:
        """The store in the state directory, checked; nothing is made or changed by that."""
        return FileStore.open(self.path)

    @cached_property
    def writable_store(self) -> FileStore:
        """The same, for whoever is going to write: made if there is none. Raises StateUnwritable besides."""
        return FileStore.open(self.path, create=True)

    def now(self) -> datetime:
        """Return what time it is."""
        return self.clock.now()

    def load(self, text: str) -> Run:
        """Return the run that `text` is the id of, or begins the id of. Raises as `find`, and JournalCorrupt."""
        self.run_id = checked_run_id(text)
        try:
            return self.store.load(text)
        except UnknownRun:
            return self.store.load(self.find(text))

    def find(self, text: str) -> str:
        """Return the id that `text` is, or is the beginning of.

        Raises InvalidRunId before any file is touched, UsageError if several begin so, UnknownRun with the nearest one.
        """
        self.run_id = checked_run_id(text)
        ids = self.store.run_ids()
        meant = [text] if text in ids else [each for each in ids if each.startswith(text)]
        if not meant:
            raise UnknownRun(f"there is no run `{text}` in {self.path}", hint=_nearest(text, ids))
        if len(meant) > 1:
            names = ", ".join(f"`{each}`" for each in meant[:_SHOWN])
            more = f" and {len(meant) - _SHOWN} more" if len(meant) > _SHOWN else ""
            raise UsageError(f"{len(meant)} runs begin with `{text}`", hint=f"say which: {names}{more}")
        self.run_id = meant[0]
        return meant[0]

    def put(self, line: str, *, hang: int | None = None) -> None:
        """Print a line of data. Raises BrokenPipeError when nobody reads any more.

        On a terminal one that is too long is broken between words, if it is said how far further lines `hang`; but not
        one with a command in it, which is there to be copied.
        """
        for each in _lines(line, hang, sys.stdout):
            sys.stdout.write(f"{each}\n")

    def put_json(self, value: Any) -> None:
        """Print a JSON value, the only thing on stdout."""
        self.put(json_text(value))

    def put_json_list(self, make: Callable[[], Iterator[Any]]) -> None:
        """Print what `make` yields as one JSON list, an element a line, without ever holding all of it.

        It is gone through twice: stdout stays empty if an element cannot be had.
        """
        for _ in make():
            pass
        separator = "[\n  "
        for value in make():
            sys.stdout.write(f"{separator}{json_line(value)}")
            separator = ",\n  "
        self.put("[]" if separator[0] == "[" else "\n]")

    def say(self, line: str, *, level: int = 0, hang: int | None = None) -> None:
        """Tell a person something, unless they want less than `level`, or JSON. Never fails: talk may be cut off."""
        if self.verbosity - self.as_json >= level:
            self.complain(line, hang=hang)

    def complain(self, line: str, *, hang: int | None = None) -> None:
        """Print a line of an error, however little somebody wants to hear; as `put`, but it never fails."""
        try:
            for each in _lines(line, hang, sys.stderr):
                sys.stderr.write(f"{each}\n")
            sys.stderr.flush()
        except OSError:
            let_go(sys.stderr)


def _lines(line: str, hang: int | None, stream: IO[str]) -> Iterable[str]:
    return (line,) if hang is None or "lrwf " in line else wrapped(line, width_of(stream), hang)


def _nearest(text: str, ids: list[str]) -> str:
    from difflib import get_close_matches

    similar = [each for each in ids if each[0] == text[0]] or ids
    near = get_close_matches(text, similar[:_COMPARED], n=1)
    return f"did you mean `{near[0]}`? See: lrwf list" if near else "see: lrwf list"
