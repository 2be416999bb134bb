"""One entry of one handler: its lanes from beginning to end, and what its context has of them."""

import asyncio
import inspect
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from types import FrameType
from typing import Any

from lrwf_cli.clock import Clock
from lrwf_cli.core.codec import Codec
from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Kept, Suspension
from lrwf_cli.errors import HandlerEnded, LrwfError, UsageError
from lrwf_cli.executors.base import Call, Desk
from lrwf_cli.executors.context.keeper import Place, Step
from lrwf_cli.executors.kept.activations import Await
from lrwf_cli.executors.kept.acts import LANE
from lrwf_cli.executors.kept.before import Before
from lrwf_cli.executors.kept.codes import is_compiled
from lrwf_cli.executors.kept.digests import digest_of
from lrwf_cli.executors.kept.frames import caller, foreign_between, is_reached
from lrwf_cli.executors.kept.lanes import Lane
from lrwf_cli.executors.kept.ledger import Ledger
from lrwf_cli.executors.kept.outcomes import Outcome, made_again
from lrwf_cli.executors.kept.quiet import can_run
from lrwf_cli.executors.kept.reach import Reach
from lrwf_cli.executors.kept.refusals import in_foreign, not_compiled, not_in_a_lane
from lrwf_cli.executors.kept.runtime import here
from lrwf_cli.executors.kept.steps import Steps, lanes_on
from lrwf_cli.executors.kept.stretch import BESIDE, Doer, Stretch
from lrwf_cli.executors.threads import in_thread

__all__ = ["Invocation"]


