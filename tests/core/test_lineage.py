"""Names and places come from descent, never from clocks or luck."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.lineage import MAX_DEPTH, child_path, delivery_id, idempotency_key, joined_path

paths = st.lists(st.integers(0, 3), max_size=6).map(tuple)


def test_an_id_is_its_parents_and_its_place() -> None:
    """A delivery's id is the same in every process and release: journals refer to it."""
    assert delivery_id(("sim",), "input") == "55918ca7a67bf910"
    assert delivery_id(("a",), "b") != delivery_id(("a", "b"), "")
    assert delivery_id(("a", "b"), "c") != delivery_id(("b", "a"), "c")


def test_a_key_leaves_the_attempt_out_and_takes_the_epoch_in() -> None:
    """Conformance 25: one key for all attempts of a delivery; another run and another epoch have another."""
    key = idempotency_key("run", 0, "d")
    assert key == idempotency_key("run", 0, "d")
    assert (
        len({key, idempotency_key("run", 1, "d"), idempotency_key("nur", 0, "d"), idempotency_key("run", 0, "e")}) == 4
    )
    assert len(key) == 32


def test_an_only_child_stands_where_its_parent_stood() -> None:
    """A long chain costs no longer places; siblings are told apart."""
    assert child_path((1, 2), 0, 1) == (1, 2)
    assert [child_path((1,), place, 2) for place in range(2)] == [(1, 0), (1, 1)]


def test_a_place_does_not_grow_without_end() -> None:
    """A loop that branches on every round does not carry its history in every delivery."""
    path: tuple[int, ...] = ()
    for _ in range(3 * MAX_DEPTH):
        path = child_path(path, 1, 2)
    assert path == (1,) * MAX_DEPTH


@pytest.mark.parametrize(
    ("several", "place"),
    [
        ([(1, 0), (1, 1)], (1,)),
        ([(1, 0), (2, 0)], (7,)),
        ([(1, 1), (1, 2, 1)], (1, 7)),
        ([(1, 2, 3), (1, 2), (1, 2, 4, 5)], (1, 2, 7)),
        ([(1, 2)], (1, 2)),
        ([(), (3,)], ()),
        ([(1,) * MAX_DEPTH, (1,) * MAX_DEPTH], (1,) * MAX_DEPTH),
        ([(1,) * MAX_DEPTH + (2, 3), (1,) * MAX_DEPTH], (1,) * MAX_DEPTH),
    ],
)
def test_a_joined_place_is_where_all_come_from(several: list[tuple[int, ...]], place: tuple[int, ...]) -> None:
    """The place of what a fan-in makes of siblings leaves out what sets them apart; of others it has the round."""
    assert joined_path(several, 7) == place


@given(st.lists(paths, min_size=1, max_size=4), st.integers(0, 5))
def test_a_joined_place_of_siblings_does_not_grow(several: list[tuple[int, ...]], number: int) -> None:
    """A loop through a fan-out and a fan-in does not make places grow; no place outgrows MAX_DEPTH."""
    parent = several[0]
    siblings = [child_path(parent, position, len(several)) for position in range(len(several))]
    assert joined_path(siblings, number) == parent
    assert len(joined_path(several, number)) <= max(MAX_DEPTH, len(parent))
