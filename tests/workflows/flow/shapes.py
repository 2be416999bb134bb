"""Executors in the shapes that their authors write. Each call of the world outside adds a line to a file, unguarded."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from lrwf_cli import Executor, ExponentialBackoff, LongRunningExecutor, WorkflowContext, handler, retry


def note(path: str, line: object) -> int:
    """Add a line to a file; return how many there are then."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(f"{line}\n")
    return len(Path(path).read_text(encoding="utf-8").splitlines())


class Service:
    """A service that knows no keys: each submission is another job. A job is done when looked at often enough."""

    def __init__(self, world: str) -> None:
        self.world = world

    async def submit(self, what: str) -> str:
        return f"job {await asyncio.to_thread(note, f'{self.world}/submitted', what)}"

    async def status(self, job: str) -> str:
        return "DONE" if note(f"{self.world}/looked", job) >= 7 else "RUNNING"


class Training(Executor):
    """Submits, polls, sends on."""

    def __init__(self, world: str) -> None:
        self.service = Service(world)

    @handler
    async def train(self, asked: dict[str, Any], ctx: WorkflowContext[str]) -> None:
        job = await self.service.submit(asked["what"])
        status = await ctx.poll_until_complete(
            check=lambda: self.service.status(job),
            is_complete=lambda status: status == "DONE",
            max_duration=timedelta(hours=6),
            backoff=ExponentialBackoff(initial=0.2, max=0.2),
        )
        await ctx.send_message(f"{job} {status}")


class PatientTraining(LongRunningExecutor, Training):
    """The same, kept await by await."""


class Courier(Executor):
    """Sends an e-mail a day."""

    def __init__(self, world: str) -> None:
        self.world = world

    @handler
    async def remind(self, asked: dict[str, Any], ctx: WorkflowContext[str]) -> None:
        for day in range(6):
            await self.send_email(f"{asked['what']}, day {day}")
            await ctx.schedule_resume(after=timedelta(seconds=0.2))
        await ctx.send_message("all sent")

    async def send_email(self, text: str) -> None:
        await asyncio.to_thread(note, f"{self.world}/sent", text)


class Caller(Executor):
    """Calls somebody who is not there at first."""

    def __init__(self, world: str) -> None:
        self.world = world

    @handler
    @retry(max_attempts=7, backoff=ExponentialBackoff(initial=0.2, max=0.2), retry_on=(ConnectionError,))
    async def call(self, asked: dict[str, Any], ctx: WorkflowContext[str]) -> None:
        note(f"{self.world}/called", f"{asked['what']} {ctx.attempt} {ctx.idempotency_key}")
        if ctx.attempt < 7:
            raise ConnectionError("nobody there")
        await ctx.send_message(f"answered call {ctx.attempt}")
