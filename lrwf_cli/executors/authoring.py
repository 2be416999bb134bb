"""What authors import, with the compiler behind it: a class of a program is compiled as it is made.

`api` is a port and must not know who compiles; whoever imports it from there, as lrwf itself does, has the same names.
"""

from typing import Any

from lrwf_cli.executors.api import (
    Executor,
    LongRunningExecutor,
    executor,
    handler,
    response_handler,
    when_made,
)

__all__ = ["Executor", "LongRunningExecutor", "executor", "handler", "response_handler"]


def _compile(made: Any) -> None:
    if not made.__module__.startswith("lrwf_cli."):
        from lrwf_cli.executors.loading.recompiled import compile_made

        compile_made(made)


when_made.append(_compile)
