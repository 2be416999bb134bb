"""Every promised behaviour has a test that names it: by 'Conformance' and its number, in its docstring.

Several are named as in 'Conformance 14, 15 and 16'.
"""

import ast
import re
from collections import defaultdict
from pathlib import Path

TESTS = Path(__file__).parent
PROMISED = {*range(1, 52), *range(57, 61)}


def named_in(docstring: str) -> set[int]:
    """Return the lines that a docstring names."""
    found = re.findall(r"Conformance ((?:\d+(?:, | and )?)+)", docstring)
    return {int(number) for numbers in found for number in re.findall(r"\d+", numbers)}


def lines_named() -> dict[int, list[str]]:
    """Return the tests that name each line."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                for number in named_in(ast.get_docstring(node) or ""):
                    found[number].append(f"{path.relative_to(TESTS)}::{node.name}")
    return found


def test_every_promise_is_named_by_a_test() -> None:
    """A promise that no test names is one that nobody keeps: these lines are missing."""
    assert sorted(PROMISED - lines_named().keys()) == []


def test_names_are_read_as_they_are_written() -> None:
    """One number, several, and what follows them."""
    assert named_in("Conformance 4: in order.") == {4}
    assert named_in("Conformance 4, 11 and 42: as (Conformance 7).") == {4, 7, 11, 42}
    assert named_in("Conforms to 3; conformance is 100 %.") == set()
