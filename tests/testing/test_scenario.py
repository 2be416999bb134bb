"""Scenario files: what may stand in them, and what is said of what may not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.errors import FlowError
from lrwf_cli.testing.scenario import Play, Reply, Scenario, play_of, reply_to, status_of
from lrwf_cli.testing.scenario_file import Role, read_scenario, scenario_from

CAST = {
    "submit": Role("uses"),
    "train": Role("run", has_command=True),
    "ready": Role("poll", has_command=True),
    "healthy": Role("poll"),
    "cool_off": Role("wait"),
    "approve": Role("ask", choices=("ship", "stop")),
    "sign": Role("ask"),
}


def read(tmp_path: Path, text: str) -> Scenario:
    path = tmp_path / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return read_scenario(str(path), CAST)


def complaints(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(FlowError) as caught:
        read(tmp_path, text)
    prefix = f"{tmp_path}/scenario.yaml:"
    return [f"{message.removeprefix(prefix)} | {hint}" for message, hint in caught.value.problems]


def test_every_part_of_a_scenario_is_read(tmp_path: Path) -> None:
    """Design 9, simulate: start_at, answers, commands, polls, executors; alone or as lists."""
    found = read(
        tmp_path,
        """
start_at: 2026-03-29T01:30
answers:
  approve: [ship, ~, {choice: stop, after: 2h, by: ana, comment: not yet}]
  sign: {data: {amount: 7}}
commands:
  train: {exit: 1, after: 5m, output: {a: 1}, times: 2}
  ready: [{exit: 69}, {output: DONE}]
polls: {healthy: [RUNNING, {state: DONE}]}
executors: {submit: {error: "ConnectionError: refused"}}
""",
    )
    assert found.start_at == datetime(2026, 3, 29, 1, 30)  # noqa: DTZ001 - in the flow's zone
    place = f"{tmp_path}/scenario.yaml"
    assert found.answers == {
        "approve": [
            Reply("ship", place=f"{place}:4:13"),
            None,
            Reply("stop", comment="not yet", by="ana", after=timedelta(hours=2), place=f"{place}:4:31"),
        ],
        "sign": Reply(data={"amount": 7}, place=f"{place}:5:9"),
    }
    assert found.commands == {
        "train": [Play(exit=1, output={"a": 1}, after=timedelta(minutes=5), times=2)],
        "ready": [Play(exit=69), Play(output="DONE")],
    }
    assert found.polls == {"healthy": ["RUNNING", {"state": "DONE"}]}
    assert found.executors == {"submit": [Play(error="ConnectionError: refused")]}


def test_an_empty_file_is_an_empty_scenario(tmp_path: Path) -> None:
    """A scenario of nothing but comments says nothing."""
    assert read(tmp_path, "# nothing\n") == Scenario()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- 1", "1:1: a scenario must be a mapping, not a list | begin with"),
        ("answer: {}", "1:1: unknown key 'answer' in the scenario | did you mean 'answers'?"),
        ("start_at: noon", "1:11: 'start_at': not a date and a time: 'noon' | write it as"),
        ("answers: [1]", "1:10: 'answers' must be a mapping, not a list | name executors"),
        ("answers: {aprove: ship}", "1:11: unknown executor 'aprove' in 'answers' | did you mean 'approve'?"),
        ("answers: {approve: shp}", "must be 'ship' or 'stop', not the text 'shp' | did you mean 'ship'?"),
        ("answers: {approve: {choice: 3}}", "1:29: an answer of 'approve' must be 'ship' or 'stop', not 3"),
        (
            "answers: {approve: {chioce: ship}}",
            "'chioce' in an answer of 'approve' | did you mean 'choice'?",
        ),
        ("answers: {approve: {after: 2h}}", "an answer of 'approve' must have 'choice', 'value' or 'data'"),
        ("answers: {sign: }", "an answer of 'sign' is empty | write what is answered"),
        ("answers: {sign: {value: x, after: soon}}", "1:35: 'after' in an answer of 'sign': not a duration: 'soon'"),
        ("answers: {sign: {value: x, by: 4}}", "'by' in an answer of 'sign' must be text, not 4 | quote it"),
        ("answers: {cool_off: x}", "'cool_off' in 'answers' asks nobody | remove it: time alone"),
        ("commands: {submit: {exit: 1}}", "1:12: 'submit' in 'commands' runs no command | put it under"),
        ("commands: {healthy: {exit: 1}}", "'healthy' in 'commands' runs no command | put it under 'polls'"),
        ("commands: {train: 1}", "what 'train' does must be a mapping, not 1 | write {exit: 1}"),
        ("commands: {train: {exit: 256}}", "'exit' in what 'train' does must be an integer from -64 to 255, not 256"),
        ("commands: {train: {times: 0}}", "'times' in what 'train' does must be an integer from 1 to 1000000, not 0"),
        ("commands: {train: {exit: true}}", "'exit' in what 'train' does must be an integer from -64 to 255, not true"),
        ("commands: {train: {exit: 1, error: X}}", "1:29: what 'train' does has 'exit' and 'error' | keep one of them"),
        ("commands: {train: {error: it broke}}", "1:27: 'error' in what 'train' does names no exception | write it as"),
        ("commands: {train: {afer: 5m}}", "unknown key 'afer' in what 'train' does | did you mean 'after'?"),
        ("polls: {approve: [1]}", "'approve' in 'polls' polls nothing | put it under 'answers'"),
        ("polls: {ready: []}", "what 'ready' finds is an empty list | name what the checks find"),
        ("executors: {train: {exit: 1}}", "'train' in 'executors' is none of Python | put it under 'commands'"),
        ("commands: {ready: {exit: 1}}\npolls: {ready: [1]}", "2:9: 'ready' stands in 'commands' and in 'polls'"),
        ("polls: {submit: [1]}\nexecutors: {submit: {}}", "2:13: 'submit' stands in 'polls' and in 'executors'"),
        ("answers: {approve: ship}\nanswers: {}", "2:1: the key 'answers' stands twice"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """Whatever does not belong in a scenario is an error at its line and column, with the nearest right name."""
    assert any(expected in complaint for complaint in complaints(tmp_path, text)), complaints(tmp_path, text)


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """A person mends a file once."""
    assert len(complaints(tmp_path, "answers: {x: 1}\ncommands: {y: {}}\npolls: {z: [1]}\nw: 1\n")) == 4


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a directory"),
        (lambda path: path.write_bytes(b"\xff\xfe"), "not UTF-8"),
    ],
    ids=["missing", "a folder", "binary"],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, make: Any, expected: str) -> None:
    """It is named, with the reason."""
    path = tmp_path / "s.yaml"
    make(path)
    with pytest.raises(FlowError, match=expected):
        read_scenario(str(path), CAST)


def test_a_mapping_is_read_as_a_file_is(tmp_path: Path) -> None:
    """In Python a scenario is a dictionary of the same form; durations and instants may be Python's."""
    said = {"start_at": datetime(2026, 3, 1, 9), "commands": {"train": [{"exit": 1, "after": timedelta(hours=2)}]}}  # noqa: DTZ001 - in the flow's zone
    found = scenario_from(said, CAST)
    assert found.commands == {"train": [Play(exit=1, after=timedelta(hours=2))]}
    assert found.start_at == datetime(2026, 3, 1, 9)  # noqa: DTZ001 - the same
    with pytest.raises(FlowError) as caught:
        scenario_from({"commands": {"trian": {}}}, CAST)
    assert caught.value.message == "scenario: unknown executor 'trian' in 'commands'"


