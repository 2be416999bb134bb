"""Events in words, and the live picture's rows: both follow a run by its frames only."""

from datetime import UTC, datetime, timedelta
from typing import get_args

from msgspec.structs import replace

from lrwf_cli.cli.live import Board
from lrwf_cli.cli.story import Story
from lrwf_cli.core import events as e
from lrwf_cli.core.apply import apply
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Delivery, Dropped, Ending, Failure, Joined, Notice, Origin, Output, Run
from lrwf_cli.core.suspended import CRASH, Answer, Ask, Kept, Request, Wait
from lrwf_cli.store.base import Frame

NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
ME = Person(uid=1000, user="me")
BOOM = Failure("ValueError", "boom\x1b", "fetch", 1)
ORIGIN = Origin(flow="flow.yaml", folder=".", cwd=".", python="python3")
WHY = "ValueError: boom\\x1b"
STARTED = e.RunStarted("x", "test", ORIGIN, ("fetch", "join"), Delivery("d1", "fetch", 1), NOW, {"a": 1}, by=ME)

ASK = Ask("", "2", "Ship m-42\x1b?", choices=("ship", "stop"), expires_at=NOW + timedelta(hours=48))
REQUEST = Request("fetch", "fetch", "d1", ASK, NOW)
POLL = Wait("poll", "", "1", "poll", NOW, NOW, count=7, detail="RUN\x1b")
POLLED = "fetch waits after poll 7, last RUN\\x1b, next at 2026-11-22T09:15:00.000Z"
ASKED = "Ship m-42\\x1b? [ship/stop], until 2026-11-24T09:15:00.000Z"
NOTICE = Notice("n1", "request", NOW, NOW, "fetch", "fetch")
NEWS = Notice("n2", "failed", NOW, NOW)
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
        (e.RunResumed(ME, restart=True), "me resumed the run, what was stuck from its top"),
        (e.RunBlocked(BOOM), f"the run is blocked: {WHY}"),
        (e.RunTimedOut(Failure("RunTimedOut", "")), "the run timed out: RunTimedOut"),
        (e.RunCancelled(Person(name="Ann")), "Ann cancelled the run"),
        (e.RunCompleted(), "the run completed"),
        (e.RunEnding(Ending("timed_out", BOOM), (), NOW), f"the run is to be timed out: {WHY}"),
        (
            e.RunEnding(Ending("cancelled", BOOM, ME, "lunch"), (Delivery("d9", "join", 2),), NOW),
            "the run is to be cancelled by me: lunch; before that: join",
        ),
        (e.NoticesPosted((NOTICE, NEWS)), "somebody is to be told: request fetch, failed"),
        (e.NoticeDelivered("n2"), "somebody was told: failed"),
        (
            e.NoticeFailed("n1", BOOM, NOW),
            f"nobody could be told of request fetch: {WHY}; again at 2026-11-22T09:15:00.000Z",
        ),
        (e.NoticeFailed("n1", BOOM), f"nobody could be told of request fetch: {WHY}"),
        (e.RunRewound(3, started(), None), "went back to checkpoint 3"),
        (e.RunForked("y", "x", 3, started(), NOW, ME), "me copied run x as of its checkpoint 3"),
        (e.InvocationsStarted(("d1", "unheard-of")), "fetch began; ? began"),
    ]
    for event, sentence in sentences:
        assert told(story, event) == [sentence]


def test_how_waiting_is_told() -> None:
    """What is asked and answered, what is waited for and until when, and what was kept."""
    story = Story()
    told(story, STARTED, e.InvocationsStarted(("d1",)))
    later = NOW + timedelta(hours=1)
    requested = Wait("request", "", "2", "ask", NOW, request="fetch")
    sentences: list[tuple[e.Event, str]] = [
        (e.AwaitsKept("d1", (Kept("", "1", "submit\x1b"),)), "fetch got on: submit\\x1b"),
        (e.AwaitsKept("d1", (Kept("", "1", "poll"),) * 7), "fetch got on: poll, poll, poll, poll, poll and 2 more"),
        (
            e.InvocationSuspended("d1", (requested, Wait("timer", "", "3", "t", NOW, later)), requests=(REQUEST,)),
            f"fetch asks: {ASKED}; fetch waits until 2026-11-22T10:15:00.000Z",
        ),
        (
            e.RequestAnswered("fetch", Answer(NOW, "ship", {"n": 1}, "at\nlast", ME)),
            'fetch was answered: "ship" with {"n": 1}, by me: at\\nlast',
        ),
        (
            e.RequestAnswered("fetch", Answer(NOW, "stop", expired=True), Delivery("d5", "join", 2)),
            "fetch expired: nobody answered in time",
        ),
        (e.RequestAnswered("unheard-of", Answer(NOW, 1)), "unheard-of was answered"),
        (e.WokeUp(("d1",)), "woke fetch"),
        (e.InvocationsStarted(("d1", "d5")), "fetch went on; join began"),
        (
            e.InvocationSuspended("d1", (requested, POLL)),
            f"fetch waits for an answer to fetch; {POLLED}",
        ),
        (
            e.InvocationSuspended("d1", (Wait("background", "", "1", "b", NOW, detail="train.sh"),)),
            "fetch waits for background train.sh",
        ),
        (e.RunBlocked(BOOM, "d1"), f"the run is blocked at fetch: {WHY}"),
        (e.InvocationFailed("d1", BOOM, handled=Delivery("d6", "join", 2)), f"fetch failed: {WHY}; join handles it"),
        (e.InvocationCompleted("d6", requests=(replace(REQUEST, id="a"),)), f"join ended; a asks: {ASKED}"),
        (e.RequestsOpened((REQUEST,), {}), f"fetch asks: {ASKED}"),
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
            ["fetch waiting attempt 2 after ValueError, in 1m, 1 failed", "join pending"],
        ),
        (e.WokeUp(("d1",)), ["fetch pending attempt 2, 1 failed", "join pending"]),
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
    follow(board, started(), steps)


