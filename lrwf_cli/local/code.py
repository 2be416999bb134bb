"""The code beside a flow as it is today, against what a run is pinned to. Imports nothing of the author's."""

from pathlib import Path

from lrwf_cli.core.run import Run
from lrwf_cli.errors import LrwfError
from lrwf_cli.executors.loading.code import CodeSnapshot, matching, read_code
from lrwf_cli.store.base import Store

__all__ = ["code_has_changed", "todays_code"]


def code_has_changed(run: Run) -> bool:
    """Whether the modules beside the flow are others than those that the run is pinned to.

    A folder that is gone has not changed: the run does not need it. One that cannot be read any more has.
    """
    try:
        today = _today(run)
    except (LrwfError, OSError):
        return True
    return today is not None and (today.digest if today.files else None) != run.origin.code


def todays_code(store: Store, run: Run) -> str | None:
    """Keep the code beside the flow as it is now, durably; return its digest, `None` if there is none to take.

    Raises FlowError if it cannot be read.
    """
    today = _today(run)
    if today is None or not today.files:
        return None
    store.keep_code(today.digest, today.files)
    return today.digest


def _today(run: Run) -> CodeSnapshot | None:
    folder = Path(run.origin.folder)
    if run.origin.script is not None or not folder.is_dir():
        return None
    return read_code(folder, [path for pattern in run.origin.pins for path in matching(folder, pattern)])
