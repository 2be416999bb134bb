"""A run without engine, store and asyncio: what drives `decide` and `apply` in the tests of the core. No test here.

`Simulation` keeps to the rules of a driver: a frame is on disk before anything of it is acted upon, a process that
dies loses what is in memory and nothing else, and the next one begins with `Take` on the fold of the frames.
Handlers are plain functions; when each of them ends, and when the process dies, is up to `Luck`. One that keeps its
awaits as they return is a generator: it yields what is to be kept, and goes on when that is on disk.
"""

import random
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

import msgspec

from lrwf_cli.core import commands as c
from lrwf_cli.core.apply import apply, begin, fold
from lrwf_cli.core.asking import expired, expiring
from lrwf_cli.core.decide import decide
from lrwf_cli.core.events import Event, InvocationCompleted, InvocationsStarted, StateChange
from lrwf_cli.core.lineage import idempotency_key
from lrwf_cli.core.looking_after import dues
from lrwf_cli.core.model import EdgeGroup, ExecutorSpec, Json, Workflow, sources_of, targets_of
from lrwf_cli.core.run import Delivery, Failure, Notice, Origin, Run
from lrwf_cli.core.suspended import Answer, Kept, Request, Suspension, Wait
from lrwf_cli.core.view import outputs
from lrwf_cli.core.waking import next_due, wake_at
from lrwf_cli.store.base import Frame
from tests.core.scripts import Await, played

START = datetime(2026, 11, 22, 9, tzinfo=UTC)
ORIGIN = Origin(flow="flow.yaml", folder="/flows", cwd="/", python="/usr/bin/python3")


class Task(msgspec.Struct, frozen=True):
    """What a handler is given: its delivery and what was committed when it was called."""

    delivery: Delivery
    message: Json
    attempt: int
    maybe_done: bool
    key: str
    state: Mapping[str, Json]
    versions: Mapping[str, int]
    input: Json
    started_at: datetime
    start: int
    kept: Mapping[str, Sequence[Kept]]
    steps: Sequence[Kept]
    waits: tuple[Wait, ...]
    requests: tuple[Request, ...]


class Blocks(Exception):
    """The handler cannot go on from where it was."""


class Lost(Exception):
    """Nobody knows how the attempt ended."""


Result = c.Effects | Suspension
Going = Generator[tuple[Kept, ...], None, Result]
Plain = Callable[[Task], c.Effects]
Waits = Callable[[Task], Result]
Handler = Callable[[Task], Result | Going]


def effects(
    *messages: Json, outputs: Sequence[Json] = (), writes: Sequence[c.StateWrite] = (), to: str | None = None
) -> c.Effects:
    """Return the effects of a handler that sends `messages`, all of them to `to` if that is given."""
    sends = tuple(c.Send(message, to, ordinal=number) for number, message in enumerate(messages))
    return c.Effects(sends, tuple(outputs), tuple(writes))


def passes_on(task: Task) -> c.Effects:
    """Send the message on: the handler of every executor that has no other."""
    return effects(task.message)


def fails(times: int, error: type[Exception] = OSError) -> Plain:
    """Return a handler whose first attempts fail so often; then it sends which attempt it was."""

    def handle(task: Task) -> c.Effects:
        if task.attempt <= times:
            raise error(f"attempt {task.attempt}")
        return effects(task.attempt)

    return handle


def flow(start: str, *edges: EdgeGroup, specs: Sequence[ExecutorSpec] = (), **limits: Any) -> Workflow:
    """Return a workflow of the executors that the edges name; `specs` are those with more than an id."""
    ids = [start, *(each for group in edges for each in (*sources_of(group), *targets_of(group)))]
    executors = {each: ExecutorSpec(each) for each in [*ids, *(spec.id for spec in specs)]}
    executors.update({spec.id: spec for spec in specs})
    return Workflow("flow", executors, start, edges, **limits)


