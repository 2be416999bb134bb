"""The author's `async def`, changed so that what it awaits can be kept: the part of compiling that knows of awaits.

`await f(a, b)` becomes `await keep(site, f, a, b)`, inline, so that closures and zero-argument `super()` live on, and
`await x` becomes `await keep_value(site, x)`. An `except` asks `caught`, and a `finally` asks `ends`, whether what
passes is a suspension, which is nobody's exception and no end. Every node stands where it stood: tracebacks, coverage
and debuggers agree.
"""

import ast
from typing import Any, TypeVar, cast

from lrwf_cli.executors.kept.runtime import CAUGHT, ENDS, IN_ORDER, ITERATE, KEEP, KEEP_VALUE, LEFT

__all__ = ["compile_awaits"]

Node = TypeVar("Node", bound=ast.AST)
_UNORDERED = "as_completed"
"""Makes tasks in an order that is another one in each process, as nothing that must come by again may be."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def compile_awaits(tree: Node) -> Node:
    """Return `tree` with every `async def` in it changed, nested ones too. Changes it in place."""
    return cast("Node", _Outside().visit(tree))


class _Outside(ast.NodeTransformer):
    """Looks for functions; little else is changed outside of an `async def`."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._function(node, _Outside())

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._function(node, _Inside())

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        node.args = self.visit(node.args)
        node.body = _Outside().visit(node.body)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        called = node.func
        if _UNORDERED not in (getattr(called, "attr", None), getattr(called, "id", None)):
            return node
        return _at(node, ast.Call(ast.Name(IN_ORDER, ast.Load()), [called, *node.args], node.keywords))

    def _function(self, node: Any, body: ast.NodeTransformer) -> ast.AST:
        """Change the body for what it is; decorators, defaults and annotations belong to what is around it."""
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.args = self.visit(node.args)
        if node.returns is not None:
            node.returns = self.visit(node.returns)
        node.body = _statements(body, node.body)
        return cast("ast.AST", node)


class _Inside(_Outside):
    """Changes what belongs to an `async def` itself."""

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = [self.visit(each) for each in node.decorator_list]
        node.bases = [self.visit(each) for each in node.bases]
        node.keywords = [self.visit(each) for each in node.keywords]
        node.body = _statements(_Outside(), node.body)
        return node

    def visit_Await(self, node: ast.Await) -> ast.AST:
        self.generic_visit(node)
        awaited, site = node.value, _site(node)
        if isinstance(awaited, ast.Call):
            name, arguments, keywords = KEEP, [awaited.func, *awaited.args], awaited.keywords
        else:
            name, arguments, keywords = KEEP_VALUE, [awaited], []
        node.value = _at(awaited, ast.Call(ast.Name(name, ast.Load()), [site, *arguments], keywords))
        return node

    def visit_Try(self, node: ast.Try) -> ast.AST:
        return self._guarded(node)

    def visit_TryStar(self, node: Any) -> ast.AST:
        return self._guarded(node)

    def _guarded(self, node: Any) -> ast.AST:
        self.generic_visit(node)
        for handler in node.handlers:
            named = [] if handler.type is None else [handler.type]
            handler.type = _at(handler.type or handler, _call(CAUGHT, *named))
        if node.finalbody:
            node.finalbody = [_at(node.finalbody[0], ast.If(_call(ENDS), node.finalbody, []))]
        return cast("ast.AST", node)

    def visit_With(self, node: ast.With) -> Any:
        return self._left(node)

    def visit_AsyncWith(self, node: ast.AsyncWith) -> Any:
        return self._left(node)

    def _left(self, node: Any) -> Any:
        """Let nobody who swallows what passes, as `suppress(BaseException)` does, swallow a suspension."""
        self.generic_visit(node)
        if not any(_can_suspend(each) for each in node.body):
            return node
        return [node, _at(node.items[-1].context_expr, ast.Expr(_call(LEFT)))]

    def visit_AsyncFor(self, node: ast.AsyncFor) -> ast.AST:
        self.generic_visit(node)
        node.iter = _iterated(node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        if node.is_async:
            node.iter = _iterated(node.iter)
        return node


def _statements(visitor: ast.NodeTransformer, body: list[ast.stmt]) -> list[ast.stmt]:
    changed: list[ast.stmt] = []
    for each in body:
        visited = visitor.visit(each)
        changed.extend(visited if isinstance(visited, list) else [visited])
    return changed


def _iterated(node: ast.expr) -> ast.expr:
    site = _site(node)
    return _at(node, _call(ITERATE, site, node))


def _site(node: ast.expr) -> ast.Constant:
    place: Any = (node.lineno, node.col_offset + 1)  # a constant may be a tuple, whatever its stub says
    return ast.Constant(place)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def _can_suspend(node: ast.AST) -> bool:
    """Whether something is awaited in a statement; what nested functions await does not count."""
    if isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor):
        return True
    if isinstance(node, _Function):
        return False
    return any(_can_suspend(child) for child in ast.iter_child_nodes(node))


def _at(place: Any, node: Node) -> Node:
    """Return `node` with itself and what is new in it standing where `place` stands."""
    for each in _unplaced(node):
        ast.copy_location(each, place)
    return node


def _unplaced(node: ast.AST) -> list[ast.AST]:
    if hasattr(node, "lineno"):
        return []
    return [node, *(each for child in ast.iter_child_nodes(node) for each in _unplaced(child))]
