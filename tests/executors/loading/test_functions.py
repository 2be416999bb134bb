"""Functions that a flow file names: `poll: {check: module:function}`."""

from pathlib import Path

import pytest

from lrwf_cli.errors import FlowError
from lrwf_cli.executors.loading.functions import function_at
from lrwf_cli.executors.loading.modules import FlowModules, read_code

SOURCE = """
from lrwf_cli import executor
def one(message): ...
def two(message, ctx): ...
def maybe(message, ctx=None): ...
def none(): ...
def three(a, b, c): ...
def keywords(message, *, strict): ...
async def later(message): ...
class Group:
    @staticmethod
    def inner(message): ...
class Callable:
    def __call__(self, message, ctx): ...
thing = Callable()
number = 3
@executor
def node(message: dict): ...
"""


@pytest.fixture
def modules(tmp_path: Path) -> FlowModules:
    (tmp_path / "service.py").write_text(SOURCE)
    return FlowModules(read_code(tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("name", "wants_context"),
    [
        ("one", False),
        ("two", True),
        ("maybe", True),
        ("later", False),
        ("Group.inner", False),
        ("thing", True),
        ("node", False),
    ],
)
def test_a_function_gets_the_message_and_the_context_if_it_takes_two(
    modules: FlowModules, name: str, *, wants_context: bool
) -> None:
    """Plain and async functions, callable objects, and functions that are executors too."""
    function, wants = function_at(modules, f"service:{name}")
    assert callable(function)
    assert wants is wants_context


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        ("service:maybee", ("module `service` has no `maybee`", "did you mean `maybe`?")),
        ("servise:one", ("no module `servise` beside the flow, and none installed", "did you mean `service`?")),
        ("service:number", ("`service:number` is not a function", "name a function that takes the message")),
        ("service:Group", ("`service:Group` is not a function", "name a function that takes the message")),
        (
            "service:none",
            ("`service:none` does not take a message and a context", "write `def check(message, ctx=None)`"),
        ),
        (
            "service:three",
            ("`service:three` does not take a message and a context", "write `def check(message, ctx=None)`"),
        ),
        (
            "service:keywords",
            ("`service:keywords` does not take a message and a context", "write `def check(message, ctx=None)`"),
        ),
    ],
)
def test_what_is_no_such_function_is_told(modules: FlowModules, uses: str, expected: tuple[str, str]) -> None:
    """With the nearest right name, or what to write."""
    with pytest.raises(FlowError) as caught:
        function_at(modules, uses)
    assert caught.value.problems == (expected,)


def test_what_is_installed_may_be_named_too(modules: FlowModules) -> None:
    """A builtin that does not say what it takes is given the message."""
    assert function_at(modules, "math:sqrt") == (__import__("math").sqrt, False)
