"""Executors that wait in several lanes, whose every await returns a name of its own."""

import asyncio
from datetime import timedelta
from typing import Any

from lrwf_cli import Executor, ExponentialBackoff, LongRunningExecutor, WorkflowContext, handler
from tests.crash.outside import do, job

MINUTE = timedelta(minutes=1)
EACH_MINUTE = ExponentialBackoff(initial=60, multiplier=1, jitter=0)


class Train(LongRunningExecutor):
    """Submits a job, looks after it in one lane and does something else in another, then fetches what came of it."""

    @handler
    async def handle(self, message: str, ctx: WorkflowContext[str]) -> None:
        """Each await is kept at once."""
        submitted = await do("submit")
        sides = await asyncio.gather(self.watch(ctx), self.warm(ctx))
        billed = await ctx.step(do, "bill", lasts=True)
        fetched = await do("fetch", after="bill")
        await ctx.send_message(" ".join([message, submitted, *sides, billed, fetched]))

    async def watch(self, ctx: WorkflowContext[Any]) -> str:
        """Wait for the job."""
        await do("find", after="submit")
        await ctx.poll_until_complete(check=job, is_complete=lambda said: said == "DONE", backoff=EACH_MINUTE)
        return await do("watched")

    async def warm(self, ctx: WorkflowContext[Any]) -> str:
        """Wait for a while."""
        await do("light", after="submit")
        await do("stoke", after="light")
        await ctx.schedule_resume(after=MINUTE)
        return await do("warmed")


class Ship(Executor):
    """Asks, charges, waits and fails once after it; what it has charged is not charged again."""

    @handler
    async def handle(self, message: str, ctx: WorkflowContext[None, str]) -> None:
        """Each await is kept with the next suspension."""
        await do("greet")
        answer = await ctx.ask("Ship?", choices=["ship", "stop"])
        charged = await ctx.step(do, "charge", lasts=True)
        await ctx.schedule_resume(after=MINUTE)
        if ctx.attempt == 1:
            raise ConnectionError(message)
        await ctx.yield_output(f"{message} {answer} {charged} {await do('shipped')}")
