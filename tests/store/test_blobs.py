"""Large values beside the journal: found, replaced, put back, and durable in time."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.events import InvocationCompleted, RunForked, RunRewound
from lrwf_cli.errors import JournalCorrupt, StateDirectoryError
from lrwf_cli.store.base import LARGE, NewRun
from lrwf_cli.store.blobs import digest_of, lighten, references, resolve
from lrwf_cli.store.files import FileStore
from tests.store.store_builders import BIG, NOW, WatchedDisk, append, delivery, names, new_run, step


class Shelf(dict[str, bytes]):
    """Blobs in a dict."""

    def keep(self, name: str, data: bytes) -> None:
        self[name] = data

    def light(self, value: Any) -> Any:
        (event,) = lighten([InvocationCompleted(delivery="1", deliveries=(delivery(1, value),))], self.keep)
        assert isinstance(event, InvocationCompleted)
        return event.deliveries[0].message


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "x", BIG]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


@pytest.mark.slow
@given(value=values)
def test_a_value_comes_back(value: Any) -> None:
    """Whatever is taken out of an event is what is put back."""
    shelf = Shelf()
    light = shelf.light(value)
    assert resolve(light, shelf.__getitem__) == value
    assert len(str(light)) <= LARGE + 100
    assert bool(shelf) == (BIG in str(value))


def test_the_limit_is_in_bytes_of_json() -> None:
    """64 KiB of JSON stay, one byte more is a blob: quotes and the width of letters count."""
    shelf = Shelf()
    assert shelf.light("x" * (LARGE - 2)) == "x" * (LARGE - 2)
    assert "$blob" in shelf.light("x" * (LARGE - 1))
    assert "$blob" in shelf.light("ä" * (LARGE // 2))
    assert shelf.light("x" * (LARGE - 1)) == {"$blob": digest_of(b'"%b"' % (b"x" * (LARGE - 1))), "size": LARGE + 1}


def test_a_value_without_references_is_the_same_object() -> None:
    """What has nothing to replace is not copied."""
    value = {"a": [1, {"b": [{"size": 1, "$blob": "short"}, {"$cat": 1}, {"$merge": []}]}], "size": 2}
    shelf = Shelf()
    assert resolve(value, shelf.__getitem__) is value
    light = {"plain": value, "large": shelf.light(BIG)}
    found = resolve(light, shelf.__getitem__)
    assert found == {"plain": value, "large": BIG}
    assert found["plain"] is value
    assert light["large"] != BIG


def test_what_was_added_to_a_large_value_is_put_together() -> None:
    """The core's `$cat` and `$merge` say 'that, and these'; nested, and with large parts on either side."""
    shelf = Shelf()
    words, letters = [BIG, 1], {"a": BIG, "b": 1}
    listed, named = shelf.light(words), shelf.light(letters)
    more = shelf.light([BIG])
    assert resolve({"$cat": [listed, [2, 3]]}, shelf.__getitem__) == [BIG, 1, 2, 3]
    assert resolve({"$cat": [{"$cat": [listed, more]}, [named]]}, shelf.__getitem__) == [BIG, 1, BIG, letters]
    assert list(resolve({"$merge": [named, {"b": [listed], "c": 2}]}, shelf.__getitem__).items()) == [
        ("a", BIG),
        ("b", [words]),
        ("c", 2),
    ]


def test_a_blob_may_refer_to_blobs() -> None:
    """A large value that has references inside is kept as it is, and put back in full."""
    shelf = Shelf()
    inner = shelf.light([BIG])
    outer = shelf.light({"$cat": [inner, [BIG]]})
    assert set(outer) == {"$blob", "size"}
    assert resolve(outer, shelf.__getitem__) == [BIG, BIG]
    assert list(references({"x": [outer, 1]})) == [outer["$blob"]]


def test_a_copy_of_a_run_is_left_alone(tmp_path: Path) -> None:
    """The run inside a fork or a rewind has its large values replaced already; its own size is its own matter."""
    run = FileStore.open(tmp_path / "s", create=True).create(new_run(value="x" * LARGE)).run
    run.workflow = BIG
    for event in (
        RunForked(run_id="b", from_run="a", from_seq=1, run=run, at=NOW),
        RunRewound(to=1, run=run),
    ):
        (found,) = lighten([event], Shelf().keep)
        assert found is event


def test_blobs_are_durable_before_the_frame_that_names_them(tmp_path: Path) -> None:
    """I2: content, then name, then the frame; several of one frame share the sync of their folder."""
    disk = WatchedDisk()
    held = FileStore.open(tmp_path / "s", create=True, disk=disk).create(new_run())
    disk.calls.clear()
    append(held, step(0, [BIG]), step(1, [BIG]))
    calls = [call.replace(call.split("/")[-1], "") if ".tmp" in call else call for call in disk.calls]
    name = digest_of(b'["%b"]' % BIG.encode())
    assert calls == [
        "create blobs/", "write blobs/", "sync blobs/", "close blobs/", f"rename blobs/{name}",
        "sync_folder train/blobs", "write train/journal.jsonl", "sync_data train/journal.jsonl",
        "write train/journal.jsonl", "sync_data train/journal.jsonl",
    ]  # fmt: skip


