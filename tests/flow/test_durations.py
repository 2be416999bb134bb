from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.errors import UsageError
from lrwf_cli.flow.durations import LONGEST, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        (" 5s ", 5),
        ("3d", 259200),
        ("1w2d", 777600),
        ("250ms", 0.25),
        ("1.5h", 5400),
        ("0s", 0),
        ("PT1H", 3600),
        ("P1DT2H30M", 95400),
        ("P2W", 1209600),
        ("PT0.5S", 0.5),
        ("3650d", 315360000),
    ],
)
def test_durations_are_read_as_people_and_iso_8601_write_them(text: str, seconds: float) -> None:
    """Design 7: durations are `90s`, `15m`, `1h30m`, `3d` or ISO 8601."""
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("90", "not a duration: '90'", "add a unit: 90s, 90m, 90h or 90d"),
        ("-5s", "not a duration: '-5s'", "a duration cannot be negative"),
        ("5 min", "not a duration: '5 min'", "write it as 5m"),
        ("10 Seconds", "not a duration: '10 Seconds'", "write it as 10s"),
        ("2hours", "not a duration: '2hours'", "write it as 2h"),
        ("P1M", "not a duration: 'P1M'", "years and months vary in length: give days, as P30D or 30d"),
        ("", "not a duration: ''", "write it like 90s, 15m, 1h30m or 3d"),
        ("soon", "not a duration: 'soon'", "write it like 90s, 15m, 1h30m or 3d"),
        ("30m1h", "not a duration: '30m1h'", "write it like 90s, 15m, 1h30m or 3d"),
        ("1h1h", "not a duration: '1h1h'", "write it like 90s, 15m, 1h30m or 3d"),
        ("PT", "not a duration: 'PT'", "write it like 90s, 15m, 1h30m or 3d"),
        ("٣s", "not a duration: '٣s'", "write it like 90s, 15m, 1h30m or 3d"),
        ("5s\n", None, None),
        ("11y", "not a duration: '11y'", "write it like 90s, 15m, 1h30m or 3d"),
        ("3651d", "longer than ten years: '3651d'", "give a duration of at most 3650d"),
        ("9" * 60 + "d", f"longer than ten years: '{'9' * 60}d'", "give a duration of at most 3650d"),
        ("9" * 5000 + "s", f"not a duration: '{'9' * 64}'", "write it like 90s, 15m, 1h30m or 3d"),
    ],
)
def test_what_is_no_duration_is_refused_with_the_nearest_right_form(
    text: str, message: str | None, hint: str | None
) -> None:
    """Negative, absurd and misspelt durations are errors that say how to write it."""
    if message is None:
        assert parse_duration(text) == timedelta(seconds=5)
        return
    with pytest.raises(UsageError) as caught:
        parse_duration(text)
    assert (caught.value.message, caught.value.hint) == (message, hint)


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (timedelta(0), "0s"),
        (timedelta(seconds=90), "1m30s"),
        (timedelta(days=14), "14d"),
        (timedelta(hours=25, milliseconds=5), "1d1h5ms"),
    ],
)
def test_durations_are_written_with_the_largest_units(duration: timedelta, text: str) -> None:
    """Days are the largest unit, and nothing is `0s`."""
    assert format_duration(duration) == text


@given(st.integers(0, LONGEST // timedelta(milliseconds=1)))
def test_a_duration_that_was_written_is_read_as_it_was(milliseconds: int) -> None:
    """Writing and reading are inverse for every whole number of milliseconds up to ten years."""
    duration = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(duration)) == duration


@given(st.text() | st.from_regex(r"P?[0-9.]+[a-zA-Z]+T?[0-9.]*[smhdwHMS]?", fullmatch=True))
def test_any_text_is_a_duration_or_a_usage_error(text: str) -> None:
    """No text makes anything else than a duration up to ten years, or a UsageError."""
    try:
        assert timedelta(0) <= parse_duration(text) <= LONGEST
    except UsageError as error:
        assert error.hint  # noqa: PT017 - of whatever error it is
