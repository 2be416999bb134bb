"""`workflows/approval`: by real processes as far as a minute reaches, and in virtual time for the days beyond."""

import csv
import json
import mailbox
import re
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.testing import simulate
from tests.program import ROOT, lrwf

FLOW = ROOT / "workflows" / "approval" / "flow.yaml"
ITEM = {"item": "a lamp", "price": "19.90"}

pytestmark = pytest.mark.slow


def begin(home: Path, **more: str) -> Any:
    inputs = {**ITEM, "folder": "bought", **more}
    given = (part for key, value in inputs.items() for part in ("--input", f"{key}={value}"))
    return json.loads(lrwf("run", str(FLOW), "--id", "mine", "--json", *given, home=home).stdout)


def letters(folder: Path) -> list[tuple[str, str]]:
    """To whom letters were posted, and about what: in the order of the seconds and microseconds in their names."""
    box = mailbox.Maildir(folder / "letters", create=False)
    in_order = sorted(box.keys(), key=lambda name: [int(part) for part in re.findall(r"\d+", name)[:2]])
    return [(box[key]["To"], box[key]["Subject"]) for key in in_order]


QUESTION = ("boss@example.org", "May ana@example.org buy a lamp for 19.90?")
REMINDER = (QUESTION[0], f"Reminder: {QUESTION[1]}")


def test_an_answer_ends_it(tmp_path: Path) -> None:
    """Conformance 36, 39: the answer is taken up at once, the reminder is not sent, the order is made once."""
    kinds = {each["kind"] for each in begin(tmp_path)["waiting_on"]}
    assert kinds == {"timer", "request"}
    said = json.loads(lrwf("respond", "mine", "approve", "approve", "--json", home=tmp_path).stdout)
    assert said["status"] == "completed"
    (order,) = csv.reader((tmp_path / "bought" / "orders.csv").read_text(encoding="utf-8").splitlines())
    assert order == [said["outputs"][0]["order"], "ana@example.org", "a lamp", "19.90"]
    assert letters(tmp_path / "bought") == [QUESTION, ("ana@example.org", "Approved: a lamp")]


def test_what_is_no_answer_changes_nothing(tmp_path: Path) -> None:
    """Conformance 37: a wrong answer leaves the request open and says what is wrong."""
    begin(tmp_path)
    said = lrwf("respond", "mine", "approve", "perhaps", home=tmp_path)
    assert said.returncode == 2
    assert "approve" in said.stderr
    assert "refuse" in said.stderr
    assert [each["status"] for each in json.loads(lrwf("requests", "--json", home=tmp_path).stdout)] == ["open"]


def test_looking_in_between_does_not_ask_again(tmp_path: Path) -> None:
    """Conformance 58: ticks that come before anything is due post no second letter."""
    begin(tmp_path)
    for _ in range(3):
        assert lrwf("tick", home=tmp_path).stdout == ""
    assert letters(tmp_path / "bought") == [QUESTION]


def test_a_reminder_after_a_day_and_a_refusal_after_three(tmp_path: Path) -> None:
    """Conformance 40: when nobody answers it is reminded once, and after three days it goes on with the default."""
    played = simulate(FLOW, {**ITEM, "folder": str(tmp_path)})
    assert played.outputs == [{"verdict": "refuse"}]
    assert letters(tmp_path) == [QUESTION, REMINDER, ("ana@example.org", "Refused: a lamp")]
    assert not (tmp_path / "orders.csv").exists()


@pytest.mark.parametrize(("after", "reminders"), [("23h", 0), ("25h", 1)])
def test_an_answer_before_or_after_the_reminder(tmp_path: Path, after: str, reminders: int) -> None:
    """Conformance 33, 41: the timer is forgotten when the answer comes first, and else fires once."""
    scenario = {"answers": {"approve": {"choice": "approve", "after": after}}}
    played = simulate(FLOW, {**ITEM, "folder": str(tmp_path)}, scenario=scenario)
    assert played.outputs[0]["verdict"] == "approve"
    assert letters(tmp_path).count(REMINDER) == reminders
