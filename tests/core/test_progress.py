"""Progress: it goes up while a message is handled, whoever says so, and tells how fast it goes and what is left."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.progress import Part, Progress, further, together

START = datetime(2026, 1, 1, tzinfo=UTC)
numbers = st.floats(-1e12, 1e12)


def said(
    after_s: float, current: float | None = None, total: float | None = None, *, start: int = 1, **more: str
) -> Part:
    at = START + timedelta(seconds=after_s)
    return Part(start, at, at, current, total, more.get("message"))


def told(*parts: Part) -> Part:
    """Return what is known after one process has said all of these."""
    known: Part | None = None
    for part in parts:
        known = further(known, part, is_first=known is None)
    assert known is not None
    return known


@given(st.lists(numbers, min_size=1))
def test_it_never_goes_back(currents: list[float]) -> None:
    """Conformance 55: monotonic per attempt, whatever a handler says."""
    known: Part | None = None
    highest = currents[0]
    for number, current in enumerate(currents):
        known = further(known, said(number, current), is_first=not number)
        highest = max(highest, current)
        assert known.current == highest


def test_a_message_that_is_begun_anew_begins_at_nothing() -> None:
    """Another start has kept nothing of the one before."""
    assert told(said(0, 90, 100), said(5, 1, 100, start=2)).current == 1


def test_rate_and_time_left() -> None:
    """Conformance 55: 30 in 10 s are 3 a second; of the 60 that are left, 20 s."""
    shown = together([told(said(0, 10, 100, message="files"), said(10, 40))])
    assert shown == Progress(START + timedelta(seconds=10), 40, 100, "files", 3.0, timedelta(seconds=20))


def test_the_rate_is_that_of_this_process() -> None:
    """A night in which nothing ran, and what comes by again after it in a moment, count neither way."""
    night = 12 * 3600
    known = told(said(0, 0, 100), said(10, 50))
    known = further(known, said(night, 0), is_first=True)
    known = further(known, said(night + 1, 50), is_first=False)
    shown = together([further(known, said(night + 10, 60), is_first=False)])
    assert shown is not None
    assert (shown.current, shown.rate, shown.left) == (60, 1.0, timedelta(seconds=40))


def test_what_cannot_be_told_is_none() -> None:
    """Without a total, or before anything was done, nobody knows when it ends."""
    assert together([]) is None
    assert together([told(said(0, 5))]) == Progress(START, 5)
    assert together([told(said(0, message="begun"))]) == Progress(START, message="begun")


def test_several_handlers_of_one_executor() -> None:
    """They are summed; a total only if each has one."""
    one, other = told(said(0, 0, 10), said(10, 5)), told(said(0, 0, 30), said(20, 10, message="last"))
    shown = together([one, other])
    assert shown is not None
    assert (shown.current, shown.total, shown.message, shown.rate) == (15, 40, "last", 1.0)
    partly = together([one, told(said(0, 3))])
    assert partly is not None
    assert (partly.current, partly.total, partly.left) == (8, None, None)


def test_what_is_not_said_again_stays() -> None:
    """A report of a number alone leaves total and message as they were."""
    known = told(said(0, 1, 9, message="m"), said(1, 2), said(2))
    assert (known.current, known.total, known.message) == (2, 9, "m")
