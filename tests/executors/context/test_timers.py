"""Timers: when they are due, in which zone, and why a handler woke."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.zones import instant_of, zone_of
from lrwf_cli.errors import UsageError
from lrwf_cli.executors.api import Executor, handler, response_handler
from tests.executors.keeping import START, Stay

PARIS = ZoneInfo("Europe/Paris")


def naive(text: str, *, fold: int = 0) -> datetime:
    """Return a time without a zone."""
    return datetime.fromisoformat(text).replace(fold=fold)


def sleeping(timezone: str | None = None, **how: Any) -> Stay:
    async def handle(message: Any, ctx: WorkflowContext) -> str:
        return await ctx.schedule_resume(**how)

    return Stay(handle, call={"timezone": timezone})


def end(stay: Stay) -> Any:
    return asyncio.run(stay.end())


def due(stay: Stay) -> datetime:
    assert asyncio.run(stay.enter()) == (False, None)
    (wait,) = stay.waits.values()
    assert wait.due_at is not None
    return wait.due_at


@pytest.mark.parametrize("after", [timedelta(days=1), 86400, 86400.0])
def test_a_handler_goes_on_after_a_time(after: Any) -> None:
    """Conformance 29: a timer is an instant in the wait, and nobody's memory; it fires once."""
    stay = sleeping(after=after)
    assert due(stay) == START + timedelta(days=1)
    stay.jump()
    assert asyncio.run(stay.enter()) == (True, "timer")
    assert stay.kept == {"1": ("timer", None)}
    assert asyncio.run(stay.enter()) == (True, "timer")


def test_ten_years_are_not_too_long() -> None:
    """Conformance 29: as far ahead as anybody plans, to the day, whatever leap days are between."""
    for at in (START + timedelta(days=3650), START.replace(year=2036)):
        assert due(sleeping(at=at)) == at
    assert due(sleeping(after=timedelta(days=3650))) == START + timedelta(days=3650)


@pytest.mark.not_fresh("every timer suspends there")
@pytest.mark.parametrize(
    "how",
    [{"after": 0}, {"at": START}, {"at": START - timedelta(days=4000)}, {"at": datetime(1, 1, 2, tzinfo=UTC)}],
    ids=str,
)
def test_what_is_past_fires_now(how: Any) -> None:
    """Conformance 33: a due time in the past fires now; nothing is suspended for it."""
    stay = sleeping(**how)
    assert asyncio.run(stay.enter()) == (True, "timer")
    assert stay.waits == {}


def test_a_wake_before_its_time_waits_on() -> None:
    """Conformance 33: a clock that was set back delays; the instant stands, and so it does for a changed argument."""
    stay = sleeping(after=100)
    first = due(stay)
    stay.clock.jump(timedelta(hours=-2))
    assert due(stay) == first
    stay.clock.jump(timedelta(hours=9))
    assert asyncio.run(stay.enter()) == (True, "timer")


def test_an_instant_is_never_early() -> None:
    """Everything on disk has the resolution of a millisecond: what is between two is due at the later one."""
    assert due(sleeping(at=START + timedelta(microseconds=1_500))) == START + timedelta(milliseconds=2)


SUMMER = [
    (naive("2026-07-01T09:00"), naive("2026-07-01T07:00")),
    (naive("2026-12-01T09:00"), naive("2026-12-01T08:00")),
    # the gap: from 2:00 on it is 3:00
    (naive("2026-03-29T01:59:59"), naive("2026-03-29T00:59:59")),
    (naive("2026-03-29T02:00"), naive("2026-03-29T01:00")),
    (naive("2026-03-29T02:30"), naive("2026-03-29T01:00")),
    (naive("2026-03-29T02:30", fold=1), naive("2026-03-29T01:00")),
    (naive("2026-03-29T03:00"), naive("2026-03-29T01:00")),
    # the overlap: at 3:00 it is 2:00 again
    (naive("2026-10-25T02:30"), naive("2026-10-25T00:30")),
    (naive("2026-10-25T02:30", fold=1), naive("2026-10-25T01:30")),
    (naive("2026-10-25T03:00"), naive("2026-10-25T02:00")),
]


@pytest.mark.parametrize(("wall", "utc"), SUMMER, ids=str)
def test_a_naive_time_is_in_the_flows_zone(wall: datetime, utc: datetime) -> None:
    """Conformance 33: summer time both ways: what is skipped is just after the gap, what comes twice is the first."""
    assert due(sleeping("Europe/Paris", at=wall)) == utc.replace(tzinfo=UTC)
    assert due(sleeping("Asia/Tokyo", at=wall.replace(tzinfo=PARIS))) == utc.replace(tzinfo=UTC)


