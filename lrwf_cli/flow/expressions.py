"""What stands in `when:`, `select:` and `${{ }}`: checked when a file is read, evaluated when its turn has come.

The language is a part of Python's expressions: literals, names, `a.b`, `a[b]`, slices, arithmetic, comparisons,
`and or not in`, `x if y else z`, and the functions below; `true`, `false` and `null` are as good as `True`,
`False` and `None`. No methods, no comprehensions, no lambdas. What can be told without values is told here,
with its place; the rest is in `evaluate`, which alone needs simpleeval.
"""

import ast
import re
import warnings
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache

import msgspec

from lrwf_cli.flow.problems import quoted, suggestion

__all__ = ["CONSTANTS", "FUNCTIONS", "MAX_LENGTH", "NAMES", "BadExpression", "Expression", "compile_expression"]

NAMES = ("message", "input", "state", "run", "item", "index", "exit_code", "stdout", "result")
"""Everything that an expression can see somewhere; each place has some of them."""

FUNCTIONS = ("len", "min", "max", "sum", "any", "all", "str", "int", "float", "round", "now")
CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}

MAX_LENGTH = 4096
_MAX_DEPTH = 60
_NODES = (
    *(ast.Constant, ast.Name, ast.Attribute, ast.Subscript, ast.Slice, ast.Call, ast.IfExp, ast.Load),
    *(ast.List, ast.Tuple, ast.Dict, ast.UnaryOp, ast.Not, ast.USub, ast.UAdd, ast.BoolOp, ast.And, ast.Or),
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow),
    *(ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot),
)
_SLIPS = (
    (r"\$\{\{", "write the expression without '${{ }}'"),
    (r"&&", "write 'and' for '&&'"),
    (r"\|\|", "write 'or' for '||'"),
    (r"!(?!=)", "write 'not' for '!'"),
    (r"(?<![=!<>:])=(?!=)", "compare with '=='"),
    (r"\.\s*(and|as|class|def|for|from|if|import|in|is|not|or|pass|return|try|with|while)\b", "write it as ['{0}']"),
)


