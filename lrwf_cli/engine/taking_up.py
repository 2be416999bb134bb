"""Taking a run up beside others: in a thread, because that syncs, and the syncs of many runs need not wait in line."""

import asyncio
from threading import Lock

from lrwf_cli.store.base import Held, Store

__all__ = ["take_up"]


async def take_up(store: Store, run_id: str) -> Held:
    """Return a run that this process holds. Raises as `Store.hold`. If this is cancelled, nobody has it in the end."""
    changing, taken, is_unwanted = Lock(), list[Held](), False

    def take() -> Held:
        held = store.hold(run_id)
        with changing:
            if is_unwanted:
                held.release()
            taken.append(held)
        return held

    try:
        return await asyncio.to_thread(take)
    except asyncio.CancelledError:
        with changing:
            is_unwanted = True
            for held in taken:
                held.release()
        raise
