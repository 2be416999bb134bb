"""What a run from Python comes back as."""

from collections.abc import Sequence
from typing import Any

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.events import Event
from lrwf_cli.core.run import Failure, Run, Status
from lrwf_cli.core.view import outputs
from lrwf_cli.store.base import Store

__all__ = ["WorkflowResult"]


class WorkflowResult:
    """How a run stands after `Workflow.run`: finished, or waiting and kept in its storage.

    A run that failed comes back as well: look at `status`, or have `raise_for_status` do it.
    """

    def __init__(self, run: Run, events: Sequence[Event], store: Store, codec: Codec) -> None:
        self._run = run
        self._store = store
        self._codec = codec
        self.events = tuple(events)

    @property
    def run_id(self) -> str:
        """The run's id in its storage."""
        return self._run.id

    @property
    def checkpoint_id(self) -> str:
        """The point of the journal that this is: what `run_stream_from_checkpoint` takes."""
        return f"{self._run.id}@{self._run.seq}"

    @property
    def status(self) -> Status:
        """One of the words of the glossary: `completed`, `failed`, `waiting`..."""
        return self._run.status

    @property
    def error(self) -> Failure | None:
        """Why it failed."""
        return self._run.error

    def get_outputs(self) -> list[Any]:
        """Return what the run has yielded so far, as values; by superstep, then lineage."""
        resolved = (self._store.resolve(self._run.id, value) for value in outputs(self._run))
        return [self._codec.decode(value) for value in resolved]

    def raise_for_status(self) -> None:
        """Raise RunFailedError unless the run has completed or waits."""
        if self.status in {"failed", "timed_out", "cancelled"}:
            from lrwf_cli.errors import RunFailedError

            error = self.error
            raise RunFailedError(
                f"run `{self.run_id}` {self.status.replace('_', ' ')}: {error.type}: {error.message}"
                if error
                else f"run `{self.run_id}` {self.status}",
                hint=error.hint if error else None,
            )
