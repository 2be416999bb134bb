"""Support: a folder with a flow and its code, and a state directory, put together as the command line does it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from lrwf_cli.clock import SystemClock
from lrwf_cli.core.run import Run
from lrwf_cli.local.begin import begin, new_run_id
from lrwf_cli.local.drive import engine
from lrwf_cli.local.prepare import prepare
from lrwf_cli.store.files import FileStore


class Desk:
    """What one author works at."""

    def __init__(self, folder: Path, store: FileStore) -> None:
        self.folder = folder
        self.store = store

    def write(self, **files: str) -> None:
        """Write files; `tasks_py="..."` is tasks.py."""
        for name, text in files.items():
            path = self.folder / name.replace("_py", ".py").replace("_yaml", ".yaml")
            path.parent.mkdir(exist_ok=True)
            path.write_text(dedent(text).lstrip())

    def run(self, *assignments: str, flow: str = "flow.yaml", run_id: str | None = None) -> Run:
        """Begin a run and drive it as far as it goes."""
        prepared = prepare(str(self.folder / flow))
        chosen = run_id or new_run_id(prepared.name)
        held, assembly = begin(self.store, prepared, chosen, prepared.input_from(assignments), SystemClock())
        return asyncio.run(engine(self.store, jobs=4).begin(held, assembly))

    def leave(self, *assignments: str, run_id: str = "left") -> None:
        """Begin a run and leave it to a tick."""
        prepared = prepare(str(self.folder / "flow.yaml"))
        held, _ = begin(self.store, prepared, run_id, prepared.input_from(assignments), SystemClock())
        held.release()

    def advance(self, run_id: str) -> Run:
        """What a tick does with one run, in a process that knows only the state directory."""
        return asyncio.run(engine(self.store, jobs=4).advance(run_id))

    def outputs(self, run: Run) -> list[Any]:
        """The bare outputs."""
        from lrwf_cli.core.view import summary_view

        outputs: list[Any] = summary_view(run, lambda value: self.store.resolve(run.id, value))["outputs"]
        return outputs


@pytest.fixture
def make_desk(tmp_path: Path) -> Callable[[str], Desk]:
    """Desks that share one state directory."""
    store = FileStore.open(tmp_path / "state", create=True)

    def make(name: str) -> Desk:
        folder = tmp_path / name
        folder.mkdir()
        return Desk(folder, store)

    return make


@pytest.fixture
def desk(make_desk: Callable[[str], Desk]) -> Desk:
    """One desk."""
    return make_desk("flow")
