"""`workflows/backup`, through the console script: what it packs, what it keeps, and that no kill harms it."""

import json
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.program import ROOT, lrwf
from tests.workflows.killed import lrwf_killed

FLOW = ROOT / "workflows" / "backup" / "flow.yaml"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "deep").mkdir(parents=True)
    (data / "empty").mkdir()
    (data / "deep" / "large.bin").write_bytes(bytes(range(256)) * 1000)
    (data / "empty.txt").touch()
    (data / "odd name\n.txt").write_text("odd", encoding="utf-8")
    (data / "link").symlink_to("deep/large.bin")
    return data


def arguments(destination: str = "kept", *more: str) -> list[str]:
    inputs = ["folder=data", f"destination={destination}", *more]
    return ["run", str(FLOW), "--id", "mine", "--json", *(word for each in inputs for word in ("--input", each))]


def assert_one_good_archive(home: Path) -> None:
    """Check that there is one archive with its checksum and nothing else, and that `tar` gives the data back."""
    kept = home / "kept"
    archive, checksum = sorted(kept.iterdir())
    assert (archive.suffix, checksum.name) == (".gz", f"{archive.name}.sha256")
    subprocess.run(["sha256sum", "--check", "--quiet", checksum.name], cwd=kept, check=True)
    unpacked = home / "unpacked"
    unpacked.mkdir()
    subprocess.run(["tar", "-xzf", archive, "-C", unpacked], check=True)
    subprocess.run(["diff", "--recursive", "--no-dereference", home / "data", unpacked], check=True)


def test_what_it_packs_can_be_unpacked_by_others(tmp_path: Path, data: Path) -> None:
    """The archive holds the folder as `tar` and `diff` see it, and its checksum is `sha256sum`'s."""
    status = json.loads(lrwf(*arguments(), home=tmp_path).stdout)
    assert status["status"] == "completed"
    (output,) = status["outputs"]
    assert (output["files"], output["kept"]) == (3, 1)
    assert Path(output["archive"]).is_file()
    assert_one_good_archive(tmp_path)


def test_it_keeps_as_many_as_it_is_told(tmp_path: Path, data: Path) -> None:
    """The oldest archives of this folder go, each with its checksum; files of other names stay."""
    kept = tmp_path / "kept"
    kept.mkdir()
    for day in (1, 2, 3):
        (kept / f"data-2020010{day}T000000Z-00000000.tar.gz").touch()
        (kept / f"data-2020010{day}T000000Z-00000000.tar.gz.sha256").touch()
    (kept / "data-old-20200101T000000Z-00000000.tar.gz").touch()
    (output,) = json.loads(lrwf(*arguments("kept", "keep=2"), home=tmp_path).stdout)["outputs"]
    new = Path(output["archive"]).name
    old = "data-20200103T000000Z-00000000.tar.gz"
    assert output["kept"] == 2
    assert {path.name for path in kept.iterdir()} == {
        *(old, f"{old}.sha256", new, f"{new}.sha256"),
        "data-old-20200101T000000Z-00000000.tar.gz",
    }


def test_a_destination_in_the_folder_itself_is_refused(tmp_path: Path, data: Path) -> None:
    """An archive never holds itself: the run fails in words, and nothing is written."""
    done = lrwf(*arguments("data/kept"), home=tmp_path)
    assert done.returncode == 1
    assert "lies in the folder itself" in done.stderr
    assert not (data / "kept").exists()


def test_an_archive_that_is_not_what_was_packed_fails_the_run(tmp_path: Path, data: Path) -> None:
    """Verifying reads what is on the disk, not what was meant to be there; conformance 51: one can go back to it."""
    (output,) = json.loads(lrwf(*arguments(), home=tmp_path).stdout)["outputs"]
    subprocess.run(["tar", "-czf", output["archive"], "-C", data, "empty.txt"], check=True)
    done = lrwf("rewind", "mine", "--to", "5", home=tmp_path)
    assert done.returncode == 1
    assert "does not hold what was packed: deep/large.bin, odd name" in done.stderr


def test_a_kill_before_any_file_operation_does_no_harm(tmp_path: Path, data: Path) -> None:
    """Conformance 42: killed at any instant, the run ends with the same outputs; a tick is all it takes."""
    kept = tmp_path / "kept"
    deaths = 0
    while lrwf_killed(arguments(), home=tmp_path, below=kept, before=deaths + 1) == -signal.SIGKILL:
        deaths += 1
        assert lrwf_killed(["tick"], home=tmp_path, below=kept) == 0
        assert_one_good_archive(tmp_path)
        for made in (kept, tmp_path / "unpacked", tmp_path / ".local"):
            shutil.rmtree(made)
    assert deaths > 8
    assert (tmp_path / "printed").read_text(encoding="utf-8").count("mine  completed") == deaths
