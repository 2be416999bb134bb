"""The README and the documents: what they show is what happens. How a block is played is in `transcripts`."""

import json
import re
from pathlib import Path

import pytest

from tests.docs.transcripts import command_under, matches, play
from tests.program import ROOT, lrwf

README = ROOT / "README.md"
DOCUMENTS = (README, ROOT / "workflows" / "README.md", *sorted((ROOT / "docs").glob("*.md")))
PLAYED = [document for document in DOCUMENTS if document.name != "performance.md"]  # its command takes minutes
MARKS = {"writing-executors.md": [pytest.mark.not_twice("it shows what stands between two awaits")]}


@pytest.mark.parametrize(
    "document",
    [pytest.param(each, id=str(each.relative_to(ROOT)), marks=MARKS.get(each.name, [])) for each in PLAYED],
)
def test_its_transcripts_are_what_happens(document: Path, tmp_path: Path) -> None:
    """Every console block prints what it says it prints, in a fresh home, one block after the other."""
    for step, printed in play(document, tmp_path):
        place = f"{document.relative_to(ROOT)}:{step.line}"
        assert matches(step.expected, printed), f"{place}: $ {step.command}\n{printed}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_its_links_lead_somewhere(document: Path) -> None:
    """A relative link names a file that is there, and a heading in it if it says so."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, heading = target.partition("#")
        linked = (document.parent / path) if path else document
        assert linked.exists(), target
        if heading:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings], target


def test_the_readme_has_both_commands_for_a_fresh_machine() -> None:
    """Each is one line that makes an environment, installs, and runs the quickstart or the tests."""
    quickstart = command_under(README, "the quickstart command").split(" && ")
    tests = command_under(README, "the test command").split(" && ")
    assert quickstart[0] == tests[0] == "python3 -m venv .venv"
    assert quickstart[1:] == [".venv/bin/pip install -q .", ".venv/bin/lrwf run workflows/quickstart/flow.yaml"]
    assert tests[1:] == [".venv/bin/pip install -q -e '.[test]'", ".venv/bin/python -m pytest -q -n 2"]


def test_the_quickstart_command_runs_to_its_end(tmp_path: Path) -> None:
    """The last part of the README's first command, in this environment instead of a fresh one."""
    command = command_under(README, "the quickstart command").rpartition(".venv/bin/lrwf ")[2]
    (tmp_path / "workflows").symlink_to(ROOT / "workflows")
    done = lrwf(*command.split(), home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["texts"] == 5


def test_the_readme_is_short() -> None:
    """A README is read to its end or not at all: 150 lines at most."""
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150
