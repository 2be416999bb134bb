"""The recipes by which every file is changed, and what their errors tell."""

import errno
import os
from pathlib import Path

import pytest

from lrwf_cli.errors import StateDirectoryError, StateFull, StateUnwritable
from lrwf_cli.store.disk import Disk, SyncFailed
from lrwf_cli.store.names import file_name
from lrwf_cli.store.reading import changed_at, names_in, read_file
from lrwf_cli.store.trouble import explain
from tests.store.store_builders import PRIMITIVES, FullDisk, WatchedDisk, fails, names


def test_a_file_is_replaced_durably(tmp_path: Path) -> None:
    """R1: a new file in the same folder, written, synced, closed, renamed; then the folder."""
    disk = WatchedDisk()
    path = tmp_path / "file"
    path.write_bytes(b"old")
    disk.replace(str(path), b"new")
    assert [call.split()[0] for call in disk.calls] == ["create", "write", "sync", "close", "rename", "sync_folder"]
    assert names(tmp_path) == ["file"]
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("operation", ["create", "write", "sync", "close", "rename"])
def test_a_replacement_that_fails_leaves_the_old_file(tmp_path: Path, operation: str) -> None:
    """R1: up to the rename the old content stands alone, and nothing else is left."""
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="Input/output"):
        WatchedDisk(fails(operation, "")).replace(str(path), b"new")
    assert names(tmp_path) == ["file"]
    assert path.read_bytes() == b"old"


def test_a_failed_sync_has_a_class_of_its_own(tmp_path: Path) -> None:
    """R5: whoever calls can tell a failed sync from a failed write, whatever the number says."""
    path = str(tmp_path / "file")
    fd = Disk().create(path)
    with pytest.raises(SyncFailed) as caught:
        WatchedDisk(fails("sync_data", "file", errno.ENOSPC)).append(fd, path, b"x")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, path)
    os.close(fd)


def test_an_error_names_the_file(tmp_path: Path) -> None:
    """A descriptor tells a person nothing: writes, cuts and syncs that fail name their path."""
    disk, path = Disk(), str(tmp_path / "file")
    Path(path).touch()
    fd = os.open(path, os.O_RDONLY)
    os.close(fd)
    calls = (
        lambda: disk.write(fd, path, b"x"),
        lambda: disk.truncate(fd, path, 0),
        lambda: disk.sync(fd, path),
        lambda: disk.sync_data(fd, path),
        lambda: disk.close(fd, path),
    )
    for call in calls:
        with pytest.raises(OSError, match="Bad file descriptor") as caught:
            call()
        assert caught.value.filename == path


def test_made_folders_are_durable(tmp_path: Path) -> None:
    """The folder above each one that is made is synced; what was there already is left alone."""
    disk = WatchedDisk()
    (tmp_path / "a").mkdir()
    disk.make_folders(str(tmp_path / "a/b/c"))
    assert [call.split("/")[-1] for call in disk.calls] == ["b", "a", "c", "b"]
    disk.calls.clear()
    disk.make_folders(str(tmp_path / "a/b/c"))
    assert disk.calls == []
    (tmp_path / "a/file").touch()
    with pytest.raises(FileExistsError):
        disk.make_folders(str(tmp_path / "a/file"))


def test_a_folder_that_somebody_else_makes_meanwhile_will_do(tmp_path: Path) -> None:
    """Two processes that make the same folder do not fail each other."""

    def make_too(name: str, path: str) -> None:
        if name == "mkdir":
            os.mkdir(path)  # noqa: PTH102  (as the primitive does it)

    WatchedDisk(make_too).make_folders(str(tmp_path / "a/b"))
    assert (tmp_path / "a/b").is_dir()


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    """T7: no primitive that makes or opens a file follows a link that was planted there."""
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"mine")
    os.utime(target, (0, 0))
    link.symlink_to(target)
    disk = Disk()
    for call in (disk.create, disk.open_end, disk.touch):
        with pytest.raises(OSError, match=r"File exists|symbolic links"):
            call(str(link))
    disk.replace(str(link), b"new")
    assert (target.read_bytes(), target.stat().st_mtime) == (b"mine", 0)
    assert not link.is_symlink()


def test_the_first_link_wins(tmp_path: Path) -> None:
    """A link is made once: the second one is told, and the first one stands."""
    for name in "ab":
        (tmp_path / name).write_text(name)
    Disk().link(str(tmp_path / "a"), str(tmp_path / "answer"))
    with pytest.raises(FileExistsError):
        Disk().link(str(tmp_path / "b"), str(tmp_path / "answer"))
    assert (tmp_path / "answer").read_text() == "a"


