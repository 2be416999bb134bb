"""A place for thousands of small folders."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Path]:
    """An empty folder, in memory where that is possible: what is durable is worked out and not put to the test."""
    if not MEMORY.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="lrwf-crash-", dir=MEMORY))
    yield folder
    shutil.rmtree(folder)
