"""Handlers that tell how often they were entered in this process since this module was loaded."""

import asyncio
import os
from datetime import timedelta
from itertools import count
from pathlib import Path

from lrwf_cli import WorkflowContext, executor

ENTRIES = Path(__file__).with_name("entries")
_numbers = count(1)


def _enter(name: str) -> None:
    with ENTRIES.open("a") as entries:
        entries.write(f"{name} {os.getpid()} {next(_numbers)}\n")


def _times(name: str) -> int:
    return ENTRIES.read_text().count(name)


@executor
async def waits(_: dict[str, object], ctx: WorkflowContext[int]) -> int:
    """Wait for a timer of no length."""
    _enter("waits")
    await ctx.schedule_resume(after=timedelta(0))
    return 1


def look(_: int) -> int:
    """Return how often this was asked."""
    _enter("looks")
    return _times("looks")


@executor
async def again(_: int, ctx: WorkflowContext[None, int]) -> None:
    """Fail once."""
    _enter("again")
    if ctx.attempt < 2:
        raise OSError("not yet")
    ctx.yield_output(ctx.attempt)


@executor
async def begins(_: dict[str, object]) -> int:
    """Begin two branches."""
    return 1


@executor
async def naps(_: int, ctx: WorkflowContext) -> None:
    """Wait for a moment."""
    _enter("naps")
    await ctx.schedule_resume(after=timedelta(milliseconds=50))


@executor
async def watches(_: int) -> None:
    """Be at work until `naps` has gone on."""
    while _times("naps") < 2:  # noqa: ASYNC110 - another process may be the one who goes on
        await asyncio.sleep(0.01)


@executor
async def draws(_: dict[str, object]) -> int:
    """Return what is another number each time."""
    return next(_numbers)