def script(*lanes: Sequence[Await], then: Callable[[Task, list[list[Any]]], c.Effects] | None = None) -> Waits:
    """Return a handler that plays a script (see `scripts`), then does `then`; by default it sends the values on."""

    def handle(task: Task) -> Result:
        found = played(task, *lanes)
        if isinstance(found, Suspension):
            return found
        return then(task, found) if then else effects(*(value for values in found for value in values))

    return handle


class Luck:
    """Who is first, and when the process dies. Without a seed: in order, one handler at a time, and it lives."""

    def __init__(self, seed: int | None = None, crashes: int = 0, *, drifts: bool = False) -> None:
        self._random = None if seed is None else random.Random(seed)
        self._crashes = crashes
        self._drifts = drifts

    def some(self, ids: Sequence[str]) -> list[str]:
        """Return those of `ids` that come next, in the order in which they come; at least one if there is one."""
        if self._random is None or not ids:
            return list(ids[:1])
        return self._random.sample(ids, self._random.randint(1, len(ids)))

    def dies(self) -> bool:
        """Whether the process dies here."""
        if self._random is None or not self._crashes or self._random.random() > 0.2:
            return False
        self._crashes -= 1
        return True

    def flips(self) -> bool:
        """Whether a coin shows heads."""
        return self._random is not None and self._random.random() < 0.5

    def drift(self) -> timedelta:
        """Return how far somebody sets the clock, forward or back, while no process runs."""
        if self._random is None or not self._drifts:
            return timedelta()
        return timedelta(seconds=self._random.choice([0, 0, -3600, -1, 1, 3600, 86_400]))


People = Callable[[Request], Json]
"""Somebody who knows an answer to every question, and gives it sooner or later."""


