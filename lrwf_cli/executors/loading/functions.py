"""Plain functions that a flow file names, as `poll: {check: module:function}` does."""

import inspect
from collections.abc import Callable
from typing import Any

from lrwf_cli.errors import FlowError
from lrwf_cli.executors.api import FunctionExecutor
from lrwf_cli.executors.loading.make import nearest
from lrwf_cli.executors.loading.modules import FlowModules

__all__ = ["function_at", "function_named"]


def function_at(modules: FlowModules, uses: str) -> tuple[Callable[..., Any], bool]:
    """Return the function that `module:function` names, and whether it takes a context besides the message.

    Imports the module. Raises FlowError if there is no such function, or if it takes neither one value nor two.
    """
    found = function_named(modules, uses)
    count = _taken(found)
    if count not in (1, 2):
        raise FlowError((f"`{uses}` does not take a message and a context", "write `def check(message, ctx=None)`"))
    return found, count == 2


def function_named(modules: FlowModules, uses: str) -> Callable[..., Any]:
    """Return the function that `module:function` names, whatever it takes. Imports the module. Raises FlowError."""
    module, _, path = uses.partition(":")
    found: Any = modules.imported(module)
    for part in path.split("."):
        holder, found = found, getattr(found, part, None)
        if found is None:
            raise _no_such_function(module, path, holder)
    if isinstance(found, FunctionExecutor):
        found = found.function
    if isinstance(found, type) or not callable(found):
        raise FlowError((f"`{uses}` is not a function", "name a function that takes the message"))
    function: Callable[..., Any] = found
    return function


def _no_such_function(module: str, path: str, holder: Any) -> FlowError:
    names = [name for name, item in vars(holder).items() if inspect.isfunction(item)]
    near = nearest(path.rpartition(".")[2], names)
    listed = f"it has: {', '.join(names[:8])}" if names else "define it there"
    return FlowError((f"module `{module}` has no `{path}`", f"did you mean `{near}`?" if near else listed))


def _taken(function: Callable[..., Any]) -> int | None:
    """Return how many values a function is given, at most two; `None` if it cannot be called so, or nobody knows."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        return 1  # a builtin does not say; most that are of use take one value
    for count in (2, 1):
        try:
            signature.bind(*[None] * count)
        except TypeError:
            continue
        return count
    return None
