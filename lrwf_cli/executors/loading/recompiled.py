"""Functions that Python has loaded, compiled once more so that what they await is kept: in programs, notebooks, tests.

A module that our loader loads is compiled as it is imported (`compiled`). In any other, `__main__` above all, it is the
functions that are changed, each in its place: whoever has one has the changed one. A function is found in its source by
its name and line; if that is not there, or has changed, the function stays as it is and cannot suspend.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from lrwf_cli.errors import SuspensionRefused
from lrwf_cli.executors.api import Executor, FunctionExecutor
from lrwf_cli.executors.kept.codes import ASYNC, is_compiled, register
from lrwf_cli.executors.kept.runtime import COMPILED, RUNTIME
from lrwf_cli.executors.kept.syntax import compile_awaits

__all__ = ["check_handlers", "compile_executor", "compile_made"]

_OUTER = "@outer"
_REWRITTEN = "@py_"
"""Names that pytest puts into functions with an `assert`: their code is not what their source says."""


def compile_made(made: type[Executor]) -> None:
    """Compile a class of executors as it is made, unless its module was compiled as a whole.

    Raises SuspensionRefused for a handler that is hidden behind a coroutine function which cannot be compiled.
    """
    if not _is_left_alone(made.__module__):
        _compile_functions(_functions(made))
        check_handlers(made)


def compile_executor(executor: Executor) -> None:
    """Compile what an executor's handlers are wrapped in, and its module where that was not done at its import."""
    made: Any = executor.function if isinstance(executor, FunctionExecutor) else type(executor)
    home = getattr(made, "__module__", None) or ""
    if home.startswith("lrwf_cli."):
        return
    if isinstance(executor, FunctionExecutor):
        _compile_functions(_chain(made))
    else:
        _compile_functions(each for cls in made.__mro__ for each in _functions(cls, handlers=True))
    if not _is_left_alone(home):
        _compile_functions(each for each in _functions_of(sys.modules[home]) if each.__code__.co_flags & ASYNC)


def check_handlers(cls: type[Executor]) -> None:
    """Raise SuspensionRefused for the first handler of a class that could never suspend, for what it is wrapped in."""
    for name, item in vars(cls).items():
        if not _is_marked(item):
            continue
        functions = list(_chain(item))
        for function in functions[:-1]:
            if function.__code__.co_flags & ASYNC and not is_compiled(function.__code__):
                inner = functions[-1].__code__
                raise SuspensionRefused(
                    f"{inner.co_filename}:{inner.co_firstlineno}: handler `{cls.__name__}.{name}` is hidden behind "
                    f"`{function.__code__.co_qualname}`, which is not compiled by lrwf: it could never suspend",
                    hint="decorate a function that the handler awaits, or put the decorator beside the flow file",
                )


def _is_left_alone(module: str) -> bool:
    """Whether a module is compiled already, as a whole; lrwf's own needs nothing."""
    loaded = sys.modules.get(module)
    return loaded is None or module.startswith("lrwf_cli.") or COMPILED in vars(loaded)


def _functions_of(module: ModuleType) -> Iterator[FunctionType]:
    for item in list(vars(module).values()):
        if getattr(item, "__module__", None) != module.__name__:
            continue
        if isinstance(item, type):
            yield from _functions(item)
        else:
            yield from _chain(item)


def _functions(cls: type, *, handlers: bool = False) -> Iterator[FunctionType]:
    for item in list(vars(cls).values()):
        if not handlers or _is_marked(item):
            yield from _chain(item)


def _is_marked(item: Any) -> bool:
    """Whether `@handler` or one of its kind is on a function."""
    return any(name.startswith("__lrwf_") for name in getattr(item, "__dict__", ()))


def _chain(item: Any) -> Iterator[FunctionType]:
    """Yield a function and what it wraps, from the outside."""
    while item is not None:
        item = getattr(item, "__func__", item)  # a static or a class method
        if isinstance(item, property):
            item = item.fget
        if isinstance(item, FunctionType):
            yield item
        item = vars(item).get("__wrapped__") if hasattr(item, "__dict__") else None


def _compile_functions(functions: Iterable[FunctionType]) -> None:
    for function in functions:
        if COMPILED not in function.__globals__ and _has_async(function.__code__):
            code = _recompiled(_Same(function.__code__))
            if code is not None and code.co_freevars == function.__code__.co_freevars:
                function.__globals__.update(RUNTIME)
                function.__code__ = code


def _has_async(code: CodeType) -> bool:
    if code.co_flags & ASYNC:
        return not is_compiled(code)
    return any(_has_async(inner) for inner in code.co_consts if isinstance(inner, CodeType))


class _Same:
    """A code as a key: by identity, as its own comparison is by contents, which is slow and not what is meant."""

    def __init__(self, code: CodeType) -> None:
        self.code = code

    def __hash__(self) -> int:
        return id(self.code)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.code is other.code


