"""`ctx.track`: items one by one, in the same order whenever a handler comes by, and how many of them are done."""

from typing import Any

import pytest

from tests.executors.kept import outside
from tests.executors.kept.stage import Stage
from tests.executors.kept.test_lanes import KINDS, stage

MORE = """
async def letters():
    for letter in "abc":
        yield await do(f"letter {letter}")
"""


def reported(made: Stage) -> list[tuple[float | None, float | None]]:
    return [(current, total) for current, total, _ in made.reports]


@KINDS
@pytest.mark.parametrize(
    ("items", "value"),
    [
        ("[3, 1, 2]", [3, 1, 2]),
        ("range(3)", [0, 1, 2]),
        ("{'b': 1, 'a': 2}.keys()", ["b", "a"]),
        ("(n * n for n in range(3))", [0, 1, 4]),
        ("{'x', 'y'}", None),
        ("letters()", ["letter a", "letter b", "letter c"]),
        ("[]", []),
    ],
)
def test_each_item_once(kind: str, items: str, value: list[Any] | None) -> None:
    """Issue 4: a handler that suspends between items goes on with the next one, in the order that it had."""
    body = (
        f"got = []\nasync for item in ctx.track({items}):\n    got.append(await do(['item', item]))\n"
        "    await pause(ctx)\n"
        "await pause(ctx)\nreturn [item for _, item in got]"
    )
    made = stage(body, kind, MORE)
    got = made.value()
    assert got == value or (value is None and sorted(got) == ["x", "y"])
    assert [each[1] for each in outside.done if each[0] == "item"] == got
    assert len(outside.done) == len({str(each) for each in outside.done}), "something was done twice"


@KINDS
def test_how_many_are_done_is_reported(kind: str) -> None:
    """Before the first item none is, and after the last all are; a wake goes through what was done, and goes on."""
    body = "async for n in ctx.track(range(3), message='of it'):\n    if await do(n) == 1:\n        await pause(ctx)"
    made = stage(body, kind)
    made.value()
    assert reported(made) == [(0, 3), (1, 3), (0, 3), (1, 3), (2, 3), (3, 3)]
    assert {message for _, _, message in made.reports} == {"of it"}


def test_a_total_that_is_known_better() -> None:
    """`total` is shown instead of the number of items."""
    made = stage("async for n in ctx.track([1, 2], total=10):\n    pass")
    made.value()
    assert reported(made) == [(0, 10), (1, 10), (2, 10)]


def test_in_a_plain_function() -> None:
    """A `def` goes through them with `for`; nothing is kept there."""
    source = (
        "from lrwf_cli import Executor, WorkflowContext, handler\n\nclass Handler(Executor):\n    @handler\n"
        "    def handle(self, n: None, ctx: WorkflowContext) -> list:\n"
        "        return [item for item in ctx.track(n * 2 for n in range(3))]\n"
    )
    made = Stage(source, "flow:Handler")
    assert made.value() == [0, 2, 4]
    assert reported(made) == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("async for n in ctx.track(7):\n    pass", "`track` is given a `int`, which has no items"),
        ("for n in ctx.track(letters()):\n    pass", "`track` is given items that must be awaited"),
    ],
)
def test_what_has_no_items_is_refused(statement: str, message: str) -> None:
    """Bad input gets a clear error at once."""
    assert stage(statement, more=MORE).failure().message == message