class Invocation:
    """Implements `Keeper`. With `eager`, each await is kept before the handler goes on.

    `mishaps` are what context managers raised while the handler was unwound: it is over all the same.
    """

    def __init__(self, call: Call, codec: Codec, clock: Clock, desk: Desk, *, handler: str, eager: bool) -> None:
        self.mishaps: list[BaseException] = []
        self._call = call
        self._clock = clock
        self._stretch = Stretch(call, codec, Ledger(desk, eager=eager), handler)
        self._waits = {(wait.lane, wait.path): wait for wait in call.waits}
        self._steps = _steps_of(call.steps)
        self._came_by = Counter({key: len(uses.get(call.start, ())) for key, uses in self._steps.items()})

    @property
    def now(self) -> datetime:
        """As `Keeper` says."""
        return max(self._call.started_at, self._clock.now())

    @property
    def lane(self) -> str:
        """As `Keeper` says."""
        lane = here.lane
        return lane.id if isinstance(lane, Lane) and lane.stretch is self._stretch else ""

    def belongs_to(self, context: Doer) -> None:
        """Name the context whose methods know themselves what they keep."""
        self._stretch.itself = context

    def remember(self) -> list[Kept]:
        """Return a list that will hold all that is kept from here on."""
        self._stretch.ledger.all = []
        return self._stretch.ledger.all

    def rehearse(self, earlier: "Invocation") -> None:
        """Do nothing that an earlier entry has not done, and wait where it did."""
        self._stretch.rehearses = earlier._stretch.waiting  # noqa: SLF001 - another one of these

    @property
    def is_smooth(self) -> bool:
        """Whether nothing has happened that could not be kept."""
        return self._stretch.is_smooth

    async def run(self, coroutine: Any) -> Outcome | Suspension | LrwfError:
        """Run a handler to its end, or until it suspends; an error says why it can do neither.

        Raises KeyboardInterrupt, and CancelledError if it was cancelled before it began.
        """
        stretch, loop = self._stretch, asyncio.get_running_loop()
        stretch.before = Before(stretch.codec, _first_given(coroutine))
        root = Lane(stretch, "", coroutine)
        with lanes_on(loop):
            root.task = asyncio.Task(Steps(root, coroutine, root.run_root(coroutine)), loop=loop)
            stretch.lanes[root.task] = root
            try:
                outcome: Outcome = await root.task
            finally:
                await self._end()
                if stretch.defect is not None:
                    raise stretch.defect
        if stretch.outcome is not None:
            if outcome.error is not None and not isinstance(outcome.error, asyncio.CancelledError):
                self.mishaps.append(outcome.error)
            return stretch.outcome
        return (None if stretch.is_cancelled else stretch.unread(outcome.error)) or outcome

    def act(self, act: Json) -> None:
        """As `Keeper` says."""
        lane = here.lane
        if not isinstance(lane, Lane) or lane.stretch is not self._stretch:
            lane = LANE.get()  # a thread, or a task of somebody else
        if not isinstance(lane, Lane) or lane.stretch is not self._stretch:
            return
        now = lane.top.now
        if now is not None and now.kind == "own":
            message = f"`{now.what}` may be begun several times: nothing can be sent or set inside it"
            raise UsageError(message, hint="do it in the handler, when that is over")
        (now or lane.top).add_acts((act,))

    async def own(self, what: str, args: tuple[Any, ...], step: Step) -> Any:
        """As `Keeper` says."""
        lane = self._lane(what, caller(0))
        begun = Await(lane.top.next(), what, digest_of(self._stretch.codec, args), "own", lane.top.site)
        place = Place(lane.id, begun.path)
        return await lane.own(begun, step, place, self._waits.get((lane.id, begun.path)))

    def note(self, what: str, make: Callable[[Place | None], Json]) -> Json:
        """As `Keeper` says."""
        lane = self._placed(caller(1))
        if lane is None:
            return make(None)
        begun = Await(lane.top.next(), what, "", "own")
        kept = lane.find(begun)
        if kept is not None:
            return self._stretch.resolve(kept.value)
        value = make(Place(lane.id, begun.path))
        lane.top.holds = True
        self._stretch.ledger.add(Kept(lane.id, begun.path, what, value=value))
        return value

    async def once(
        self, what: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        """As `Keeper` says."""
        lane = self._placed(caller(0))
        digest = digest_of(self._stretch.codec, args, dict(kwargs))
        path = lane.top.next() if lane is not None else str(sum(self._came_by.values()))
        begun = Await(path, what, digest, "step")
        begun.lasts = self._call.start
        begun.reach = Reach.of_call(self._stretch.before, function, args, kwargs) if lane is not None else None
        kept = lane.find(begun) if lane is not None else None
        if lane is not None and kept is not None:
            return await lane.read(kept, begun)
        earlier = self._earlier((what, digest))
        call = partial(_called, partial(function, *args, **kwargs))
        if earlier is not None:
            call = partial(self._given, earlier, begun)
        if lane is not None:
            return await lane.do(begun, call, (), {})
        return await self._beside(begun, call)

    def _earlier(self, key: tuple[str, str]) -> Kept | None:
        """Return what an earlier start has kept of the step that comes by now, and count that it does."""
        index = self._came_by[key]
        self._came_by[key] += 1
        longest = max(self._steps.get(key, {}).values(), key=len, default=[])
        return longest[index] if index < len(longest) else None

    async def _given(self, earlier: Kept, begun: Await) -> Any:
        """Return what an earlier start has kept of a step, and do again what was done in it."""
        acts = self._stretch.resolve(earlier.acts) or ()
        for act in acts:
            self.act(act)
        if acts and self._stretch.itself is not None:
            self._stretch.itself.do_again(acts)
        outcome = Outcome(self._stretch.codec.decode(self._stretch.resolve(earlier.value)))
        changes = self._stretch.resolve(earlier.changes)
        return (made_again(begun, changes, outcome) if changes else outcome).get()

    async def _beside(self, begun: Await, call: Callable[[], Awaitable[Any]]) -> Any:
        """Make a step that is inside something foreign: kept for itself, as that cannot be entered again."""
        value = await call()
        stretch = self._stretch
        encoded = stretch.codec.encode(value, begun.what)
        stretch.ledger.add(Kept(BESIDE, begun.path, begun.what, begun.digest, encoded, lasts=True, start=begun.lasts))
        await stretch.ledger.handed_over()
        return value

    async def _end(self) -> None:
        """Have all lanes end that cannot go on without the handler; of one that was cancelled, all."""
        stretch = self._stretch
        if not stretch.is_unwinding:
            lanes = list(stretch.lanes.values())
            quiet = [line for line in lanes if stretch.rehearses is not None or not can_run(line, stretch.lanes)]
            stretch.end([] if stretch.is_cancelled else quiet)
            if stretch.is_cancelled:
                for line in lanes:
                    line.task.cancel()
            tasks = [line.task for line in quiet]
        else:
            tasks = list(stretch.lanes)
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                self.mishaps.append(error)
        for line, generator in stretch.abandoned:
            await self._close(line, generator)

    async def _close(self, line: Any, generator: Any) -> None:
        """Leave an async generator of the flow that stands at a `yield`, as its lane was left."""
        closing = generator.aclose()
        try:
            await asyncio.Task(Steps(line, _Nothing(), _awaited(closing)), loop=asyncio.get_running_loop())
        except Exception as error:  # noqa: BLE001 - what a context manager of it raises; the handler is over all the same
            self.mishaps.append(error)

    def _placed(self, frame: FrameType) -> Lane | None:
        """Return the lane in which `frame` has a place of its own."""
        lane = here.lane
        if not isinstance(lane, Lane) or lane.stretch is not self._stretch or self._stretch.is_over:
            return None
        is_placed = not lane.is_foreign and lane.top.now is None and is_reached(frame, lane.top.frame)
        return lane if is_placed else None

    def _lane(self, what: str, frame: FrameType) -> Lane:
        """Return the lane that is to suspend; end the stretch if it cannot."""
        lane = self._placed(frame)
        if lane is None and self._stretch.is_over:
            raise HandlerEnded(hint="await your tasks before the handler returns")
        return lane or self._stretch.stop(self._why_not(what, frame))

    def _why_not(self, what: str, frame: FrameType) -> LrwfError:
        lane = here.lane
        if not isinstance(lane, Lane) or lane.stretch is not self._stretch:
            beside = self._stretch.beside.get(asyncio.current_task())  # type: ignore[arg-type]  # there is one
            spot = beside[0].top.spot(beside[1].site) if beside is not None else None
            return in_foreign(what, spot, beside[1].what) if beside and spot else not_in_a_lane(what)
        spot = lane.spot() or lane.made_at
        if lane.is_foreign:
            made_at = lane.made_at
            return in_foreign(what, made_at, lane.name) if made_at else not_compiled(what, lane.code, lane.name)
        now = lane.top.now
        foreign = None if now is not None else foreign_between(frame, lane.top.frame)
        if spot is None or (now is None and foreign is None):
            return not_in_a_lane(what)
        if foreign is not None and is_compiled(foreign.f_code):
            return in_foreign(what, spot, foreign.f_code.co_qualname, is_entered_anew=True)
        return in_foreign(what, spot, now.what if now is not None else _name(foreign))


def _name(frame: FrameType | None) -> str:
    return f"{frame.f_globals.get('__name__')}:{frame.f_code.co_qualname}" if frame is not None else ""


def _first_given(coroutine: Any) -> Any:
    """Return the first argument of a handler, which is its executor if it is a method of one."""
    frame = getattr(coroutine, "cr_frame", None)
    return frame.f_locals.get(next(iter(frame.f_code.co_varnames), "")) if frame is not None else None


def _steps_of(steps: Any) -> dict[tuple[str, str], dict[int, list[Kept]]]:
    """Return steps by what tells them apart, then by the start in which they came by, in order."""
    found: dict[tuple[str, str], dict[int, list[Kept]]] = defaultdict(lambda: defaultdict(list))
    for step in steps:
        found[step.what, step.digest][step.start].append(step)
    return found


async def _called(function: Callable[[], Any]) -> Any:
    """Call a function: a plain one in a thread."""
    is_async = inspect.iscoroutinefunction(getattr(function, "func", function))
    result = function() if is_async else await in_thread(function)
    return await result if inspect.isawaitable(result) else result


async def _awaited(awaitable: Any) -> Any:
    return await awaitable


class _Nothing:
    """Stands for a coroutine that has begun already."""

    def close(self) -> None: ...
