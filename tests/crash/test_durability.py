"""The model of what a power loss may leave, tested by itself: an oracle that is wrong proves nothing."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lrwf_cli.store.disk import Disk
from tests.crash.durability import Machine, Op
from tests.crash.recorder import Died, History, MortalDisk, RecordingDisk, SickDisk
from tests.crash.trees import Tree, lay_out, look_at


def left_of(base: Tree, use: Callable[[Disk, str], None], tmp_path: Path) -> list[Tree]:
    """Return what a power loss may leave after `use` has been at the disk."""
    return list(used(base, use, tmp_path).survivors(one_by_one=True))


def used(base: Tree, use: Callable[[Disk, str], None], tmp_path: Path) -> Machine:
    """Return the machine after `use` has been at the disk."""
    root = tmp_path / "disk"
    lay_out(base, root)
    history = History()
    use(RecordingDisk(root, history), str(root))
    machine = Machine(base)
    for entry in history.entries:
        assert isinstance(entry, Op)
        machine.apply(entry)
    assert machine.visible() == look_at(root)
    return machine


def test_an_unsynced_name_may_be_gone_or_there(tmp_path: Path) -> None:
    """A file's content is no use without its name: the folder has to be synced as well."""
    left = left_of({}, lambda disk, root: disk.write_new(f"{root}/a", b"content"), tmp_path)
    assert {} in left
    assert {"a": b"content"} in left
    assert all(tree.get("a", b"content") == b"content" for tree in left)


def test_a_synced_file_with_a_synced_name_stays(tmp_path: Path) -> None:
    """The durable recipe leaves nothing to chance."""
    left = left_of({}, lambda disk, root: disk.replace(f"{root}/a", b"content"), tmp_path)
    assert all(tree == {"a": b"content"} for tree in left)


def test_unsynced_content_may_be_gone_or_torn(tmp_path: Path) -> None:
    """Without a sync any part of what was written may be there: none, zeros, the beginning, the end, all."""

    def use(disk: Disk, root: str) -> None:
        fd = disk.open_end(f"{root}/a")
        disk.write_all(fd, f"{root}/a", b"+abcd")
        disk.close(fd, f"{root}/a")

    left = {tree["a"] for tree in left_of({"a": b"old"}, use, tmp_path)}
    assert left == {b"old", b"old+abcd", b"old+a", b"old\0\0bcd", b"old\0\0\0\0\0"}


def test_a_replacement_without_a_sync_may_be_empty(tmp_path: Path) -> None:
    """A rename is no sync: the name may be durable before the content is."""
    left = left_of({"a": b"old"}, lambda disk, root: disk.replace(f"{root}/a", b"new", durable=False), tmp_path)
    assert {"a": b""} in left
    assert {"a": b"old"} in left
    assert {"a": b"new"} in left


def test_unsynced_names_come_and_go_one_by_one(tmp_path: Path) -> None:
    """Unsynced names are independent of one another: the removal may be there without what came before it."""

    def use(disk: Disk, root: str) -> None:
        disk.touch(f"{root}/new")
        disk.unlink(f"{root}/old")

    left = left_of({"old": b""}, use, tmp_path)
    assert {frozenset(tree) for tree in left} == {frozenset(names) for names in (["old"], ["new"], ["old", "new"], [])}


def test_a_rename_between_folders_may_be_half_done(tmp_path: Path) -> None:
    """Each folder's names have their own sync, so what was moved may be in both, in either or in none."""
    base = {"a": None, "b": None, "a/x": b"1"}
    left = left_of(base, lambda disk, root: disk.rename(f"{root}/a/x", f"{root}/b/x"), tmp_path)
    assert {(tree.get("a/x"), tree.get("b/x")) for tree in left} == {
        (b"1", None), (None, b"1"), (b"1", b"1"), (None, None)
    }  # fmt: skip


def test_an_unsynced_folder_takes_along_what_is_in_it(tmp_path: Path) -> None:
    """A folder's own name needs the sync of the folder above."""

    def use(disk: Disk, root: str) -> None:
        disk.mkdir(f"{root}/runs")
        disk.replace(f"{root}/runs/a", b"content")

    left = left_of({}, use, tmp_path)
    assert {} in left
    assert {"runs": None, "runs/a": b"content"} in left


