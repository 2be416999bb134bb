"""Answers as files: linked into place, durable before they are believed, and read with care."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.json import encode as _encoded

from lrwf_cli.core.events import (
    InvocationCompleted,
    InvocationFailed,
    InvocationsCutOff,
    InvocationsStarted,
    InvocationSuspended,
    RunCancelled,
    RunRetried,
)
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Failure
from lrwf_cli.core.suspended import Ask, Request, Wait
from lrwf_cli.errors import JournalCorrupt, StateDirectoryError, StateFull, UnknownRun
from lrwf_cli.store.base import Letter
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.mail import Mail
from tests.store.store_builders import (
    NOW,
    FullDisk,
    WatchedDisk,
    answer,
    answered,
    append,
    delivery,
    fails,
    names,
    new_run,
    remark,
)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def run(state: Path) -> Path:
    FileStore.open(state, create=True).create(new_run()).release()
    return state / "runs/train"


LINKING = [
    "create responses/", "write responses/", "sync responses/", "close responses/", "link responses/approve.json",
    "unlink responses/", "sync_folder train/responses", "sync_folder runs/train",
]  # fmt: skip


def calls(disk: WatchedDisk) -> list[str]:
    """Return what the disk did, temporary names left out."""
    return [call.replace(call.split("/")[-1], "") if ".tmp" in call else call for call in disk.calls]


def test_an_answer_is_a_file_that_a_person_can_read(run: Path, state: Path) -> None:
    """Its name is the request's, its content JSON; only its owner can read it."""
    store = FileStore(state)
    by = Person(uid=1000, user="ada")
    store.answer(answered(), "approve", answer("ship", comment="at\nlast", by=by))
    assert names(run / "responses") == ["approve.json"]
    assert (run / "responses/approve.json").read_text() == (
        '{"at":"2026-11-22T09:15:00Z","value":"ship","comment":"at\\nlast","by":{"uid":1000,"user":"ada"}}\n'
    )
    assert (run / "responses/approve.json").stat().st_mode & 0o777 == 0o600
    store.answer(answered(request="approve.2", letter_id="a2", epoch=3), "approve.2", answer())
    assert names(run / "responses") == ["approve.2~3.json", "approve.json"]


def test_the_letter_comes_first(run: Path, state: Path) -> None:
    """Whoever dies on the way has left a wake-up that finds nothing: never an answer that nobody wakes up for."""
    disk = WatchedDisk()
    FileStore(state, disk).answer(answered(), "approve", answer())
    posting = ["create mail/", "write mail/", "sync mail/", "close mail/", "rename mail/train~a1.json"]
    assert calls(disk) == [*posting, "sync_folder state/mail", "mkdir train/responses", *LINKING]


def test_an_answer_is_durable_before_it_has_its_name(run: Path, state: Path) -> None:
    """I2: content, then name, then the folders; a driver's own answer comes about in the same way, without a letter."""
    disk = WatchedDisk()
    held = FileStore(state, disk).hold("train")
    disk.calls.clear()
    held.answer("approve", answer(expired=True))
    assert calls(disk) == ["mkdir train/responses", *LINKING]


def test_what_is_found_is_made_durable_before_it_is_believed(run: Path, state: Path) -> None:
    """R4: who answered may have been killed before the name was durable; whoever only looks changes nothing."""
    FileStore(state).answer(answered(), "approve", answer())
    disk = WatchedDisk()
    store = FileStore(state, disk)
    assert store.answered("train", "approve", 0) == answer()
    assert disk.calls == []
    held = store.hold("train")
    disk.calls.clear()
    assert held.answered("another") is None
    assert disk.calls == []
    assert held.answered("approve") == answer()
    assert disk.calls == LINKING[-2:]


def test_who_comes_second_sees_to_it_that_the_first_is_durable(run: Path, state: Path) -> None:
    """Conformance 38: an answer that others are told of will not go away."""
    FileStore(state).answer(answered(), "approve", answer())
    disk = WatchedDisk()
    store = FileStore(state, disk)
    assert store.answer(answered(letter_id="a2"), "approve", answer("stop")) == answer()
    assert disk.calls[-3:] == ["sync_folder state/mail", *LINKING[-2:]]


def test_of_two_at_once_one_is_first(run: Path, state: Path) -> None:
    """Conformance 38: between the look whether there is an answer and the own one, another's may come."""

    def be_faster(name: str, _: str) -> None:
        if name == "link":
            FileStore(state).answer(answered(letter_id="a2"), "approve", answer("stop"))

    disk = WatchedDisk(be_faster)
    assert FileStore(state, disk).answer(answered(), "approve", answer()) == answer("stop")
    assert disk.calls[-2:] == LINKING[-2:]
    assert names(run / "responses") == ["approve.json"]


def test_a_letter_that_was_burnt_too_soon_is_posted_anew(run: Path, state: Path) -> None:
    """Conformance 39: an answerer that was stopped for long finds its letter gone, and leaves another.

    One of the same id would not be read: it has been taken.
    """
    mail = Mail(WatchedDisk(), str(state))

    def burn(name: str, _: str) -> None:
        if name == "link":
            mail.burn("train", "a1")

    store = FileStore(state, WatchedDisk(burn))
    store.answer(answered(), "approve", answer())
    assert store.hold("train").letters() == [answered(letter_id="a1-again")]


