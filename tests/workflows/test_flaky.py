"""`workflows/flaky`, by real processes against a real server that fails as it is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.program import ROOT, lrwf
from tests.workflows.serving import Server, lrwf_killed_when, serving, tick_when_due

EXAMPLE = ROOT / "workflows" / "flaky"

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """The server, with what becomes of the first calls as the test's parameter."""
    with serving(EXAMPLE / "flaky_server.py", tmp_path, "--answers", getattr(request, "param", "")) as server:
        yield server


def run(server: Server) -> list[str]:
    return ["run", str(EXAMPLE / "flow.yaml"), "--id", "mine", "--json", "--input", f"server={server.url}"]


def status(home: Path) -> Any:
    return json.loads(lrwf("status", "mine", "--json", home=home).stdout)


def ticked_to_the_end(home: Path) -> Any:
    tick_when_due(home)
    return status(home)


def answers(server: Server, call: str) -> list[str]:
    return [line["answer"] for line in server.log(call=call)]


@pytest.mark.parametrize("server", ["503,ok,drop"], indirect=True)
def test_each_failure_is_tried_again_and_counts_once(tmp_path: Path, server: Server) -> None:
    """Conformance 25: a handler with `@retry` and a command with `retry:` come again; the sum is counted once."""
    lrwf(*run(server), home=tmp_path)
    after = ticked_to_the_end(tmp_path)
    assert (after["status"], after["outputs"]) == ("completed", [{"sums": 1}])
    assert answers(server, "GET /rates") == ["503", "ok"]
    assert answers(server, "POST /sums") == ["drop", "ok"]
    assert len({line["key"] for line in server.log(call="POST /sums")}) == 1


@pytest.mark.parametrize("server", ["404"], indirect=True)
def test_what_would_be_in_vain_is_not_tried_again(tmp_path: Path, server: Server) -> None:
    """Conformance 28: `give_up_on` fails the run at once, by the class of the exception."""
    done = lrwf(*run(server), home=tmp_path)
    assert done.returncode == 1
    assert "Refused: " in done.stderr
    assert len(server.log()) == 1


@pytest.mark.parametrize("server", ["ok,422"], indirect=True)
def test_an_exit_code_that_asks_for_nothing_fails_the_run(tmp_path: Path, server: Server) -> None:
    """Conformance 28: `exit_codes` lists what is tried again, and nothing else is."""
    done = lrwf(*run(server), home=tmp_path)
    assert done.returncode == 1
    assert "the server said 422" in done.stderr
    assert answers(server, "POST /sums") == ["422"]


@pytest.mark.parametrize("server", ["503,503"], indirect=True)
def test_the_delays_are_on_disk(tmp_path: Path, server: Server) -> None:
    """Conformance 29: the second delay is longer than a second; a process that comes later does not lose count."""
    (waiting,) = json.loads(lrwf(*run(server), home=tmp_path).stdout)["waiting_on"]
    assert (waiting["kind"], waiting["executor"]) == ("retry", "fetch")
    assert "ServerTrouble" in waiting["detail"]
    assert ticked_to_the_end(tmp_path)["outputs"] == [{"sums": 1}]
    assert answers(server, "GET /rates") == ["503", "503", "ok"]


@pytest.mark.parametrize("server", ["ok,drop"], indirect=True)
def test_killed_while_it_hands_in_it_does_not_count_twice(tmp_path: Path, server: Server) -> None:
    """Conformance 42: the attempt in flight is repeated at most, under the same key."""
    lrwf_killed_when(lambda: server.log(call="POST /sums"), *run(server), home=tmp_path)
    after = ticked_to_the_end(tmp_path)
    assert after["outputs"] == [{"sums": 1}]
    assert len({line["key"] for line in server.log(call="POST /sums")}) == 1