class BadExpression(ValueError):
    """An expression that cannot be; `offset` is the character of its text where that shows."""

    def __init__(self, message: str, hint: str | None = None, *, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.offset = offset


class Expression(msgspec.Struct, frozen=True):
    """An expression that has been checked. `names` are those it uses; its value is in `evaluate`."""

    text: str
    tree: ast.expr
    names: frozenset[str]


def compile_expression(text: str, names: Collection[str] = NAMES) -> Expression:
    """Return the checked expression; `names` are those that can be seen where it stands. Raises BadExpression."""
    return _compiled(text, tuple(names))


@lru_cache(maxsize=1000)  # a tick makes the executors of each due run anew, of the same few texts
def _compiled(text: str, names: tuple[str, ...]) -> Expression:
    if not text.strip():
        raise BadExpression("the expression is empty", "write one, or remove the key")
    if len(text) > MAX_LENGTH:
        raise BadExpression(f"the expression is longer than {MAX_LENGTH} characters", "compute it in an executor")
    tree = _parse(text)
    return Expression(text.strip(), tree, frozenset(_checked(_nodes(tree), text, names)))


def _parse(text: str) -> ast.expr:
    indent = len(text) - len(text.lstrip())
    line = re.sub(r"[\r\n]", " ", text)
    try:
        with warnings.catch_warnings():  # Python warns of odd escapes, in words about source files
            warnings.simplefilter("ignore")
            return ast.parse(line.strip(), mode="eval").body
    except SyntaxError as error:
        offset = indent + min(max((error.offset or 1) - 1, 0), len(text.strip()))
        raise BadExpression(f"not an expression: {quoted(text.strip())}", _slip(text), offset=offset) from None
    except (ValueError, MemoryError, RecursionError):  # null bytes; nesting beyond what the parser takes
        raise BadExpression(f"not an expression: {quoted(text.strip())}", "make it simpler") from None


def _slip(text: str) -> str | None:
    outside = re.sub(r"'[^']*'|\"[^\"]*\"", "''", text)
    for pattern, hint in _SLIPS:
        if found := re.search(pattern, outside):
            return hint.format(*found.groups()) if found.groups() else hint
    return "expressions are as in Python: message.score > 0.9 and input.region == 'eu'"


def _nodes(tree: ast.expr) -> list[ast.AST]:
    nodes: list[ast.AST] = []
    level: list[ast.AST] = [tree]
    for _ in range(_MAX_DEPTH):
        nodes += level
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if not level:
            return nodes
    raise BadExpression("the expression is nested too deep", "make it simpler, or compute it in an executor")


def _checked(nodes: list[ast.AST], text: str, names: Collection[str]) -> Iterator[str]:
    """Yield the names that are used; raise BadExpression for what may not be there."""
    called = {id(node.func) for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        try:
            if isinstance(node, ast.Call):
                _check_call(node)
            elif isinstance(node, ast.Name) and id(node) not in called:
                _check_name(node.id, names)
                if node.id not in CONSTANTS:
                    yield node.id
            else:
                _check_node(node)
        except BadExpression as error:
            error.offset = _offset(node, text)
            raise


def _check_call(node: ast.Call) -> None:
    functions = f"functions are {', '.join(FUNCTIONS)}"
    if not isinstance(node.func, ast.Name):
        raise BadExpression("methods cannot be called", f"{functions}; compute the rest in an executor")
    if node.func.id not in FUNCTIONS:
        raise BadExpression(
            f"unknown function {quoted(node.func.id)}", suggestion(node.func.id, FUNCTIONS, "functions")
        )
    if node.keywords:
        raise BadExpression(f"{quoted(node.func.id)} takes no named arguments", "give the values alone")


def _check_name(name: str, names: Collection[str]) -> None:
    if name in FUNCTIONS:
        raise BadExpression(f"{quoted(name)} is a function", f"call it: {name}(...)")
    if name in names or name in CONSTANTS:
        return
    if name in NAMES:
        raise BadExpression(f"{quoted(name)} is not known here", f"names here: {', '.join(names)}")
    hint = suggestion(name, names, "a text goes in quotes; names here")
    raise BadExpression(f"unknown name {quoted(name)}", hint)


def _check_node(node: ast.AST) -> None:
    if isinstance(node, ast.Compare):
        _check_identity(node)
    if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        raise BadExpression(f"{quoted(node.attr)} is private", f"if it is a key, write it as ['{node.attr}']")
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | None):
        raise BadExpression(f"not a value of JSON: {ast.unparse(node)}", "use texts, numbers, true, false and null")
    if (isinstance(node, ast.Dict) and None in node.keys) or not isinstance(node, (*_NODES, ast.Name)):
        raise BadExpression(f"{_kind(node)} cannot be used in an expression", "compute it in an executor")


def _check_identity(node: ast.Compare) -> None:
    for sign, right in zip(node.ops, node.comparators, strict=True):
        is_constant = isinstance(right, ast.Constant) and (right.value is None or isinstance(right.value, bool))
        is_constant = is_constant or (isinstance(right, ast.Name) and right.id in CONSTANTS)
        if isinstance(sign, ast.Is | ast.IsNot) and not is_constant:
            raise BadExpression("'is' is for null, true and false", "compare with '==' or '!='")


def _kind(node: ast.AST) -> str:
    words = re.sub(r"(?<!^)(?=[A-Z])", " ", type(node).__name__).lower()
    known = {"joined str": "an f-string", "list comp": "a comprehension", "dict": "'**'", "starred": "'*'"}
    return known.get(words, f"{'an' if words[0] in 'aeiou' else 'a'} {words}")


def _offset(node: ast.AST, text: str) -> int:
    """Return the character that shows `node` best: Python counts bytes, of the text without its indentation."""
    attribute = node.func if isinstance(node, ast.Call) else node
    if isinstance(attribute, ast.Attribute):
        bytes_before = (attribute.end_col_offset or 0) - len(attribute.attr.encode())
    else:
        bytes_before = getattr(node, "col_offset", 0)
    stripped = text.lstrip()
    return len(text) - len(stripped) + len(stripped.encode()[:bytes_before].decode(errors="ignore"))
