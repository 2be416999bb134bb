"""Exit codes: which there are, which error leads to which, and what a run's status is worth. The only such place."""

from lrwf_cli.core.run import Run
from lrwf_cli.errors import (
    LrwfError,
    RequestClosed,
    RunBusy,
    RunConflict,
    StateDirectoryError,
    UnknownRequest,
    UnknownRun,
    UsageError,
    WrongStatus,
)

__all__ = [
    "CANCELLED",
    "CONFLICT",
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "STATE",
    "TIMED_OUT",
    "UNKNOWN",
    "USAGE",
    "WAITING",
    "code_of",
    "code_of_run",
]

DONE = 0
FAILED = 1
USAGE = 2
UNKNOWN = 3
WAITING = 4
CANCELLED = 5
CONFLICT = 6
STATE = 7
TIMED_OUT = 124
INTERRUPTED = 130

_OF_ERRORS: tuple[tuple[type[LrwfError], int], ...] = (
    (UsageError, USAGE),  # also a response that is refused: 5 is how a run ended, and this one has not
    (UnknownRun, UNKNOWN),
    (UnknownRequest, UNKNOWN),
    (RequestClosed, CONFLICT),
    (RunBusy, CONFLICT),
    (RunConflict, CONFLICT),
    (WrongStatus, CONFLICT),
    (StateDirectoryError, STATE),
)
_OF_STATUSES = {"completed": DONE, "failed": FAILED, "timed_out": FAILED, "cancelled": CANCELLED}


def code_of(error: LrwfError) -> int:
    """Return the exit code that `error` leads to; 1 for what keeps a run from being driven (code, program, values)."""
    return next((code for kind, code in _OF_ERRORS if isinstance(error, kind)), FAILED)


def code_of_run(run: Run, *, exact: bool) -> int:
    """Return the exit code for how `run` stands.

    `exact` tells waiting and cancelled from done; without it, whatever is no failure is 0, so that cron stays silent.
    """
    code = _OF_STATUSES.get(run.status, WAITING)
    return code if exact or code == FAILED else DONE
