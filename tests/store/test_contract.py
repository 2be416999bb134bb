"""The contract of `lrwf_cli.store.base`, held against every implementation."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core import events as e
from lrwf_cli.core.apply import fold
from lrwf_cli.core.events import Event, InvocationCompleted, RunForked, StateChange
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Dropped, Ending, Failure, Joined, Output
from lrwf_cli.core.suspended import Answer, Ask, Kept, Request, Wait
from lrwf_cli.errors import (
    CodeMissing,
    FrameTooLarge,
    InvalidRunId,
    JournalCorrupt,
    RunBusy,
    RunConflict,
    StateDirectoryError,
    UnknownRun,
)
from lrwf_cli.store.base import LARGE, MAX_FRAME, Frame, NewRun, Store
from lrwf_cli.store.files import FileStore
from lrwf_cli.store.memory import MemoryStore
from tests.store.store_builders import (
    BIG,
    HOUR,
    NOW,
    answer,
    answered,
    append,
    delivery,
    letter,
    new_run,
    remark,
    started,
    step,
)


@pytest.fixture(params=["files", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return FileStore.open(tmp_path / "state", create=True) if request.param == "files" else MemoryStore()


def due(store: Store, hours: float = 0) -> list[str]:
    return [each.run_id for each in store.due(NOW + hours * HOUR)]


# -- creating


def test_a_created_run_is_there_and_held(store: Store) -> None:
    """`create` publishes a run at once and gives it to its creator."""
    held = store.create(new_run("train", {"n": 1}))
    assert held.run.status == "running"
    assert held.run.input == {"n": 1}
    assert store.run_ids() == ["train"]
    assert store.load("train") == held.run
    assert store.definition("train") == "name: w\n"
    assert store.is_busy("train")


def test_an_id_is_taken_once(store: Store) -> None:
    """A second run of the same id is refused, and the first one is as it was."""
    store.create(new_run("train", 1)).release()
    with pytest.raises(RunConflict, match="`train`"):
        store.create(new_run("train", 2))
    assert store.load("train").input == 1
    assert store.run_ids() == ["train"]
    assert due(store) == ["train"]


BAD_IDS = [
    "../x",
    "/etc",
    "",
    ".",
    "..",
    "a\n",
    "-rf",
    "a" * 65,
    "é",
    "\x1b[2J",
    "A",
    "a/b",
    "a~b",
    "a.b",
    "a\0",
    "\u0661",
]


@pytest.mark.parametrize("run_id", BAD_IDS)
def test_a_bad_id_is_refused_everywhere(store: Store, run_id: str) -> None:
    """A run's id is checked before any file is touched, by every method (threat T6)."""
    calls: list[Callable[[], object]] = [
        lambda: store.create(new_run(run_id)),
        lambda: store.hold(run_id),
        lambda: store.load(run_id),
        lambda: list(store.frames(run_id)),
        lambda: store.definition(run_id),
        lambda: store.resolve(run_id, 1),
        lambda: store.log_of(run_id, "work"),
        lambda: store.is_busy(run_id),
        lambda: store.post(letter(run_id)),
        lambda: store.answer(answered(run_id), "approve", answer()),
        lambda: store.answered(run_id, "approve", 0),
        lambda: store.progress_of(run_id, "work"),
    ]
    for call in calls:
        with pytest.raises(InvalidRunId):
            call()
    assert store.run_ids() == []
    assert due(store) == []


def test_an_unknown_run_is_unknown_everywhere(store: Store) -> None:
    """What is asked of a run that is not there raises UnknownRun, names it, and leaves nothing."""
    calls: list[Callable[[], object]] = [
        lambda: store.hold("gone"),
        lambda: store.load("gone"),
        lambda: store.frames("gone"),
        lambda: store.definition("gone"),
        lambda: store.resolve("gone", 1),
        lambda: store.log_of("gone", "work"),
        lambda: store.is_busy("gone"),
        lambda: store.post(letter("gone")),
        lambda: store.answer(answered("gone"), "approve", answer()),
        lambda: store.answered("gone", "approve", 0),
        lambda: store.progress_of("gone", "work"),
    ]
    for call in calls:
        with pytest.raises(UnknownRun, match="`gone`"):
            call()
    assert due(store) == []


