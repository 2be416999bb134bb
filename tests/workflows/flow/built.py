"""Workflows that are built in Python: agents that hang, and one whose time is up while it waits for a person."""

import asyncio
import threading
from datetime import timedelta
from typing import Any

from lrwf_cli import AgentExecutor, Executor, Workflow, WorkflowBuilder, WorkflowContext, handler

A_MOMENT = timedelta(seconds=0.5)


class Waits:
    """An agent that waits for a model that never answers."""

    async def run(self, message: Any) -> str:
        await asyncio.Event().wait()
        return "never"


class Insists:
    """An agent that takes being cancelled for a hiccup."""

    async def run(self, message: Any) -> str:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue


class Blocks:
    """An agent that keeps the loop to itself."""

    async def run(self, message: Any) -> str:
        threading.Event().wait()
        return "never"


class Calls:
    """An agent of the plain kind, which hangs in a thread."""

    def run(self, message: Any) -> str:
        threading.Event().wait()
        return "never"


class Answers:
    """An agent that does its work."""

    async def run(self, message: Any) -> str:
        return f"read {message['what']}"


def with_agent(agent: Any) -> Workflow:
    """Return a workflow of one agent, which has half a second."""
    start = AgentExecutor(agent, id="agent", timeout=A_MOMENT)
    return WorkflowBuilder(name="agent", start_executor=start).build()


waits, insists, blocks, calls, answers = map(with_agent, (Waits(), Insists(), Blocks(), Calls(), Answers()))


class Asker(Executor):
    """Asks, and waits for as long as it takes."""

    @handler
    async def ask(self, asked: dict[str, Any], ctx: WorkflowContext[str]) -> None:
        await ctx.send_message(await ctx.ask(f"What about {asked['what']}?"))


asks = WorkflowBuilder(name="asks", start_executor=Asker("asker")).with_timeout(timedelta(seconds=2.5)).build()
