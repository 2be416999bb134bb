"""`run` and what it leaves to others; `wait`; `logs -f`; steering a run that another process drives."""

import os
import signal
import subprocess
from pathlib import Path

import msgspec
import pytest

from lrwf_cli.store.files import FileStore
from tests.cli.processes import PROGRAM, begun, eventually, surroundings
from tests.cli.said import Lrwf


def view(lrwf: Lrwf, run_id: str) -> dict[str, object]:
    found = lrwf("status", run_id, "--json").json
    assert isinstance(found, dict)
    return found


def test_a_run_prints_the_object_that_status_prints(lrwf: Lrwf) -> None:
    """Design 8: `run --json` prints the same object as `status --json`."""
    said = lrwf("run", "greet.yaml", "--id", "x", "--json")
    assert said == (0, lrwf("status", "x", "--json").out, "")
    assert said.json["outputs"] == ["HELLO WORLD"]


def test_the_object_has_what_the_design_says(lrwf: Lrwf) -> None:
    """Design 8: the keys of `status --json`, and of an element of `list --json`."""
    lrwf("run", "later.yaml", "--id", "later", "-q")
    summary = {
        *("run_id", "workflow", "status", "started_at", "updated_at", "finished_at", "iteration", "seq"),
        *("waiting_on", "outputs", "error"),
    }
    found = view(lrwf, "later")
    assert summary | {"executors", "requests", "background"} <= found.keys()
    assert lrwf("list", "--json").json[0].keys() == summary
    (waiting,) = msgspec.convert(found["waiting_on"], list[dict[str, object]])
    assert waiting.keys() == {"kind", "executor", "id", "due_at", "detail"}
    assert (waiting["kind"], waiting["executor"]) == ("retry", "call")
    assert str(waiting["due_at"]).endswith("Z")


def test_a_dry_run_writes_nothing(lrwf: Lrwf) -> None:
    """Design 8: `--dry-run` checks the flow and its input, and begins nothing."""
    assert lrwf("run", "greet.yaml", "--dry-run").code == 0
    assert lrwf("run", "greet.yaml", "--dry-run", "--input", "times=x").code == 2
    assert not Path(os.environ["LRWF_STATE_DIR"]).exists()


def test_ids_are_made_of_the_name(lrwf: Lrwf) -> None:
    """Design 9: without `--id`, a run is called `<name>-<4 letters or digits>`."""
    (run_id,) = {lrwf("run", "greet.yaml", "--json").json["run_id"]}
    name, _, suffix = run_id.rpartition("-")
    assert (name, len(suffix)) == ("greet", 4)


def test_an_id_is_an_idempotency_key_on_the_input_after_defaults(lrwf: Lrwf) -> None:
    """Design 9: the same input counts after defaults, whatever the order and the way in which it is given."""
    assert lrwf("run", "greet.yaml", "--id", "x").code == 0
    again = lrwf("run", "greet.yaml", "--id", "x", "--input", "times=1", "--input", "who=world", "--json")
    assert (again.code, again.json["run_id"]) == (0, "x")
    assert len(lrwf("history", "x", "--json").json) == 7
    assert lrwf("run", "fail.yaml", "--id", "bad").code == 1
    assert lrwf("run", "fail.yaml", "--id", "bad").code == 1
    assert lrwf("history", "bad").out.count("fail began") == 1


@pytest.mark.slow
def test_two_processes_with_one_id_get_one_run(lrwf: Lrwf) -> None:
    """Design 8: `--id` is an idempotency key, also for those that ask at the same moment."""
    with (
        begun("run", "greet.yaml", "-q", "--id", "x") as one,
        begun("run", "greet.yaml", "-q", "--id", "x") as other,
    ):
        assert {one.wait(), other.wait()} == {0}
    assert lrwf("history", "x").out.count("greet began") == 1


