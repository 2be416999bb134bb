"""`lrwf simulate`: what it prints, how it exits, and that it leaves no trace."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.said import Lrwf

FLOW = """
name: release
timezone: Europe/Paris
input: {model: {default: m7}}
executors:
  train: {run: "touch ran; exit 1"}
  approve: {ask: {prompt: "Ship ${{ input.model }}?", choices: [ship, stop]}}
edges: [{from: train, to: approve}]
notify: {request: "touch told"}
"""


@pytest.fixture
def flow(tmp_path: Path) -> str:
    path = tmp_path / "flow.yaml"
    path.write_text(FLOW, encoding="utf-8")
    return str(path)


def scenario(flow: str, text: str) -> str:
    path = Path(flow).with_name("scenario.yaml")
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_it_prints_the_agenda(flow: str, lrwf: Lrwf) -> None:
    """Design 8 and 9: the agenda on stdout, nothing on stderr; 0 when the run ends."""
    answers = scenario(flow, "answers: {approve: {choice: stop, after: 26h, by: ana}}")
    code, out, err = lrwf("simulate", flow, "--scenario", answers, "--input", "model=m8")
    assert (code, err) == (0, "")
    assert out.splitlines()[:4] == [
        '+0s              Mon 09:00:00  the run begins on 2026-01-05 with {"model": "m8"}',
        "+0s              Mon 09:00:00  train: done; sends {} to approve",
        "+0s              Mon 09:00:00  approve: asks: Ship m8? [ship/stop]",
        "+0s              Mon 09:00:00  somebody is told: request approve",
    ]
    assert out.splitlines()[-1] == "+1d 02h 00m 00s  Tue 11:00:00  the run completed"


def test_it_exits_with_4_when_nobody_answers(flow: str, lrwf: Lrwf) -> None:
    """Design 9, simulate: 4 when it ends at a request that does not expire."""
    code, out, _ = lrwf("simulate", flow)
    assert (code, out.splitlines()[-1]) == (4, "+0s  Mon 09:00:00  the run waits for an answer to approve")


def test_a_run_that_fails_was_played_to_its_end(flow: str, lrwf: Lrwf) -> None:
    """Design 9, simulate: 0 whatever the verdict is: the plan has been told."""
    code, out, _ = lrwf("simulate", flow, "--scenario", scenario(flow, "commands: {train: {exit: 3}}"))
    assert code == 0
    assert out.splitlines()[-1].endswith("the run failed: CommandFailed: `train` ended with exit code 3")


def test_json_is_a_list_of_entries(flow: str, lrwf: Lrwf) -> None:
    """Each has `at`, `after` in seconds, `event`, `executor` and `detail`."""
    answers = scenario(flow, "answers: {approve: {choice: stop, after: 1h30m, by: ana}}")
    code, out, err = lrwf("simulate", flow, "--scenario", answers, "--json")
    assert (code, err) == (0, "")
    entries = json.loads(out)
    assert {tuple(entry) for entry in entries} == {("at", "after", "event", "executor", "detail")}
    (answered,) = [entry for entry in entries if entry["event"] == "answered"]
    assert answered == {
        "at": "2026-01-05T09:30:00.000Z",
        "after": 5400.0,
        "event": "answered",
        "executor": "approve",
        "detail": 'answered: "stop", by ana',
    }
    assert (entries[0]["event"], entries[0]["executor"]) == ("began", None)
    assert entries[-1]["event"] == "completed"


def test_nothing_is_run_and_nothing_is_written(flow: str, lrwf: Lrwf) -> None:
    """No command runs, nobody is told, there is no state directory, and the folder is as it was."""
    before = set(Path(flow).parent.rglob("*"))
    lrwf("simulate", flow)
    assert set(Path(flow).parent.rglob("*")) == before
    assert not Path(os.environ["LRWF_STATE_DIR"]).exists()


def test_what_is_wrong_is_a_matter_of_usage(flow: str, lrwf: Lrwf) -> None:
    """A bad scenario, a missing one and a bad input exit with 2, with place and remedy, before anything is played."""
    bad = scenario(flow, "answers: {aprove: ship}")
    code, out, err = lrwf("simulate", flow, "--scenario", bad)
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"error: {bad}:1:11: unknown executor 'aprove' in 'answers'",
        "  hint: did you mean 'approve'?",
    ]
    assert lrwf("simulate", flow, "--scenario", "missing.yaml")[0] == 2
    assert lrwf("simulate", flow, "--input", "modle=m7")[0] == 2
    assert lrwf("simulate", flow, "--input-file", "missing.yaml")[0] == 2


def test_text_from_outside_is_made_safe(tmp_path: Path, lrwf: Lrwf) -> None:
    """No control character of a prompt, a message or an answer reaches the terminal."""
    path = tmp_path / "flow.yaml"
    path.write_text('{name: evil, executors: {ask: {ask: {prompt: "a\\e[31mb"}}}}', encoding="utf-8")
    answers = scenario(str(path), 'answers: {ask: {value: "\\e[2J", by: "\\e[1m"}}')
    code, out, _ = lrwf("simulate", str(path), "--scenario", answers)
    assert code == 0
    assert "\x1b" not in out
