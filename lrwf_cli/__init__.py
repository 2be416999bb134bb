"""Workflows that survive crashes, reboots and weeks of waiting, kept in plain files.

This is the author's API. Importing it loads nothing: each name brings its module when it is first used.
"""

TYPE_CHECKING = False  # type checkers know the name; `typing` alone takes longer than a tick with nothing to do
if TYPE_CHECKING:
    from typing import Any

    from lrwf_cli.context import WorkflowContext
    from lrwf_cli.core.backoff import ExponentialBackoff
    from lrwf_cli.executors.agent import AgentExecutor
    from lrwf_cli.executors.api import Executor, LongRunningExecutor, executor, handler, response_handler
    from lrwf_cli.executors.retrying import retry
    from lrwf_cli.flow.builder import Case, Default, WorkflowBuilder
    from lrwf_cli.flow.built import BuiltWorkflow as Workflow
    from lrwf_cli.local.result import WorkflowResult
    from lrwf_cli.local.storage import FileCheckpointStorage, InMemoryCheckpointStorage

__all__ = [
    "AgentExecutor",
    "Case",
    "Default",
    "Executor",
    "ExponentialBackoff",
    "FileCheckpointStorage",
    "InMemoryCheckpointStorage",
    "LongRunningExecutor",
    "Workflow",
    "WorkflowBuilder",
    "WorkflowContext",
    "WorkflowResult",
    "executor",
    "handler",
    "response_handler",
    "retry",
]

_HOMES = {
    "context": ("WorkflowContext",),
    "core.backoff": ("ExponentialBackoff",),
    "executors.agent": ("AgentExecutor",),
    "executors.authoring": ("Executor", "LongRunningExecutor", "executor", "handler", "response_handler"),
    "executors.retrying": ("retry",),
    "flow.builder": ("Case", "Default", "WorkflowBuilder"),
    "flow.built": ("Workflow",),
    "local.result": ("WorkflowResult",),
    "local.storage": ("FileCheckpointStorage", "InMemoryCheckpointStorage"),
}
_INSIDE = {"Workflow": "BuiltWorkflow"}


def __getattr__(name: str) -> "Any":
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"lrwf_cli.{home}"), _INSIDE.get(name, name))
    raise AttributeError(f"module 'lrwf_cli' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
