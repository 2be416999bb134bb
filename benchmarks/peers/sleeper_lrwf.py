"""An executor that sleeps, and one that has a lot behind it when it does: what a flow file needs and nothing else."""

from datetime import timedelta

from lrwf_cli import LongRunningExecutor, WorkflowContext, executor, handler

__all__ = ["Veteran", "sleep"]

NAP = timedelta(minutes=30)


@executor
async def sleep(asked: dict[str, int], ctx: WorkflowContext[None, int]) -> None:
    """Sleep for a while, with nobody there, and then add one."""
    await ctx.schedule_resume(after=NAP)
    await ctx.yield_output(asked["number"] + 1)


class Veteran(LongRunningExecutor):
    """Has awaited thousands of things when it falls asleep."""

    @handler
    async def work(self, asked: dict[str, int], ctx: WorkflowContext[None, int]) -> None:
        """Add up what each await gives, sleep, and say what it came to."""
        total = 0
        for _ in range(asked["number"]):
            total += await one()
        await ctx.schedule_resume(after=NAP)
        await ctx.yield_output(total)


async def one() -> int:
    """Return one."""
    return 1
