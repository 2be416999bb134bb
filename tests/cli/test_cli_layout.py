"""What fits where: cells, columns, lines that are broken between words."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.cli.layout import cells, clip, columns, width_of, wrapped
from tests.cli.processes import on_terminal
from tests.cli.questions import asking

WORDS = st.text(st.sampled_from("ab 漢é"), max_size=120)


@pytest.mark.parametrize(
    ("text", "width"),
    [("abc", 3), ("漢字", 4), ("\U0001f680", 2), ("e\u0301", 1), ("\x1b[31mred\x1b[0m", 3), ("", 0)],
)
def test_a_letter_takes_the_room_that_a_terminal_gives_it(text: str, width: int) -> None:
    """Chinese and emoji take two cells, accents and our own colours none."""
    assert cells(text) == width


def test_columns_stand_below_one_another_and_fit() -> None:
    """The last column takes what room is left, and is cut with an ellipsis."""
    rows = [("a", "bb", "x" * 40), ("aaa", "b", "y")]
    assert columns(rows) == [f"a    bb  {'x' * 40}", "aaa  b   y"]
    assert columns(rows, width=30)[0] == f"a    bb  {'x' * 18}..."
    assert columns([("漢", "x"), ("abcd", "y")]) == ["漢    x", "abcd  y"]
    assert columns([]) == []


def test_text_that_fits_is_not_cut() -> None:
    """Only what is too long loses its end, and never more than half of a wide letter sticks out."""
    assert clip("12345", 5) == "12345"
    assert clip("123456", 5) == "12..."
    assert clip("漢字漢字", 8) == "漢字漢字"
    assert clip("漢字漢字", 6) == "漢..."


@given(WORDS, st.integers(5, 60), st.integers(0, 20))
def test_a_broken_line_fits_and_loses_no_word(text: str, width: int, hang: int) -> None:
    """Lines break between words only; one that is too long is a word that is too long."""
    lines = list(wrapped(text, width, hang))
    assert " ".join(lines).split() == text.split()
    assert all(cells(line) <= width or len(line.split()) == 1 for line in lines)


def test_further_lines_hang_below_what_they_belong_to() -> None:
    """The label stands alone at the left; where that leaves no room they hang less."""
    assert list(wrapped("  label  one two three", 16, 9)) == ["  label  one two", "    three"]
    assert list(wrapped("  label  one two three", 18, 9)) == ["  label  one two", "         three"]
    assert list(wrapped("a b " * 9, None, 4)) == ["a b " * 9]


def test_a_pipe_has_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe nothing is broken or cut, whatever COLUMNS says."""
    monkeypatch.setenv("COLUMNS", "50")
    assert width_of(io.StringIO()) is None


@pytest.mark.usefixtures("flows")
def test_a_narrow_terminal_is_read_like_a_wide_one() -> None:
    """`status` hangs what is long below its label; a command that is to be copied stays whole."""
    asking("r" * 40, {"choices": ("ship", "stop"), "prompt": "May the buyer of the house buy a chair for it?"})
    code, written = on_terminal("status", "r" * 40, settings={"COLUMNS": "50"})
    assert code == 0
    assert "  waits for   approve: May the buyer of the house\r\n              buy a chair for it?" in written
    assert f"  next        lrwf respond {'r' * 40} approve\r\n" in written
