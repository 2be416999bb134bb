"""Real processes on a flow whose handlers leave a line each in a file, and what has to be true of both in the end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lrwf_cli.clock import SystemClock
from lrwf_cli.core.events import InvocationCompleted, InvocationsStarted
from lrwf_cli.core.lineage import idempotency_key
from lrwf_cli.core.view import outputs
from lrwf_cli.local.begin import begin
from lrwf_cli.local.prepare import prepare
from lrwf_cli.store.files import FileStore

__all__ = ["FLOW", "Place"]

FLOW = Path(__file__).parent / "flow" / "flow.yaml"
OUTPUTS = [[3, 2, 1]]
FAR = datetime(2999, 1, 1, tzinfo=UTC)


class Place:
    """A state directory with runs of the flow, and the file of their effects."""

    def __init__(self, folder: Path, flow: Path = FLOW) -> None:
        self.state = folder / "state"
        self.effects = folder / "effects"
        self.effects.touch()
        self.store = FileStore.open(str(self.state), create=True)
        self.prepared = prepare(str(flow))

    @property
    def starting(self) -> list[str]:
        """The arguments of a `lrwf run` that starts a run; its id has to follow."""
        return ["run", str(FLOW), "--input", f"effects={self.effects}", "-q", "--id"]

    def create(self, run_ids: Sequence[str]) -> None:
        """Begin runs that nobody drives."""
        run_input = self.prepared.input_from([f"effects={self.effects}"])
        for run_id in run_ids:
            held, _ = begin(self.store, self.prepared, run_id, run_input, SystemClock())
            held.release()

    def wrong_with(self, run_ids: Sequence[str]) -> list[str]:
        """Return what is wrong with runs that should be finished."""
        effects = Counter(tuple(line.split()[:2]) for line in self._lines())
        entered = Counter(tuple(line.split()[:3]) for line in self._lines())
        wrong = [f"{each} was entered {times} times" for each, times in entered.items() if times > 1]
        for run_id in run_ids:
            wrong += [f"{run_id}: {each}" for each in self._wrong_with(run_id, effects)]
        return wrong + [f"{due.run_id} is due for ever" for due in self.store.due(FAR) if due.run_id in run_ids]

    def effects_of(self, run_ids: Sequence[str]) -> int:
        """Return how many handlers have been at work."""
        return sum(line.split()[0] in run_ids for line in self._lines())

    def _lines(self) -> list[str]:
        return self.effects.read_text(encoding="utf-8").splitlines()

    def _wrong_with(self, run_id: str, effects: Counter[tuple[str, ...]]) -> Iterator[str]:
        run = self.store.load(run_id)
        if (run.status, outputs(run)) != ("completed", OUTPUTS):
            yield f"it is {run.status} with {outputs(run)}: {run.error}"
        started: Counter[str] = Counter()
        completed: set[str] = set()
        for frame in self.store.frames(run_id):
            for event in frame.events:
                if isinstance(event, InvocationsStarted):
                    started.update(event.deliveries)
                    if again := completed & set(event.deliveries):
                        yield f"{again} started again after frame {frame.seq}"
                elif isinstance(event, InvocationCompleted):
                    completed.add(event.delivery)
        for delivery, times in started.items():
            seen = effects[run_id, idempotency_key(run_id, 0, delivery)]
            if not 1 <= seen <= times:
                yield f"{delivery} started {times} times and was seen {seen} times"
        if started.keys() != completed:
            yield f"not everything that started was completed: {started.keys() ^ completed}"
