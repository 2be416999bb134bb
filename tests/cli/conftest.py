"""What tests of the command line start with: a folder of flows to stand in, and `lrwf` as a call."""

import shutil
from pathlib import Path

import pytest

from lrwf_cli.__main__ import main
from tests.cli.said import Lrwf, Said

FLOWS = Path(__file__).parent / "flows"


@pytest.fixture
def flows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the flows of these tests, as the working directory."""
    folder = tmp_path / "flows"
    shutil.copytree(FLOWS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def lrwf(flows: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Lrwf:
    """`lrwf` as a call in this process, in the folder of flows."""
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: str) -> Said:
        capfd.readouterr()
        code = main(list(arguments))
        return Said(code, *capfd.readouterr())

    return call
