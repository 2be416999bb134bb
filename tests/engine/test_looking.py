"""When a driver looks at its mail while handlers are at work: now and then, or when it is told to."""

import asyncio
from datetime import timedelta

from lrwf_cli.core.commands import Effects
from lrwf_cli.engine.given import Process
from lrwf_cli.engine.passes import Engine
from lrwf_cli.executors.base import Call
from lrwf_cli.store.base import Letter
from lrwf_cli.store.memory import MemoryHeld, MemoryStore
from lrwf_cli.testing import VirtualClock, play
from tests.engine.handling import Handlers, World, chain


class Counting(MemoryStore):
    """Counts how often the mail of a run is looked at."""

    looks = 0

    def hold(self, run_id: str) -> MemoryHeld:
        held = super().hold(run_id)
        letters = held.letters

        def counted() -> list[Letter]:
            self.looks += 1
            return letters()

        held.letters = counted  # type: ignore[method-assign]  # what is counted
        return held


def driven(mail_every_s: float | None, cancelled_after: timedelta | None = None) -> tuple[str, int, timedelta]:
    """Drive a handler that takes three days; return the status, how often mail was looked at, how long it took."""
    store, clock = Counting(), VirtualClock()

    async def slow(_: Call) -> Effects:
        await clock.sleep(timedelta(days=3))
        return Effects()

    world = World(store, chain("a"), Handlers(a=slow))
    world.clock = clock  # type: ignore[assignment]  # one in whose time the loop runs, too
    world.create().release()
    process = Process("boot", mail_every_s=mail_every_s)
    engine = Engine(store, clock, lambda *_: world.assembly(), process=process, jobs=1)

    async def main() -> str:
        if cancelled_after is not None:
            asyncio.get_running_loop().call_later(cancelled_after.total_seconds(), cancel)
        return (await engine.advance("r")).status

    def cancel() -> None:
        store.post(Letter("l", "r", "cancel", clock.now()))
        engine.look()

    return play(clock, main()), store.looks, clock.now() - clock.start


def test_mail_is_looked_at_now_and_then() -> None:
    """Design 5: a driver that waits for a handler hears a letter soon, whoever leaves it."""
    status, looks, _ = driven(3600)
    assert status == "completed"
    assert looks >= 72


def test_a_driver_that_is_told_looks_at_once_and_never_else() -> None:
    """Whoever leaves the mail may say so: then nobody looks in vain, and it is heard at its instant."""
    status, looks, _ = driven(None)
    assert (status, looks <= 3) == ("completed", True)
    status, _, took = driven(None, cancelled_after=timedelta(hours=5))
    assert (status, took) == ("cancelled", timedelta(hours=5))
