"""What became of each run in a tick: plain data, so that a tick in another process can report it as JSON."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from lrwf_cli import errors
from lrwf_cli.cli import exits
from lrwf_cli.cli.standing import detail
from lrwf_cli.core.run import Run
from lrwf_cli.errors import FlowError, LrwfError
from lrwf_cli.store.base import Store

__all__ = ["Report", "Row", "busy", "driven", "undriven", "worst"]


class Trouble(msgspec.Struct, frozen=True):
    """Why a run could not be driven: the name of one of our errors, its sentence and its remedy."""

    type: str
    message: str
    hint: str | None = None


class Row(msgspec.Struct, frozen=True):
    """One run. `status` is the run's, `busy` if another process drives it, `unreadable` if nobody can say."""

    run_id: str
    status: str
    detail: str = ""
    error: Trouble | None = None

    def as_error(self) -> LrwfError | None:
        """Return why the run could not be driven as the error that it was, with the run's id in front."""
        if self.error is None:
            return None
        kind = getattr(errors, self.error.type, LrwfError)
        message = f"{self.run_id}: {self.error.message}"
        return FlowError((message, self.error.hint)) if kind is FlowError else kind(message, hint=self.error.hint)


class Report(msgspec.Struct, frozen=True):
    """What `tick --json` prints."""

    due: int
    advanced: int
    busy: int
    failed: int
    runs: list[Row]

    @classmethod
    def of(cls, due: int, rows: list[Row]) -> "Report":
        """Return the report of `rows`; `due` may be more, when a tick was interrupted."""
        failed = sum(row.error is not None for row in rows)
        away = sum(row.status == "busy" for row in rows)
        return cls(due=due, advanced=len(rows) - failed - away, busy=away, failed=failed, runs=rows)


def driven(run: Run, now: datetime) -> Row:
    """Return the row of a run that was driven, whatever became of it; one that was blocked now could not be."""
    if run.status == "blocked" and run.error is not None:
        return Row(run.id, run.status, error=Trouble(run.error.type, run.error.message, run.error.hint))
    return Row(run.id, run.status, detail(run, now))


def busy(run_id: str) -> Row:
    """Return the row of a run that another process drives."""
    return Row(run_id, "busy")


def undriven(store: Store, run_id: str, error: LrwfError) -> Row:
    """Return the row of a run that could not be driven, with the status that it has now."""
    trouble = Trouble(type(error).__name__, error.message, error.hint)
    try:
        return Row(run_id, store.load(run_id).status, error=trouble)
    except LrwfError:
        return Row(run_id, "unreadable", error=trouble)


def worst(rows: Iterable[Row]) -> int:
    """Return the exit code of a tick: of the state directory's errors if there are any, else 1 if there are others."""
    troubles = [error for row in rows if (error := row.as_error())]
    if any(exits.code_of(error) == exits.STATE for error in troubles):
        return exits.STATE
    return exits.FAILED if troubles else exits.DONE
