"""How long things may take, how often they are tried: what cannot be meant is found when the flow is checked."""

import pytest

from tests.flow.complaining import kind, told

MISTAKES: list[tuple[str, ...]] = [
    (
        kind("{run: x, timeout: 0s}"),
        "3:24: 'timeout' in executor 'a' leaves no time at all",
        "  give it some, or remove the key: then there is no limit",
    ),
    (
        kind("{run: x, deadline: 0h}"),
        "3:25: 'deadline' in executor 'a' leaves no time at all",
        "  give it some, or remove the key: then there is no limit",
    ),
    (
        kind("{run: x, idle_timeout: 0ms}"),
        "3:29: 'idle_timeout' in executor 'a' leaves no time at all",
        "  give it some, or remove the key: then there is no limit",
    ),
    (
        kind("{run: x, timeout: 90}"),
        "3:24: 'timeout' in executor 'a' must be a duration, not 90",
        "  add a unit: 90s, 90m, 90h or 90d",
    ),
    (
        kind("{run: x, timeout: -5m}"),
        "3:24: 'timeout' in executor 'a' must be a duration, not the text '-5m'",
        "  a duration cannot be negative",
    ),
    (
        kind("{run: x, timeout: 11y}"),
        "3:24: 'timeout' in executor 'a' must be a duration, not the text '11y'",
        "  write it like 90s, 15m, 1h30m or 3d",
    ),
    (
        kind("{run: x, timeout: 1h, deadline: 30m}"),
        "3:38: 'deadline' in executor 'a' is 30m, and one stretch may take 1h",
        "  raise 'deadline', or lower 'timeout': a deadline holds for all of it, retries and suspensions too",
    ),
    (
        kind("{run: x, deadline: 30m}", "defaults: {timeout: 1h}"),
        "3:25: 'deadline' in executor 'a' is 30m, and one stretch may take 1h",
        "  raise 'deadline', or lower 'timeout': a deadline holds for all of it, retries and suspensions too",
    ),
    (
        kind("{run: x}", "defaults: {timeout: 1h, deadline: 30m}"),
        "4:35: 'deadline' in 'defaults' is 30m, and one stretch may take 1h",
        "  raise 'deadline', or lower 'timeout': a deadline holds for all of it, retries and suspensions too",
    ),
    (
        kind("{run: x}", "timeout: 0s"),
        "4:10: 'timeout' leaves no time at all",
        "  give it some, or remove the key: then there is no limit",
    ),
    (
        kind("{run: x, retry: {initial: 10m}}"),
        "3:32: 'initial' in 'retry' of executor 'a' is 10m, and 'max' is 5m, as always",
        "  raise 'max', or lower 'initial'",
    ),
    (
        kind("{run: x, retry: {max: 1ms}}"),
        "3:28: 'initial' in 'retry' of executor 'a' is 1s, as always, and 'max' is 1ms",
        "  raise 'max', or lower 'initial'",
    ),
    (
        kind("{run: x, retry: {initial: 10m, max: 5m}}"),
        "3:42: 'initial' in 'retry' of executor 'a' is 10m, and 'max' is 5m",
        "  raise 'max', or lower 'initial'",
    ),
    (
        kind("{run: x, retry: {initial: 10m}}", "defaults: {retry: {max: 6m}}"),
        "3:32: 'initial' in 'retry' of executor 'a' is 10m, and 'max' is 6m, as in 'defaults'",
        "  raise 'max', or lower 'initial'",
    ),
    (
        kind("{run: x}", "defaults: {retry: {max: 10ms}}"),
        "4:25: 'initial' in 'retry' of 'defaults' is 1s, as always, and 'max' is 10ms",
        "  raise 'max', or lower 'initial'",
    ),
    (
        kind("{run: x, retry: {initial: -1s}}"),
        "3:32: 'initial' in 'retry' of executor 'a' must be a duration, not the text '-1s'",
        "  a duration cannot be negative",
    ),
    (
        kind("{run: x, retry: {exit_codes: [x]}}"),
        "3:36: an item of 'exit_codes' in 'retry' of executor 'a' must be an integer, not the text 'x'",
    ),
    (
        kind("{run: x, retry: {exit_codes: [300]}}"),
        "3:36: an item of 'exit_codes' in 'retry' of executor 'a' must be at most 255, not 300",
    ),
    (
        kind("{run: x, max_crashes: 0}"),
        "3:28: 'max_crashes' in executor 'a' must be at least 1, not 0",
    ),
    (
        kind("{run: x, max_parallel: 0}"),
        "3:29: 'max_parallel' in executor 'a' must be at least 1, not 0",
    ),
    (
        kind("{run: x, ordered: yes}"),
        "3:24: 'ordered' in executor 'a' must be true or false, not the text 'yes'",
        "  write true",
    ),
    (
        kind("{run: x, on_crash: ignore}"),
        "3:25: 'on_crash' in executor 'a' must be 'retry', 'ask' or 'fail', not the text 'ignore'",
        "  choices: retry, ask, fail",
    ),
    (
        kind("{run: x, grace: -1s}"),
        "3:22: 'grace' in executor 'a' must be a duration, not the text '-1s'",
        "  a duration cannot be negative",
    ),
]


@pytest.mark.parametrize("text_and_expected", MISTAKES, ids=lambda each: each[1] if len(each) > 1 else "right")
def test_limits_that_cannot_be_meant_are_found(text_and_expected: tuple[str, ...]) -> None:
    """Negative and absurd durations, limits of nothing, a backoff below zero: with the place (Conformance 28)."""
    text, *expected = text_and_expected
    assert list(told(text)) == expected
