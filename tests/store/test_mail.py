"""Letters as files: durable when they are left, and read with care."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lrwf_cli.core.person import Person
from lrwf_cli.errors import FrameTooLarge, StateFull
from lrwf_cli.store.base import Letter
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.mail import MAX_LETTER
from tests.store.store_builders import FullDisk, WatchedDisk, letter, names, new_run


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> FileStore:
    store = FileStore.open(state, create=True)
    store.create(new_run()).release()
    return store


def test_a_letter_is_a_file_that_a_person_can_read(store: FileStore, state: Path) -> None:
    """The name says for whom it is, and the content is JSON; only its owner can read it."""
    by = Person(uid=1000, user="ada")
    store.post(Letter(id="k1", run_id="train", kind="cancel", at=letter().at, epoch=2, by=by, reason="no\nmore"))
    path = state / "mail/train~k1.json"
    assert path.read_text() == (
        '{"id":"k1","run_id":"train","kind":"cancel","at":"2026-11-22T09:15:00Z","epoch":2,'
        '"by":{"uid":1000,"user":"ada"},"reason":"no\\nmore"}\n'
    )
    assert path.stat().st_mode & 0o777 == 0o600
    assert store.hold("train").letters()[0].by == by


def test_a_letter_is_durable_when_it_was_left(state: Path, store: FileStore) -> None:
    """I2: content, then name; it appears under its name whole or not at all."""
    disk = WatchedDisk()
    FileStore(state, disk).post(letter())
    assert [call.split()[0] for call in disk.calls] == ["create", "write", "sync", "close", "rename", "sync_folder"]
    assert disk.calls[-2:] == ["rename mail/train~l1.json", "sync_folder state/mail"]


def test_a_letter_that_does_not_fit_is_not_left(state: Path, store: FileStore) -> None:
    """On a full disk the writer is told, and no part of the letter stays."""
    with pytest.raises(StateFull, match="mail"):
        FileStore(state, FullDisk(room=20)).post(letter())
    assert names(state / "mail") == []


@pytest.mark.parametrize("letter_id", ["../x", "", ".hidden", "a/b", "a~b", "a\n", "x" * 129, "é"])
def test_a_letters_id_is_a_plain_name(store: FileStore, state: Path, letter_id: str) -> None:
    """T6: an id that could lead elsewhere is refused before anything is written."""
    with pytest.raises(ValueError, match="letter's id"):
        store.post(letter(letter_id=letter_id))
    store.hold("train").burn([letter_id])
    assert names(state / "mail") == []


def test_a_letter_has_a_size(store: FileStore, state: Path) -> None:
    """A letter of a megabyte is refused when it is left, with the remedy."""
    with pytest.raises(FrameTooLarge, match="`train`") as caught:
        store.post(Letter(id="a", run_id="train", kind="x", at=letter().at, data="x" * MAX_LETTER))
    assert caught.value.hint
    assert names(state / "mail") == []


def bad_letters(mail: Path) -> None:
    """One of each kind that nobody should leave."""
    good = (mail / "train~good.json").read_bytes()
    os.mkfifo(mail / "train~fifo.json")
    (mail / "train~folder.json").mkdir()
    (mail / "train~link.json").symlink_to(mail / "train~good.json")
    with (mail / "train~huge.json").open("wb") as file:
        file.truncate(2 * 1024**3)
    (mail / "train~empty.json").touch()
    (mail / "train~text.json").write_text("hello")
    (mail / "train~deep.json").write_text("[" * 100_000)
    (mail / "train~foreign.json").write_bytes(good.replace(b'"train"', b'"other"').replace(b'"good"', b'"foreign"'))
    (mail / "train~renamed.json").write_bytes(good)
    (mail / "train~.json").write_bytes(good.replace(b'"good"', b'""'))
    (mail / "train~a\n.json").write_bytes(good.replace(b'"good"', b'"a\\n"'))


def test_what_is_no_letter_is_put_aside(store: FileStore, state: Path) -> None:
    """T13: pipes, folders, links, huge and garbled files are put aside at once, kept, and wake nobody any more."""
    store.post(letter(letter_id="good"))
    bad_letters(state / "mail")
    held = store.hold("train")
    assert [each.id for each in held.letters()] == ["good"]
    aside = [name for name in names(state / "mail") if name.startswith(".aside-")]
    assert len(aside) == 11
    assert len(names(state / "mail")) == 12
    held.burn(["good"])
    held.wake_at(None)
    assert store.due(letter().at) == []


def test_names_that_are_no_letters_are_left_alone(store: FileStore, state: Path) -> None:
    """What is being written, or was never ours, is neither read nor touched."""
    for name in (".tmp-1", "train", "train.json", "train~x.txt", "TRAIN~x.json", "~x.json"):
        (state / "mail" / name).touch()
    held = store.hold("train")
    assert held.letters() == []
    held.wake_at(None)
    assert store.due(letter().at) == []
    assert len(names(state / "mail")) == 6


def test_a_letter_for_a_run_that_is_gone_goes_after_an_hour(store: FileStore, state: Path) -> None:
    """A letter for a run that was removed wakes nobody, and is taken away when it is an hour old."""
    path = state / "mail/gone~x.json"
    path.touch()
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    assert [each.run_id for each in store.due(written + timedelta(minutes=59))] == ["train"]
    assert path.exists()
    store.due(written + timedelta(minutes=61))
    assert not path.exists()
