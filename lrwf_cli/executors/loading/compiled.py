"""A module of a flow, from source to code: the one place where the author's syntax tree is changed.

Imports of modules that lie beside the flow are led to the names under which those are loaded, so that two flows
may both have a `tasks.py` and neither hides an installed module from anyone else. What an `async def` awaits is kept
(see `kept`). Lines stay as they were.
"""

import ast
import sys
from collections.abc import Collection
from types import CodeType
from typing import Any

from lrwf_cli.executors.kept.codes import register
from lrwf_cli.executors.kept.runtime import COMPILED, RUNTIME
from lrwf_cli.executors.kept.syntax import compile_awaits

__all__ = ["compile_module", "execute"]


def compile_module(source: bytes, filename: str, *, package: str = "", own: Collection[str] = ()) -> CodeType:
    """Return the code of a module. `own` are the top-level names that are found in `package` and nowhere else.

    Raises SyntaxError, and ValueError for a source with null bytes.
    """
    tree = ast.parse(source, filename)
    if own:
        tree = ast.fix_missing_locations(_Imports(package, own).visit(tree))
    code = compile(compile_awaits(tree), filename, "exec", dont_inherit=True)
    register(code)
    return code


def execute(code: CodeType, names: dict[str, Any]) -> None:
    """Run the code of a module that was compiled here."""
    names.update(RUNTIME)
    names[COMPILED] = True
    exec(code, names)  # noqa: S102 - running a workflow runs its code


class _Imports(ast.NodeTransformer):
    """Leads `import x` and `from x import y` to the package's modules. Relative imports are right as they are."""

    def __init__(self, package: str, own: Collection[str]) -> None:
        self._package = package
        self._own = frozenset(own) - set(sys.builtin_module_names)  # those win over files in Python too

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        return [self._led(node, name) for alias in node.names for name in self._aliases(alias)]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        if node.level == 0 and node.module is not None and self._is_own(node.module):
            return ast.copy_location(ast.ImportFrom(f"{self._package}.{node.module}", node.names, 0), node)
        return node

    def _is_own(self, name: str) -> bool:
        return name.partition(".")[0] in self._own

    def _aliases(self, alias: ast.alias) -> list[ast.alias]:
        """Return what to import for one name, each with the name to bind; the last one to bind a name stays."""
        if not self._is_own(alias.name):
            return [alias]
        top = alias.name.partition(".")[0]
        full = ast.alias(f"{self._package}.{alias.name}", alias.asname or top)
        if alias.asname or top == alias.name:
            return [full]
        return [full, ast.alias(f"{self._package}.{top}", top)]

    @staticmethod
    def _led(node: ast.Import, alias: ast.alias) -> ast.stmt:
        return ast.copy_location(ast.Import([alias]), node)
