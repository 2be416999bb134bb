"""The agenda of a simulated run: what happens when, a line each, the same byte for byte each time.

`Agenda` is what comes out; what becomes a line, and in which words, is in `recording`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Any

import msgspec

from lrwf_cli.core.view import instant

__all__ = ["Agenda", "Entry"]

_A_WEEK = timedelta(days=7)


class Entry(msgspec.Struct, frozen=True):
    """One thing that happens: when, to which executor (`None`: to the run), and in a word and in words, what.

    `after` is the time since the run began.
    """

    at: datetime
    after: timedelta
    event: str
    detail: str
    executor: str | None = None


class Agenda(msgspec.Struct, frozen=True):
    """What happens, in order. As text a line each: the time since the beginning, the time in `zone`, what happens.

    `zone` is the flow's; `None` is the machine's.
    """

    entries: tuple[Entry, ...]
    zone: tzinfo | None = None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """Return a line for each entry, the columns below one another."""
        return [f"{when}{_words(entry)}".rstrip() for when, entry in zip(self._times(), self.entries, strict=True)]

    @property
    def indent(self) -> int:
        """How many characters stand in a line before what happens."""
        return max(map(len, self._times()), default=0)

    def _times(self) -> list[str]:
        is_long = bool(self.entries) and self.entries[-1].after >= _A_WEEK
        form = "%a %Y-%m-%d %H:%M:%S" if is_long else "%a %H:%M:%S"
        times = [_since(entry.after) for entry in self.entries]
        width = max(map(len, times), default=0)
        return [
            f"{time.ljust(width)}  {_local(entry.at, self.zone).strftime(form)}  "
            for time, entry in zip(times, self.entries, strict=True)
        ]

    def plain(self) -> list[dict[str, Any]]:
        """Return it as `lrwf simulate --json` prints it: instants in UTC, `after` in seconds."""
        return [
            {
                "at": instant(entry.at),
                "after": entry.after.total_seconds(),
                "event": entry.event,
                "executor": entry.executor,
                "detail": entry.detail,
            }
            for entry in self.entries
        ]


def _local(at: datetime, zone: tzinfo | None) -> datetime:
    return at.astimezone(zone)


def _words(entry: Entry) -> str:
    return entry.detail if entry.executor is None else f"{entry.executor}: {entry.detail}"


def _since(after: timedelta) -> str:
    """Return a time since the beginning: `+2h 00m 00s`, its largest unit first; parts of a second are left out."""
    minutes, seconds = divmod(int(after.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"+{days}d {hours:02}h {minutes:02}m {seconds:02}s"
    if hours:
        return f"+{hours}h {minutes:02}m {seconds:02}s"
    return f"+{minutes}m {seconds:02}s" if minutes else f"+{seconds}s"
