"""The executors of a flow that counts down, and tells a file of each handler that was at work."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrwf_cli import WorkflowContext, executor


@dataclass(frozen=True)
class Start:
    """The run's input."""

    effects: Path
    rounds: int


@dataclass(frozen=True)
class Pipe:
    """The input of a run that waits for a word."""

    effects: Path
    word: Path


def note(ctx: WorkflowContext[Any, Any]) -> None:
    """Write a line to the file, all of it at once or none: what was written has happened."""
    line = f"{ctx.run_id} {ctx.idempotency_key} {ctx.attempt} {ctx.executor_id}\n"
    fd = os.open(ctx.input.effects, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(fd, line.encode())
    os.close(fd)


@executor
async def begin(message: Start | int, ctx: WorkflowContext[int]) -> None:
    """Begin a round, the first of `Start.rounds` or the next one."""
    note(ctx)
    left = message if isinstance(message, int) else message.rounds
    ctx.update_state("rounds", "append", left)
    await ctx.send_message(left)


@executor
async def branch(left: int, ctx: WorkflowContext[int]) -> int:
    """Do half a round, in the event loop."""
    note(ctx)
    return left


@executor
def join(halves: list[int], ctx: WorkflowContext[int]) -> int:
    """End a round, in a thread."""
    note(ctx)
    return halves[0] - 1


@executor
async def report(left: int, ctx: WorkflowContext[None, list[int]]) -> None:
    """Yield the rounds as they were begun."""
    note(ctx)
    await ctx.yield_output(ctx.get_state("rounds"))


@executor
def listen(pipe: Pipe, ctx: WorkflowContext[None, str]) -> None:
    """Yield the word that somebody writes into the pipe."""
    note(ctx)
    ctx.yield_output(pipe.word.read_text())