def test_what_a_failed_sync_was_to_keep_is_never_durable(tmp_path: Path) -> None:
    """After a failed sync the kernel forgets: a second sync says that all is well and keeps nothing."""
    root = tmp_path / "disk"
    lay_out({"a": b"old"}, root)
    history = History()
    disk = SickDisk(root, history, first=2, trouble=errno.EIO, sticky=False)
    fd = disk.open_end(f"{root}/a")
    disk.write_all(fd, f"{root}/a", b"!")
    with pytest.raises(OSError, match="Input/output error"):
        disk.sync(fd, f"{root}/a")
    disk.sync(fd, f"{root}/a")
    disk.close(fd, f"{root}/a")
    machine = Machine({"a": b"old"})
    for entry in history.entries:
        assert isinstance(entry, Op)
        machine.apply(entry)
    assert machine.visible() == {"a": b"old!"}
    assert {"a": b"old"} in list(machine.survivors())


def test_the_dead_stay_dead(tmp_path: Path) -> None:
    """A disk that died lets nothing more through, and what it leaves is what its history leads to."""
    root = tmp_path / "disk"
    lay_out({}, root)
    history = History()
    disk = MortalDisk(root, history, 2)
    with pytest.raises(Died):
        disk.write_new(f"{root}/a", b"content")  # its `finally` closes the file: that must not count either
    with pytest.raises(Died):
        disk.mkdir(f"{root}/b")
    assert look_at(root) == {"a": b"content"}
    assert [entry.kind for entry in history.entries] == ["create", "write"]


NAMES = st.sampled_from(["a", "b", "d/a", "d/b", "e/a"])
CALLS = st.one_of(
    st.tuples(st.just("append"), NAMES, st.binary(min_size=1, max_size=4)),
    st.tuples(st.just("replace"), NAMES, st.binary(min_size=1, max_size=4)),
    st.tuples(st.just("touch"), NAMES),
    st.tuples(st.just("unlink"), NAMES),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("link"), NAMES, NAMES),
    st.tuples(st.just("cut"), NAMES, st.integers(0, 6)),
    st.tuples(st.just("settle"), st.sampled_from(["", "/d", "/e"])),
)


@settings(max_examples=150, deadline=None)
@given(calls=st.lists(CALLS, max_size=12))
def test_the_model_sees_what_the_system_shows(
    tmp_path_factory: pytest.TempPathFactory, calls: list[tuple[str, ...]]
) -> None:
    """Whatever is done to it, the visible part of the model is what a real folder looks like."""

    def use(disk: Disk, root: str) -> None:
        for name, *rest in calls:
            try:
                USES[name](disk, root, *rest)
            except OSError:
                continue

    machine = used({"d": None, "e": None}, use, tmp_path_factory.mktemp("model"))
    everything = machine.visible()
    assert everything in list(machine.survivors())


def _append(disk: Disk, root: str, name: str, data: bytes) -> None:
    fd = disk.open_end(f"{root}/{name}")
    disk.append(fd, f"{root}/{name}", data)
    disk.close(fd, f"{root}/{name}")


def _cut(disk: Disk, root: str, name: str, size: int) -> None:
    fd = disk.open_end(f"{root}/{name}")
    disk.truncate(fd, f"{root}/{name}", size)
    disk.close(fd, f"{root}/{name}")


USES: dict[str, Callable[..., None]] = {
    "append": _append,
    "cut": _cut,
    "replace": lambda disk, root, name, data: disk.replace(f"{root}/{name}", data),
    "touch": lambda disk, root, name: disk.touch(f"{root}/{name}"),
    "unlink": lambda disk, root, name: disk.unlink(f"{root}/{name}"),
    "rename": lambda disk, root, name, other: disk.rename(f"{root}/{name}", f"{root}/{other}"),
    "link": lambda disk, root, name, other: disk.link(f"{root}/{name}", f"{root}/{other}"),
    "settle": lambda disk, root, name: disk.settle(f"{root}{name}"),
}