# -- frames


def test_the_fold_of_the_frames_is_the_run(store: Store) -> None:
    """I1: whatever was appended, the fold of the journal is the run that is loaded and held."""
    held = store.create(new_run())
    append(held, *(step(number, {"n": number}) for number in range(20)))
    frames = list(store.frames("train"))
    assert [frame.seq for frame in frames] == list(range(1, 22))
    assert fold(None, frames) == store.load("train")
    held.release()
    assert store.hold("train").run == store.load("train")
    assert store.load("train").state["last"].value == 19


def test_append_returns_what_is_read_back(store: Store) -> None:
    """A frame is numbered on from the last one, and its instant is in whole milliseconds."""
    held = store.create(new_run())
    frame = held.append(step(0), NOW + timedelta(microseconds=1999))
    assert frame == Frame(2, NOW + timedelta(milliseconds=1), step(0))
    assert list(store.frames("train"))[-1] == frame


def test_a_frame_has_a_size_that_it_may_not_exceed(store: Store) -> None:
    """A frame over 16 MiB is refused, nothing of it is kept, and the run goes on."""
    held = store.create(new_run())
    with pytest.raises(FrameTooLarge, match=str(MAX_FRAME)):
        held.append(remark("x" * MAX_FRAME), NOW)
    assert held.append(step(0), NOW).seq == 2
    assert [frame.seq for frame in store.frames("train")] == [1, 2]


def test_a_run_that_begins_with_too_much_is_not_begun(store: Store) -> None:
    """A first frame over 16 MiB is refused, and nothing is left of the run."""
    too_long = started("train")
    events = (too_long, *remark("x" * MAX_FRAME))
    with pytest.raises(FrameTooLarge):
        store.create(NewRun(run_id="train", definition="", events=events, at=NOW))
    assert store.run_ids() == []
    assert due(store) == []


def test_an_instant_without_a_zone_is_refused(store: Store) -> None:
    """All instants are aware: one without a zone is a mistake of the caller, and nothing is written."""
    held = store.create(new_run())
    with pytest.raises(ValueError, match="time zone"):
        held.append(step(0), NOW.replace(tzinfo=None))
    assert store.load("train").seq == 1


json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc$ö\n\0", max_size=3), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.slow
@given(value=json)
def test_values_come_back_as_they_were(value: object) -> None:
    """Conformance 47: any JSON value comes back from the journal as it was, type by type and in its order."""
    store = MemoryStore()
    append(store.create(new_run("train", value)), step(0, value))
    first, second = store.frames("train")
    assert repr(fold(None, [first, second]).ready["work"][0].delivery.message) == repr(value)  # type: ignore[union-attr]
    assert repr(store.load("train").input) == repr(value)


# -- one driver


def test_a_run_has_one_driver(store: Store) -> None:
    """Conformance 46: while somebody holds a run, others are told that it is busy; afterwards it can be had."""
    held = store.create(new_run())
    with pytest.raises(RunBusy, match="`train`"):
        store.hold("train")
    held.release()
    assert not store.is_busy("train")
    again = store.hold("train")
    with pytest.raises(RunBusy):
        store.hold("train")
    held.release()  # idempotent: it is another's by now
    assert store.is_busy("train")
    again.release()


def test_who_let_go_can_change_nothing(store: Store) -> None:
    """After `release` nothing can be appended and no wake-up moved by that hand."""
    held = store.create(new_run())
    held.release()
    with pytest.raises(StateDirectoryError, match="`train`"):
        held.append(step(0), NOW)
    with pytest.raises(StateDirectoryError):
        held.wake_at(None)
    held.checkpoint(held.run)
    held.release()
    assert store.load("train").seq == 1
    assert due(store) == ["train"]


def test_runs_do_not_stand_in_each_others_way(store: Store) -> None:
    """A lock is for one run: others can be held meanwhile."""
    first, second = store.create(new_run("one")), store.create(new_run("two"))
    append(first, step(0))
    append(second, step(0), step(1))
    assert (store.load("one").seq, store.load("two").seq) == (2, 3)


