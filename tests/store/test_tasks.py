"""What commands leave in the folder of a run: found again by whoever holds it, and removed; and the log beside it."""

from pathlib import Path

from lrwf_cli.store.files import FileStore
from tests.store.store_builders import new_run


def test_whoever_holds_a_run_finds_its_commands(tmp_path: Path) -> None:
    """Issue 3.2: also those of an earlier driver, whatever else somebody has put there; a dropped one is gone."""
    store = FileStore.open(tmp_path / "state", create=True)
    held = store.create(new_run())
    assert held.tasks() == {}
    paths = {name: held.work(name, "d") for name in ("key-1", "key-1.2", "with space")}
    held.release()
    held = store.hold("train")
    work = Path(paths["key-1"]).parent
    (work / "note").write_text("a file")
    (work / "link").symlink_to(tmp_path)
    assert sorted(held.tasks().values()) == sorted(paths.values())
    held.drop_task("key-1")
    held.drop_task("gone")
    assert sorted(held.tasks()) == ["key-1.2", "with%20space"]
    assert not Path(paths["key-1"]).exists()


def test_a_log_that_was_removed_begins_anew(tmp_path: Path) -> None:
    """Who is short of room removes the logs of a run at work: it goes on, and so do they."""
    store = FileStore.open(tmp_path / "state", create=True)
    held = store.create(new_run())
    held.log("work", "before\n")
    folder = Path(held.path, "log")
    (folder / "work.log").unlink()
    folder.rmdir()
    held.log("work", "after\n")
    assert store.log_of("train", "work") == "after\n"
