"""Where workflows that are run from Python keep their runs: the storages of the author's API."""

from functools import cached_property
from pathlib import Path

from lrwf_cli.store.base import Store

__all__ = ["FileCheckpointStorage", "InMemoryCheckpointStorage"]


class FileCheckpointStorage:
    """A whole state directory at `path`, made when it is first used; `lrwf --state-dir PATH` reads it as any other."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @cached_property
    def store(self) -> Store:
        """The store. Raises StateDirectoryError if the directory cannot be used."""
        from lrwf_cli.store.files import FileStore

        return FileStore.open(self.path, create=True)


class InMemoryCheckpointStorage:
    """Keeps runs for as long as the storage object lives. Nothing is durable; everything else is the same."""

    @cached_property
    def store(self) -> Store:
        """The store."""
        from lrwf_cli.store.memory import MemoryStore

        return MemoryStore()