def test_an_answer_that_does_not_fit_is_not_left(run: Path, state: Path) -> None:
    """A full disk is told, and no part of the answer stays; the letter that may have been left does no harm."""
    needed = len(_encoded(answered())) + len(_encoded(answer())) + 2
    for room in (20, needed - 1):
        with pytest.raises(StateFull):
            FileStore(state, FullDisk(room=room)).answer(answered(), "approve", answer())
        assert not (run / "responses").exists() or names(run / "responses") == []
    assert FileStore(state).answered("train", "approve", 0) is None
    assert FileStore(state, FullDisk(room=needed)).answer(answered(), "approve", answer()) == answer()


@pytest.mark.parametrize(("operation", "end"), [("sync_folder", "responses"), ("link", "approve.json")])
def test_what_cannot_be_made_durable_is_not_acknowledged(run: Path, state: Path, operation: str, end: str) -> None:
    """Conformance 44: an error is told with the path and the remedy."""
    with pytest.raises(StateDirectoryError, match=end) as caught:
        FileStore(state, WatchedDisk(fails(operation, end))).answer(answered(), "approve", answer())
    assert caught.value.hint


def test_a_run_that_is_removed_meanwhile_is_unknown(run: Path, state: Path) -> None:
    """Nothing comes back to life because somebody answers."""

    def remove(name: str, path: str) -> None:
        if name == "mkdir" and path.endswith("responses"):
            run.rename(state / "gone")

    with pytest.raises(UnknownRun, match="`train`"):
        FileStore(state, WatchedDisk(remove)).answer(answered(), "approve", answer())
    assert names(state / "runs") == []


def spoil(path: Path, how: str) -> None:
    """Put something in the place of an answer."""
    match how:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(path.parent.parent / "flow.yaml")
        case "huge":
            with path.open("wb") as file:
                file.truncate(2 * 1024**3)
        case _:
            path.write_text(how)


@pytest.mark.parametrize("how", ["pipe", "folder", "link", "huge", "", "hello", "[" * 100_000, '{"at":"yesterday"}'])
def test_what_is_no_answer_is_damage(run: Path, state: Path, how: str) -> None:
    """T13, conformance 45: what should not be there is neither believed nor written over; path and remedy are told."""
    (run / "responses").mkdir()
    path = run / "responses/approve.json"
    spoil(path, how)
    store = FileStore(state)
    held = store.hold("train")
    looks: list[Callable[[], object]] = [
        lambda: store.answered("train", "approve", 0),
        lambda: held.answered("approve"),
        lambda: held.answer("approve", answer()),
        lambda: store.answer(answered(), "approve", answer()),
    ]
    for look in looks:
        with pytest.raises(JournalCorrupt, match=f"`approve` of run `train` cannot be read: `{path}`") as caught:
            look()
        assert caught.value.hint
    assert held.answered("another") is None


def test_answers_go_to_no_other_folder(run: Path, state: Path, tmp_path: Path) -> None:
    """T7: a link in place of the folder is refused, and its target is left alone."""
    (tmp_path / "elsewhere").mkdir()
    (run / "responses").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateDirectoryError, match="responses"):
        FileStore(state).answer(answered(), "approve", answer())
    assert names(tmp_path / "elsewhere") == []


def test_who_let_go_answers_nothing(run: Path, state: Path) -> None:
    """After `release` no answer is given by that hand."""
    held = FileStore(state).hold("train")
    held.release()
    with pytest.raises(StateDirectoryError, match="`train`"):
        held.answer("approve", answer())
    assert not (run / "responses").exists()


# -- folders of commands, progress


def test_a_commands_folder_is_durable_with_its_name(run: Path, state: Path) -> None:
    """A driver that comes after a crash finds the folder in which the command keeps who it is and how it ended."""
    disk = WatchedDisk()
    held = FileStore(state, disk).hold("train")
    disk.calls.clear()
    held.work("one", "d")
    assert disk.calls == ["mkdir train/work", "mkdir work/one", "sync_folder train/work", "sync_folder runs/train"]
    disk.calls.clear()
    held.work("one", "d")
    held.work("two", "d")
    assert disk.calls == ["mkdir work/two", "sync_folder train/work"]
    held.release()
    held = FileStore(state, disk).hold("train")
    disk.calls.clear()
    held.work("one", "d")  # it may not be durable: who made it may have died before it was
    assert disk.calls == ["sync_folder train/work", "sync_folder runs/train"]


