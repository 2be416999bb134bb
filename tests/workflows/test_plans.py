"""Every example, played in virtual time: what would happen when is in `plans/`, line for line.

With UPDATE_PLANS=1 the files are written anew: then read the difference.
"""

import os
import re
from pathlib import Path

import pytest

from tests.program import ROOT, lrwf

EXAMPLES = ROOT / "workflows"
PLANS = Path(__file__).with_name("plans")

PURCHASE = ("item=a lamp", "price=19.90", "folder=bought")
PLAYED = {
    "approval": (*PURCHASE, "--scenario", "approval/scenario.yaml"),
    "approval-unanswered": PURCHASE,
    "backup": (f"folder={EXAMPLES}", "destination=kept"),
    "flaky": ("--scenario", "flaky/scenario.yaml"),
    "quickstart": (),
    "review": ("text=Short and clear.",),
    "training": ("destination=shipped", "--scenario", "training/scenario.yaml"),
    "training-stopped": ("destination=shipped", "--scenario", "training/nobody.yaml"),
}
"""The examples (up to the `-`) with what each is given."""


def arguments(words: tuple[str, ...]) -> list[str]:
    if "--scenario" in words:
        *inputs, option, scenario = words
        return [*arguments(tuple(inputs)), option, str(EXAMPLES / scenario)]
    return [part for word in words for part in ("--input", word)]


def filtered(plan: str) -> str:
    """Return a plan without the values in it: how much of one is shown hangs on how long the paths in it are."""
    return re.sub(r"\{.*?(?=( to [\w, ]+)?(; sets \w+)?$)", "{...}", plan, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", PLAYED)
def test_its_plan_is_as_written(name: str, tmp_path: Path) -> None:
    """Virtual time: three days of an example take less than a second, and go the same way each time."""
    flow = EXAMPLES / name.partition("-")[0] / "flow.yaml"
    played = lrwf("simulate", str(flow), *arguments(PLAYED[name]), home=tmp_path)
    assert played.returncode == 0, played.stderr
    plan = filtered(played.stdout)
    golden = PLANS / f"{name}.txt"
    if os.environ.get("UPDATE_PLANS"):
        golden.write_text(plan, encoding="utf-8")
    assert plan == golden.read_text(encoding="utf-8")
    assert not (tmp_path / ".local").exists()


def test_every_example_has_a_plan() -> None:
    """An example that nobody plays is one that nobody knows to work."""
    examples = {path.parent.name for path in EXAMPLES.glob("*/flow.yaml")}
    assert {name.partition("-")[0] for name in PLAYED} == examples