def test_input_from_standard_input(lrwf: Lrwf) -> None:
    """Design 8: `--input-file -` reads a JSON or YAML object from stdin."""
    for text, out in (('{"who": "json"}', '"HELLO JSON"\n'), ("who: yaml\n", '"HELLO YAML"\n')):
        done = subprocess.run(
            [PROGRAM, "run", "greet.yaml", "-q", "--input-file", "-"],
            env=surroundings(),
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == out


def test_input_that_is_no_object(lrwf: Lrwf, flows: Path) -> None:
    """Design 8: exit 2, one message with its place, and nothing is written."""
    for content in (b"[1, 2]", b"who: [", b"\xff\xfe", b"", b"who: a\nwho: b\n"):
        (flows / "input").write_bytes(content)
        said = lrwf("run", "greet.yaml", "--input-file", "input")
        assert said.code == 2, content
        assert said.err.startswith("error: input"), content
    assert not Path(os.environ["LRWF_STATE_DIR"]).exists()


@pytest.mark.slow
def test_a_detached_run_goes_on_by_itself(lrwf: Lrwf) -> None:
    """Design 9: `--detach` writes the run and its timer, starts a tick in the background and returns."""
    said = lrwf("run", "greet.yaml", "--detach")
    run_id = said.out.strip()
    assert (said.code, said.err) == (0, "")
    assert lrwf("wait", run_id, "--timeout", "1m") == (0, f"{run_id}  completed\n", "")


@pytest.mark.slow
def test_waiting_for_runs_that_others_drive(lrwf: Lrwf, flows: Path) -> None:
    """Design 8: `wait` looks until all have finished; its exit code is that of the worst."""
    with begun("run", "hold.yaml", "--id", "held", "--input", "folder=.", "-q") as process:
        eventually(lambda: any(flows.glob("at-work-*")))
        with begun("wait", "held") as waiting:
            assert waiting.poll() is None
            (flows / "go").touch()
            assert waiting.wait() == 0
            assert waiting.communicate()[0] == "held  completed\n"
        assert process.wait() == 0
    lrwf("run", "fail.yaml", "-q", "--id", "bad")
    assert lrwf("wait", "held", "bad", "held").out == "held  completed\nbad  failed\n"
    assert lrwf("wait", "held", "bad").code == 1


def test_a_blocked_run_is_not_waited_for(lrwf: Lrwf) -> None:
    """Design 8: 4 for what goes on only with a person's help."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    for kept in Path(os.environ["LRWF_STATE_DIR"], "code").rglob("tasks.py"):
        kept.unlink()
    lrwf("rewind", "later", "--to", "1", "--no-advance")
    assert lrwf("tick").code == 1
    assert lrwf("wait", "later") == (4, "later  blocked\n", "")
    assert lrwf("run", "later.yaml", "--id", "later", "--wait").code == 4


def test_staying_with_a_run_that_exists(lrwf: Lrwf) -> None:
    """Design 8: `--id` with `--wait` drives the run that exists to its end."""
    lrwf("run", "soon.yaml", "-q", "--id", "soon")
    assert lrwf("run", "soon.yaml", "-q", "--id", "soon", "--wait") == (0, '"connected"\n', "")


@pytest.mark.slow
def test_a_run_at_work_is_paused_by_mail(lrwf: Lrwf, flows: Path) -> None:
    """Design 1: one process drives; everybody else may leave mail, which it takes up."""
    with begun("run", "hold.yaml", "--id", "held", "--input", "folder=.", "-q") as process:
        eventually(lambda: any(flows.glob("at-work-*")))
        assert view(lrwf, "held")["driven"] is True
        said = lrwf("pause", "held")
        assert (said.code, said.err) == (0, "held is at work; the process that drives it will pause it\n")
        eventually(lambda: view(lrwf, "held")["status"] == "paused")
        assert lrwf("retry", "held").code == 6
        (flows / "go").touch()
        assert process.wait() == 0
    assert view(lrwf, "held")["driven"] is False
    assert lrwf("resume", "held").code == 0
    assert view(lrwf, "held")["outputs"] == ["gone"]


@pytest.mark.slow
def test_following_the_log_ends_with_the_run(lrwf: Lrwf, flows: Path) -> None:
    """Design 8: `logs -f` shows lines as they come, and ends when the run has finished."""
    tasks = flows / "tasks.py"
    tasks.write_text(
        tasks.read_text().replace(
            "    while not await _is_there", '    print("holding")\n    while not await _is_there'
        )
    )
    with begun("run", "hold.yaml", "--id", "held", "--input", "folder=.", "-q") as process:
        eventually(lambda: any(flows.glob("at-work-*")))
        with begun("logs", "held", "-f") as following:
            assert following.stdout
            assert following.stdout.readline() == "holding\n"
            (flows / "go").touch()
            assert following.wait() == 0
        assert process.wait() == 0


def test_a_long_log_is_shown_whole(lrwf: Lrwf) -> None:
    """Design 8: `logs` shows all that was printed, however much it is and whether or not its last line ended."""
    lrwf("run", "chat.yaml", "-q", "--id", "x", "--input", "lines=6000")
    expected = ["x" * 99, *(f"line {number} {'é' * 100}" for number in range(6000)), "and no end"]
    assert lrwf("logs", "x").out.splitlines() == expected
    assert lrwf("logs", "x", "-f").out.splitlines() == expected


def test_a_run_that_was_removed_meanwhile_is_not_listed(lrwf: Lrwf) -> None:
    """A name in the folder of runs that is none, or is on its way, is no run."""
    lrwf("run", "greet.yaml", "-q", "--id", "x")
    runs = Path(os.environ["LRWF_STATE_DIR"], "runs")
    (runs / "$(touch x)").mkdir()
    (runs / ".new-y").mkdir()
    assert [run["run_id"] for run in lrwf("list", "--json").json] == ["x"]


def test_who_asked_is_kept(lrwf: Lrwf) -> None:
    """A person's command stands in the history with the person's name."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    lrwf("pause", "later", "--reason", "lunch")
    event = lrwf("history", "later", "--json").json[-1]
    assert event["type"] == "run_paused"
    assert event["text"].endswith(" paused the run: lunch")
    assert event["event"]["by"]["uid"] == os.getuid()


def test_looking_needs_no_right_to_write(lrwf: Lrwf) -> None:
    """Design 5: a reader without the lock sees a whole state, and leaves no trace."""
    lrwf("run", "later.yaml", "-q", "--id", "later")
    state = Path(os.environ["LRWF_STATE_DIR"])
    before = {path: path.stat().st_mtime_ns for path in state.rglob("*")}
    for command in (("list",), ("status", "later"), ("history", "later"), ("checkpoints", "later"), ("logs", "later")):
        assert lrwf(*command).code == 0
    assert {path: path.stat().st_mtime_ns for path in state.rglob("*")} == before


def test_a_run_in_other_hands_says_who_goes_on(lrwf: Lrwf) -> None:
    """`status` says whether somebody is at work, and else what it takes."""
    lrwf("run", "greet.yaml", "-q", "--id", "x")
    lrwf("rewind", "x", "--to", "1", "--no-advance")
    assert "next        lrwf tick goes on with it\n" in lrwf("status", "x").out
    held = FileStore.open(os.environ["LRWF_STATE_DIR"]).hold("x")
    try:
        assert "next        a process drives it now\n" in lrwf("status", "x").out
    finally:
        held.release()


@pytest.mark.slow
def test_a_second_ctrl_c_ends_it_at_once(lrwf: Lrwf, flows: Path) -> None:
    """Conformance 57: no traceback however often one presses it, and the run goes on."""
    with begun("run", "hold.yaml", "--id", "held", "--input", "folder=.", "-q") as process:
        eventually(lambda: any(flows.glob("at-work-*")))
        for _ in range(3):
            process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in err
    (flows / "go").touch()
    assert lrwf("tick") == (0, "held  completed\n", "")
