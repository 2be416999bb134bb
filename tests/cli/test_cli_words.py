"""How things look: safe text, instants, durations, JSON."""

import io
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.cli.render import (
    duration_text,
    has_colours,
    instant_text,
    json_line,
    json_text,
    safe,
    safe_lines,
)

NOW = datetime(2026, 11, 22, 9, 15, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FORBIDDEN = {*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0xE0041}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@given(st.text())
def test_no_control_character_survives(text: str) -> None:
    """Conformance 60: everything printed is safe; nothing in a text can move a cursor or turn the writing."""
    assert not FORBIDDEN.intersection(map(ord, safe(text)))
    assert not FORBIDDEN.intersection(map(ord, "".join(safe_lines(text))))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢 [red]", "plain é 漢 [red]"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\t", "a\\nb\\r\\t"),
        ("\u202eevil\x9b\x7f", "\\u202eevil\\x9b\\x7f"),
        ("ship\u200b", "ship\\u200b"),  # else two choices look alike
        ("ship\U000e0041", "ship\\U000e0041"),
        ("\U0001f469\u200d\U0001f680", "\U0001f469\u200d\U0001f680"),  # what joins two emoji to one does no harm
    ],
)
def test_what_a_terminal_would_act_on_is_made_visible(text: str, shown: str) -> None:
    """Letters of any language stay as they are; markup is only text."""
    assert safe(text) == shown


def test_lines_stay_lines() -> None:
    """A text of several lines stays one, with tabs as spaces; only a carriage return before a newline goes."""
    assert safe_lines("a\tb\r\nc\rd") == ["a       b", "c\\rd"]


@given(JSON)
def test_json_is_ascii_and_means_the_same(value: object) -> None:
    """Conformance 60: `--json` escapes what is not ASCII, and it is the same value when read."""
    for text in (json_text(value), json_line(value), json_line(value, readable=True)):
        assert msgspec.json.decode(text) == value
        assert not FORBIDDEN.intersection(map(ord, text.replace("\n", "")))
    assert json_text(value).isascii()
    assert json_line(value).isascii()
    assert "\n" not in json_line(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (-5, "0.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (59.6, "1m"),
        (61, "1m 1s"),
        (3600, "1h"),
        (3661, "1h 1m"),
        (3605, "1h"),
        (90_000, "1d 1h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, text: str) -> None:
    """A duration is as exact as a person needs it."""
    assert duration_text(timedelta(seconds=seconds)) == text


def test_an_instant_is_in_utc_with_its_distance() -> None:
    """Times are in UTC, with a relative form for people."""
    assert instant_text(NOW + timedelta(hours=3), NOW) == "2026-11-22 12:15:00Z, in 3h"
    assert instant_text(NOW - timedelta(minutes=2), NOW) == "2026-11-22 09:13:00Z, 2m ago"
    assert instant_text(None, NOW) == "-"


def test_colours_only_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR, pipes and dumb terminals are obeyed."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert has_colours(_Terminal())
    assert not has_colours(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not has_colours(_Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    assert has_colours(_Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert not has_colours(_Terminal())
