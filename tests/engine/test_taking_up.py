"""Taking runs up in threads."""

import asyncio
from contextlib import suppress

import pytest

from lrwf_cli.engine.taking_up import take_up
from lrwf_cli.errors import RunBusy
from lrwf_cli.store.base import Store
from tests.engine.handling import Handlers, World, chain, passes_on


@pytest.mark.parametrize("turns", range(4))
def test_whoever_is_cancelled_meanwhile_leaves_the_run_to_others(store: Store, turns: int) -> None:
    """Conformance 46: nobody holds a run that he does not drive, whenever he was told to stop."""
    World(store, chain("a"), Handlers(a=passes_on())).create("mine").release()

    async def main() -> None:
        taking = asyncio.ensure_future(take_up(store, "mine"))
        for _ in range(turns):
            await asyncio.sleep(0)
        taking.cancel()
        with suppress(asyncio.CancelledError):
            (await taking).release()

    asyncio.run(main())
    store.hold("mine").release()


def test_it_raises_what_holding_does(store: Store) -> None:
    """A run that somebody else drives is busy, also when it is asked for in a thread."""
    held = World(store, chain("a"), Handlers(a=passes_on())).create("mine")
    with pytest.raises(RunBusy):
        asyncio.run(take_up(store, "mine"))
    held.release()
