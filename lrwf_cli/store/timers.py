"""Timers: empty files whose names say who wants to be woken and when.

`timers/now/<run>` stands while a process drives a run, and wakes it when that process is gone. A wake-up in the
future is `timers/<hour>/<instant>~<run>`. An hour folder goes when it is empty; somebody may be about to put a timer
there, who then makes it again. What is due is found by the functions in `idle`, by names alone.

To take an old timer away one has to know it: what stands for a run is noted in its folder, as `wake`. The note is a
cache (I5): it names all that stands and maybe more, and without it all timers are searched. It is not synced, so after
a power loss an old one may be there: a timer that it does not know of goes when it has come due and was seen.
"""

import errno
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

import msgspec

from lrwf_cli.store.disk import Disk
from lrwf_cli.store.idle import is_run_id, past_hours, past_timers, stamp
from lrwf_cli.store.journal import whole_ms
from lrwf_cli.store.reading import is_there, names_in, read_file

__all__ = ["Timers", "WakeUps", "ceiling_ms", "stamp_of"]

_TRIES = 100
"""How often an hour folder is made again that others remove; each time takes another tick at the same moment."""

_END = "99991231T235959.999Z"
_IN_USE = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT})
_MAX_NOTE = 64 * 1024
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(list[str])


def ceiling_ms(at: datetime) -> datetime:
    """Return `at` in UTC, rounded up to a whole millisecond: no wake-up comes too early."""
    floor = whole_ms(at)
    return floor + timedelta(milliseconds=1) if floor < at else floor


def stamp_of(at: datetime) -> str:
    """Return an instant of whole milliseconds as it stands in file names."""
    return stamp(at.timestamp())


class Timers:
    """The timers of a state directory. Raises OSError. Safe beside other processes that do the same."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._state = path
        self._folder = f"{path}/timers"
        self._seen: dict[str, set[str]] = {}

    def now(self, run_id: str) -> str:
        """Return the path of the timer that says that a process drives the run, or did when it ended."""
        return f"{self._folder}/now/{run_id}"

    def driven(self) -> Iterator[tuple[str, str]]:
        """Yield run and path of each timer `now`."""
        for name in names_in(f"{self._folder}/now"):
            if is_run_id(name):
                yield name, self.now(name)

    def put_now(self, run_id: str, *, durable: bool = True) -> None:
        """Have the run be due now; durable on return, also if the timer stood already, unless another wake-up is."""
        self._disk.touch(self.now(run_id))
        if durable:
            self._disk.settle(f"{self._folder}/now")

    def drop_now(self, run_id: str) -> None:
        """Have the run no longer be due now. Not durable: a wake-up too many is harmless."""
        self._disk.discard(self.now(run_id))

    def put(self, run_id: str, instant: str) -> None:
        """Have the run be due at `instant`, a stamp; durable on return, also if the timer stood already."""
        path = self._path(run_id, instant)
        if not is_there(path):
            self._make(path, f"{self._folder}/{instant[:11]}")
        self._disk.settle(f"{self._folder}/{instant[:11]}", self._folder)

    def _make(self, path: str, hour: str) -> None:
        for _ in range(_TRIES):
            try:
                return self._disk.touch(path)
            except FileNotFoundError:
                with suppress(FileExistsError):
                    self._disk.mkdir(hour)
        return self._disk.touch(path)

    def drop(self, run_id: str, instant: str) -> None:
        """Take a timer away, and its folder when that is empty then. Not durable, idempotent."""
        self._disk.discard(self._path(run_id, instant))
        self._drop_hour(instant[:11])
        self._seen.get(run_id, set()).discard(instant)

    def stands(self, run_id: str, instant: str) -> bool:
        """Whether the run has a timer for `instant`."""
        return is_there(self._path(run_id, instant))

    def has_come_due(self, run_id: str) -> bool:
        """Whether a timer stands that `past` came upon; false also when nobody has looked."""
        return any(self.stands(run_id, instant) for instant in self.seen(run_id))

    def seen(self, run_id: str) -> set[str]:
        """Return the instants of those timers of the run that `past` came upon, and that were not dropped since."""
        return set(self._seen.get(run_id, ()))

    def search(self, run_id: str) -> set[str]:
        """Return the instants of all timers of the run; looks at every timer there is."""
        timers = (each for hour in past_hours(self._state, _END) for each in past_timers(self._state, hour, _END))
        return {instant for instant, owner in timers if owner == run_id}

    def past(self, now: datetime) -> Iterator[tuple[str, datetime, str]]:
        """Yield run, instant and path of each timer that is not in the future, and remove hour folders that are empty.

        Those in `now/` are left out. On a disk that cannot be written nothing is removed.
        """
        limit = stamp_of(now)
        self._seen.clear()
        for hour in past_hours(self._state, limit):
            found = past_timers(self._state, hour, limit)
            for instant, run_id in found:
                self._seen.setdefault(run_id, set()).add(instant)
                yield run_id, _instant(instant, now), self._path(run_id, instant)
            if not found and hour < limit[:11]:
                with suppress(OSError):  # looking has to work where nothing can be written
                    self._drop_hour(hour)

    def _drop_hour(self, hour: str) -> None:
        try:
            self._disk.rmdir(f"{self._folder}/{hour}")
        except OSError as error:
            if error.errno not in _IN_USE:
                raise

    def _path(self, run_id: str, instant: str) -> str:
        return f"{self._folder}/{instant[:11]}/{instant}~{run_id}"


class WakeUps:
    """The wake-ups of one held run; `note` is the path of what is noted of them. Raises OSError."""

    def __init__(self, disk: Disk, timers: Timers, run_id: str, note: str) -> None:
        self._disk = disk
        self._timers = timers
        self._run_id = run_id
        self._note = note
        self._standing: set[str] | None = None

    def move(self, at: datetime | None) -> None:
        """Make `at` the only wake-up; `None`: there is none. The new one is durable before the others go (I4)."""
        wanted = set() if at is None else {stamp_of(ceiling_ms(at))}
        standing = self._stand() if self._standing is None else self._standing
        standing = standing | self._timers.seen(self._run_id)
        if not wanted <= standing:
            self._write_note(standing | wanted)
        self._standing = standing | wanted
        for instant in wanted:
            self._timers.put(self._run_id, instant)
        for instant in standing - wanted:
            self._timers.drop(self._run_id, instant)
        self._timers.drop_now(self._run_id)
        self._standing = wanted

    def _write_note(self, instants: set[str]) -> None:
        self._disk.replace(self._note, _encoder.encode(sorted(instants)) + b"\n", durable=False)

    def _stand(self) -> set[str]:
        try:
            noted = _decoder.decode(read_file(self._note, _MAX_NOTE))
        except (OSError, msgspec.MsgspecError):  # no note, or one that a power loss tore: the timers themselves know
            return self._timers.search(self._run_id)
        return {instant for instant in noted if _is_stamp(instant) and self._timers.stands(self._run_id, instant)}


def _is_stamp(text: str) -> bool:
    """Whether a noted instant may be part of a path."""
    return len(text) == 20 and "/" not in text


def _instant(text: str, otherwise: datetime) -> datetime:
    """Return the instant of a stamp; `otherwise` for one that no calendar has, such as 30 February."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return otherwise