def test_lightening_writes_nothing(tmp_path: Path) -> None:
    """`lighten` only keeps in memory, and what it kept can be read at once."""
    disk = WatchedDisk()
    held = FileStore.open(tmp_path / "s", create=True, disk=disk).create(new_run())
    disk.calls.clear()
    (event,) = held.lighten([InvocationCompleted(delivery="1", deliveries=(delivery(1, BIG),))])
    assert isinstance(event, InvocationCompleted)
    assert held.resolve(event.deliveries[0].message) == BIG
    assert disk.calls == []


def test_a_blob_that_is_there_already_is_not_believed(tmp_path: Path) -> None:
    """A blob that another process left may be in memory only, or damaged: it is written again."""
    store = FileStore.open(tmp_path / "s", create=True)
    store.create(new_run()).release()
    name = digest_of(b'["%b"]' % BIG.encode())
    path = tmp_path / "s/runs/train/blobs" / name
    path.write_bytes(b"garbled")
    append(store.hold("train"), step(0, [BIG]))
    assert digest_of(path.read_bytes()) == name


def test_a_changed_blob_is_damage(tmp_path: Path) -> None:
    """Conformance 45: a blob whose content is not what its name says is never read as a value."""
    store = FileStore.open(tmp_path / "s", create=True)
    value = store.create(new_run(value=[BIG])).run.input
    path = tmp_path / "s/runs/train/blobs" / value["$blob"]
    path.write_bytes(path.read_bytes().replace(b"y", b"z", 1))
    with pytest.raises(JournalCorrupt, match=f"damaged: `{path}`"):
        store.resolve("train", value)


@pytest.mark.parametrize("name", ["../../../../FORMAT", "x" * 64, "A" * 64, "0" * 63, 7])
def test_a_reference_is_no_path(tmp_path: Path, name: Any) -> None:
    """T6: only a hash can name a blob; anything else is a value like others."""
    store = FileStore.open(tmp_path / "s", create=True)
    store.create(new_run())
    value = {"$blob": name, "size": 1}
    assert store.resolve("train", value) is value


def test_a_blob_is_a_plain_file(tmp_path: Path) -> None:
    """T7: a pipe or a link in place of a blob is refused without hanging."""
    store = FileStore.open(tmp_path / "s", create=True)
    store.create(new_run())
    name = digest_of(b"1")
    path = tmp_path / "s/runs/train/blobs" / name
    os.mkfifo(path)
    with pytest.raises(StateDirectoryError, match="not a regular file"):
        store.resolve("train", {"$blob": name, "size": 1})
    path.unlink()
    (tmp_path / "elsewhere").write_bytes(b"1")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateDirectoryError):
        store.resolve("train", {"$blob": name, "size": 1})


def test_a_fork_shares_the_files(tmp_path: Path) -> None:
    """Conformance 52: a fork links the blobs it refers to, also those that blobs refer to, and no others."""
    store = FileStore.open(tmp_path / "s", create=True)
    held = store.create(new_run(value=[BIG]))
    append(held, step(0, {"unused": BIG}), step(1, 1))
    inner = held.run.input
    append(held, step(2, {"$cat": [inner, [BIG + "more"]]}))
    past = store.load("train")
    past.state.clear()
    event = RunForked(run_id="copy", from_run="train", from_seq=past.seq, run=past, at=NOW)
    store.create(NewRun(run_id="copy", definition="", events=(event,), at=NOW, blobs_of="train"))
    old, new = tmp_path / "s/runs/train/blobs", tmp_path / "s/runs/copy/blobs"
    assert len(names(new)) == 2
    assert len(names(old)) == 3
    assert all((new / name).samefile(old / name) for name in names(new))


def test_a_fork_copies_where_files_cannot_be_linked(tmp_path: Path) -> None:
    """On a file system without hard links a fork has copies, durable before it is published."""

    def no_links(name: str, _: str) -> None:
        if name == "link":
            raise PermissionError(1, "Operation not permitted")

    store = FileStore.open(tmp_path / "s", create=True, disk=WatchedDisk(no_links))
    past = store.create(new_run(value=[BIG])).run
    event = RunForked(run_id="copy", from_run="train", from_seq=1, run=past, at=NOW)
    held = store.create(NewRun(run_id="copy", definition="", events=(event,), at=NOW, blobs_of="train"))
    assert held.resolve(past.input) == [BIG]
    assert (tmp_path / "s/runs/copy/blobs" / past.input["$blob"]).stat().st_nlink == 1


def test_a_fork_of_what_is_damaged_is_refused(tmp_path: Path) -> None:
    """A fork that could not read its own values is not published, and leaves nothing."""
    store = FileStore.open(tmp_path / "s", create=True)
    past = store.create(new_run(value=[BIG])).run
    (tmp_path / "s/runs/train/blobs" / past.input["$blob"]).unlink()
    event = RunForked(run_id="copy", from_run="train", from_seq=1, run=past, at=NOW)
    with pytest.raises(JournalCorrupt, match="missing"):
        store.create(NewRun(run_id="copy", definition="", events=(event,), at=NOW, blobs_of="train"))
    assert names(tmp_path / "s/runs") == ["train"]
    assert names(tmp_path / "s/timers/now") == ["train"]
