"""Installed modules that a flow names in `uses:`, compiled as they are imported; what they import themselves is not.

One that something else has imported before stays as it is; its executors are compiled in place then (`recompiled`).
"""

import importlib
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any

from lrwf_cli.executors.loading.compiled import compile_module, execute

__all__ = ["import_compiled"]


def import_compiled(name: str) -> ModuleType:
    """Import an installed module; compile it if it comes from a source file. Raises what the import raises."""
    finder: Any = _Finder(name)
    sys.meta_path.insert(0, finder)
    try:
        return importlib.import_module(name)
    finally:
        sys.meta_path.remove(finder)


class _Finder:
    """Finds one module where it would be found anyway."""

    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name != self._name:
            return None
        for finder in sys.meta_path:
            find: Any = getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if finder is self or find is None else find(name, path, target)
            if spec is not None:
                if type(spec.loader) is SourceFileLoader:
                    spec.loader = _Loader(name, spec.loader.path)
                return spec
        return None


class _Loader(SourceFileLoader):
    """Loads a module from its source, and leaves the bytecode beside it alone: that is Python's own."""

    def exec_module(self, module: ModuleType) -> None:
        execute(compile_module(self.get_data(self.path), self.path), vars(module))