@lru_cache(maxsize=4096)
def _recompiled(key: _Same) -> CodeType | None:
    """Return what the source of a function gives when it is compiled by us; `None` if it is not the function's."""
    code = key.code
    source = _source(code.co_filename)
    if source is None:
        return None
    plain = _code_of(source, code, changed=False)
    is_rewritten = any(name.startswith(_REWRITTEN) for name in code.co_varnames)
    if plain is None or (plain.co_code != code.co_code and not is_rewritten):
        return None
    made = _code_of(source, code, changed=True)
    if made is not None:
        register(made)
    return made


def _source(filename: str) -> str | None:
    import linecache

    return "".join(linecache.getlines(filename)) or None


_Definitions = tuple[dict[tuple[str, int], tuple[Any, str | None]], list[ast.stmt]]


@lru_cache(maxsize=64)
def _definitions(filename: str, source: str) -> _Definitions:  # noqa: ARG001 - a part of the key
    """Return the functions of a source by name and first line, each with the class that it is in; and its imports."""
    found: dict[tuple[str, int], tuple[Any, str | None]] = {}
    imports: list[ast.stmt] = []
    pending: list[tuple[ast.AST, str | None, bool]] = [(ast.parse(source), None, True)]
    while pending:
        node, owner, is_top = pending.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                line = min([child.lineno, *(each.lineno for each in child.decorator_list)])
                found[child.name, line] = (child, owner)
            elif isinstance(child, ast.Import | ast.ImportFrom) and is_top:
                imports.append(child)
            opens = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
            pending.append((child, child.name if isinstance(child, ast.ClassDef) else owner, is_top and not opens))
    return found, imports


def _code_of(source: str, like: CodeType, *, changed: bool) -> CodeType | None:
    """Compile the definition that `like` is of, in such a scope as it has.

    Imports are never run here; that a name is imported changes how Python calls what is in it.
    """
    try:
        definitions, imports = _definitions(like.co_filename, source)
    except (SyntaxError, ValueError):
        return None
    if (like.co_name, like.co_firstlineno) not in definitions:
        return None
    node, owner = definitions[like.co_name, like.co_firstlineno]
    tree = _scoped(_bare(node), owner, like.co_freevars)
    tree.body += [each for each in imports if getattr(each, "module", None) != "__future__"]
    if changed:
        compile_awaits(tree)
    ast.fix_missing_locations(tree)
    flags = like.co_flags & ~(ASYNC | 0xFF)  # those of `from __future__ import ...` are above
    whole = compile(tree, like.co_filename, "exec", flags=flags & _FUTURE, dont_inherit=True)
    made = _named(whole, like.co_name, node.lineno)
    return None if made is None else _renamed(made, made.co_qualname, like).replace(co_firstlineno=like.co_firstlineno)


def _futures() -> int:
    import __future__

    return sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})


_FUTURE = _futures()


def _bare(node: Any) -> Any:
    """Return a definition without what belongs to where it stands: decorators, defaults, annotations."""
    import copy

    bare = copy.deepcopy(node)
    bare.decorator_list, bare.returns = [], None
    if hasattr(bare, "type_params"):
        bare.type_params = []
    nothing = ast.Constant(None)
    bare.args.defaults = [nothing for _ in bare.args.defaults]
    bare.args.kw_defaults = [each and nothing for each in bare.args.kw_defaults]
    for each in ast.walk(bare.args):
        if isinstance(each, ast.arg):
            each.annotation = None
    return bare


def _scoped(node: Any, owner: str | None, free: tuple[str, ...]) -> ast.Module:
    """Return a module in which `node` has the free names, and the class for names with two underscores, that it has."""
    names = [name for name in free if name != "__class__" or owner is None]
    body: list[ast.stmt] = [node]
    if owner is not None:
        body = [ast.ClassDef(name=owner, bases=[], keywords=[], body=body, decorator_list=[], **_NO_TYPES)]
    arguments = ast.arguments([], [ast.arg(name) for name in names], None, [], [], None, [])
    outer = ast.FunctionDef(name=_OUTER, args=arguments, body=body, decorator_list=[], **_NO_TYPES)
    return ast.Module([outer], [])


_NO_TYPES: dict[str, Any] = {"type_params": []} if sys.version_info >= (3, 12) else {}


def _named(code: CodeType, name: str, line: int) -> CodeType | None:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            if inner.co_name == name and inner.co_firstlineno == line:
                return inner
            found = _named(inner, name, line)
            if found is not None:
                return found
    return None


def _renamed(code: CodeType, old: str, like: CodeType) -> CodeType:
    """Return `code` with the qualified names that it has where it stands."""

    def renamed(constant: Any) -> Any:
        if isinstance(constant, CodeType):
            return _renamed(constant, old, like)
        is_name = isinstance(constant, str) and constant.startswith(f"{old}.")  # of a class, which sets it itself
        return like.co_qualname + constant.removeprefix(old) if is_name else constant

    qualname = like.co_qualname + code.co_qualname.removeprefix(old)
    return code.replace(co_qualname=qualname, co_consts=tuple(map(renamed, code.co_consts)))
