"""Runs a workflow in memory whose executor counts its entries, and prints what it has counted."""

import asyncio
from datetime import timedelta

from lrwf_cli import Executor, WorkflowBuilder, WorkflowContext, handler


class Naps(Executor):
    """Counts the entries of its handler."""

    entries = 0

    @handler
    async def handle(self, _: str, ctx: WorkflowContext[None, int]) -> None:
        """Wait for a moment."""
        self.entries += 1
        await ctx.schedule_resume(after=timedelta(milliseconds=20))
        ctx.yield_output(self.entries)


if __name__ == "__main__":
    naps = Naps(id="naps")
    workflow = WorkflowBuilder(start_executor=naps, name="naps").build()
    print(asyncio.run(workflow.run("go")).get_outputs())
