"""`cancel`: a run ends, whoever drives it or nobody; and what a person lets go on from its top."""

from pathlib import Path

import pytest

from lrwf_cli.core import commands as c
from lrwf_cli.core.run import Failure
from tests.cli.processes import begun, eventually
from tests.cli.questions import asking, commit, held_run, store
from tests.cli.said import Lrwf


def status(lrwf: Lrwf, run_id: str) -> str:
    return str(lrwf("status", run_id, "--json").json["status"])


def test_a_run_that_nobody_drives_ends_at_once(lrwf: Lrwf) -> None:
    """Design 8: 0, accepted; with the reason; `wait` and `--exit-status` say 5."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    said = lrwf("cancel", "later", "--reason", "the line\x1b is dead")
    assert (said.code, said.out) == (0, "later  cancelled\n")
    assert "cancelled the run: the line\\x1b is dead" in said.err
    assert lrwf("wait", "later").code == 5
    assert lrwf("run", "later.yaml", "--id", "later", "--exit-status").code == 5
    assert store().due(store().load("later").updated_at) == []


def test_a_run_that_has_ended_is_not_cancelled(lrwf: Lrwf) -> None:
    """Exit code 6, and nothing changes; the others that were named are cancelled all the same."""
    lrwf("run", "greet.yaml", "-q", "--id", "done")
    lrwf("run", "later.yaml", "-q", "--id", "later")
    before = store().load("done")
    said = lrwf("cancel", "done", "later", "--json")
    assert said.code == 6
    assert "run `done` is completed and cannot be cancelled" in said.err
    assert [each["status"] for each in said.json] == ["completed", "cancelled"]
    assert store().load("done") == before
    assert lrwf("cancel", "later").code == 6


def test_one_unknown_run_cancels_none(lrwf: Lrwf) -> None:
    """Exit code 3 before anything is done: a misspelt id is no reason to end the others."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    said = lrwf("cancel", "later", "gone")
    assert (said.code, said.out) == (3, "")
    assert status(lrwf, "later") == "waiting"


@pytest.mark.parametrize("grace", ["-1s", "soon", "2", "25h"])
def test_a_grace_is_a_duration_of_a_day_at_most(lrwf: Lrwf, grace: str) -> None:
    """Exit code 2, and nothing is cancelled; a grace that is too long is not left out in silence."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    assert lrwf("cancel", "later", f"--grace={grace}").code == 2
    assert status(lrwf, "later") == "waiting"


def test_a_paused_run_and_one_that_waits_for_people_are_cancelled(lrwf: Lrwf) -> None:
    """Whatever a run waits for, it ends; what it asked is frozen."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    lrwf("pause", "later")
    asking("asks", {"choices": ("ship", "stop")})
    assert lrwf("cancel", "later", "asks").out == "later  cancelled\nasks  cancelled\n"
    assert lrwf("status", "asks", "--json").json["requests"][0]["status"] == "frozen"


@pytest.mark.slow
def test_a_handler_at_work_hears_of_it(lrwf: Lrwf, flows: Path) -> None:
    """Design 4: the process that drives the run cancels what is at work, at its next await; nothing of it counts."""
    with begun("run", "hold.yaml", "--id", "held", "--input", "folder=.") as process:
        eventually(lambda: any(flows.glob("at-work-*")))
        said = lrwf("cancel", "held", "--grace", "1s")
        assert said.code == 0
        assert "the process that drives it will cancel it" in said.err
        process.communicate()
        assert process.returncode == 0
    assert status(lrwf, "held") == "cancelled"
    found = lrwf("status", "held", "--json").json
    assert found["outputs"] == []
    assert "frozen" in {each["state"] for each in found["executors"]}  # nothing of a run that has ended is `ready`


def test_a_run_whose_code_is_gone_is_cancelled(lrwf: Lrwf, flows: Path) -> None:
    """Conformance 59: what cannot be driven can be ended."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    for path in sorted(Path(store().path, "code").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    said = lrwf("cancel", "later")
    assert (said.code, said.out) == (0, "later  cancelled\n"), said


def test_what_is_stuck_begins_again_from_its_top(lrwf: Lrwf) -> None:
    """Design 6: `resume --restart-handler` is for what cannot go on from where it was; what it kept is dropped."""
    run = asking("r", {"choices": ("ship", "stop")})
    held = held_run("r")
    from lrwf_cli.core.suspended import Answer

    commit(held, c.Respond("approve", Answer(run.updated_at, "ship")), c.Advance(1), c.Advance(1))
    (delivery,) = held.run.started
    commit(held, c.Block(Failure("ReplayDiverged", "it came another way", "approve"), delivery))
    held.wake_at(None)
    held.release()
    assert "the run is blocked at approve: ReplayDiverged: it came another way" in lrwf("history", "r").out
    assert "lrwf resume r --restart-handler\n" in lrwf("status", "r").out
    assert lrwf("resume", "r", "--restart-handler", "--no-advance").code == 0
    (invocation,) = store().load("r").ready["approve"]
    assert (invocation.start, invocation.waits, invocation.stuck) == (2, (), False)
    assert "what was stuck from its top" in lrwf("history", "r").out