def test_reading_needs_no_lock(store: Store) -> None:
    """I6: whoever reads while a run is driven sees all that was committed, and changes nothing."""
    held = store.create(new_run())
    for number in range(5):
        append(held, step(number))
        assert store.load("train").seq == number + 2
        assert len(list(store.frames("train"))) == number + 2
    assert due(store) == ["train"]


# -- wake-ups


def test_a_run_is_due_until_its_driver_says_otherwise(store: Store) -> None:
    """I3: from its creation on, a run whose driver just ends is due at once."""
    held = store.create(new_run())
    assert due(store) == ["train"]
    append(held, step(0))
    held.release()
    assert due(store) == ["train"]
    assert store.due(NOW)[0].at <= NOW


def test_a_wake_up_replaces_the_others(store: Store) -> None:
    """`wake_at` makes an instant the run's only wake-up; `None` means that it needs none."""
    held = store.create(new_run())
    held.wake_at(NOW + 2 * HOUR)
    assert (due(store, 1.99), due(store, 2)) == ([], ["train"])
    held.wake_at(NOW + 5 * HOUR)
    assert (due(store, 4), due(store, 5)) == ([], ["train"])
    held.wake_at(NOW + HOUR)
    assert (due(store, 0.99), due(store, 1)) == ([], ["train"])
    assert store.due(NOW + 9 * HOUR)[0].at == NOW + HOUR
    held.wake_at(None)
    assert due(store, 1000) == []


def test_a_wake_up_outlives_its_driver(store: Store) -> None:
    """What was set by one driver stands for the next, and goes when that one sets another."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    held.release()
    assert (due(store), due(store, 1)) == ([], ["train"])
    held = store.hold("train")
    assert due(store) == ["train"]
    held.wake_at(NOW + 3 * HOUR)
    held.release()
    assert (due(store, 2), due(store, 3)) == ([], ["train"])


def test_a_driver_that_goes_on_is_due_again(store: Store) -> None:
    """I4: who appends after `wake_at` and then dies has left a wake-up that is due now."""
    held = store.create(new_run())
    held.wake_at(NOW + HOUR)
    append(held, step(0))
    held.release()
    assert due(store) == ["train"]


def test_no_wake_up_comes_too_early(store: Store) -> None:
    """A wake-up is rounded up to the millisecond, so that whoever it wakes finds its time come."""
    held = store.create(new_run())
    held.wake_at(NOW + timedelta(microseconds=1))
    assert store.due(NOW) == []
    assert store.due(NOW + timedelta(milliseconds=1))[0].at == NOW + timedelta(milliseconds=1)


def test_what_is_due_comes_in_the_order_of_its_instants(store: Store) -> None:
    """Conformance 34: each run once, the one that has waited longest first."""
    for run_id, hours in {"c": 1, "a": 3, "b": 2, "later": 50}.items():
        held = store.create(new_run(run_id))
        held.wake_at(NOW + hours * HOUR)
        held.release()
    store.post(letter("a"))
    assert due(store, 0) == ["a"]
    found = store.due(NOW + 4 * HOUR)
    assert sorted(each.run_id for each in found) == ["a", "b", "c"]
    assert [each.at for each in found] == sorted(each.at for each in found)
    assert [each.run_id for each in found if each.run_id != "a"] == ["c", "b"]


# -- letters


def test_a_letter_makes_a_run_due(store: Store) -> None:
    """Whoever leaves a letter needs no lock, and the run is due until the letter is burnt."""
    held = store.create(new_run())
    held.wake_at(None)
    held.release()
    store.post(letter(letter_id="a"))
    assert due(store) == ["train"]
    held = store.hold("train")
    assert held.letters() == [letter(letter_id="a")]
    store.post(letter(letter_id="b"))
    assert [each.id for each in held.letters()] == ["a", "b"]
    held.burn(["a", "unknown"])
    held.burn(["a"])
    assert [each.id for each in held.letters()] == ["b"]
    held.wake_at(None)
    held.release()
    assert due(store) == ["train"]


def test_letters_are_read_oldest_first_and_only_ones_own(store: Store) -> None:
    """Letters are in the order of their instants, and no run sees another's."""
    held = store.create(new_run("a"))
    store.create(new_run("a-b")).release()
    for letter_id, hours in {"x": 2, "y": 1, "z": 3}.items():
        store.post(letter("a", letter_id, NOW - hours * HOUR))
    store.post(letter("a-b", "w"))
    assert [each.id for each in held.letters()] == ["z", "x", "y"]


