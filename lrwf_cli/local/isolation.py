"""Which handlers have a process to themselves, and how that is started. What goes on in it is in `child`."""

import sys
from collections.abc import Callable, Mapping

from lrwf_cli.core.model import ExecutorSpec, Workflow
from lrwf_cli.executors.api import Executor, handlers_of
from lrwf_cli.executors.base import Invoker
from lrwf_cli.executors.commands.command import CommandExecutor
from lrwf_cli.store.base import Held

__all__ = ["isolating", "needs_process"]

# The child finds modules where this process does, and nothing in its working directory.
_PROGRAM = "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); from lrwf_cli.local.child import main; main()"


def isolating(
    inner: Invoker,
    held: Held,
    home: str | None,
    workflow: Workflow,
    executors: Mapping[str, Executor],
    *,
    declared: Mapping[str, str],
    log: Callable[[str, str], None],
) -> Invoker:
    """Return an invoker that has those executors of a run handle their messages in processes that are to.

    `declared` are those of which the flow says so: `process`, or `none`. By themselves: plain handlers with a limit of
    time. A run in memory, or one that only its program can drive, has no other process that could make its executors.
    """
    if home is None or held.run.origin.script is not None:
        return inner
    isolated = {name for name, each in executors.items() if _is_isolated(declared.get(name), each, workflow, name)}
    if not isolated:
        return inner
    # Few runs need it, and it brings all that looks after processes.
    import json

    from lrwf_cli.executors.isolate import IsolatingInvoker, Launch

    setup = {"home": home, "run": held.run.id}

    def launch() -> Launch:
        return Launch((sys.executable, "-P", "-c", _PROGRAM, json.dumps(sys.path)), setup)

    return IsolatingInvoker(inner, isolated, launch, specs=workflow.executors, log=log)


def _is_isolated(declared: str | None, executor: Executor, workflow: Workflow, name: str) -> bool:
    if declared is not None:
        return declared == "process"
    return not isinstance(executor, CommandExecutor) and needs_process(executor, workflow.executors[name])


def needs_process(executor: Executor | type[Executor], spec: ExecutorSpec) -> bool:
    """Whether only the end of a process could enforce the limits of an executor: it has some, and a plain handler."""
    is_limited = any(limit is not None for limit in (spec.timeout, spec.deadline, spec.idle_timeout))
    return is_limited and any(not each.is_async for each in handlers_of(executor).all)
