"""Runs of format 1 that wait for people and for time, as they were when that format was new: they go on."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from lrwf_cli.clock import ManualClock
from lrwf_cli.core.apply import fold
from lrwf_cli.core.outside import expected
from lrwf_cli.core.view import status_view
from lrwf_cli.store.files import FileStore
from tests.crash.trees import look_at
from tests.golden.make import ADA
from tests.golden.make_asking import GOLDEN, RECIPE, go_on, respond

STATUSES = {"answered": "waiting", "asked": "waiting", "ending": "running", "heating": "waiting", "sold": "waiting"}
WAITS = {
    "answered": [("request", "bake", "Which recipe?")],
    "asked": [("request", "bake", "Which recipe?")],
    "heating": [("poll", "oven", "poll 3, last heating"), ("request", "bake.2", "Is that enough?")],
    "sold": [("request", "approve", "Sell 220 degrees?")],
}
ENOUGH, BAKED = "2: it is", {"flour": "rye", "grams": 500, "by": "2026-01-02"}


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """Return a copy with what git does not keep: empty folders, and that nobody else may look at it."""
    copy = tmp_path / "state"
    shutil.copytree(GOLDEN, copy)
    for run in (copy / "runs").iterdir():
        for folder in ("blobs", "checkpoints", "log"):
            (run / folder).mkdir(exist_ok=True)
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)
    return FileStore.open(str(copy), create=True)


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands at five hours after all of it began."""
    clock = ManualClock()
    clock.jump(timedelta(hours=5))
    return clock


def view(store: FileStore, run_id: str) -> dict[str, object]:
    return status_view(store.load(run_id), lambda value: store.resolve(run_id, value))


def waits(store: FileStore, run_id: str) -> list[tuple[object, ...]]:
    found = expected(store.load(run_id))
    return [(each.kind, each.id if each.request else each.executor, each.detail) for each in found]


def test_what_waits_is_read_as_it_was_written(store: FileStore) -> None:
    """Conformance 45, I1, I5, I6: questions, answers, polls and a verdict that stands, with checkpoints or without."""
    before = look_at(Path(store.path))
    runs = {run_id: store.load(run_id) for run_id in store.run_ids()}
    assert {run_id: run.status for run_id, run in runs.items()} == STATUSES
    assert {run_id: waits(store, run_id) for run_id in WAITS} == WAITS
    assert store.answered("answered", "bake", 0) is not None
    assert runs["answered"].requests["bake"].answer is None
    assert runs["sold"].requests["bake.2"].answer.by == ADA  # type: ignore[union-attr]  # it is answered
    assert runs["ending"].ending is not None
    for run_id, run in runs.items():
        assert fold(None, store.frames(run_id)) == run
    assert look_at(Path(store.path)) == before
    for checkpoint in Path(store.path).glob("runs/*/checkpoints/*"):
        checkpoint.unlink()
    assert {run_id: FileStore(store.path).load(run_id) for run_id in runs} == runs


def test_what_was_kept_then_is_kept_now(store: FileStore, clock: ManualClock) -> None:
    """Conformance 29, 41, 49: handlers go on from where they were, with what they kept and with what was answered."""
    go_on(store, clock, hours=4)
    assert store.load("ending").status == "cancelled"
    assert store.log_of("ending", "sweep") == "swept: no flour\n"
    respond(store, clock, "asked", "bake", data=RECIPE)
    for run_id in ("asked", "answered", "heating"):
        go_on(store, clock, hours=0.5)
        respond(store, clock, run_id, "bake.2", "it is")
    go_on(store, clock, hours=5)
    for run_id, (price, data) in {"asked": (3.0, {"price": 3.0}), "sold": (2.5, None)}.items():
        respond(store, clock, run_id, "approve", "sell", data)
        go_on(store, clock, hours=0.5)
        assert view(store, run_id)["outputs"] == [
            ENOUGH,
            {"choice": "sell", "price": data, "recipe": BAKED},
        ], price
    clock.jump(timedelta(days=3))
    go_on(store, clock, hours=0.5)
    for run_id in ("answered", "heating"):
        assert view(store, run_id)["outputs"] == [ENOUGH, {"choice": "eat", "price": None, "recipe": BAKED}]
    assert store.due(clock.now() + timedelta(days=999)) == []
