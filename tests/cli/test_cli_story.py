"""Events in words, and the live picture's rows: both follow a run by its frames only."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from lrwf_cli.cli.live import Board
from lrwf_cli.cli.story import Story
from lrwf_cli.core import events as e
from lrwf_cli.core.apply import apply
from lrwf_cli.core.run import Delivery, Dropped, Failure, Joined, Origin, Output, Person, Run
from lrwf_cli.store.base import Frame

NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
ME = Person(uid=1000, user="me")
BOOM = Failure("ValueError", "boom\x1b", "fetch", 1)
ORIGIN = Origin(flow="flow.yaml", folder=".", cwd=".", python="python3")
WHY = "ValueError: boom\\x1b"
STARTED = e.RunStarted("x", "test", ORIGIN, ("fetch", "join"), Delivery("d1", "fetch", 1), NOW, {"a": 1}, by=ME)

COMPLETED = e.InvocationCompleted(
    "d1",
    (Delivery("d2", "join", 2), Delivery("d3", "join", 2)),
    (Joined("j", "fetch+other>join", "fetch", 2),),
    (Output(1, (), "fetch", "d1", 0, 1), Output(1, (), "fetch", "d1", 1, {"$blob": "aa", "size": 99})),
    (Dropped("fetch", 1, [1]),),
    (e.StateChange("key\x1b"),),
)


def started() -> Run:
    """A run as of its first event."""
    return apply(None, STARTED)


def told(story: Story, *events: e.Event) -> list[str]:
    """Return what a story says of one frame."""
    return [words for _, words in story.tell(Frame(1, NOW, events))]


def test_every_event_has_words() -> None:
    """Everything that can stand in a journal can be told."""
    assert set(Story._TELL) == set(get_args(e.Event))


def test_how_each_event_is_told() -> None:
    """One sentence an event: who or what, and what became of it; nothing of a workflow's is printed as it is."""
    again = NOW + timedelta(seconds=2)
    story = Story()
    sentences: list[tuple[e.Event, str]] = [
        (STARTED, 'me began a run of test with {"a": 1}'),
        (e.DriverStarted(7, "boot"), "process 7 took the run up"),
        (e.InvocationsStarted(("d1",)), "fetch began"),
        (e.InvocationFailed("d1", BOOM, again), f"fetch failed: {WHY}; again at 2026-11-22T09:15:02.000Z"),
        (e.WokeUp(("d1",)), "woke fetch"),
        (e.InvocationsStarted(("d1",)), "fetch began, attempt 2"),
        (e.InvocationsCutOff(("d1",)), "fetch cut off: the process died"),
        (e.InvocationsCutOff(("d1",), counted=False), "fetch cut off: the process was told to end"),
        (e.InvocationFailed("d1", BOOM), f"fetch failed for good: {WHY}"),
        (e.RunFailed(BOOM), f"the run failed: {WHY}"),
        (e.RunRetried(ME, 7, "ab" * 9), "me retried the run; max_iterations is 7; with newer code (abababababab)"),
        (e.InvocationsStarted(("d1",)), "fetch began, attempt 5"),
        (COMPLETED, "fetch ended; sent to join; output 1; output a value of 99 bytes; no edge took [1]; set key\\x1b"),
        (e.MailTaken("m", "pause"), "a letter was read: pause"),
        (e.RunPaused(ME, "lunch"), "me paused the run: lunch"),
        (e.RunResumed(Person(uid=5)), "5 resumed the run"),
        (e.RunBlocked(BOOM), f"the run is blocked: {WHY}"),
        (e.RunTimedOut(Failure("RunTimedOut", "")), "the run timed out: RunTimedOut"),
        (e.RunCancelled(Person(name="Ann")), "Ann cancelled the run"),
        (e.RunCompleted(), "the run completed"),
        (e.RunRewound(3, started(), None), "went back to checkpoint 3"),
        (e.RunForked("y", "x", 3, started(), NOW, ME), "me copied run x as of its checkpoint 3"),
        (e.InvocationsStarted(("d1", "unheard-of")), "fetch began; ? began"),
    ]
    for event, sentence in sentences:
        assert told(story, event) == [sentence]


def test_a_story_may_begin_in_the_middle() -> None:
    """A run that was taken up again is told from there."""
    run = started()
    run = apply(run, e.InvocationsStarted(("d1",)))
    run = apply(run, e.InvocationsCutOff(("d1",)))
    assert told(Story(run), e.InvocationsStarted(("d1",))) == ["fetch began, attempt 2"]


def rows(board: Board, at: datetime = NOW, height: int = 9) -> list[str]:
    return [" ".join(filter(None, line[:3])) for line in board.lines(at, height=height)]


def test_the_picture_follows_the_frames() -> None:
    """A line an executor, with its state, its attempt and how long it has been at it."""
    board = Board(started())
    assert rows(board) == ["fetch pending", "join pending"]
    steps: list[tuple[e.Event, list[str]]] = [
        (e.DriverStarted(1, "b"), ["fetch pending", "join pending"]),
        (e.InvocationsStarted(("d1",)), ["fetch running 5.0s", "join pending"]),
        (
            e.InvocationFailed("d1", BOOM, NOW + timedelta(seconds=65)),
            ["fetch waiting in 1m, attempt 2, 1 failed", "join pending"],
        ),
        (e.InvocationsStarted(("d1",)), ["fetch running 5.0s, attempt 2, 1 failed", "join pending"]),
        (e.InvocationsCutOff(("d1",)), ["fetch pending attempt 3, 1 failed", "join pending"]),
        (e.InvocationsStarted(("d1",)), ["fetch running 5.0s, attempt 3, 1 failed", "join pending"]),
        (
            e.InvocationCompleted("d1", (Delivery("d2", "join", 2), Delivery("d3", "join", 2))),
            ["fetch completed 1 failed", "join pending"],
        ),
        (e.InvocationsStarted(("d2", "d3")), ["fetch completed 1 failed", "join running 5.0s, 2 at once"]),
        (e.InvocationCompleted("d2"), ["fetch completed 1 failed", "join running 5.0s, 1 done"]),
        (e.InvocationFailed("d3", BOOM), ["fetch completed 1 failed", "join failed 1 failed"]),
    ]
    run = started()
    for event, expected in steps:
        board(Frame(1, NOW, (event,)), run)
        assert rows(board, NOW + timedelta(seconds=5)) == expected


def test_the_picture_fits_a_small_terminal() -> None:
    """Where there is no room for all, those at work are shown."""
    board = Board(started())
    board(Frame(1, NOW, (e.InvocationsStarted(("d1",)),)), started())
    assert rows(board, height=1) == ["and 2 more"]
    wide = Run("x", "test", ORIGIN, tuple("abcdefgh"), NOW, NOW)
    assert rows(Board(wide), height=4) == ["and 8 more"]


def test_the_picture_bears_what_others_have_done() -> None:
    """A run that another process drove meanwhile is met anew; a delivery that is unknown harms nothing."""
    run = started()
    board = Board(run)
    board(Frame(1, NOW, (e.InvocationsStarted(("unheard-of",)), e.InvocationCompleted("unheard-of"))), run)
    assert rows(board) == ["fetch pending", "join pending"]
    run = apply(apply(run, e.InvocationsStarted(("d1",))), e.InvocationFailed("d1", BOOM, NOW + timedelta(hours=1)))
    board.meet(run)
    assert rows(board) == ["fetch waiting in 1h, attempt 2, 1 failed", "join pending"]
