"""The whole life of one run on a virtual clock: begun, and woken again and again until nothing will ever wake it.

Between two wake-ups no time is spent: the clock jumps. Each wake-up is a process of its own, as far as a run can tell:
a new engine, a new assembly, and nothing left in the loop.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from lrwf_cli.core.run import Run
from lrwf_cli.core.waking import wake_at
from lrwf_cli.engine.given import Assembly, Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.errors import LrwfError
from lrwf_cli.store.base import Frame, Held, Store
from lrwf_cli.testing.clock import VirtualClock, VirtualRunner
from lrwf_cli.testing.replying import People

__all__ = ["MOST_WAKES", "Life"]

MOST_WAKES = 20_000
"""After how many wake-ups a life is given up: it would never end."""

_JOBS = 32
"""How many handlers may be at work at once: never so few that it depends on the machine."""

_NO_BELL = Process("simulated", pid=0, mail_every_s=None)
"""Its mail is looked at when there is some, and never else: days of looking would take long."""


class Life:
    """Drives one run of `store` from its begin to its end. `assemble` makes what it takes, anew for each process."""

    def __init__(
        self,
        store: Store,
        clock: VirtualClock,
        assemble: Callable[[Held], Assembly],
        people: People,
        *,
        observe: Callable[[Frame, Run], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._assemble = assemble
        self._people = people
        self._observe = observe
        self._runner = VirtualRunner(clock)
        self._is_stuck = False

    def live(self, held: Held, most_wakes: int = MOST_WAKES) -> Run:
        """Return the run when it has ended, or when nothing but a person can wake it.

        It is left in flight if a handler waits for what nobody will ever do. Raises LrwfError if it has not ended after
        so many wake-ups, and what the assembly raises.
        """
        run_id = held.run.id
        try:
            run = self._driven(lambda engine: engine.begin(held, self._assemble(held)))
            for _ in range(most_wakes):
                at = self._next(run)
                if at is None:
                    return run
                self._clock.jump_to(at)
                self._people.give()
                run = self._driven(lambda engine: engine.advance(run_id))
        finally:
            self._runner.close()
        hint = "let a poll end, or give it longer pauses"
        raise LrwfError(f"the run was woken {most_wakes} times, and has not ended", hint=hint)

    def _next(self, run: Run) -> datetime | None:
        """Return when there is something to do next; `None`: never, by itself."""
        if self._is_stuck:
            return None
        instants = (wake_at(run), None if run.is_final else self._people.next_at())
        return min((each for each in instants if each is not None), default=None)

    def _driven(self, work: Callable[[Engine], Awaitable[Run]]) -> Run:
        """Have a new process do `work`."""
        engine = Engine(
            self._store,
            self._clock,
            lambda held, _: self._assemble(held),
            process=_NO_BELL,
            jobs=_JOBS,
            observe=self._noted,
        )

        async def main() -> Run:
            with self._people.beside(engine):
                return await work(engine)

        def stop() -> None:
            self._is_stuck = True
            engine.stop()

        return self._runner.run(main(), on_stall=stop)

    def _noted(self, frame: Frame, run: Run) -> None:
        self._observe(frame, run)
        self._people.meet(run)
