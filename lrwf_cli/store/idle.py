# Nothing is imported but `os` and `time`: this is all that a tick with nothing to do needs, every minute.
# ruff: noqa: PTH208
"""Whether anything is due in a state directory: the names of the wake-ups, and the sign that a tick was here.

A timer's name is its instant, so that neither a run nor an index has to be opened, and its folder is its hour, so
that what is due later is not even listed. No file is read here, and nothing but the heartbeat is changed. The store
finds what is due with the same functions, so that both always agree.
"""

import os
import time

__all__ = ["addressee", "anything_due", "heartbeat", "is_run_id", "past_hours", "past_timers", "stamp"]

_FOLDER = 0o040000
_KIND = 0o170000
_FIRST = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_LATER = _FIRST | {"_", "-"}


def anything_due(path: str, now_epoch_seconds: float) -> bool:
    """Whether a run wants to be woken, or the state directory needs a closer look than this.

    Costs one `stat` and the names of what is due, of the current hour and of the mail; runs that wait cost nothing. A
    run that a process drives now counts: only its lock could tell. Never raises OSError.
    """
    try:
        found = os.stat(path)  # noqa: PTH116  (pathlib is what this module does without)
        if found.st_mode & _KIND != _FOLDER or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            return True
        now = stamp(now_epoch_seconds)
        return (
            any(map(is_run_id, _names(f"{path}/timers/now")))
            or any(map(addressee, _names(f"{path}/mail")))
            or any(past_timers(path, hour, now) for hour in past_hours(path, now))
        )
    except FileNotFoundError:
        return False
    except OSError:
        return True


def heartbeat(path: str) -> None:
    """Say that a tick has been at this state directory now. Not durable; makes none of what is none. Raises OSError."""
    file = f"{path}/heartbeat"
    try:
        os.utime(file, follow_symlinks=False)
    except FileNotFoundError:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        if os.access(f"{path}/FORMAT", os.F_OK):
            os.close(os.open(file, flags, 0o600))


def stamp(epoch_seconds: float) -> str:
    """Return an instant as it stands in file names, to the nearest millisecond: `20261122T091500.000Z`."""
    seconds, milliseconds = divmod(round(epoch_seconds * 1000), 1000)
    return f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{milliseconds:03d}Z"


def past_hours(path: str, now: str) -> list[str]:
    """Return the hour folders of the timers that are not in the future of stamp `now`, the oldest first."""
    hour = now[:11]
    return sorted(
        name
        for name in _names(f"{path}/timers")
        if name <= hour and len(name) == 11 and name[8] == "T" and _are_digits(name[:8] + name[9:])
    )


def past_timers(path: str, hour: str, now: str) -> list[tuple[str, str]]:
    """Return instant and run of the timers in an hour folder that are not in the future of stamp `now`."""
    names = _names(f"{path}/timers/{hour}")
    return [(name[:20], name[21:]) for name in names if name[:20] <= now and _is_timer(name)]


def is_run_id(name: str) -> bool:
    """Whether `name` is what a run's id looks like (`base.RUN_ID`, without a regular expression)."""
    return 0 < len(name) <= 64 and name[0] in _FIRST and _LATER.issuperset(name)


def addressee(name: str) -> str:
    """Return the run that a letter of that name is for; empty if it is not a letter's name."""
    run_id, tilde, rest = name.partition("~")
    return run_id if tilde and rest.endswith(".json") and is_run_id(run_id) else ""


def _is_timer(name: str) -> bool:
    return (
        name[20:21] == "~"
        and name[8] == "T"
        and name[15] == "."
        and name[19] == "Z"
        and _are_digits(name[:8] + name[9:15] + name[16:19])
        and is_run_id(name[21:])
    )


def _are_digits(text: str) -> bool:
    return text.isdigit() and text.isascii()


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
