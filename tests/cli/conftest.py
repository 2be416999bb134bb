"""What tests of the command line start with: a folder of flows to stand in, and `lrwf` as a call."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from lrwf_cli.__main__ import main

FLOWS = Path(__file__).parent / "flows"


class Said(NamedTuple):
    """What a command did: its exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What is on stdout, which must be one JSON value in ASCII."""
        assert self.out.isascii()
        return msgspec.json.decode(self.out)


Lrwf = Callable[..., Said]


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
