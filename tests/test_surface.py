"""What authors import: the names of the design, each found when it is first used, and none before."""

import subprocess
import sys

import pytest

import lrwf_cli
from lrwf_cli import errors

AUTHORS = [
    "Executor",
    "LongRunningExecutor",
    "AgentExecutor",
    "WorkflowContext",
    "WorkflowBuilder",
    "executor",
    "handler",
    "response_handler",
    "retry",
    "ExponentialBackoff",
    "FileCheckpointStorage",
    "InMemoryCheckpointStorage",
    "Case",
    "Default",
    "Workflow",
    "WorkflowResult",
]
ERRORS = [
    "PollTimeoutError",
    "ExecutorTimeoutError",
    "RequestExpired",
    "CommandFailed",
    "ReplayDiverged",
    "NotKeepable",
    "SuspensionRefused",
    "CommandLost",
    "ResponseRefused",
]


def test_the_names_of_the_design_are_there() -> None:
    """Design 6: the names that the field already uses, and `dir` and `__all__` know the same."""
    for name in AUTHORS:
        assert getattr(lrwf_cli, name).__module__.startswith("lrwf_cli.")
    assert sorted(lrwf_cli.__all__) == sorted(AUTHORS) == sorted(dir(lrwf_cli))
    assert set(ERRORS) <= set(errors.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Nobody'"):
        lrwf_cli.Nobody  # noqa: B018 - the look-up is what is tested


def test_importing_the_package_loads_nothing() -> None:
    """A tick with nothing to do starts in milliseconds: the package alone brings no module of its own."""
    code = "import sys, lrwf_cli; print([name for name in sys.modules if name.startswith('lrwf_cli.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
