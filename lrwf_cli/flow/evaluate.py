"""The value of an expression: simpleeval, held to data.

simpleeval walks the tree; what it lets through for general use is replaced here: keys win over attributes,
methods cannot be reached, arithmetic is for numbers (a `*` or `%` on text can fill the memory), and every
size is bounded. Imported only when there is an expression to evaluate.
"""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

import msgspec
import simpleeval  # type: ignore[import-untyped] # it has none

from lrwf_cli.errors import ExpressionError
from lrwf_cli.flow.expressions import CONSTANTS, Expression
from lrwf_cli.flow.problems import listed, nearest, quoted

__all__ = ["MAX_CHARACTERS", "MAX_VALUES", "as_text", "bounded", "evaluate", "holds"]

MAX_VALUES = 1_000_000
"""Values that a result may hold, all levels together."""
MAX_CHARACTERS = 16 * 1024 * 1024
_MAX_BITS = 1024

Value = TypeVar("Value")


class _Unfit(Exception):
    """What a person did not think of: the sentence and the remedy."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def evaluate(expression: Expression, names: Mapping[str, object], now: Callable[[], datetime]) -> object:
    """Return the value of `expression`; only the names it comes by are looked up. `now` is what `now()` returns.

    Raises ExpressionError for whatever goes wrong: a missing key, an operator that does not fit, a result that is
    too large. Never anything else, and no clock is read here.
    """
    return _evaluate(expression, names, now, bounded)


def holds(expression: Expression, names: Mapping[str, object], now: Callable[[], datetime]) -> bool:
    """Return whether the value is true, as Python sees it: not null, false, 0, an empty text, list or mapping.

    Raises ExpressionError, as `evaluate`.
    """
    return _evaluate(expression, names, now, bool)


def _evaluate(
    expression: Expression, names: Mapping[str, object], now: Callable[[], datetime], finish: Callable[[object], Value]
) -> Value:
    try:
        return finish(_Evaluator(expression, names, now).value())
    except _Unfit as error:
        raise ExpressionError(f"{error}, in: {quoted(expression.text)}", hint=error.hint) from None
    except Exception as error:
        raise ExpressionError(f"{error}, in: {quoted(expression.text)}") from error


def bounded(value: object) -> object:
    """Return `value` if it is not too large to be kept."""
    values = characters = 0
    level = [value]
    while level:
        values += len(level)
        characters += sum(len(each) for each in level if isinstance(each, str | bytes))
        if values > MAX_VALUES or characters > MAX_CHARACTERS:
            raise _Unfit("the result is too large", "compute it in an executor")
        level = [child for each in level for child in _children(each)]
    return value


def _children(value: object) -> Iterable[object]:
    if isinstance(value, Mapping):
        return (*value.keys(), *value.values())
    return value if isinstance(value, list | tuple | set | frozenset) else ()


def as_text(value: object) -> str:
    """Return `value` as it stands in the middle of a text: as JSON, but what that writes in quotes is bare."""
    if isinstance(value, str):
        return value
    text = msgspec.json.encode(bounded(value), enc_hook=_plainer).decode()
    return str(msgspec.json.decode(text)) if text.startswith('"') else text


def _plainer(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _number(value: object) -> bool:
    return isinstance(value, int | float) or type(value).__name__ == "Decimal"


def _numbers_only(sign: str, operation: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def apply(left: Any, right: Any) -> Any:
        if not (_number(left) and _number(right)):
            raise _Unfit(f"'{sign}' is for numbers, not for {_kind(left)} and {_kind(right)}")
        return _sane(operation(left, right))

    return apply


def _sane(number: Any) -> Any:
    if isinstance(number, int) and number.bit_length() > _MAX_BITS:
        raise _Unfit("the number is too large")
    if isinstance(number, float) and not math.isfinite(number):
        raise _Unfit("the number is too large, or none")
    if isinstance(number, complex):
        raise _Unfit("the root of a negative number")
    return number


def _add(left: Any, right: Any) -> Any:
    if _are(str, left, right) or _are(list, left, right):
        if len(left) + len(right) > MAX_VALUES:
            raise _Unfit("the result is too large", "compute it in an executor")
        return left + right
    if isinstance(left, str) or isinstance(right, str):
        raise _Unfit(f"'+' cannot join {_kind(left)} and {_kind(right)}", "make a text of it with str(...)")
    return _plus(left, right)


def _are(kind: type, *values: object) -> bool:
    return all(isinstance(value, kind) for value in values)


def _subtract(left: Any, right: Any) -> Any:
    if isinstance(left, datetime) and isinstance(right, datetime):
        return (left - right).total_seconds()
    return _minus(left, right)


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * max(right, 0) > _MAX_BITS:
        raise _Unfit("the number is too large")
    return left**right


_plus = _numbers_only("+", operator.add)
_minus = _numbers_only("-", operator.sub)
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: _add,
    ast.Sub: _subtract,
    ast.Mult: _numbers_only("*", operator.mul),
    ast.Div: _numbers_only("/", operator.truediv),
    ast.FloorDiv: _numbers_only("//", operator.floordiv),
    ast.Mod: _numbers_only("%", operator.mod),
    ast.Pow: _numbers_only("**", _power),
    **{
        kind: simpleeval.DEFAULT_OPERATORS[kind]
        for kind in (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot)
    },
    **{kind: simpleeval.DEFAULT_OPERATORS[kind] for kind in (ast.Not, ast.USub, ast.UAdd)},
}


def _sum(values: Iterable[Any]) -> Any:
    total: Any = 0
    for value in values:
        total = _plus(total, value)
    return total


def _round(number: Any, digits: int | None = None) -> Any:
    if not _number(number) or abs(digits or 0) > 100:
        raise _Unfit("'round' is for numbers, to at most 100 digits")
    return round(number, digits)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "min": min,
    "max": max,
    "sum": _sum,
    "any": any,
    "all": all,
    "str": as_text,
    "int": lambda value: _sane(int(value)),
    "float": lambda value: _sane(float(value)),
    "round": _round,
}


class _Evaluator(simpleeval.SimpleEval):  # type: ignore[misc] # simpleeval has no types
    """One evaluation. The tree has been checked: every node in it has a method here or in simpleeval."""

    def __init__(self, expression: Expression, names: Mapping[str, object], now: Callable[[], datetime]) -> None:
        super().__init__(operators=_OPERATORS, functions={**_FUNCTIONS, "now": now}, names=names)
        self.expr = expression.text
        self._tree = expression.tree
        self.nodes.update({ast.List: self._eval_list, ast.Tuple: self._eval_list, ast.Dict: self._eval_dict})

    def value(self) -> object:
        """Return the value of the whole expression."""
        return self._eval(self._tree)

    def _check_disallowed_items(self, item: object) -> None:
        """Let data through: functions cannot be reached, and simpleeval's look at all of it takes too long."""

    def _eval_name(self, node: ast.Name) -> object:
        return CONSTANTS[node.id] if node.id in CONSTANTS else self.names[node.id]

    def _eval_list(self, node: ast.List | ast.Tuple) -> list[object]:
        return [self._eval(each) for each in node.elts]

    def _eval_dict(self, node: ast.Dict) -> dict[object, object]:
        return {self._eval(key): self._eval(value) for key, value in zip(node.keys, node.values, strict=True)}

    def _eval_call(self, node: ast.Call) -> object:
        assert isinstance(node.func, ast.Name)  # noqa: S101 - checked at compile time; this tells mypy so
        return self.functions[node.func.id](*(self._eval(each) for each in node.args))

    def _eval_attribute(self, node: ast.Attribute) -> object:
        owner = self._eval(node.value)
        if isinstance(owner, Mapping):
            return self._entry(owner, node.attr, node.value)
        value = _NOTHING if type(owner) in _PLAIN else getattr(owner, node.attr, _NOTHING)
        if value is _NOTHING or callable(value):
            raise _Unfit(f"{self._source(node.value)} is {_kind(owner)} and has no {quoted(node.attr)}")
        return value

    def _eval_subscript(self, node: ast.Subscript) -> object:
        owner, key = self._eval(node.value), self._eval(node.slice)
        if isinstance(owner, Mapping):
            return self._entry(owner, key, node.value)
        if not isinstance(owner, list | tuple | str):
            raise _Unfit(f"{self._source(node.value)} is {_kind(owner)} and has no items")
        if isinstance(key, int) and not -len(owner) <= key < len(owner):
            raise _Unfit(f"{self._source(node.value)} has no item {key}: it has {len(owner)}")
        return owner[key]

    def _entry(self, owner: Mapping[object, object], key: object, node: ast.expr) -> object:
        if key in owner:
            return owner[key]
        known = [each for each in islice(owner, 1000) if isinstance(each, str)]
        hint = f"did you mean {quoted(near)}?" if (near := nearest(str(key), known)) else None
        if hint is None and known:
            hint = f"its keys are {listed(known)}"
        raise _Unfit(f"{self._source(node)} has no key {quoted(key)}", hint)

    def _source(self, node: ast.expr) -> str:
        return quoted(ast.unparse(node))


_NOTHING = object()
_PLAIN = frozenset({str, int, float, bool, list, tuple, bytes, type(None)})
_KINDS: Mapping[type, str] = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    tuple: "a list",
    dict: "a mapping",
    type(None): "null",
}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), f"of type {quoted(type(value).__name__)}")
