"""`workflows/review`, through the console script: a loop that ends because it is done, and one that the limit ends."""

import json
import re
from pathlib import Path
from typing import Any

from tests.program import ROOT, lrwf

FLOW = ROOT / "workflows" / "review" / "flow.yaml"
DRAFT = FLOW.with_name("draft.txt")
WORDY = "in order to|at this point in time|due to the fact that|a large number of"


def run(home: Path, text: str) -> Any:
    return json.loads(lrwf("run", str(FLOW), "--id", "mine", "--json", "--input", f"text={text}", home=home).stdout)


def rounds(status: Any) -> int:
    return next(int(executor["completed"]) for executor in status["executors"] if executor["id"] == "revise")


def test_the_loop_ends_when_nothing_is_left_to_find(tmp_path: Path) -> None:
    """Conformance 12, 17: a loop is allowed, and the switch leaves it by exactly one way."""
    status = run(tmp_path, DRAFT.read_text(encoding="utf-8"))
    (text,) = status["outputs"]
    assert status["status"] == "completed"
    assert rounds(status) == 7
    assert not re.search(rf"(?i)\b({WORDY})\b|\b(\w+)\s+\2\b", " ".join(text.split()))
    assert max(map(len, text.splitlines())) <= 72
    assert max(len(sentence.split()) for sentence in re.split(r"[.!?]", text)) <= 30


def test_a_text_without_findings_is_published_as_it_is(tmp_path: Path) -> None:
    """Conformance 12: the first true case wins; the default is not asked."""
    status = run(tmp_path, "Short and clear.")
    assert status["outputs"] == ["Short and clear."]
    assert rounds(status) == 0


def test_the_limit_ends_the_loop_and_a_higher_one_lets_it_go_on(tmp_path: Path) -> None:
    """Conformance 17: `max_iterations` ends a loop with an error that names it; with a higher limit it goes on."""
    text = "\n\n".join(f"He did {count} things in order to win." for count in range(12))
    status = run(tmp_path, text)
    assert status["status"] == "failed"
    assert status["error"]["type"] == "IterationLimit"
    assert re.search("review.*revise|revise.*review", status["error"]["message"])
    assert rounds(status) == 10
    assert lrwf("retry", "mine", "--max-iterations", "100", home=tmp_path).returncode == 0
    lrwf("tick", home=tmp_path)
    after = json.loads(lrwf("status", "mine", "--json", home=tmp_path).stdout)
    assert after["outputs"] == [text.replace("in order to", "to")]
    assert rounds(after) == 12