# -- answers


def test_an_answer_stands_and_wakes_the_run(store: Store) -> None:
    """Conformance 39: whoever answers needs no lock, and the run is due until its driver has burnt the letter."""
    held = store.create(new_run())
    held.wake_at(None)
    assert held.answered("approve") is None
    assert store.answered("train", "approve", 0) is None
    given = answer(data={"why": [1]}, comment="at last", by=Person(uid=7, user="ada"))
    assert store.answer(answered(), "approve", given) == given
    assert due(store) == ["train"]
    assert held.letters() == [answered()]
    assert held.answered("approve") == store.answered("train", "approve", 0) == given
    held.burn(["a1"])
    assert due(store) == []
    held.release()
    assert store.hold("train").answered("approve") == given


def test_the_first_answer_stands(store: Store) -> None:
    """Conformance 38: a second answer changes nothing, whoever gives it; its letter is left and does no harm."""
    held = store.create(new_run())
    first = answer("ship")
    assert store.answer(answered(), "approve", first) == first
    assert store.answer(answered(letter_id="a2"), "approve", answer("stop")) == first
    assert held.answer("approve", answer(None, expired=True)) == first
    assert held.answered("approve") == first
    assert [each.id for each in held.letters()] == ["a1", "a2"]


def test_an_expiry_is_an_answer(store: Store) -> None:
    """Conformance 40: a driver that was first wins as well, and leaves no letter; who comes later is told."""
    held = store.create(new_run())
    held.wake_at(None)
    expired = answer("stop", expired=True)
    assert held.answer("approve", expired) == expired
    assert due(store) == []
    assert store.answer(answered(), "approve", answer("ship")) == expired


def test_requests_are_answered_one_by_one(store: Store) -> None:
    """Conformance 41: in any order and partly; each has an answer of its own, whatever its executor is called."""
    held = store.create(new_run())
    requests = ["approve", "approve.2", "approve~1", "../x", ".", "", "ä\n", "x" * 500, "%2e"]
    for number, request in enumerate(requests[::-1]):
        assert held.answered(request) is None
        store.answer(answered(request=request, letter_id=f"a{number}"), request, answer(request))
    for request in requests:
        found = held.answered(request)
        assert found is not None
        assert found.value == request
    assert held.answered("another") is None


def test_an_epoch_has_its_own_answers(store: Store) -> None:
    """Conformance 51: what was answered before a rewind is asked anew after it; the old answer stays."""
    held = store.create(new_run())
    store.answer(answered(), "approve", answer("ship"))
    held.append([e.RunRewound(1, store.load("train"))], NOW)
    held.release()
    held = store.hold("train")
    assert (held.run.epoch, held.answered("approve")) == (1, None)
    store.answer(answered(letter_id="a2", epoch=1), "approve", answer("stop"))
    assert held.answered("approve") == store.answered("train", "approve", 1) == answer("stop")
    assert store.answered("train", "approve", 0) == answer("ship")


def test_a_fork_begins_without_answers(store: Store) -> None:
    """Conformance 51: a fork asks for itself."""
    store.create(new_run()).release()
    store.answer(answered(), "approve", answer())
    event: Event = RunForked(run_id="copy", from_run="train", from_seq=1, run=store.load("train"), at=NOW)
    held = store.create(NewRun(run_id="copy", definition="", events=(event,), at=NOW, blobs_of="train"))
    assert held.answered("approve") is None
    held.answer("approve", answer("stop"))
    assert store.answered("train", "approve", 0) == answer()


def test_an_answer_has_a_size(store: Store) -> None:
    """What is over a megabyte is refused, with the remedy, before anything is left."""
    held = store.create(new_run())
    held.wake_at(None)
    with pytest.raises(FrameTooLarge, match="answer") as caught:
        store.answer(answered(), "approve", answer("x" * 2**20))
    assert caught.value.hint
    assert (due(store), held.letters(), held.answered("approve")) == ([], [], None)


# -- large values


