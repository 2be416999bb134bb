"""Any handler that suspends, and is killed, does the same as one that never does."""

import ast
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrwf_cli.core.commands import Effects
from lrwf_cli.executors.base import Failed, Result
from tests.executors.kept import outside
from tests.executors.kept.programs import programs, text_of
from tests.executors.kept.stage import Stage

QUIET = """
HOURS = {hours}
KIND = {kind}

async def pause(ctx):
    return await ctx.schedule_resume(after=timedelta(hours=HOURS))

async def quiet(coroutine):
    try:
        return await coroutine
    except ValueError as error:
        return repr(error)

"""


def told(result: Result) -> Any:
    if isinstance(result, Effects):
        return [send.value for send in result.sends]
    assert isinstance(result, Failed), result
    return (result.error.type, result.error.message)


def done() -> dict[str, list[str]]:
    """What was done, by the line of execution that did it: what several do at the same time has no order."""
    by_line: dict[str, list[str]] = defaultdict(list)
    for each in outside.done:
        by_line[each.rpartition("|")[0] + "|" + each.rpartition("|")[2].partition(".")[0]].append(each)
    return by_line


def played(program: Any, kind: str, hours: int, kills: frozenset[int]) -> tuple[Any, Any]:
    source = QUIET.format(hours=hours, kind=kind) + text_of(program)
    stage = Stage(source, "flow:Handler", kill_after=lambda frame: frame in kills)
    return told(stage.play(500)), done()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["Executor", "LongRunningExecutor"])
@settings(max_examples=150, deadline=None)
@given(program=programs, kills=st.frozensets(st.integers(1, 30)))
def test_a_handler_that_suspends_and_is_killed_does_what_one_does_that_never_is(
    kind: str, program: Any, kills: frozenset[int]
) -> None:
    """Promise 3: any handler of a small random program that suspends, and dies whenever something of it was kept, comes
    to the same result by the same effects, each once.
    """
    try:
        ast.parse(text_of(program))
    except SyntaxError:
        return
    whole = played(program, kind, 0, frozenset())
    assert played(program, kind, 1, frozenset()) == whole
    assert played(program, kind, 1, kills) == whole


@pytest.mark.parametrize("frame", range(1, 10))
def test_what_others_have_seen_ends_when_it_did(frame: int) -> None:
    """Lanes whose changes are seen by one another, killed at each frame: on the way back other lanes move meanwhile."""
    program = [("gather", [("pause",)], [("pause",)], [("do",)])]
    whole = played(program, "LongRunningExecutor", 0, frozenset())
    assert played(program, "LongRunningExecutor", 0, frozenset({frame})) == whole