class Simulation:
    """One run. `disk` holds its frames, `run` what the process has in memory, `at_work` what handlers came to.

    `mail` holds letters until their taking is on disk, and `answers` those that stand, by epoch and request. `handled`
    counts how often each delivery was given to its handler, `committed` how often its effects were committed, and
    `keys` are the idempotency keys that it had. `people` answer what is asked, `tell` tells news and may fail; `told`
    are those that it did not.
    """

    def __init__(
        self,
        workflow: Workflow,
        handlers: Mapping[str, Handler] | None = None,
        *,
        luck: Luck | None = None,
        slots: int = 4,
        large: int = 10**9,
        after_frame: Callable[["Simulation"], None] = lambda _: None,
        disk: Sequence[bytes] = (),
        people: People | None = None,
        tell: Callable[[Notice], Failure | None] = lambda _: None,
    ) -> None:
        self.workflow = msgspec.structs.replace(workflow, resolve=self.resolve)
        self.handlers = dict(handlers or {})
        self.luck = luck or Luck()
        self.slots = slots
        self.large = large
        self.after_frame = after_frame
        self.disk = list(disk)
        self.blobs: dict[str, Json] = {}
        self.run: Run | None = None
        self.now = START
        self.boots = 0
        self.at_work: dict[str, c.Command] = {}
        self.going: dict[str, Going] = {}
        self.mail: list[c.TakeMail] = []
        self.seen: tuple[int, dict[str, Request]] = (0, {})
        self.answers: dict[tuple[int, str], Answer] = {}
        self.people = people
        self.tell = tell
        self.told: list[Notice] = []
        self.handled: Counter[str] = Counter()
        self.keys: dict[str, set[str]] = {}

    # -- what a test does

    def start(self, message: Json = 0, run_id: str = "sim") -> "Simulation":
        """Begin the run and drive it."""
        return self.ask(c.Start(run_id, message, ORIGIN))

    def drive(self) -> "Simulation":
        """Take the run up and go on until it is finished, held, or waits for what no time brings."""
        self.take()
        return self.go_on()

    def go_on(self) -> "Simulation":
        """Go on in the same process."""
        while self.turn():
            pass
        return self

    def ask(self, command: c.Command) -> "Simulation":
        """Commit what a person asks for while nobody drives the run, and drive it."""
        self.publish(command)
        return self.drive()

    def publish(self, command: c.Command) -> None:
        """Commit what a person asks for while nobody drives the run; the process lives through that."""
        self.run = self.folded()
        events: list[Event] = []
        if self._decide(command, events):
            self._write(events)

    def take(self) -> None:
        """Take the run up as a new process does."""
        self.at_work.clear()
        self.going.clear()
        self.run = self.folded()
        self.commit(c.Take(pid=len(self.disk), boot_id=f"boot-{self.boots}"), *self.mail)

    def turn(self) -> bool:
        """Commit one frame: some handlers' ends, or what has become due. Return whether there was anything to do."""
        run = self.now_run
        if self.luck.dies():
            if self.luck.flips():
                self.cut_off()
            self.die()
            return True
        if self.people and self.luck.flips():
            self._somebody_answers()
        if self.at_work or self.mail:
            if self.luck.flips():
                self.now = max(self.now, next_due(run) or self.now)
            self.commit(*self.mail, *(self.at_work.pop(each) for each in self.luck.some(list(self.at_work))))
            return True
        if news := [notice for notice in run.notices.values() if notice.due_at <= self.now]:
            return self.commit(*(self._told(notice) for notice in news))
        due_at = wake_at(run)
        if due_at is None:
            return self._somebody_answers()
        self.now = max(self.now, due_at)
        return self.commit() or bool(run.notices)

    def pass_time(self, seconds: float) -> "Simulation":
        """Let time pass, or set the clock back; then a new process drives the run."""
        self.now += timedelta(seconds=seconds)
        return self.wake()

    def wake(self) -> "Simulation":
        """Have a new process do what is due now and what follows from it: a tick. It does not wait for anything."""
        if self._is_due():
            self.take()
            self.work_off()
        return self

    def work_off(self) -> "Simulation":
        """Do what is due now and what follows from it, in the same process."""
        while self._is_due() and self.turn():
            pass
        return self

    def _is_due(self) -> bool:
        due_at = wake_at(self.now_run)
        return bool(self.mail or self.at_work) or (due_at is not None and due_at <= self.now)

    def answer(self, request: str, value: Json = None, **fields: Any) -> Answer:
        """Answer a request from outside; return the answer that stands. A letter tells the run."""
        given = Answer(self.now, value, **fields)
        epoch = self.seen[0]
        standing = self.answers.setdefault((epoch, request), given)
        letter = f"answer-{len(self.disk)}-{len(self.mail)}-{request}"
        self.mail.append(c.TakeMail(letter, epoch, "answered", c.Respond(request, standing)))
        return standing

    def _somebody_answers(self) -> bool:
        """Have somebody answer a question that was asked, durably. Return whether there was one."""
        epoch, requests = self.seen
        new = [each.id for each in requests.values() if (epoch, each.id) not in self.answers]
        if self.people is None or not new:
            return False
        for each in self.luck.some(new)[:1]:
            self.answer(each, self.people(requests[each]))
        return True

    def _told(self, notice: Notice) -> c.Deliver:
        error = self.tell(notice)
        self.told += [] if error else [notice]
        return c.Deliver(notice.id, error)

    def die(self) -> None:
        """Lose what is in memory, in a crash or with the whole machine, and have the next process take over."""
        self.boots += self.luck.flips()
        self.now += self.luck.drift()
        self.take()

    def cut_off(self) -> None:
        """Tell the process politely that it is about to end."""
        self.publish(c.CutOff())

    def commit(self, *commands: c.Command) -> bool:
        """Decide `commands` and what follows as one frame, write it, act on it. Return whether there was one."""
        events: list[Event] = []
        for command in commands:
            self._decide(command, events)
        while self._expire(events) or self._decide(c.Advance(self.slots - len(self.now_run.started)), events):
            pass
        self._is_at_rest()
        if self.luck.dies():
            self.die()
            return True
        if events:
            self._write(events)
        if self.luck.dies():
            self.die()
            return True
        self.mail = [letter for letter in self.mail if letter not in commands]
        self._act(events, commands)
        return bool(events)

    def _expire(self, events: list[Event]) -> bool:
        """Answer what nobody has answered in time, unless somebody has."""
        due = list(expiring(self.now_run, self.now))
        for each in due:
            standing = self.answers.setdefault((self.now_run.epoch, each.id), expired(each, self.now))
            self._decide(c.Respond(each.id, standing), events)
        return bool(due)

    def _is_at_rest(self) -> None:
        """Check that what is due has happened: a run that is due and of which nothing comes keeps its driver busy."""
        run = self.now_run
        news = {*(notice.due_at for notice in run.notices.values()), *dues(run)}
        for due in (wake_at(run), next_due(run)):
            rests = due is None or due > self.now or due in news or run.started
            assert rests, f"{run.status} and due since {due}, and nothing comes of it"

    # -- what a test looks at

    @property
    def now_run(self) -> Run:
        """The run in memory; it must have begun."""
        assert self.run is not None
        return self.run

    @property
    def outputs(self) -> list[Json]:
        """The run's outputs, in the order in which they are listed."""
        return [self.resolve(value) for value in outputs(self.now_run)]

    @property
    def state(self) -> dict[str, Json]:
        """The run's shared state."""
        return {key: self.resolve(entry.value) for key, entry in self.now_run.state.items()}

    @property
    def error(self) -> str:
        """The class name of what the run failed with; empty if it did not."""
        return self.now_run.error.type if self.now_run.error else ""

    @property
    def committed(self) -> Counter[str]:
        """How often the effects of each delivery are on disk."""
        return Counter(event.delivery for event in self.events() if isinstance(event, InvocationCompleted))

    def frames(self) -> list[Frame]:
        """Return what is on disk, read anew."""
        return [msgspec.json.decode(line, type=Frame) for line in self.disk]

    def events(self) -> list[Event]:
        """Return all events on disk, read anew."""
        return [event for frame in self.frames() for event in frame.events]

    def folded(self, to: int | None = None) -> Run | None:
        """Return the run as of frame `to` (default: the last one) from what is on disk."""
        return fold(None, takewhile(lambda frame: to is None or frame.seq <= to, self.frames()))

    def past(self, to: int) -> Run:
        """Return the run as of frame `to`."""
        run = self.folded(to)
        assert run is not None
        return run

    # -- the machinery

    def _decide(self, command: c.Command, events: list[Event]) -> bool:
        decided = self.decide(command)
        for event in map(self._lightened, decided):
            if self.run is not None and not events:
                begin(self.run, self.run.seq + 1, self.now)
            self.run = apply(self.run, event)
            events.append(event)
        return bool(decided)

    def decide(self, command: c.Command) -> tuple[Event, ...]:
        """Return what follows from `command`; a test may look over its shoulder."""
        return decide(self.workflow, self.run, command, self.now)

    def _write(self, events: Sequence[Event]) -> None:
        self.disk.append(msgspec.json.encode(Frame(self.now_run.seq, self.now_run.updated_at, tuple(events))))
        assert len(self.disk) < 3000, "a run without end"
        self._show()
        self.after_frame(self)

    def _show(self) -> None:
        """Let people see the epoch, and what may be answered in it."""
        run = self.now_run
        may = {} if run.is_final else {name: each for name, each in run.requests.items() if each.is_open}
        self.seen = run.epoch, may

    def _act(self, events: Sequence[Event], commands: Sequence[c.Command]) -> None:
        self.now += timedelta(milliseconds=1)
        for event in events:
            if isinstance(event, InvocationsStarted):
                for delivery in event.deliveries:
                    if delivery in self.now_run.started:
                        self.at_work[delivery] = self._handle(delivery)
        for command in commands:
            if isinstance(command, c.Keep) and command.delivery in self.going:
                self.at_work[command.delivery] = self._next(command.delivery)
        for gone in self.at_work.keys() - self.now_run.started.keys():
            del self.at_work[gone]
            self.going.pop(gone, None)

    def _handle(self, delivery: str) -> c.Command:
        task = self._task(delivery)
        self.handled[delivery] += 1
        self.keys.setdefault(delivery, set()).add(task.key)
        handler = self.handlers.get(task.delivery.executor, passes_on)
        return self._came_to(delivery, lambda: handler(task))

    def _next(self, delivery: str) -> c.Command:
        """Have a generator go on; return what it comes to."""
        return self._came_to(delivery, lambda: self.going[delivery])

    def _came_to(self, delivery: str, call: Callable[[], Result | Going]) -> c.Command:
        invocation = self.now_run.started[delivery]
        executor = invocation.delivery.executor
        try:
            result = call()
            if isinstance(result, Generator):
                self.going[delivery] = result
                try:
                    return c.Keep(delivery, next(result))
                except StopIteration as stopped:
                    del self.going[delivery]
                    result = stopped.value
        except Exception as error:  # noqa: BLE001 - a handler may raise what it likes
            self.going.pop(delivery, None)
            mro = tuple(cls.__name__ for cls in type(error).__mro__)
            failure = Failure(type(error).__name__, str(error), executor, invocation.attempt, mro=mro)
            if isinstance(error, Blocks):
                return c.Block(failure, delivery)
            return c.Fail(delivery, failure, crashed=isinstance(error, Lost))
        return c.Suspend(delivery, result) if isinstance(result, Suspension) else c.Complete(delivery, result)

    def _task(self, delivery: str) -> Task:
        run, invocation = self.now_run, self.now_run.started[delivery]
        return Task(
            delivery=invocation.delivery,
            message=self.resolve(invocation.delivery.message),
            attempt=invocation.attempt,
            maybe_done=invocation.maybe_done,
            key=idempotency_key(run.id, run.epoch, delivery),
            state={key: self.resolve(entry.value) for key, entry in run.state.items()},
            versions={key: entry.version for key, entry in run.state.items()},
            input=self.resolve(run.input),
            started_at=run.updated_at,
            start=invocation.start,
            kept={lane: tuple(entries) for lane, entries in run.kept.get(delivery, {}).items()},
            steps=tuple(run.steps.get(delivery, ())),
            waits=invocation.waits,
            requests=tuple(
                each
                for each in run.requests.values()
                if (each.delivery == delivery and not each.withdrawn) or each.id == invocation.delivery.answers
            ),
        )

    # -- large values are kept beside the journal

    def _lightened(self, event: Event) -> Event:
        if not isinstance(event, InvocationCompleted):
            return event
        return msgspec.structs.replace(
            event,
            deliveries=tuple(self._light(each, "message") for each in event.deliveries),
            joined=tuple(self._light(each, "message") for each in event.joined),
            outputs=tuple(self._light(each, "value") for each in event.outputs),
            state=tuple(self._light(each, "value") for each in event.state),
            saved=self._light(event.saved, "value") if event.saved else None,
        )

    def _light(self, part: Any, name: str) -> Any:
        value = getattr(part, name)
        text = msgspec.json.encode(value).decode()
        if len(text) <= self.large or (isinstance(part, StateChange) and part.op == "add"):
            return part
        self.blobs[text] = value
        return msgspec.structs.replace(part, **{name: {"$blob": text}})

    def resolve(self, value: Json) -> Json:
        """Return `value` with the values in it that are kept elsewhere."""
        if isinstance(value, list):
            return [self.resolve(each) for each in value]
        if not isinstance(value, dict):
            return value
        if "$blob" in value:
            return self.blobs[value["$blob"]]
        if "$cat" in value:
            return [each for part in value["$cat"] for each in self.resolve(part)]
        if "$merge" in value:
            return {key: each for part in value["$merge"] for key, each in self.resolve(part).items()}
        return {key: self.resolve(each) for key, each in value.items()}
