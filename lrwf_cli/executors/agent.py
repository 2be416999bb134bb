"""`AgentExecutor`: an agent as a node of a workflow. What an agent is, we do not ask: anything with `run(message)`."""

import re
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.spans import Span
from lrwf_cli.errors import UsageError
from lrwf_cli.executors.api import Executor, handler

__all__ = ["AgentExecutor"]


class AgentExecutor(Executor):
    """Runs `agent.run(message)` on each message and sends what it says.

    That is the `value` of its result if there is one, else its `text`, else the result itself; `None` is not sent.
    `run` is async, or plain and then called in a thread. `id` is by default the agent's own `id` or `name`, else
    `agent`. The limits are those of `Executor`: an agent that hangs is cancelled after `timeout`.
    Raises UsageError for an object without `run`.
    """

    def __init__(
        self,
        agent: Any,
        id: str | None = None,  # noqa: A002 - as in Executor
        *,
        timeout: Span | None = None,
        deadline: Span | None = None,
        idle_timeout: Span | None = None,
    ) -> None:
        super().__init__(id or _id_of(agent), timeout=timeout, deadline=deadline, idle_timeout=idle_timeout)
        if not callable(getattr(agent, "run", None)):
            raise UsageError(f"`{type(agent).__name__}` is no agent: it has no `run`", hint="give it `run(message)`")
        self.agent = agent

    @property
    def _made_of(self) -> Any:
        return type(self.agent)

    @handler
    async def handle(self, message: Any, ctx: WorkflowContext) -> None:
        """Run the agent, and send what it says."""
        said = _said(await _run(self.agent.run, message))
        if said is not None:
            await ctx.send_message(said)


async def _run(run: Any, message: Any) -> Any:
    from lrwf_cli.executors.seat import settled
    from lrwf_cli.executors.threads import in_thread

    return await (run(message) if iscoroutinefunction(run) else settled(await in_thread(partial(run, message))))


def _said(result: Any) -> Any:
    for name in ("value", "text"):
        said = getattr(result, name, None)
        if said is not None and not callable(said):
            return said
    return result


def _id_of(agent: Any) -> str:
    """Return what an agent calls itself, as an id."""
    own = next((name for name in (getattr(agent, "id", None), getattr(agent, "name", None)) if name), "agent")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", str(own)).strip("-")[:64] or "agent"
