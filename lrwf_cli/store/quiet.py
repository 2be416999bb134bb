"""Which runs ask nothing: those with an empty file `quiet` in their folder, so that an inbox reads no others.

The file only ever stands while nothing of the run can be answered: it is made after the frame that closed the last
question, and is gone, durably, before a frame that may open one. Where it is missing nothing is said. So a crash, or a
run that an earlier version has left, costs a look into the run, and never a question.
"""

from collections.abc import Sequence
from contextlib import suppress

from lrwf_cli.core.events import (
    Event,
    InvocationCompleted,
    InvocationSuspended,
    RequestsOpened,
    RunRetried,
    RunRewound,
)
from lrwf_cli.core.outside import open_requests
from lrwf_cli.core.run import Run
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.reading import is_there
from lrwf_cli.store.rundir import RunFolder

__all__ = ["Quiet"]


class Quiet:
    """The file of one held run."""

    def __init__(self, disk: Disk, folder: RunFolder) -> None:
        self._disk = disk
        self._folder = folder
        self._stands = is_there(folder.quiet)

    def before(self, events: Sequence[Event]) -> None:
        """Take the file away, durably, if `events` may open a question. Raises OSError, SyncFailed."""
        if self._stands and any(map(_may_open, events)):
            self._disk.discard(self._folder.quiet)
            self._disk.settle(self._folder.path)
            self._stands = False

    def after(self, run: Run) -> None:
        """Have the file stand if `run`, as of its last frame, asks nothing. Not durable. Never fails."""
        if not self._stands and not open_requests(run):
            with suppress(OSError):  # it saves others a look, and the next frame says what is wrong with the disk
                self._disk.touch(self._folder.quiet)
                self._stands = True


def _may_open(event: Event) -> bool:
    if isinstance(event, InvocationSuspended | InvocationCompleted):
        return bool(event.requests)
    return isinstance(event, RequestsOpened | RunRetried | RunRewound)
