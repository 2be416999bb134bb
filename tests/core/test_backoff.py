"""Durations and backoffs as authors write them in Python."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.model import RetryPolicy
from lrwf_cli.core.retry import delay
from lrwf_cli.core.spans import LONGEST, span_of
from lrwf_cli.errors import UsageError


def test_the_defaults_are_those_of_a_policy() -> None:
    """Conformance 27: 1 s, doubled, at most 5 minutes, a tenth of jitter: in a flow file and in Python the same."""
    assert ExponentialBackoff().policy == RetryPolicy()


@given(st.integers(1, 60), st.text(max_size=8))
def test_there_is_one_arithmetic(number: int, seed: str) -> None:
    """Conformance 27: a pause of a poll is computed as that of a retry."""
    backoff = ExponentialBackoff(initial=0.5, multiplier=3, max=timedelta(minutes=10), jitter=0.3)
    policy = RetryPolicy(initial=timedelta(seconds=0.5), multiplier=3, max=timedelta(minutes=10), jitter=0.3)
    assert backoff.delay(number, seed) == delay(policy, number, seed)


def test_a_backoff_is_a_value() -> None:
    """It may be shared, compared, copied with the executor that holds it, and printed as it is written."""
    backoff = ExponentialBackoff(initial=10, max=300)
    assert copy.deepcopy(backoff) == backoff == ExponentialBackoff(timedelta(seconds=10), max=300.0)
    assert hash(copy.copy(backoff)) == hash(backoff)
    assert backoff != ExponentialBackoff()
    assert eval(repr(backoff)) == backoff


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"initial": -1}, "`initial` of a backoff is negative: -1"),
        ({"initial": -1e-9}, "`initial` of a backoff is negative"),
        ({"initial": timedelta(seconds=-1)}, "`initial` of a backoff is negative"),
        ({"initial": "1s"}, "`initial` of a backoff is no duration: '1s'"),
        ({"initial": True}, "`initial` of a backoff is no duration"),
        ({"initial": None}, "`initial` of a backoff is no duration"),
        ({"max": -1}, "`max` of a backoff is negative"),
        ({"max": float("nan")}, "`max` of a backoff is longer than ten years: nan"),
        ({"max": float("inf")}, "`max` of a backoff is longer than ten years: inf"),
        ({"max": 10**400}, "`max` of a backoff is longer than ten years"),
        ({"initial": 600}, "`max` of a backoff is shorter than its `initial`: 0:05:00 < 0:10:00"),
        ({"multiplier": 0.5}, "`multiplier` of a backoff must be a number of at least 1, not 0.5"),
        ({"multiplier": float("nan")}, "`multiplier` of a backoff must be a number of at least 1"),
        ({"multiplier": float("inf")}, "`multiplier` of a backoff must be a number of at least 1"),
        ({"multiplier": "2"}, "`multiplier` of a backoff must be a number of at least 1, not '2'"),
        ({"jitter": -0.1}, "`jitter` of a backoff must be a number from 0 to 1, not -0.1"),
        ({"jitter": 2}, "`jitter` of a backoff must be a number from 0 to 1, not 2"),
        ({"jitter": False}, "`jitter` of a backoff must be a number from 0 to 1, not False"),
    ],
)
def test_an_absurd_backoff_is_refused(wrong: dict[str, Any], said: str) -> None:
    """A backoff below zero, or that never ends, is told when it is made."""
    with pytest.raises(UsageError) as caught:
        ExponentialBackoff(**wrong)
    assert said in caught.value.message
    assert caught.value.hint


def test_a_span_is_seconds_or_a_timedelta() -> None:
    """To the millisecond, from nothing to ten years."""
    assert span_of(1.5, "it") == span_of(timedelta(seconds=1.5), "it") == timedelta(milliseconds=1500)
    assert span_of(0, "it") == timedelta()
    assert span_of(LONGEST, "it") == LONGEST
    assert span_of(timedelta(microseconds=1499), "it") == timedelta(milliseconds=1)
