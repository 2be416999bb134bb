"""Instants as people write them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.errors import UsageError
from lrwf_cli.flow.instants import parse_instant

ZONES = st.none() | st.integers(-24 * 60 + 1, 24 * 60 - 1).map(lambda m: timezone(timedelta(minutes=m)))


@given(st.datetimes(timezones=ZONES))
def test_what_python_writes_is_read(at: datetime) -> None:
    """With a zone or without, to the microsecond; a `T` or a space between day and time."""
    for separator in "T ":
        assert parse_instant(at.isoformat(separator)) == at


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-01", datetime(2026, 12, 1)),  # noqa: DTZ001 - it names no zone
        (" 2026-12-01 09:00 ", datetime(2026, 12, 1, 9)),  # noqa: DTZ001 - it names no zone
        ("2026-12-01T09:00Z", datetime(2026, 12, 1, 9, tzinfo=UTC)),
        ("2026-12-01 09:00:30.5 Z", datetime(2026, 12, 1, 9, 0, 30, 500_000, tzinfo=UTC)),
        ("2026-12-01T09:00 +0130", datetime(2026, 12, 1, 7, 30, tzinfo=UTC)),
    ],
)
def test_what_people_write_is_read(text: str, expected: datetime) -> None:
    """A day alone begins at midnight; what names no zone is naive."""
    assert parse_instant(text) == expected


@given(st.text(max_size=30) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{1,12})?Z?", fullmatch=True))
def test_anything_else_is_refused_and_no_more(text: str) -> None:
    """Never another exception, whatever the text; what is wrong is named, with a remedy."""
    told = UsageError("no such date: ", hint="none was needed")
    try:
        parse_instant(text)
    except UsageError as error:
        told = error
    assert told.message.startswith(("not a date and a time: ", "no such date: "))
    assert told.hint


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "09:00", "2026-12-01T9:00", "20261201T090000", "2026-W49-2", "1" * 99]
)
def test_what_others_might_guess_is_no_instant(text: str) -> None:
    """Nothing is guessed: a run may wait for it for weeks."""
    with pytest.raises(UsageError):
        parse_instant(text)
