"""Runs that wait for people, from the question to what comes of the answer, over several processes."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import begun, eventually
from tests.cli.questions import store
from tests.cli.said import Lrwf


def run(lrwf: Lrwf, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = lrwf("status", run_id, "--json").json
    return found


def state(lrwf: Lrwf, run_id: str, executor: str) -> str:
    return next(str(each["state"]) for each in run(lrwf, run_id)["executors"] if each["id"] == executor)


@pytest.mark.slow
def test_who_drives_the_run_takes_the_answer_up(lrwf: Lrwf, flows: Path) -> None:
    """Conformance 39, 3: an answer that is given while another process drives the run is taken up by it, at once.

    What else is at work there does not hold it up.
    """
    with begun("run", "meanwhile.yaml", "--id", "r", "--input", "folder=.") as process:
        eventually(lambda: any(flows.glob("at-work-*")) and run(lrwf, "r")["requests"])
        assert run(lrwf, "r")["driven"]
        said = lrwf("respond", "r", "approve", "ship", "--as", "Ada")
        assert (said.code, "takes the answer up" in said.err) == (0, True)
        eventually(lambda: state(lrwf, "r", "decide") == "completed")
        assert state(lrwf, "r", "hold") == "running"
        (flows / "go").touch()
        out, _ = process.communicate()
    assert sorted(out.splitlines()) == ['"gone"', '"ship, says Ada"']


@pytest.mark.slow
def test_an_answer_that_its_driver_did_not_live_to_read(lrwf: Lrwf, flows: Path) -> None:
    """Conformance 39: it is taken up by the next process."""
    with begun("run", "meanwhile.yaml", "--id", "r", "--input", "folder=.") as process:
        eventually(lambda: any(flows.glob("at-work-*")) and run(lrwf, "r")["requests"])
        process.kill()
        process.wait()
    assert lrwf("respond", "r", "approve", "ship", "--as", "Ada", "--no-advance").code == 0
    (flows / "go").touch()
    assert lrwf("tick").code == 0
    assert run(lrwf, "r")["outputs"] == ["gone", "ship, says Ada"]


def test_answers_come_in_any_order_and_partly(lrwf: Lrwf) -> None:
    """Conformance 36, 41: unanswered requests stay open across restarts; answered ones never come back."""
    assert lrwf("run", "two.yaml", "-q", "--id", "r").code == 0
    assert [each["id"] for each in lrwf("requests", "--json").json] == ["first", "second"]
    assert lrwf("respond", "r", "second", "why not", "-q").code == 0
    for _ in range(2):
        assert lrwf("tick").code == 0
        assert [each["id"] for each in lrwf("requests", "--json").json] == ["first"]
    assert lrwf("respond", "r", "first", "x").code == 2
    said = lrwf("respond", "r", "first", "7", "-q")
    assert (said.code, said.out) == (0, '[[null, {"n": 7}], ["why not", null]]\n')
    assert lrwf("requests", "--json").json == []
    assert [each["status"] for each in run(lrwf, "r")["requests"]] == ["answered", "answered"]


@pytest.mark.slow
def test_nobody_answers(lrwf: Lrwf) -> None:
    """Conformance 40: a default is gone on with; without one the handler can catch it, or the run fails."""
    said = lrwf("run", "nobody.yaml", "--id", "r", "--wait", "-q")
    assert said.code == 1
    assert "RequestExpired: nobody answered `never` in time" in said.err
    found = run(lrwf, "r")
    assert [(each["id"], each["status"], each["answer"]["expired"]) for each in found["requests"]] == [
        ("impatient", "expired", True),
        ("usual", "expired", True),
        ("never", "expired", True),
    ]
    assert found["requests"][1]["answer"]["choice"] == "yes"
    assert state(lrwf, "r", "usual") == "joined"
    assert lrwf("respond", "r", "never", "me").code == 6
    assert "so sorry: nobody answered `never` in time" in lrwf("logs", "r").out


def test_a_run_is_rewound_to_before_an_answer(lrwf: Lrwf) -> None:
    """Conformance 51: what was answered is asked anew; the old answer stays in the journal."""
    lrwf("run", "ask.yaml", "-q", "--id", "r")
    assert lrwf("respond", "r", "approve", "stop", "--as", "Ada", "-q").out == '"stop, says Ada"\n'
    assert lrwf("rewind", "r", "--to", "3", "-q").code == 0
    (asked,) = lrwf("requests", "--json").json
    assert (asked["status"], asked["answer"]) == ("open", None)
    assert lrwf("respond", "r", "approve", "ship", "--as", "Bob", "-q").out == '"ship, says Bob"\n'
    assert 'approve was answered: "stop", by Ada' in lrwf("history", "r").out


def test_a_fork_asks_for_itself(lrwf: Lrwf) -> None:
    """Conformance 51: answering the one leaves the other alone."""
    lrwf("run", "ask.yaml", "-q", "--id", "r")
    assert lrwf("fork", "r", "--at", "3", "--id", "copy", "-q").code == 0
    assert lrwf("respond", "copy", "approve", "ship", "--as", "Ada", "-q").out == '"ship, says Ada"\n'
    assert [each["run_id"] for each in lrwf("requests", "--json").json] == ["r"]
    assert lrwf("respond", "r", "approve", "stop", "--as", "Bob", "-q").out == '"stop, says Bob"\n'


def test_a_paused_run_is_answered(lrwf: Lrwf) -> None:
    """What a person holds may be answered; it goes on when it is let go."""
    lrwf("run", "ask.yaml", "-q", "--id", "r")
    lrwf("pause", "r")
    assert lrwf("respond", "r", "approve", "ship", "--as", "Ada", "-q").code == 0
    assert run(lrwf, "r")["status"] == "paused"
    assert lrwf("resume", "r", "-q").out == '"ship, says Ada"\n'


def test_a_run_whose_code_is_gone_is_answered(lrwf: Lrwf, flows: Path) -> None:
    """Conformance 39, 59: the answer is taken note of, and no tick comes by for it again; later the run goes on."""
    lrwf("run", "ask.yaml", "-q", "--id", "r")
    code = Path(store().path, "code")
    code.rename(flows / "away")
    code.mkdir()
    said = lrwf("respond", "r", "approve", "ship", "--as", "Ada", "-q")
    assert (said.code, "the pinned code is not whole" in said.err) == (1, True)
    assert run(lrwf, "r")["status"] == "blocked"
    assert lrwf("tick", "--json").json["due"] == 0
    code.rmdir()
    (flows / "away").rename(code)
    assert lrwf("resume", "r", "-q").out == '"ship, says Ada"\n'