@pytest.fixture
def paris(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the machine be in Paris."""
    monkeypatch.setenv("TZ", "Europe/Paris")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("paris")
@pytest.mark.parametrize(("wall", "utc"), SUMMER, ids=str)
def test_without_a_zone_it_is_the_machines(wall: datetime, utc: datetime) -> None:
    """Conformance 33: the machine's own summer time is the same."""
    assert due(sleeping(at=wall)) == utc.replace(tzinfo=UTC)


@given(
    st.datetimes(naive("1950-01-01T00:00"), naive("2060-01-01T00:00")),
    st.sampled_from(["Europe/Paris", "Pacific/Apia", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kolkata", "UTC"]),
    st.integers(0, 1),
)
def test_an_instant_shows_its_time_or_comes_just_after_it(wall: datetime, name: str, fold: int) -> None:
    """Conformance 33: a clock in that zone shows the time then, or skips it and has not shown a later one before."""
    zone = zone_of(name)
    instant = instant_of(wall.replace(fold=fold), zone)
    assert instant.tzinfo is UTC
    shown = instant.astimezone(zone).replace(tzinfo=None, fold=0)
    if shown != wall:
        before = (instant - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None, fold=0)
        assert before < wall < shown


def test_a_day_that_was_skipped_ends_at_its_end() -> None:
    """Conformance 33: Samoa had no 30th of December 2011."""
    noon = instant_of(naive("2011-12-30T12:00"), zone_of("Pacific/Apia"))
    assert noon.astimezone(zone_of("Pacific/Apia")).replace(tzinfo=None) == naive("2011-12-31T00:00")


@pytest.mark.parametrize(
    ("how", "said", "hint"),
    [
        ({}, "neither `after` nor `at`", "give one of them"),
        ({"after": 1, "at": START}, "both `after` and `at`", "give one of them"),
        ({"after": -1}, "`after` of a timer is negative: -1", "at least 0"),
        ({"after": timedelta(days=36500)}, "`after` of a timer is longer than ten years", "timedelta"),
        ({"after": float("nan")}, "`after` of a timer is longer than ten years: nan", "timedelta"),
        ({"after": "24h"}, "`after` of a timer is no duration: '24h'", "timedelta"),
        ({"after": True}, "`after` of a timer is no duration: True", "timedelta"),
        ({"at": date(2026, 1, 1)}, "`at` of a timer is no datetime", "datetime"),
        ({"at": "2026-01-01"}, "`at` of a timer is no datetime", "datetime"),
        ({"at": datetime(2126, 1, 1, tzinfo=UTC)}, "more than ten years ahead", "nearer"),
        ({"at": datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=9)))}, "no such instant", "year"),
        ({"at": naive("2026-07-01T00:00"), "timezone": "Europe/Pari"}, "'Europe/Pari'", "did you mean 'Europe/Paris'?"),
        ({"at": naive("2026-07-01T00:00"), "timezone": "../../etc/passwd"}, "unknown time zone", "IANA"),
    ],
)
def test_an_absurd_timer_is_refused(how: Any, said: str, hint: str) -> None:
    """Negative and absurd durations, unknown zones: what is wrong, and what to do."""
    with pytest.raises(UsageError) as caught:
        end(sleeping(**how))
    assert said in caught.value.message
    assert hint in str(caught.value.hint)


class Reminded(Executor):
    """Asks, and goes on after a day whatever is said."""

    @handler
    async def begin(self, message: Any, ctx: WorkflowContext) -> str:
        await ctx.request_info("ok?", str)
        return await ctx.schedule_resume(after=timedelta(days=1))

    @response_handler
    async def answered(self, asked: str, response: str) -> None: ...


def test_an_answer_wakes_before_the_time() -> None:
    """Design 6: `response` when a request that this handler opened was answered first, else `timer`."""
    stay = Stay(Reminded())
    asyncio.run(stay.enter())
    stay.clock.jump(timedelta(hours=1))
    stay.answer("yes")
    assert asyncio.run(stay.enter()) == (True, "response")
    late = Stay(Reminded())
    asyncio.run(late.enter())
    late.clock.jump(timedelta(days=1, seconds=1))
    late.answer("yes")
    assert asyncio.run(late.enter()) == (True, "timer")
    never = Stay(Reminded())
    assert end(never) == "timer"