def test_a_large_value_is_kept_once_beside_the_journal(store: Store) -> None:
    """Conformance 52: a value over 64 KiB is a reference in the journal, the same one for the same content."""
    held = store.create(new_run("train", {"text": BIG}))
    (reference,) = {str(held.run.input), str(held.run.ready["work"][0].delivery.message)}
    assert "$blob" in reference
    assert len(reference) < 200
    append(held, step(0, {"text": BIG}))
    message = store.load("train").ready["work"][0].delivery.message
    assert str(message) == reference
    assert store.resolve("train", message) == {"text": BIG}
    assert held.resolve([message, 1]) == [{"text": BIG}, 1]


def test_every_value_of_an_event_is_lightened(store: Store) -> None:
    """Whatever a handler sends, yields, keeps or writes leaves the journal small."""
    big = [BIG]
    event = InvocationCompleted(
        delivery="1",
        deliveries=(delivery(1, big),),
        joined=(Joined(id="j", group="g", source="s", superstep=1, message=big),),
        outputs=(Output(superstep=1, path=(), executor="work", delivery="1", index=0, value=big),),
        dropped=(Dropped(source="work", superstep=1, message=big),),
        state=(StateChange(key="k", value=big), StateChange(key="small", value=1)),
        saved=StateChange(key="", value=big),
    )
    held = store.create(new_run())
    (light,) = held.lighten([event])
    assert isinstance(light, InvocationCompleted)
    assert len(repr(light)) < 2000
    assert light.state[1] == event.state[1]
    assert light.saved is not None
    for value in (light.deliveries[0].message, light.outputs[0].value, light.state[0].value, light.saved.value):
        assert held.resolve(value) == big
    assert held.lighten([light]) == (light,)


BIGGER = [BIG]
REQUEST = Request("approve", "work", "1", Ask("", "1", "Ship?", has_default=True, default=BIGGER, data=BIGGER), NOW)
KEPT = Kept("", "1", "submit", value=BIGGER, error=BIGGER)
WAIT = Wait("poll", "", "2", "ready", NOW, data=BIGGER)


@pytest.mark.parametrize(
    "event",
    [
        e.AwaitsKept("1", (KEPT, KEPT)),
        e.InvocationSuspended("1", (WAIT, WAIT), (KEPT,), (REQUEST,)),
        e.InvocationCompleted("1", requests=(REQUEST,)),
        e.RequestsOpened((REQUEST,), {"1": WAIT}),
        e.RequestAnswered("approve", Answer(NOW, BIGGER, BIGGER), delivery(2, BIGGER)),
        e.InvocationFailed("1", Failure("ValueError", "no"), handled=delivery(2, BIGGER)),
        e.RunEnding(Ending("failed"), (delivery(2, BIGGER),), NOW),
    ],
    ids=e.name_of,
)
def test_every_value_of_what_waits_is_lightened(store: Store, event: Event) -> None:
    """What a handler has kept, asks and waits for leaves the journal small, and so does what is answered."""
    held = store.create(new_run())
    (light,) = held.lighten([event])
    assert BIG not in repr(light)
    as_json = msgspec.json.decode(msgspec.json.encode(light))
    assert held.resolve(as_json) == msgspec.json.decode(msgspec.json.encode(event))
    assert held.lighten([light]) == (light,)


def test_small_values_stay(store: Store) -> None:
    """Events that are small together are returned as they are; large together, only large values are replaced."""
    held = store.create(new_run())
    events = step(0, "x" * 100)
    assert all(new is old for new, old in zip(held.lighten(events), events, strict=True))
    medium = "x" * (LARGE - 100)
    event = InvocationCompleted(delivery="1", deliveries=(delivery(1, medium), delivery(2, medium)))
    assert held.lighten([event]) == (event,)


def test_a_missing_blob_is_damage(store: Store) -> None:
    """A reference to nothing raises, and is never read as a value."""
    held = store.create(new_run())
    reference = {"$blob": "0" * 64, "size": 70000}
    with pytest.raises(JournalCorrupt, match="missing"):
        held.resolve([reference])
    with pytest.raises(JournalCorrupt, match="missing"):
        store.resolve("train", reference)


