"""The benchmarks' pure parts: what is made of figures once they are measured. Nothing is timed here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import figures
from benchmarks.table import Aim, Section, markdown, placed
from lrwf_cli.errors import LrwfError

POSITIVE = st.floats(min_value=1e-6, max_value=1e6)


def test_a_ratio_is_taken_round_by_round() -> None:
    """A round in which the machine was busy weighs on both sides of a ratio, and so on neither."""
    quiet, busy = 1.0, 10.0
    assert figures.ratio([2 * quiet, 2 * quiet, 2 * busy], [quiet, quiet, busy]) == 2.0


def test_a_ratio_needs_as_many_rounds_on_both_sides() -> None:
    """Rounds that were not measured are not made up."""
    with pytest.raises(ValueError, match="shorter"):
        figures.ratio([1.0, 2.0], [1.0])


@given(st.lists(st.tuples(POSITIVE, POSITIVE), min_size=1), POSITIVE)
def test_a_ratio_does_not_depend_on_the_machine(rounds: list[tuple[float, float]], slowness: float) -> None:
    """A machine that is so many times slower for all shows the same ratios."""
    these, those = zip(*rounds, strict=True)
    slower = figures.ratio([slowness * each for each in these], [slowness * each for each in those])
    assert slower == pytest.approx(figures.ratio(these, those))


def test_the_spread_is_a_part_of_the_median() -> None:
    """Figures that lie far apart are shown as such."""
    assert figures.spread([0.9, 1.0, 1.1]) == pytest.approx(0.2)
    assert figures.spread([3.0]) == 0


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (figures.seconds(0.0123), "12 ms"),
        (figures.seconds(0.9999), "1.00 s"),
        (figures.seconds(12.345), "12.35 s"),
        (figures.of_size(512), "512 B"),
        (figures.of_size(2048), "2 KiB"),
        (figures.of_size(131 * 1024**2), "131.0 MiB"),
        (figures.rate(2801.4), "2,801"),
        (figures.rate(63.25), "63.2"),
        (figures.times(1.504), "1.50"),
        (figures.times(59.6), "60"),
        (figures.amount(1000), "1,000"),
    ],
)
def test_figures_are_told_in_units_that_people_use(said: str, wanted: str) -> None:
    """A figure shows as many digits as mean something."""
    assert said == wanted


def test_a_section_is_a_table_its_note_and_its_aims() -> None:
    """What was aimed at stands beside what was measured, and a miss is not to be overlooked."""
    section = Section(
        "floor",
        ("who", "a second"),
        (("append", "2,800"), ("replace", "900")),
        (Aim("share of the floor", ">= 0.6", "0.71", reached=True), Aim("disk", "< 3 MiB", "4.0 MiB", reached=False)),
        "Lines of 700 bytes.",
    )
    assert markdown(section) == (
        "| who | a second |\n| --- | ---: |\n| append | 2,800 |\n| replace | 900 |\n\n"
        "Lines of 700 bytes.\n\n"
        "| aim | wanted | measured | reached |\n| --- | --- | ---: | --- |\n"
        "| share of the floor | >= 0.6 | 0.71 | yes |\n| disk | < 3 MiB | 4.0 MiB | **no** |"
    )


def test_a_cell_cannot_break_the_table() -> None:
    """A bar in a name stays in its cell."""
    assert "| a&#124;b |" in markdown(Section("x", ("who",), (("a|b",),)))


def test_figures_replace_the_older_ones_and_nothing_else() -> None:
    """The prose around the figures is a person's; measuring again changes the figures only."""
    document = "# Performance\n\n<!-- measured: floor -->\nold\n<!-- end of floor -->\n\nSlow disks are slow.\n"
    once = placed(document, "floor", "new")
    assert once == document.replace("old", "new")
    assert placed(once, "floor", "new") == once


def test_figures_without_a_place_are_an_error() -> None:
    """Nothing is measured for minutes to be dropped in silence."""
    with pytest.raises(LrwfError, match="no place for the figures of `chain`"):
        placed("# Performance\n", "chain", "new")
