"""Workflows that survive crashes, reboots and weeks of waiting, kept in plain files.

This is the author's API. Importing it loads nothing: each name brings its module when it is first used.
"""

TYPE_CHECKING = False  # type checkers know the name; `typing` alone takes longer than a tick with nothing to do
if TYPE_CHECKING:
    from typing import Any

    from lrwf_cli.executors.api import Executor, LongRunningExecutor, WorkflowContext, executor, handler
    from lrwf_cli.flow.builder import Case, Default, WorkflowBuilder
    from lrwf_cli.flow.built import BuiltWorkflow as Workflow
    from lrwf_cli.local.result import WorkflowResult
    from lrwf_cli.local.storage import FileCheckpointStorage, InMemoryCheckpointStorage

__all__ = [
    "Case",
    "Default",
    "Executor",
    "FileCheckpointStorage",
    "InMemoryCheckpointStorage",
    "LongRunningExecutor",
    "Workflow",
    "WorkflowBuilder",
    "WorkflowContext",
    "WorkflowResult",
    "executor",
    "handler",
]

_HOMES = {
    "executors.api": ("Executor", "LongRunningExecutor", "WorkflowContext", "executor", "handler"),
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
