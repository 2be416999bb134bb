"""`workflows/training`, by real processes against the real job server: what the server has seen is the proof."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import eventually
from tests.program import ROOT, lrwf
from tests.workflows.serving import Server, lrwf_killed_when, serving

EXAMPLE = ROOT / "workflows" / "training"
FLOW = str(EXAMPLE / "flow.yaml")

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A job server, started with the options that the test gives as its parameter."""
    with serving(EXAMPLE / "job_server.py", tmp_path, *getattr(request, "param", ())) as server:
        yield server


def run(server: Server, flow: str = FLOW, **more: object) -> list[str]:
    """Return the command that begins the run `mine`, whose polls follow one another within a second."""
    pauses = {"first_pause": 0.2, "longest_pause": 0.4}
    inputs = {"server": server.url, "destination": "shipped", "seconds": 0, **pauses, **more}
    return ["run", flow, "--id", "mine", "--json", *(w for k, v in inputs.items() for w in ("--input", f"{k}={v}"))]


def status(home: Path) -> Any:
    return json.loads(lrwf("status", "mine", "--json", home=home).stdout)


def waits_for(home: Path) -> list[tuple[str, str]]:
    return [(each["kind"], each["executor"]) for each in status(home)["waiting_on"]]


def test_killed_again_and_again_it_has_submitted_once(tmp_path: Path, server: Server) -> None:
    """Conformance 42: `job = await submit()` has happened, however often what comes behind it is cut off.

    Seven processes, each killed in its second look at the job; the eighth comes to the person. The server has seen one
    submission, and nobody has asked for it again.
    """
    killed = 0
    while killed < 7:  # a tick that comes while nothing is due yet ends by itself
        looks = len(server.log(event="asked")) + 2
        command = ["tick"] if killed else run(server, seconds=3600)
        killed += lrwf_killed_when(partial(has_looked, server, looks), *command, home=tmp_path)
    server.post("/jobs/1/hurry")
    eventually(lambda: lrwf("tick", home=tmp_path).returncode or waits_for(tmp_path) == [("request", "approve")])
    assert len(server.log(event="submitted")) == 1
    assert not server.log(event="repeated")


def has_looked(server: Server, times: int) -> bool:
    return len(server.log(event="asked")) >= times


def test_killed_while_it_submits_it_asks_for_the_same_job(tmp_path: Path, server: Server) -> None:
    """Conformance 25: what may have happened is done again under the same key, and the server knows the key."""
    lrwf_killed_when(lambda: server.log(event="submitted"), *run(server, seconds=0.5), home=tmp_path)
    assert lrwf("tick", home=tmp_path).returncode == 0
    assert waits_for(tmp_path) == [("request", "approve")]
    keys = {line["key"] for line in server.log() if line["event"] in {"submitted", "repeated"}}
    assert (len(server.log(event="submitted")), len(keys)) == (1, 1)


@pytest.fixture
def quick(tmp_path: Path) -> str:
    """The flow, with pauses between attempts that are waited for in place."""
    shutil.copytree(EXAMPLE, tmp_path / "flow", ignore=shutil.ignore_patterns("__pycache__"))
    flow = tmp_path / "flow" / "flow.yaml"
    flow.write_text(flow.read_text(encoding="utf-8").replace("initial: 10s", "initial: 100ms"), encoding="utf-8")
    return str(flow)


@pytest.mark.parametrize("server", [("--lose", "2")], indirect=True)
def test_an_answer_that_got_lost_is_asked_for_again(tmp_path: Path, server: Server, quick: str) -> None:
    """Conformance 25: a failed attempt comes again with the same idempotency key, so that there is one job."""
    assert lrwf(*run(server, quick), home=tmp_path).returncode == 0
    assert waits_for(tmp_path) == [("request", "approve")]
    assert (len(server.log(event="submitted")), len(server.log(event="repeated"))) == (1, 2)


@pytest.mark.parametrize("server", [("--fail", "1")], indirect=True)
def test_a_job_that_fails_is_submitted_anew(tmp_path: Path, server: Server, quick: str) -> None:
    """Conformance 28: `retry_on` names the error; the next attempt submits, because a failed job is no job."""
    assert lrwf(*run(server, quick), home=tmp_path).returncode == 0
    assert waits_for(tmp_path) == [("request", "approve")]
    assert [line["job"] for line in server.log(event="submitted")] == ["1", "2"]


@pytest.mark.parametrize("server", [("--fail", "9")], indirect=True)
def test_jobs_that_always_fail_fail_the_run(tmp_path: Path, server: Server, quick: str) -> None:
    """Conformance 25: after `max_attempts` failures the run fails with the last error."""
    done = lrwf(*run(server, quick), home=tmp_path)
    assert done.returncode == 1
    assert "JobFailed: job 3: out of memory, as this server was told to be" in done.stderr


def test_what_a_person_approves_is_shipped(tmp_path: Path, server: Server) -> None:
    """The whole way: trained, evaluated, approved, shipped; what is shipped is what the server has trained."""
    assert lrwf(*run(server), home=tmp_path).returncode == 0
    (asked,) = json.loads(lrwf("requests", "--json", home=tmp_path).stdout)
    assert asked["prompt"] == "Ship the model of job 1? It foretells 86 % of what it has not seen."
    said = lrwf("respond", "mine", "approve", "ship", "--json", home=tmp_path)
    (output,) = json.loads(said.stdout)["outputs"]
    assert output["shipped"] == str(tmp_path / "shipped" / "mine.json")
    model = json.loads((tmp_path / "shipped" / "mine.json").read_text(encoding="utf-8"))
    assert model["names"] == ["temperature", "humidity", "pressure", "wind", "pressure_change"]


def test_what_a_person_stops_is_not_shipped(tmp_path: Path, server: Server) -> None:
    """Conformance 12: the switch takes the other way, and says who has said no."""
    assert lrwf(*run(server), home=tmp_path).returncode == 0
    assert lrwf("respond", "mine", "approve", "stop", "--as", "ana", home=tmp_path).returncode == 0
    after = status(tmp_path)
    assert (after["status"], after["outputs"][0]["shipped"]) == ("completed", None)
    assert not (tmp_path / "shipped").exists()


def test_a_model_that_is_not_good_enough_fails_the_run(tmp_path: Path, server: Server) -> None:
    """Conformance 28: an exit code that asks for nothing fails the run, with what the command said."""
    wrong = tmp_path / "wrong.csv"
    lines = (EXAMPLE / "data" / "weather.csv").read_text(encoding="utf-8").splitlines()
    wrong.write_text("\n".join([lines[0], *(f"{line[:-1]}{1 - int(line[-1])}" for line in lines[1:])]) + "\n")
    done = lrwf(*run(server, dataset=wrong), home=tmp_path)
    assert done.returncode == 1
    assert "80% are wanted" in done.stderr
