from pathlib import Path

import pytest

from lrwf_cli.store.base import Store
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.memory import MemoryStore


@pytest.fixture(params=["memory", "files"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each test runs against both stores: the engine must not know them apart."""
    if request.param == "memory":
        return MemoryStore()
    return FileStore.open(tmp_path / "state", create=True)
