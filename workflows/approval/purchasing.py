"""The executors of the approval: one asks and reminds, and what is decided is ordered or declined.

While a person thinks no process is there. The handler that asks is run again from its top when it wakes, and what it
has awaited before is read instead of done again: the letter with the question is posted once.
"""

import csv
import fcntl
import os
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from letters import post

from lrwf_cli import LongRunningExecutor, WorkflowContext, executor, handler, response_handler


@dataclass(frozen=True)
class Purchase:
    """The run's input."""

    item: str
    price: Decimal
    buyer: str
    approver: str
    folder: Path

    @property
    def question(self) -> str:
        """What is to be decided."""
        return f"May {self.buyer} buy {self.item} for {self.price}?"


@dataclass(frozen=True)
class Decided:
    """A purchase, and what came of it."""

    purchase: Purchase
    verdict: str


class Approver(LongRunningExecutor):
    """Asks whoever decides, once more after a while, and takes silence for a no."""

    def __init__(self, remind_after_hours: float, refuse_after_hours: float) -> None:
        super().__init__()
        self.remind_after = timedelta(hours=remind_after_hours)
        self.refuse_after = timedelta(hours=refuse_after_hours)

    @handler
    async def purchase(self, purchase: Purchase, ctx: WorkflowContext[None]) -> None:
        """Ask without waiting; a letter says how to answer, and another one after a day in which nobody did."""
        await ctx.request_info(
            purchase,
            str,
            prompt=purchase.question,
            choices=("approve", "refuse"),
            timeout=self.refuse_after,
            default="refuse",
        )
        how = f"lrwf respond {ctx.run_id} {ctx.executor_id} approve    # or refuse"
        await post(purchase.folder, purchase.approver, purchase.question, how)
        if await ctx.schedule_resume(after=self.remind_after) == "timer":
            await post(purchase.folder, purchase.approver, f"Reminder: {purchase.question}", how)

    @response_handler
    async def decided(self, purchase: Purchase, verdict: str, ctx: WorkflowContext[Decided]) -> None:
        """Hand on what was answered, or what stands for it after three days."""
        await ctx.send_message(Decided(purchase, verdict))


@executor
async def order(decided: Decided, ctx: WorkflowContext[None, dict[str, str]]) -> None:
    """Add the purchase to the list of orders, under a number that is the same however often this is called."""
    purchase, number = decided.purchase, ctx.idempotency_key[:8]
    await ctx.step(
        add_once, purchase.folder / "orders.csv", [number, purchase.buyer, purchase.item, str(purchase.price)]
    )
    await post(purchase.folder, purchase.buyer, f"Approved: {purchase.item}", f"It is ordered: number {number}.")
    await ctx.yield_output({"verdict": decided.verdict, "order": number})


@executor
async def decline(decided: Decided, ctx: WorkflowContext[None, dict[str, str]]) -> None:
    """Tell whoever wanted to buy something that it is not to be."""
    purchase = decided.purchase
    await post(purchase.folder, purchase.buyer, f"Refused: {purchase.item}", "It has not been approved.")
    await ctx.yield_output({"verdict": decided.verdict})


def add_once(path: Path, row: list[str]) -> None:
    """Add a row to a CSV file, durably, unless one with its first cell is there; others may do so at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", newline="", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        if row[0] not in {known[0] for known in csv.reader(file) if known}:
            csv.writer(file).writerow(row)
            file.flush()
            os.fsync(file.fileno())
