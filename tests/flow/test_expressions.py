import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.errors import ExpressionError
from lrwf_cli.flow.evaluate import evaluate, holds
from lrwf_cli.flow.expressions import BadExpression, compile_expression
from lrwf_cli.flow.templates import compile_template, render

EDGE = ("message", "input", "state", "run")


@dataclass
class Report:
    score: float
    kind: str = "weekly"

    @property
    def label(self) -> str:
        return f"{self.kind} {self.score}"

    def publish(self) -> None:
        raise AssertionError("expressions call no methods")


class Pair(NamedTuple):
    left: int
    right: int


class Colour(StrEnum):
    RED = "red"


NAMES: Mapping[str, Any] = {
    "message": {
        "choice": "ship",
        "items": [3, 1, 2],
        "n": {"keys": 5, "class": 6},
        "_id": 7,
        "none": None,
        "ok": True,
        "é": 1,
        "colour": Colour.RED,
    },
    "input": {"region": "eu", "epochs": 3},
    "state": Report(0.5),
    "run": {"id": "r-1", "started_at": datetime(2026, 1, 1, tzinfo=UTC)},
    "item": Pair(1, 2),
}


def now() -> datetime:
    return datetime(2026, 1, 1, 1, tzinfo=UTC)


def value(text: str) -> object:
    return evaluate(compile_expression(text), NAMES, now)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("message.choice == 'ship'", True),
        ("message['choice'] != 'ship' or input.epochs >= 3", True),
        ("message.n.keys", 5),
        ("message.n['class']", 6),
        ("message['_id']", 7),
        ("message.items", [3, 1, 2]),
        ("message.items[0] + message.items[-1]", 5),
        ("message.items[1:]", [1, 2]),
        ("message.choice[:2] + '!'", "sh!"),
        ("message.é", 1),
        ("message.colour.value", "red"),
        ("message.colour == 'red'", True),
        ("item.left", 1),
        ("state.score > 0.9", False),
        ("state.label", "weekly 0.5"),
        ("'choice' in message and 'x' not in message", True),
        ("message.none is null and message.ok is true", True),
        ("message.none is not None", False),
        ("not (true and false)", True),
        ("'a' if input.region == 'eu' else 'b'", "a"),
        ("[1, 'a', {'b': (2, null)}]", [1, "a", {"b": [2, None]}]),
        ("['a'] + (['b'] if message.ok else [])", ["a", "b"]),
        ("1 < 2 < 3", True),
        ("-7 // 2 + 7 % 4 * 2 ** 3 - 1.5", 18.5),
        ("len(message.items) + min(message.items) + max(1, 9) + sum(message.items)", 19),
        ("any([0, 1]) and all([])", True),
        ("str(message.items) + str(1.5) + str(true) + str('x')", "[3,1,2]1.5truex"),
        ("int('42') + int(1.9) + float('0.5')", 43.5),
        ("round(2.567, 1) + round(1.2)", 3.6),
        ("now() - run.started_at", 3600.0),
        ("now() > run.started_at", True),
        ("run.id", "r-1"),
        ("0x1f + 1_000", 1031),
        ("\n  message.choice\n  == 'ship'\n", True),
        ("'\\d'", "\\d"),
    ],
)
def test_expressions_have_the_values_of_python(text: str, expected: object) -> None:
    """Design 9: keys win over attributes; the functions, list and dict literals, and no more than that."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "offset", "message", "hint"),
    [
        ("mesage.choice", 0, "unknown name 'mesage'", "did you mean 'message'?"),
        (
            "message.x == ship",
            13,
            "unknown name 'ship'",
            "a text goes in quotes; names here: message, input, state, run",
        ),
        (
            "message.model-name",
            14,
            "unknown name 'name'",
            "a text goes in quotes; names here: message, input, state, run",
        ),
        ("'é' + mesage", 6, "unknown name 'mesage'", "did you mean 'message'?"),
        ("  item", 2, "'item' is not known here", "names here: message, input, state, run"),
        ("exit_code == 0", 0, "'exit_code' is not known here", "names here: message, input, state, run"),
        ("message.a = 3", 10, "not an expression: 'message.a = 3'", "compare with '=='"),
        ("message.a && message.b", 11, "not an expression: 'message.a && message.b'", "write 'and' for '&&'"),
        ("message.a || message.b", 11, "not an expression: 'message.a || message.b'", "write 'or' for '||'"),
        ("!message.a", 0, "not an expression: '!message.a'", "write 'not' for '!'"),
        ("${{ message.a }}", 0, "not an expression: '${{ message.a }}'", "write the expression without '${{ }}'"),
        ("message.class == 1", 8, "not an expression: 'message.class == 1'", "write it as ['class']"),
        (
            "message.a message.b",
            10,
            "not an expression: 'message.a message.b'",
            "expressions are as in Python: message.score > 0.9 and input.region == 'eu'",
        ),
        (
            "message.choice.upper()",
            15,
            "methods cannot be called",
            "functions are len, min, max, sum, any, all, str, int, float, round, now; compute the rest in an executor",
        ),
        (
            "upper(message)",
            0,
            "unknown function 'upper'",
            "functions: len, min, max, sum, any, all, str, int, float, round, now",
        ),
        ("length(message)", 0, "unknown function 'length'", "did you mean 'len'?"),
        ("max(message, key=len)", 0, "'max' takes no named arguments", "give the values alone"),
        ("len > 3", 0, "'len' is a function", "call it: len(...)"),
        ("message._id", 8, "'_id' is private", "if it is a key, write it as ['_id']"),
        ("message.__class__", 8, "'__class__' is private", "if it is a key, write it as ['__class__']"),
        ("message.a is 3", 0, "'is' is for null, true and false", "compare with '==' or '!='"),
        ("b'x'", 0, "not a value of JSON: b'x'", "use texts, numbers, true, false and null"),
        ("1j", 0, "not a value of JSON: 1j", "use texts, numbers, true, false and null"),
        ("f'{message}'", 0, "an f-string cannot be used in an expression", "compute it in an executor"),
        ("[x for x in message]", 0, "a comprehension cannot be used in an expression", "compute it in an executor"),
        ("lambda: 1", 0, "a lambda cannot be used in an expression", "compute it in an executor"),
        ("{1, 2}", 0, "a set cannot be used in an expression", "compute it in an executor"),
        ("{**message}", 0, "'**' cannot be used in an expression", "compute it in an executor"),
        ("message & input", 0, "a bit and cannot be used in an expression", "compute it in an executor"),
        ("", 0, "the expression is empty", "write one, or remove the key"),
        (" \n", 0, "the expression is empty", "write one, or remove the key"),
        ("1" + " + 1" * 2000, 0, "the expression is longer than 4096 characters", "compute it in an executor"),
        ("1" + "+1" * 200, 0, "the expression is nested too deep", "make it simpler, or compute it in an executor"),
    ],
)
def test_what_is_no_expression_is_told_at_load_with_its_place(text: str, offset: int, message: str, hint: str) -> None:
    """What can be told without values is told when the file is read: syntax, names, functions, private attributes."""
    with pytest.raises(BadExpression) as caught:
        compile_expression(text, EDGE)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    if "not an expression" in caught.value.message:  # versions of Python differ in where they stop
        assert 0 <= caught.value.offset <= len(text)
    else:
        assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("message.choise", "'message' has no key 'choise'", "did you mean 'choice'?"),
        ("input.zzz", "'input' has no key 'zzz'", "its keys are 'region' and 'epochs'"),
        ("message.n['x y']", "'message.n' has no key 'x y'", "its keys are 'keys' and 'class'"),
        ("message.choice.x", "'message.choice' is a text and has no 'x'", None),
        ("message.none.x", "'message.none' is null and has no 'x'", None),
        ("message.choice.upper", "'message.choice' is a text and has no 'upper'", None),
        ("message.colour.upper", "'message.colour' is of type 'Colour' and has no 'upper'", None),
        ("state.scor", "'state' is of type 'Report' and has no 'scor'", None),
        ("state.publish", "'state' is of type 'Report' and has no 'publish'", None),
        ("state['score']", "'state' is of type 'Report' and has no items", None),
        ("message.items[3]", "'message.items' has no item 3: it has 3", None),
        ("'a' + 1", "'+' cannot join a text and a number", "make a text of it with str(...)"),
        ("[1] + {}", "'+' is for numbers, not for a list and a mapping", None),
        ("'a' * 9", "'*' is for numbers, not for a text and a number", None),
        ("[0] * 9", "'*' is for numbers, not for a list and a number", None),
        ("'%9d' % 5", "'%' is for numbers, not for a text and a number", None),
        ("float('nan')", "the number is too large, or none", None),
        ("1e308 * 10", "the number is too large, or none", None),
        ("(-1) ** 0.5", "the root of a negative number", None),
        ("sum(['a'])", "'+' is for numbers, not for a number and a text", None),
    ],
)
def test_an_expression_without_a_value_says_why(text: str, message: str, hint: str | None) -> None:
    """Design 9: a missing key is an error, with the nearest right one; so is everything that does not fit."""
    with pytest.raises(ExpressionError) as caught:
        value(text)
    assert (caught.value.message, caught.value.hint) == (f"{message}, in: {text!r}", hint)


@pytest.mark.parametrize(
    "text",
    [
        "message.items['a']",
        "message.items[{}]",
        "message[{}]",
        "'a' < 1",
        "1 / 0",
        "-'a'",
        "1 in 2",
        "int('x')",
        "len(5)",
        "len()",
        "min([])",
        "{[]: 1}",
    ],
)
def test_what_python_says_of_an_expression_is_passed_on(text: str) -> None:
    """Operators and functions that do not fit are errors in Python's words, with the expression behind them."""
    with pytest.raises(ExpressionError, match=r"^.+, in: ") as caught:
        value(text)
    assert caught.value.message.endswith(f", in: {text!r}")


