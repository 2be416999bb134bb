"""The folder of one run: what its files are called, and reading the run from them."""

import msgspec

from lrwf_cli.core.apply import fold
from lrwf_cli.core.model import Json
from lrwf_cli.core.run import Run
from lrwf_cli.errors import JournalCorrupt, UnknownRun
from lrwf_cli.store import checkpoints
from lrwf_cli.store.journal import Journal, beginning
from lrwf_cli.store.names import file_name
from lrwf_cli.store.reading import folder_of, read_file

__all__ = ["RunFolder", "unknown"]

_SHOWN_BYTES = 1 << 20


class RunFolder:
    """Paths below a run's folder. Makes and checks nothing."""

    def __init__(self, run_id: str, path: str) -> None:
        self.run_id = run_id
        self.path = path
        self.runs = folder_of(path)
        self.journal = f"{path}/journal.jsonl"
        self.definition = f"{path}/flow.yaml"
        self.checkpoints = f"{path}/checkpoints"
        self.blobs = f"{path}/blobs"
        self.logs = f"{path}/log"
        self.responses = f"{path}/responses"
        self.tasks = f"{path}/work"
        self.shown = f"{path}/progress"
        self.lock = f"{path}/lock"
        self.wake = f"{path}/wake"
        self.quiet = f"{path}/quiet"
        self.io_error = f"{path}/io-error"

    def log(self, executor: str) -> str:
        """Return the path of what an executor printed."""
        return f"{self.logs}/{file_name(executor)}.log"

    def response(self, request: str, epoch: int) -> str:
        """Return the path of the answer to a request; each epoch has its own."""
        return f"{self.responses}/{file_name(request)}{f'~{epoch}' if epoch else ''}.json"

    def work(self, task: str) -> str:
        """Return the path of a command's folder."""
        return f"{self.tasks}/{file_name(task)}"

    def progress(self, executor: str) -> str:
        """Return the path of what is shown of how far an executor is."""
        return f"{self.shown}/{file_name(executor)}.json"

    def read_progress(self, executor: str) -> Json:
        """Return what is shown of how far an executor is; `None`: nothing, or what a power loss has left of it."""
        try:
            return msgspec.json.decode(read_file(self.progress(executor), _SHOWN_BYTES))
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def torn(self, seq: int) -> str:
        """Return the path where what came after frame `seq` is put aside."""
        return f"{self.path}/journal.torn-{seq}"

    def read(self, *, from_checkpoint: bool = True) -> tuple[Run, Journal]:
        """Return the run as of its last whole frame, and the journal as it was read.

        Costs what came since the newest checkpoint, or all of the journal. Raises JournalCorrupt, OSError.
        """
        try:
            found = checkpoints.newest(self.checkpoints, self.journal, self.run_id) if from_checkpoint else None
            run, mark = found or (None, beginning(self.run_id))
            journal = Journal(self.journal, mark)
            run = self._folded(run, journal)
        except FileNotFoundError as error:
            raise self.without_journal() from error
        if run is None:
            raise self.without_journal()
        return run, journal

    def _folded(self, run: Run | None, journal: Journal) -> Run | None:
        try:
            return fold(run, journal)
        except (LookupError, TypeError, ValueError) as error:
            raise JournalCorrupt(
                f"{self.journal}:{journal.mark.seq}: the frame does not go with those before it: {error!r}",
                hint="keep the run's folder and report this: the frame is whole, so it was written by mistake",
            ) from error

    def without_journal(self) -> JournalCorrupt:
        """Return the error for a run whose journal is missing."""
        return JournalCorrupt(
            f"{self.journal}:1: the journal is missing",
            hint="put the file back from a backup, or start the workflow anew",
        )


def unknown(run_id: str) -> UnknownRun:
    """Return the error for a run that is not there."""
    return UnknownRun(f"there is no run `{run_id}`", hint="`lrwf list` shows those there are")