FAIL = Play(exit=1)
OK = Play(output="ok")


@pytest.mark.parametrize(
    ("plays", "codes"),
    [
        ([Play()], [0, 0, 0]),
        ([FAIL], [1, 1, 1]),
        ([Play(exit=1, times=2)], [1, 1, 0, 0]),
        ([FAIL, Play(exit=2)], [1, 2, 2, 2]),
        ([Play(exit=1, times=2), Play(exit=2), OK], [1, 1, 2, 0, 0]),
        ([OK, Play(exit=3, times=2)], [0, 3, 3, 0, 0]),
    ],
)
def test_plays_follow_one_another(plays: Sequence[Play], codes: list[int]) -> None:
    """Each of a list is played once, or `times`; the last one stays, but with `times` success follows."""
    assert [play_of(plays, number).exit for number in range(1, len(codes) + 1)] == codes


def test_after_its_times_a_failure_becomes_the_success_that_it_names() -> None:
    """`{exit: 1, after: 5m, output: X, times: 2}` fails twice, then gives X, after 5m each time."""
    play = Play(exit=1, output="x", after=timedelta(minutes=5), times=2)
    assert play_of([play], 3) == Play(output="x", after=timedelta(minutes=5))


def test_the_last_status_of_a_poll_stays() -> None:
    """A poll that finds no end of its list finds the last one again."""
    assert [status_of(["a", "b"], number) for number in (1, 2, 3)] == ["a", "b", "b"]


def test_one_reply_is_for_every_request_and_a_list_for_each_in_turn() -> None:
    """`approve: ship` answers `approve.2` as well; of a list each answers one, and the rest is not answered."""
    scenario = Scenario(answers={"a": Reply("x"), "b": [Reply("x"), None]})
    assert [reply_to(scenario, "a", number) for number in (1, 2)] == [Reply("x"), Reply("x")]
    assert [reply_to(scenario, "b", number) for number in (1, 2, 3)] == [Reply("x"), None, None]
    assert reply_to(scenario, "c", 1) is None
