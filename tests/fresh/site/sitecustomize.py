"""Switches the mode on in a process that a test starts: when the engine is imported, and not before."""  # noqa: INP001 - Python imports it by its plain name

import os
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class _WhenImported:
    """Finds one module as ever, and changes it once it is loaded."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != "lrwf_cli.engine.passes":
            return None
        spec = PathFinder.find_spec(name, path)
        loader: Any = spec.loader if spec else None
        if loader is not None:
            loader.exec_module = _then_switched_on(loader.exec_module)
        return spec


def _then_switched_on(execute: Any) -> Any:
    def executed(module: ModuleType) -> None:
        execute(module)
        from tests.fresh.resuming import switch_on

        switch_on()

    return executed


if os.environ.get("LRWF_FRESH"):
    sys.meta_path.insert(0, _WhenImported())