@pytest.mark.parametrize(
    "text",
    [
        "9 ** 9 ** 9",
        "2 ** 100000",
        "2 ** 1000 * 2 ** 1000",
        "round(5, -1000000)",
        "'%1000000000d' % 5",
        "'a' * 1000000000",
        "[[[0] * 1000] * 1000] * 1000",
        f"str([{', '.join(['[message, message, message, message]'] * 80)}])",
        "(" * 300 + "1" + ")" * 300,
        "-" * 4000 + "1",
        "message[" * 80 + "0" + "]" * 80,
        "int('" + "9" * 4000 + "')",
    ],
)
def test_no_expression_takes_long_or_much(text: str) -> None:
    """Design 9: results and sizes are bounded; what would fill the memory is an error at once."""
    names = {"message": {"a": ["x" * 1000] * 1000}}
    began = time.process_time()
    with pytest.raises((BadExpression, ExpressionError)):
        evaluate(compile_expression(text), names, now)
    assert time.process_time() - began < 2


class Lazy(Mapping[str, object]):
    """Names that tell which of them were looked up."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> object:
        self.asked.append(name)
        return NAMES[name]

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


def test_only_the_names_that_an_evaluation_comes_by_are_looked_up() -> None:
    """Looking a name up may decode a large value, so nothing is looked up in vain."""
    names = Lazy()
    expression = compile_expression("input.epochs == 3 or message.choice == 'ship'")
    assert expression.names == {"input", "message"}
    assert holds(expression, names, now)
    assert names.asked == ["input"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("message.none", False), ("message.items", True), ("[]", False), ("0", False), ("'false'", True)],
)
def test_a_condition_is_true_as_python_sees_it(text: str, expected: bool) -> None:  # noqa: FBT001 - parametrized
    """null, false, 0 and what is empty do not hold; everything else does."""
    assert holds(compile_expression(text), NAMES, now) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("", ""),
        ("${{ message.items }}", [3, 1, 2]),
        ("${{message.none}}", None),
        ("a ${{ message.items }} b ${{ message.choice }}", "a [3,1,2] b ship"),
        ("${{ input.epochs }} ", "3 "),
        ("${{ null }}/${{ true }}/${{ 1.5 }}", "null/true/1.5"),
        ("at ${{ now() }}", "at 2026-01-01T01:00:00Z"),
        ("${{ {'a': {'b': 1}} }}", {"a": {"b": 1}}),
        ("${{ '}}' }} and ${{ '${{' }}", "}} and ${{"),
        ("$ {{ x }} }}", "$ {{ x }} }}"),
    ],
)
def test_a_template_is_text_unless_it_is_one_expression(text: str, expected: object) -> None:
    """Design 9: a string that is one `${{ }}` keeps its type; in the middle of a text everything is text."""
    assert compile_template(text).render(NAMES, now) == expected


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("a ${{ b", 2, "a '${{' that is never closed: '${{ b'"),
        ("a ${{ }}", 5, "the expression is empty"),
        ("a ${{ mesage }} ${{ message }}", 6, "unknown name 'mesage'"),
        ("${{ message }} ${{ yield }}", 19, "not an expression: 'yield'"),
    ],
)
def test_a_bad_template_shows_where(text: str, offset: int, message: str) -> None:
    """The place of a mistake is that in the whole text."""
    with pytest.raises(BadExpression) as caught:
        compile_template(text, EDGE)
    assert (caught.value.offset, caught.value.message) == (offset, message)


def test_templates_are_rendered_wherever_they_stand() -> None:
    """Lists and mappings are gone through; keys and what is no text are left alone."""
    options = {"${{ x }}": ["${{ input.epochs }}", {"a": "in ${{ input.region }}"}], "n": 1, "b": None}
    assert render(options, NAMES, now) == {"${{ x }}": [3, {"a": "in eu"}], "n": 1, "b": None}


TOKENS = ["message", ".", "items", "[", "]", "(", ")", "'a'", "1", "+", "-", "*", "**", "%", "/", "==", " in ", ","]
TOKENS += [" and ", " not ", "len", "str", "{", "}", ":", "_x", "=", "\\", '"', "\n", "é", " if ", " else ", "now()"]


@given(st.lists(st.sampled_from(TOKENS), max_size=25).map("".join) | st.text(max_size=60))
def test_any_text_has_a_value_or_one_of_two_errors(text: str) -> None:
    """Whatever stands in a flow file, nothing but BadExpression comes at load and ExpressionError at a run."""
    try:
        expression = compile_expression(text, EDGE)
    except BadExpression as error:
        assert 0 <= error.offset <= len(text)  # noqa: PT017 - the offset of whatever error it is
        return
    try:
        evaluate(expression, NAMES, now)
    except ExpressionError as error:
        assert f", in: {text.strip()[:20]!r}"[:8] in error.message  # noqa: PT017 - it always says which expression
        assert error.message.isprintable()  # noqa: PT017 - whatever the expression holds


def test_simpleeval_is_imported_for_an_expression_only() -> None:
    """Start-up time: a flow without conditions never pays for the evaluator, nor does one whose turn has not come."""
    code = (
        "import sys; from lrwf_cli.flow.load import parse_flow;"
        "parse_flow('name: x\\nexecutors: {a: {uses: \"m:f\"}}\\nedges: [{from: a, to: a, when: message}]', 'x');"
        "print({'simpleeval', 'difflib', 'zoneinfo', 'asyncio', 'click', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
