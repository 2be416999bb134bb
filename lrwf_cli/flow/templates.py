"""Texts with `${{ }}` in them. What may stand between the braces is in `expressions`."""

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime

import msgspec

from lrwf_cli.core.model import Json
from lrwf_cli.flow.expressions import NAMES, BadExpression, Expression, compile_expression
from lrwf_cli.flow.problems import quoted

__all__ = ["Template", "compile_template", "render"]

_OPEN, _CLOSE = "${{", "}}"
_MAX_CLOSES = 20


class Template(msgspec.Struct, frozen=True):
    """A text with expressions in it, in order."""

    parts: tuple[str | Expression, ...]

    def render(self, names: Mapping[str, object], now: Callable[[], datetime]) -> object:
        """Return the text; a template that is one expression and nothing else gives its value, type and all.

        In the middle of a text, texts stand as they are and everything else as JSON. Raises ExpressionError.
        """
        if not any(isinstance(part, Expression) for part in self.parts):
            return "".join(map(str, self.parts))
        from lrwf_cli.flow.evaluate import as_text, evaluate

        values = [evaluate(part, names, now) if isinstance(part, Expression) else part for part in self.parts]
        return values[0] if len(values) == 1 else "".join(map(as_text, values))


def compile_template(text: str, names: Collection[str] = NAMES) -> Template:
    """Return the checked template; a text without `${{` is one too. Raises BadExpression."""
    return Template(tuple(_parts(text, names)))


def _parts(text: str, names: Collection[str]) -> Iterator[str | Expression]:
    position = 0
    while (begin := text.find(_OPEN, position)) >= 0:
        if begin > position:
            yield text[position:begin]
        expression, position = _expression(text, begin, names)
        yield expression
    if position < len(text) or not text:
        yield text[position:]


def _expression(text: str, begin: int, names: Collection[str]) -> tuple[Expression, int]:
    """Return the expression that opens at `begin`, and where the text goes on.

    A `}}` may belong to the expression (a mapping in a mapping, a text): the first that leaves a whole one counts.
    """
    start, end = begin + len(_OPEN), begin
    first: BadExpression | None = None
    for _ in range(_MAX_CLOSES):
        end = text.find(_CLOSE, max(end + 1, start))
        if end < 0:
            break
        try:
            return compile_expression(text[start:end], names), end + len(_CLOSE)
        except BadExpression as error:
            first = first or error
    if first is None:
        raise BadExpression(
            f"a '${{{{' that is never closed: {quoted(text[begin:])}", "close it with '}}'", offset=begin
        )
    first.offset += start
    raise first


def render(value: Json, names: Mapping[str, object], now: Callable[[], datetime]) -> Json:
    """Return `value` with the templates in all of its texts rendered; keys are left alone. Raises ExpressionError."""
    match value:
        case str() if _OPEN in value:
            return compile_template(value, frozenset(names)).render(names, now)
        case list():
            return [render(each, names, now) for each in value]
        case dict():
            return {key: render(each, names, now) for key, each in value.items()}
        case _:
            return value
