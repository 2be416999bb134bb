"""`status` in words: what is rarely to be seen is shown too, and never too much of it."""

import os
from datetime import timedelta
from pathlib import Path

from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import portrait
from lrwf_cli.core.run import Dropped, Failure, Run
from lrwf_cli.store.files import FileStore
from tests.cli.said import Lrwf


def portrayed(lrwf: Lrwf, **more: object) -> str:
    """Return the portrait of a run that waits, after `more` of it was changed."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    run = FileStore.open(os.environ["LRWF_STATE_DIR"]).load("later")
    for name, value in more.items():
        setattr(run, name, value)
    return "\n".join(portrait(Session(lambda: os.environ["LRWF_STATE_DIR"]), run))


def test_what_no_edge_took(lrwf: Lrwf) -> None:
    """Conformance 8: a message that no edge takes is shown by `status`; of very many, the first."""
    text = portrayed(lrwf, dropped=[Dropped("call", 1, {"n": n}) for n in range(100)])
    assert '  dropped     call sent {"n": 0}, which no edge takes\n' in text
    assert text.count("no edge takes") == 20


def test_writes_that_met(lrwf: Lrwf) -> None:
    """Design 4: a `set` of a key that changed since it was read is shown."""
    assert "  conflicts   total, written 3x after another had\n" in portrayed(lrwf, conflicts={"total": 3})


def test_a_long_error_is_cut_and_has_its_hint(lrwf: Lrwf) -> None:
    """An error of a thousand lines leaves room for the rest; `--json` has all of it."""
    error = Failure("ValueError", "\n".join(map(str, range(1000))), "call", hint="look\x1b")
    text = portrayed(lrwf, error=error, status="failed")
    assert "  error       ValueError, in call\n              0\n" in text
    assert "\n              999" not in text
    assert "hint: look\\x1b" in text


def test_of_many_things_the_first_are_shown(lrwf: Lrwf) -> None:
    """A run that waits for hundreds of things, or yields thousands, is still a page."""
    lrwf("run", "loop.yaml", "-q", "--id", "loop")
    run = FileStore.open(os.environ["LRWF_STATE_DIR"]).load("loop")
    outputs = portrayed(lrwf, id="loop", outputs=run.outputs * 50)
    assert "and 30 more" in outputs
    (waiting,) = _waiting()
    text = portrayed(lrwf, waiting={str(n): waiting for n in range(25)})
    assert "and 5 more" in text


def _waiting() -> list[object]:
    return list(FileStore.open(os.environ["LRWF_STATE_DIR"]).load("later").waiting.values())


def test_a_large_output_is_cut(lrwf: Lrwf) -> None:
    """A value of megabytes is a line; the whole of it is in `--json`."""
    lrwf("run", "greet.yaml", "-q", "--id", "x", "--input", f"who={'x' * 100_000}")
    assert max(map(len, lrwf("status", "x").out.splitlines())) < 500
    assert lrwf("status", "x", "--json").json["outputs"] == ["HELLO " + "X" * 100_000]
    assert "output a value of 100008 bytes" in lrwf("history", "x").out


def test_next_steps_know_what_the_error_says(lrwf: Lrwf) -> None:
    """Advice is given once: an error that names its own remedy is not contradicted."""
    said = lrwf("run", "loop.yaml", "-q", "--id", "loop", "--input", "limit=9")
    assert "lrwf retry loop --max-iterations 10" in said.err
    assert said.err.count("lrwf retry") == 1


def test_a_state_directory_that_is_a_file(lrwf: Lrwf, tmp_path: Path) -> None:
    """Design 8: what is no state directory is 7, for every command, and stays as it is."""
    place = tmp_path / "state"
    place.write_text("mine")
    for command in (("list",), ("tick",), ("status", "x"), ("run", "greet.yaml")):
        said = lrwf(*command, "--state-dir", str(place))
        assert (said.code, said.out) == (7, ""), command
        assert str(place) in said.err
    assert place.read_text() == "mine"


def test_time_that_went_by_shows(lrwf: Lrwf) -> None:
    """What was due and was not taken up says since when."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    run = FileStore.open(os.environ["LRWF_STATE_DIR"]).load("later")
    run.updated_at -= timedelta(days=2)
    assert isinstance(run, Run)
    session = Session(lambda: os.environ["LRWF_STATE_DIR"])
    assert any("updated" in line and "2d" in line for line in portrait(session, run))


def test_news_that_could_not_be_told_are_shown(lrwf: Lrwf, flows: Path) -> None:
    """A `notify` command that fails fails no run; `status` says so, and `logs` has what it printed."""
    (flows / "deaf.yaml").write_text(
        "name: deaf\nexecutors: {a: {run: 'echo hello'}}\nnotify: {completed: 'echo deaf >&2; exit 1'}\n"
    )
    assert lrwf("run", "deaf.yaml", "-q", "--id", "deaf").code == 0
    text = lrwf("status", "deaf").out
    assert "  not told    completed: tried 1x, again 20" in text
    assert "              lrwf logs deaf notify.completed\n" in text
    assert "notify.completed | deaf\n" in lrwf("logs", "deaf").out
    assert lrwf("logs", "deaf", "notify.completed").out.startswith("deaf\n")
    assert [each["executor"] for each in lrwf("logs", "deaf", "--json").json] == ["a", "notify.completed"]