def test_a_fork_has_its_own_blobs(store: Store) -> None:
    """Conformance 51: a fork can read all large values of the run it was made of, and leaves that alone."""
    store.create(new_run("train", {"text": BIG})).release()
    past = store.load("train")
    event: Event = RunForked(run_id="copy", from_run="train", from_seq=1, run=past, at=NOW)
    new = NewRun(run_id="copy", definition="name: w\n", events=(event,), at=NOW, blobs_of="train")
    held = store.create(new)
    assert held.run.forked_from == ("train", 1)
    assert held.resolve(held.run.input) == {"text": BIG}
    assert store.resolve("copy", store.load("copy").input) == {"text": BIG}
    assert store.load("train") == past


# -- caches, code, logs


def test_a_checkpoint_changes_nothing(store: Store) -> None:
    """I5: with a checkpoint or without, the run is the fold of its journal."""
    held = store.create(new_run())
    for number in range(5):
        append(held, step(number))
        held.checkpoint(store.load("train"))
        assert store.load("train") == fold(None, store.frames("train"))
    append(held, step(5))
    assert store.load("train").seq == 7
    assert store.load("train") == fold(None, store.frames("train"))


def test_a_checkpoint_of_another_moment_is_not_taken(store: Store) -> None:
    """Only the fold of exactly what was appended is cached: a run that is ahead would be an invention."""
    held = store.create(new_run())
    ahead = held.run
    append(held, step(0))
    held.checkpoint(ahead)
    ahead.seq = 9
    held.checkpoint(ahead)
    assert store.load("train") == fold(None, store.frames("train"))


def test_what_was_loaded_is_ones_own(store: Store) -> None:
    """Conformance 22: changing a run that was loaded changes nothing that others load."""
    store.create(new_run("train", {"list": [1]})).release()
    mine = store.load("train")
    mine.input["list"].append(2)
    mine.ready.clear()
    assert store.load("train").input == {"list": [1]}
    assert store.load("train").ready


def test_code_is_kept_by_digest(store: Store) -> None:
    """Conformance 50: a run's modules are kept as they were, once per digest."""
    files = {"tasks.py": b"x = 1\n", "pack/__init__.py": b"", "pack/deep/er.py": b"\xff"}
    store.create(new_run(code_digest="ab" * 32, code=files)).release()
    store.create(new_run("other", code_digest="ab" * 32, code=files)).release()
    store.keep_code("ab" * 32, files)
    assert store.code("ab" * 32) == files
    with pytest.raises(CodeMissing):
        store.code("cd" * 32)
    store.keep_code("cd" * 32, {})
    assert store.code("cd" * 32) == {}


@pytest.mark.parametrize("executor", ["work", "../../x", "", ".", "a/b", "ä\n", "%2e", "x" * 500, "\ud800"])
def test_logs_are_kept_by_executor(store: Store, executor: str) -> None:
    """What handlers print is kept in order and under any name of an executor; none touches another's."""
    held = store.create(new_run())
    assert store.log_of("train", executor) == ""
    held.log(executor, "one\n")
    held.log("another", "else")
    held.log(executor, "twö\n")
    assert store.log_of("train", executor) == "one\ntwö\n"
    assert store.log_of("train", "another") == "else"


@pytest.mark.parametrize("executor", ["work", "../../x", "", ".", "a/b", "ä\n", "x" * 500])
def test_progress_is_replaced(store: Store, executor: str) -> None:
    """Conformance 55: what is shown of how far an executor is is there for others at once, the latest only."""
    held = store.create(new_run())
    assert store.progress_of("train", executor) is None
    held.progress(executor, {"current": 1})
    held.progress("another", [])
    held.progress(executor, {"current": 2, "total": None, "message": "so far"})
    assert store.progress_of("train", executor) == {"current": 2, "total": None, "message": "so far"}
    assert store.progress_of("train", "another") == []


@pytest.mark.parametrize("task", ["work", "../../x", ".", "a/b", "ä\n", "x" * 500])
def test_a_command_has_a_folder(store: Store, task: str) -> None:
    """The folder of a command is there, empty at first, and the same for whoever comes later."""
    held = store.create(new_run())
    folder = Path(held.work(task, "d"))
    assert list(folder.iterdir()) == []
    (folder / "pid").write_text("7")
    assert held.work(task, "d") == str(folder)
    assert Path(held.work("another", "d")) != folder
    held.release()
    assert Path(store.hold("train").work(task, "d"), "pid").read_text() == "7"