def follow(board: Board, run: Run, steps: list[tuple[e.Event, list[str]]]) -> None:
    for event, expected in steps:
        run = apply(run, event)
        board(Frame(1, NOW, (event,)), run)
        assert rows(board, NOW + timedelta(seconds=5)) == expected


def test_the_picture_shows_what_is_waited_for() -> None:
    """Design 8: the number of polls, the last status, the next instant; what is asked, and until when."""
    board = Board(started())
    waits = (
        Wait("poll", "", "1", "poll", NOW, NOW + timedelta(minutes=5), count=7, detail="RUNNING"),
        Wait("request", "", "2", "ask", NOW, NOW + timedelta(hours=48), request="fetch"),
    )
    polled = "poll 7, last RUNNING, next 09:20:00Z"
    asked = "Ship m-42\\x1b? [ship/stop], expires in 1d 23h"
    follow(
        board,
        started(),
        [
            (e.InvocationsStarted(("d1",)), ["fetch running 5.0s", "join pending"]),
            (e.AwaitsKept("d1", (Kept("", "1", "submit"),)), ["fetch running 5.0s", "join pending"]),
            (
                e.InvocationSuspended("d1", waits, requests=(REQUEST,)),
                [f"fetch waiting {polled} and 1 more", "join pending"],
            ),
            (e.WokeUp(("d1",)), ["fetch pending", "join pending"]),
            (e.InvocationsStarted(("d1",)), ["fetch running 5.0s", "join pending"]),
            (e.InvocationSuspended("d1", waits[1:]), [f"fetch waiting {asked}", "join pending"]),
            (e.RequestAnswered("fetch", Answer(NOW, "ship")), [f"fetch waiting {asked}", "join pending"]),
        ],
    )


def test_the_picture_shows_what_comes_after_a_verdict() -> None:
    """What is done about a failure, a crash, or an end is seen at work."""
    board = Board(started())
    handled = Delivery("d2", "join", 2)
    crash = replace(REQUEST, ask=Ask("", CRASH, "Try again?"))
    steps: list[tuple[e.Event, list[str]]] = [
        (e.InvocationsStarted(("d1",)), ["fetch running 5.0s", "join pending"]),
        (e.InvocationsCutOff(("d1",)), ["fetch pending attempt 2", "join pending"]),
        (
            e.RequestsOpened((crash,), {"d1": Wait("request", "", CRASH, "?", NOW, request="fetch")}),
            ["fetch waiting Try again?", "join pending"],
        ),
        (e.WokeUp(("d1",)), ["fetch pending attempt 2", "join pending"]),
        (e.InvocationsStarted(("d1",)), ["fetch running 5.0s, attempt 2", "join pending"]),
        (e.InvocationFailed("d1", BOOM, handled=handled), ["fetch pending attempt 2, 1 failed", "join pending"]),
        (e.InvocationsStarted(("d2",)), ["fetch pending attempt 2, 1 failed", "join running 5.0s"]),
        (
            e.RunEnding(Ending("failed", BOOM), (Delivery("d3", "fetch", 3),), NOW),
            ["fetch pending attempt 2, 1 failed", "join pending"],
        ),
        (e.InvocationsStarted(("d3",)), ["fetch running 5.0s, attempt 2, 1 failed", "join pending"]),
    ]
    follow(board, started(), steps)


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
    assert rows(board) == ["fetch waiting attempt 2 after ValueError, in 1h, 1 failed", "join pending"]