def test_a_tree_is_discarded_without_following_links(tmp_path: Path) -> None:
    """Removing a folder removes links in it, and never what they point to."""
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep/file").touch()
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/file").touch()
    (tmp_path / "tree/link").symlink_to(tmp_path / "keep")
    Disk().discard_tree(str(tmp_path / "tree"))
    assert names(tmp_path) == ["keep"]
    assert names(tmp_path / "keep") == ["file"]


def test_no_child_gets_a_descriptor(tmp_path: Path) -> None:
    """What the disk opens is closed in every program that is started."""
    for fd in (Disk().create(str(tmp_path / "a")), Disk().open_end(str(tmp_path / "a"))):
        assert not os.get_inheritable(fd)
        os.close(fd)


def test_the_primitives_are_all_there_is() -> None:
    """Everything that changes a file is one of the primitives, so that a subclass sees it all."""
    recipes = {
        "write_all", "append", "write_new", "replace", "settle", "settle_file", "make_folder", "make_folders",
        "discard", "discard_tree", "sweep", "temporary", "is_temporary", "unpublished", "is_unpublished",
    }  # fmt: skip
    assert {name for name in vars(Disk) if not name.startswith("_")} == recipes | set(PRIMITIVES)


# -- reading


def test_only_plain_files_are_read(tmp_path: Path) -> None:
    """T13: a pipe, a folder, a link or a file that is too long is an error at once."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    for name in ("pipe", "folder", "link"):
        with pytest.raises(OSError, match=name):
            read_file(str(tmp_path / name))
    with pytest.raises(OSError, match="longer than 4 bytes"):
        read_file(str(tmp_path / "file"), 4)
    assert read_file(str(tmp_path / "file"), 5) == b"12345"


def test_what_is_not_there_has_no_names_and_no_age(tmp_path: Path) -> None:
    """A folder that is gone is empty, and a file that is gone was changed in no past."""
    assert names_in(str(tmp_path / "none")) == []
    assert changed_at(str(tmp_path / "none")) > changed_at(str(tmp_path))


def test_file_names_are_safe_and_their_own(tmp_path: Path) -> None:
    """T6: any text becomes one plain name in its folder, and different texts become different ones."""
    texts = [
        "a",
        "A",
        "a.b",
        ".",
        "..",
        "",
        "%2e",
        "a/b",
        "a%2fb",
        "ä",
        "\n",
        "x" * 300,
        "x" * 301,
        "é" * 200,
        "\ud800",
    ]
    safe = [file_name(text) for text in texts]
    assert len(set(safe)) == len(texts)
    for name in safe:
        assert not name.startswith(".")
        (tmp_path / f"{name}.log").touch()
    assert len(names(tmp_path)) == len(texts)


# -- errors for people


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (errno.ENOSPC, StateFull, "no room to write `/s/f`: No space left on device"),
        (errno.EDQUOT, StateFull, "no room to write `/s/f`"),
        (errno.EFBIG, StateFull, "no room to write `/s/f`"),
        (errno.EROFS, StateUnwritable, "no permission to use `/s/f`: Read-only file system"),
        (errno.EACCES, StateUnwritable, "no permission to use `/s/f`"),
        (errno.EPERM, StateUnwritable, "no permission to use `/s/f`"),
        (errno.EMFILE, StateDirectoryError, "cannot open `/s/f`"),
        (errno.EIO, StateDirectoryError, "cannot use `/s/f`: Input/output error"),
    ],
)
def test_errors_are_for_people(code: int, kind: type[StateDirectoryError], said: str) -> None:
    """What the operating system complains of names the file and the remedy, in our own errors."""
    for error, where in ((OSError(code, os.strerror(code), "/s/f"), "/s"), (OSError(code, os.strerror(code)), "/s/f")):
        found = explain(error, where)
        assert type(found) is kind
        assert found.message.startswith(said)
        assert found.hint
    assert type(explain(SyncFailed(code, os.strerror(code), "/s/f"), "/s")) is StateDirectoryError


def test_an_error_in_a_short_write_is_told(tmp_path: Path) -> None:
    """Finding 1: a disk that takes a part and then no more is full, and the caller is told."""
    disk = FullDisk(room=3)
    fd = disk.create(str(tmp_path / "f"))
    with pytest.raises(OSError, match="No space"):
        disk.write_all(fd, str(tmp_path / "f"), b"12345")
    disk.close(fd, str(tmp_path / "f"))
    assert (tmp_path / "f").read_bytes() == b"123"
