"""The executors of the golden flow: together they leave every kind of value and every kind of file."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from lrwf_cli import Executor, WorkflowContext, executor, handler


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


@dataclass(frozen=True)
class Order:
    """The run's input."""

    parcels: int
    flaky: bool


@dataclass(frozen=True)
class Parcel:
    """What is sent around."""

    number: int
    size: Size
    packed_at: datetime
    keeps: timedelta
    notes: tuple[str, ...]
    seal: bytes


@dataclass(frozen=True)
class Shipped:
    """A parcel that has left."""

    number: int
    weight: Decimal


@executor
async def pack(message: Order | Shipped, ctx: WorkflowContext[Parcel]) -> Parcel:
    """Pack the first parcel, or the one after that which was shipped."""
    number = 1 if isinstance(message, Order) else message.number + 1
    ctx.update_state("packed", "append", number)
    size = Size.LARGE if number > 1 else Size.SMALL
    return Parcel(number, size, datetime(2026, 11, 22, 9, number, tzinfo=UTC), timedelta(days=2), ("a", "ü"), b"\0\xff")


@executor
async def weigh(parcel: Parcel, ctx: WorkflowContext[Decimal]) -> Decimal:
    """Weigh a parcel; the scales of a flaky order fail at first."""
    if ctx.input.flaky and ctx.attempt == 1:
        raise ConnectionError("the scales do not answer")
    return Decimal("1.50") * parcel.number


class Labeller(Executor):
    """Numbers its labels, and remembers how far it has come."""

    def __init__(self, sender: str) -> None:
        self.sender = sender
        self.labels = 0

    @handler
    async def label(self, parcel: Parcel, ctx: WorkflowContext[dict[str, Any]]) -> None:
        """Make a label; the second one is too large for the journal."""
        self.labels += 1
        print(f"label {self.labels}")
        await ctx.send_message({"label": f"{self.sender} {self.labels}", "picture": "#" * 66_000 * (self.labels - 1)})

    async def on_checkpoint_save(self) -> dict[str, Any]:
        return {"labels": self.labels}

    async def on_checkpoint_restore(self, state: dict[str, Any]) -> None:
        self.labels = state["labels"]


@executor
async def ship(parts: list[Any], ctx: WorkflowContext[Shipped]) -> Shipped:
    """Ship a parcel with its label."""
    weight, label = parts
    ctx.update_state("labels", "append", label["label"])
    return Shipped(len(ctx.get_state("packed")), weight)


@executor
async def report(last: Shipped, ctx: WorkflowContext[None, Any]) -> None:
    """Yield what was shipped."""
    await ctx.yield_output({"last": last, "packed": ctx.get_state("packed"), "labels": ctx.get_state("labels")})
