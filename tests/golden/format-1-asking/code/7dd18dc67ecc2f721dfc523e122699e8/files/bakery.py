# ruff: noqa: INP001 - a module beside a flow file
"""The executors of the golden flow that waits: together they leave every kind of thing that is kept while it does."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from lrwf_cli import LongRunningExecutor, WorkflowContext, executor, handler, response_handler


@dataclass(frozen=True)
class Recipe:
    """What a person answers with."""

    flour: str
    grams: int
    by: date


@dataclass(frozen=True)
class Doubt:
    """What is asked without waiting for it."""

    loaves: int


def knead(loaves: int) -> list[str]:
    """Do something that is to be done once."""
    return [f"loaf {number}" for number in range(1, loaves + 1)]


class Bakery(LongRunningExecutor):
    """Asks in two lanes at once, and once without waiting."""

    @handler
    async def bake(self, order: dict[str, Any], ctx: WorkflowContext[dict[str, Any], str]) -> None:
        """Knead, then ask for a recipe while the dough rests."""
        loaves = await ctx.step(knead, order["loaves"])
        recipe, rested = await asyncio.gather(self.recipe(ctx), self.rest(ctx))
        await ctx.request_info(Doubt(len(loaves)), response_type=str, prompt="Is that enough?")
        await ctx.send_message({"loaves": loaves, "recipe": recipe, "rested": rested, "degrees": 100})

    async def recipe(self, ctx: WorkflowContext[Any, Any]) -> Recipe:
        """Ask for a recipe."""
        found: Recipe = await ctx.ask("Which recipe?", response_type=Recipe)
        return found

    async def rest(self, ctx: WorkflowContext[Any, Any]) -> str:
        """Wait for an hour."""
        return await ctx.schedule_resume(after=timedelta(hours=1))

    @response_handler
    async def doubted(self, doubt: Doubt, answer: str, ctx: WorkflowContext[Any, str]) -> None:
        """Take the answer down."""
        await ctx.yield_output(f"{doubt.loaves}: {answer}")


def temperature(dough: dict[str, Any], ctx: WorkflowContext[Any, Any]) -> dict[str, Any]:
    """Look at the oven, which is hot every third hour."""
    degrees = 100 + 60 * (ctx.now().hour % 3)
    return {**dough, "degrees": degrees, "status": "hot" if degrees >= 220 else "heating"}


@executor
async def report(both: list[Any], ctx: WorkflowContext[Any, dict[str, Any]]) -> None:
    """Tell how it went."""
    answer, dough = both
    await ctx.yield_output({"choice": answer["choice"], "price": answer["data"], "recipe": dough["recipe"]})


@executor
def sweep(ended: dict[str, Any]) -> None:
    """Clean up after a run that was cancelled."""
    print("swept:", ended["error"]["message"])  # noqa: T201 - what the log is for
