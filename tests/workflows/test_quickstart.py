"""`workflows/quickstart`, through the console script, against what the shell counts."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.program import ROOT, lrwf

FLOW = ROOT / "workflows" / "quickstart" / "flow.yaml"
TEXTS = FLOW.parent / "texts"


def shell(command: str, folder: Path) -> str:
    done = subprocess.run(
        ["sh", "-c", command], cwd=folder, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"}, capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def counted_by_the_shell(folder: Path) -> dict[str, Any]:
    each_word = "cat ./*.txt | tr -cs A-Za-z '\\n' | tr A-Z a-z | grep . | sort | uniq -c"
    commonest = shell(f"{each_word} | sort -k1,1nr -k2 | head -5", folder)
    return {
        "texts": int(shell("ls ./*.txt | wc -l", folder)),
        "words": int(shell("cat ./*.txt | wc -w", folder)),
        "lines": int(shell("cat ./*.txt | wc -l", folder)),
        "distinct": int(shell(f"{each_word} | wc -l", folder)),
        "commonest": {word: int(count) for count, word in map(str.split, commonest.splitlines())},
    }


def run(home: Path, *arguments: str) -> Any:
    done = lrwf("run", str(FLOW), "--json", *arguments, home=home)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_its_counts_are_those_of_the_shell(tmp_path: Path) -> None:
    """The map-reduce over its own texts gives what `wc` and `sort | uniq -c` give."""
    status = run(tmp_path)
    assert status["status"] == "completed"
    assert status["outputs"] == [counted_by_the_shell(TEXTS)]


def test_every_text_goes_to_every_counter_and_is_joined_once(tmp_path: Path) -> None:
    """Conformance 14, 15: fan-out reaches all targets; the fan-in fires once per text, first with first."""
    status = run(tmp_path)
    handled = {executor["id"]: executor["completed"] for executor in status["executors"]}
    texts = len(list(TEXTS.glob("*.txt")))
    assert handled.pop("list_texts") == 1
    assert handled == dict.fromkeys(["words", "lines", "vocabulary", "one_text", "all_texts"], texts)


def test_it_counts_another_folder(tmp_path: Path) -> None:
    """A folder given as input is counted instead, and a relative one is meant as seen from where the run began."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(12):
        (folder / f"{number}.txt").write_text("one Two,\n" * number, encoding="utf-8")
    (folder / "last.txt").write_text("no newline\n\n at the end", encoding="utf-8")
    (folder / "not-a-text.md").write_text("five words that do not count", encoding="utf-8")
    status = run(tmp_path, "--input", "folder=mine")
    assert status["outputs"] == [counted_by_the_shell(folder)]


def test_a_folder_without_texts_fails_the_run_in_words(tmp_path: Path) -> None:
    """A run that cannot do its work says why, and exits 1."""
    (tmp_path / "empty").mkdir()
    done = lrwf("run", str(FLOW), "--input", "folder=empty", home=tmp_path)
    assert done.returncode == 1
    assert "no *.txt in" in done.stderr
    assert "Traceback" not in done.stderr