def test_a_commands_folder_goes_when_its_outcome_is_in_the_journal(run: Path, state: Path) -> None:
    """Conformance 52: what a command left does not pile up; that of another delivery, and of one cut off, stays."""
    held = FileStore(state).hold("train")
    folders = {
        task: Path(held.work(task, delivery)) for task, delivery in (("a1", "a"), ("a2", "a"), ("b", "b"), ("c", "c"))
    }
    for folder in folders.values():
        (folder / "stdout").write_text("said")
    held.append((InvocationCompleted("a"), InvocationsCutOff(("b",))), NOW)
    assert [task for task, folder in folders.items() if folder.exists()] == ["b", "c"]
    held.append((InvocationFailed("c", Failure("E", "no")),), NOW)
    assert [task for task, folder in folders.items() if folder.exists()] == ["b"]


def test_progress_costs_no_sync(run: Path, state: Path) -> None:
    """Conformance 55: it is replaced at once and not synced; what a power loss tears of it is nothing."""
    disk = WatchedDisk()
    store = FileStore(state, disk)
    held = store.hold("train")
    disk.calls.clear()
    held.progress("work", [1])
    assert [call.split()[0] for call in disk.calls] == ["mkdir", "create", "write", "close", "rename"]
    (run / "progress/work.json").write_text("[1")
    assert store.progress_of("train", "work") is None


def test_progress_never_ends_a_run(run: Path, state: Path) -> None:
    """A full disk is told by what matters; what was shown before stays, and a later driver tidies up."""
    disk = FullDisk()
    held = FileStore(state, disk).hold("train")
    disk.room = 1
    held.progress("work", [1])
    assert FileStore(state).progress_of("train", "work") is None
    held.release()
    (run / "progress/.tmp-1").touch()
    FileStore(state).hold("train")
    assert names(run / "progress") == []


def test_a_letter_says_what_was_answered(run: Path, state: Path) -> None:
    """The driver knows from the letter alone where to look."""
    store = FileStore(state)
    store.answer(answered(), "approve", answer())
    (found,) = store.hold("train").letters()
    assert isinstance(found, Letter)
    assert (found.kind, found.data) == ("answered", {"request": "approve"})


# -- which runs may ask something


REQUEST = Request("approve", "work", delivery().id, Ask("", "1", "Ship?"), NOW)
ASKED = InvocationSuspended(delivery().id, (Wait("request", "", "1", "ask", NOW, request="approve"),), (), (REQUEST,))


def test_what_may_ask_is_told_without_reading_a_run(run: Path, state: Path) -> None:
    """An inbox over ten thousand runs reads those that wait for people, and a few bytes of the others."""
    store = FileStore(state)
    held = store.hold("train")
    append(held, remark("nothing"))
    assert not store.may_ask("train")
    held.checkpoint(store.load("train"))
    assert not store.may_ask("train")
    append(held, [InvocationsStarted((delivery().id,)), ASKED])
    assert store.may_ask("train")
    held.checkpoint(store.load("train"))
    assert store.may_ask("train")
    append(held, [RunCancelled()])
    held.checkpoint(store.load("train"))
    assert not store.may_ask("train")  # what it asked is frozen
    append(held, [RunRetried()])
    assert store.may_ask("train")  # and thawed
    held.checkpoint(store.load("train"))
    assert store.may_ask("train")


def test_a_run_that_asks_nothing_says_so(run: Path, state: Path) -> None:
    """An inbox over ten thousand runs opens nothing of those that ask nothing; a run that does is never left out."""
    store = FileStore(state)
    held = store.hold("train")
    assert store.talkative() == ["train"]  # as an earlier version has left it
    held.checkpoint(held.run)
    assert store.talkative() == []
    append(held, [InvocationsStarted((delivery().id,)), ASKED])
    assert store.talkative() == ["train"]
    held.checkpoint(store.load("train"))
    assert store.talkative() == ["train"]
    append(held, [RunCancelled()])
    held.checkpoint(store.load("train"))
    held.release()
    assert store.talkative() == []  # what it asked is frozen
    held = store.hold("train")
    append(held, [RunRetried()])
    assert store.talkative() == ["train"]  # and thawed
    held.checkpoint(store.load("train"))
    assert store.talkative() == ["train"]


def test_a_question_is_in_the_inbox_before_it_is_asked(run: Path, state: Path) -> None:
    """I1: what says that a run asks nothing is gone, durably, before a frame that asks; other frames leave it alone."""
    disk = WatchedDisk()
    held = FileStore(state, disk).hold("train")
    held.checkpoint(held.run)
    append(held, [InvocationsStarted((delivery().id,))])
    assert (run / "quiet").exists()
    disk.calls.clear()
    append(held, [ASKED])
    assert disk.calls == [
        "unlink train/quiet",
        "sync_folder runs/train",
        "write train/journal.jsonl",
        "sync_data train/journal.jsonl",
    ]


def test_what_cannot_be_told_may_ask(run: Path, state: Path) -> None:
    """A checkpoint that is garbled is no reason to overlook a question."""
    held = FileStore(state).hold("train")
    held.checkpoint(held.run)
    (cached,) = (run / "checkpoints").iterdir()
    for content in (b"", b"garbled", cached.read_bytes().replace(b'"fold":', b'"fold":9')):
        cached.write_bytes(content)
        assert FileStore(state).may_ask("train")
