"""An executor whose every await tells a file that it was at work."""

import asyncio
import os
from dataclasses import dataclass
from datetime import timedelta
from hashlib import pbkdf2_hmac
from pathlib import Path
from typing import Any

from lrwf_cli import ExponentialBackoff, LongRunningExecutor, WorkflowContext, handler

SOON = timedelta(seconds=0.1)
ROUNDS = 100_000
"""What takes some hundredths of a second."""


@dataclass(frozen=True)
class Job:
    """The run's input."""

    effects: Path


class Train(LongRunningExecutor):
    """Submits a job, waits for it in one lane, does something else in another, and fetches what came of it."""

    @handler
    async def handle(self, job: Job, ctx: WorkflowContext[str]) -> None:
        """Each await is kept at once."""
        await self.do("submit", ctx)
        await asyncio.gather(self.watch(ctx), self.warm(ctx))
        await ctx.step(self.do, "bill", ctx)
        await ctx.send_message(await self.do("fetch", ctx))

    async def watch(self, ctx: WorkflowContext[Any]) -> None:
        """Look after the job until it is done."""
        await self.do("find", ctx)
        looks = ExponentialBackoff(initial=0.1, multiplier=1, jitter=0)
        await ctx.poll_until_complete(check=lambda: self.look(ctx), is_complete=lambda n: n > 2, backoff=looks)
        await self.do("watched", ctx)

    async def warm(self, ctx: WorkflowContext[Any]) -> None:
        """Wait for a moment."""
        await self.do("light", ctx)
        await self.do("stoke", ctx)
        await ctx.schedule_resume(after=SOON)
        await self.do("warmed", ctx)

    async def do(self, what: str, ctx: WorkflowContext[Any]) -> str:
        """Tell the file, in one write: what was written has happened. Then take a while to return."""
        fd = os.open(ctx.input.effects, os.O_WRONLY | os.O_APPEND)
        os.write(fd, f"{ctx.run_id} {what}\n".encode())
        os.close(fd)
        await asyncio.to_thread(pbkdf2_hmac, "sha256", b"job", b"", ROUNDS)
        return what

    async def look(self, ctx: WorkflowContext[Any]) -> int:
        """Return how often the job was looked at."""
        await self.do("looked", ctx)
        text: str = ctx.input.effects.read_text()
        return text.splitlines().count(f"{ctx.run_id} looked")
