"""The texts of a flow file that wait for a message, as the functions that executors are made with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lrwf_cli.errors import ExpressionError
from lrwf_cli.flow.kinds import Secret
from lrwf_cli.flow.load import parse_flow
from lrwf_cli.flow.renderings import Renderings
from tests.flow.complaining import kind

NOW = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
MESSAGE = {"message": {"days": 2, "at": "2026-12-01T09:00", "model": "m1", "deep": {"a": [1, None]}}, "state": {"k": 3}}


def renderings(text: str) -> Renderings:
    run = {"id": "demo-1", "workflow": "demo", "started_at": NOW}
    return Renderings(parse_flow(text, "flow.yaml"), run_input={"x": 5}, run=run, now=lambda: NOW)


def pause(text: str, *more: str) -> Any:
    return renderings(kind(f"{{wait: {text}}}", *more)).pause("a")(MESSAGE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{for: 24h}", timedelta(days=1)),
        ("{for: '${{ message.days }}d'}", timedelta(days=2)),
        ("{for: '${{ input.x }}m'}", timedelta(minutes=5)),
        ("{for: 'PT${{ state.k }}S'}", timedelta(seconds=3)),
        ("{until: 2026-12-01T09:00Z}", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("{until: '2026-12-01 09:00:30 +0100'}", datetime(2026, 12, 1, 8, 0, 30, tzinfo=UTC)),
        ("{until: 2026-12-01T09:00, timezone: Europe/Paris}", datetime(2026, 12, 1, 8, tzinfo=UTC)),
        ("{until: 2026-07-01, timezone: Europe/Paris}", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("{until: '${{ message.at }}', timezone: America/New_York}", datetime(2026, 12, 1, 14, tzinfo=UTC)),
        ("{until: '${{ run.started_at }}'}", NOW),
        ("{until: '${{ now() }}'}", NOW),
    ],
)
def test_how_long_is_a_duration_or_an_instant(text: str, expected: object) -> None:
    """Design 7, Conformance 33: written out or given by an expression; a time without a zone is in the named one."""
    assert pause(text) == expected


def test_a_time_without_a_zone_is_in_the_flows() -> None:
    """Summer time is done right: what the change skips is its end, what comes twice is the first of both."""
    zone = "timezone: Europe/Paris"
    assert pause("{until: 2026-12-01T09:00}", zone) == datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert pause("{until: 2026-03-29T02:30}", zone) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert pause("{until: 2026-10-25T02:30}", zone) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected", "hint"),
    [
        ("{for: '${{ message.days }}'}", "3:19: not a duration: '2'", "'${{ message.n }}h'"),
        ("{for: '${{ message.days }}'}", "3:19: not a duration: '2'", "with its unit"),
        ("{for: 'a${{ message.days }}d'}", "3:19: not a duration: 'a2d'", "90s, 15m"),
        ("{for: '-${{ message.days }}d'}", "3:19: not a duration: '-2d'", "cannot be negative"),
        ("{for: '${{ message.dyas }}d'}", "3:19: 'message' has no key 'dyas', in: 'message.dyas'", "mean 'days'"),
        ("{until: '${{ message.model }}'}", "3:21: not a date and a time: 'm1'", "2026-12-01T09:00"),
        ("{until: '${{ message.days }}'}", "3:21: not a date and a time: '2'", "2026-12-01T09:00"),
        ("{until: '2026-02-${{ 30 }}'}", "3:21: no such date: '2026-02-30': day is out of range", "2026-12-01T09:00"),
    ],
)
def test_what_is_no_time_is_told_with_its_place(text: str, expected: str, hint: str) -> None:
    """Only the message shows it: the executor then fails with the place in the file, and what to write."""
    with pytest.raises(ExpressionError) as caught:
        pause(text)
    assert caught.value.message.startswith(f"flow.yaml:{expected}")
    assert hint in str(caught.value.hint)


def test_a_text_stands_as_text() -> None:
    """A prompt is text, whatever is put into it: what is none stands as JSON."""
    texts = {
        "Ship ${{ message.model }} of ${{ run.id }}?": "Ship m1 of demo-1?",
        "${{ message.deep }}": '{"a":[1,null]}',
        "nothing": "nothing",
    }
    for text, expected in texts.items():
        given = renderings(kind(f"{{ask: {{prompt: {text!r}}}}}"))
        assert given.text(text, ("executors", "a", "ask", "prompt"))(MESSAGE) == expected


def test_until_sees_what_the_check_found_besides_the_message() -> None:
    """Design 7: `exit_code`, `stdout` and `result`; an error is no false, and names its place."""
    flow = renderings(kind("{poll: {run: x, until: exit_code == 0 and result.n > message.days}}"))
    until = flow.holds("exit_code == 0 and result.n > message.days", ("executors", "a", "poll", "until"))
    assert [until({**MESSAGE, "exit_code": code, "result": {"n": 3}}) for code in (0, 1)] == [True, False]
    with pytest.raises(ExpressionError, match=r"^flow.yaml:3:29: 'result' has no key 'n'"):
        until({**MESSAGE, "exit_code": 0, "result": {}})


ENVIRONMENT = """
name: demo
env: {A: top, B: top, T: secret no more}
secrets: {S: {env: TOKEN}, O: {file: key.txt}}
defaults: {env: [B, P]}
executors:
  a: {run: x, env: {A: "${{ message.model }}", N: 3, F: true, O: own}, secrets: {T: {file: /t}}}
  b: {run: x}
edges: [{from: a, to: b}]
"""


def test_the_environment_is_the_flows_then_that_of_all_then_its_own() -> None:
    """Values, names to pass on and secrets: the nearest word on a name counts, whichever of the three it is."""
    flow = renderings(ENVIRONMENT)
    own, other, news = flow.environment("a"), flow.environment("b"), flow.news_environment()
    assert {name: value(MESSAGE) for name, value in own.values.items()} == {
        "A": "m1",
        "N": "3",
        "F": "true",
        "O": "own",
    }
    assert own.passed == ("B", "P")
    assert own.secrets == {"S": Secret(env="TOKEN"), "T": Secret(file="/t")}
    assert {name: value(MESSAGE) for name, value in other.values.items()} == {"A": "top", "T": "secret no more"}
    assert other.secrets == {"S": Secret(env="TOKEN"), "O": Secret(file="key.txt")}
    assert (sorted(news.values), news.passed, sorted(news.secrets)) == (["A", "B", "T"], (), ["O", "S"])
