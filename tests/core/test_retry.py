"""The arithmetic of retries: whether an attempt comes again, and when."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.core.model import RetryPolicy
from lrwf_cli.core.retry import delay, is_retryable
from lrwf_cli.core.run import Failure


def seconds(policy: RetryPolicy, failures: int, seed: str = "d") -> float:
    """Return a delay in seconds."""
    return delay(policy, failures, seed).total_seconds()


def test_delays_double_up_to_the_maximum() -> None:
    """Conformance 27: `initial * multiplier ** (failures - 1)`, at most `max`."""
    policy = RetryPolicy(jitter=0, max=timedelta(seconds=10))
    assert [seconds(policy, failures) for failures in range(1, 7)] == [1, 2, 4, 8, 10, 10]


@given(st.integers(1, 40), st.text(max_size=8), st.floats(0, 1))
def test_jitter_stays_within_its_share(failures: int, seed: str, jitter: float) -> None:
    """Conformance 27: at most `jitter` is added or taken away, and never beyond `max`."""
    plain = seconds(RetryPolicy(jitter=0), failures)
    jittered = seconds(RetryPolicy(jitter=jitter), failures, seed)
    assert plain * (1 - jitter) - 0.001 <= jittered <= min(plain * (1 + jitter), 300) + 0.001


def test_jitter_comes_from_the_delivery() -> None:
    """Conformance 27: a replay sees the same instants; two deliveries, and two failures, do not come in step."""
    policy = RetryPolicy(multiplier=1, jitter=0.5)
    assert delay(policy, 1, "a") == delay(policy, 1, "a")
    assert len({delay(policy, failures, seed) for failures in (1, 2) for seed in "abcd"}) == 8


def test_instants_are_whole_milliseconds() -> None:
    """Everything on disk has the resolution of a millisecond."""
    policy = RetryPolicy(initial=timedelta(milliseconds=7), multiplier=1.37)
    assert all(delay(policy, failures, "d").microseconds % 1000 == 0 for failures in range(1, 20))


@pytest.mark.parametrize("multiplier", [2.0, 10, 1e300])
def test_a_power_too_large_is_the_maximum(multiplier: float) -> None:
    """The five thousandth failure is as good as the tenth."""
    assert delay(RetryPolicy(multiplier=multiplier, jitter=0), 5000, "d") == timedelta(seconds=300)


MRO = ("ConnectionResetError", "ConnectionError", "OSError", "Exception", "BaseException", "object")
RESET = Failure(MRO[0], "reset", mro=MRO)


@pytest.mark.parametrize(
    ("policy", "error", "again"),
    [
        (RetryPolicy(), RESET, True),
        (RetryPolicy(), Failure("TypeError", "f() takes no arguments"), False),
        (RetryPolicy(), Failure("UnboundLocalError", "x", mro=("UnboundLocalError", "NameError", "Exception")), False),
        (RetryPolicy(), Failure("AttributeError", "x"), False),
        (RetryPolicy(), Failure("CommandFailed", "x", mro=("CommandFailed", "LrwfError", "Exception")), True),
        (RetryPolicy(retry_on=("TypeError",)), Failure("TypeError", "x"), True),
        (RetryPolicy(retry_on=("ConnectionError",)), RESET, True),
        (RetryPolicy(retry_on=("TimeoutError",)), RESET, False),
        (RetryPolicy(retry_on=()), RESET, False),
        (RetryPolicy(give_up_on=("OSError",)), RESET, False),
        (RetryPolicy(retry_on=("OSError",), give_up_on=("ConnectionError",)), RESET, False),
        (RetryPolicy(exit_codes=(75,)), Failure("CommandFailed", "x", exit_code=75), True),
        (RetryPolicy(exit_codes=(75,)), Failure("CommandFailed", "x", exit_code=1), False),
        (RetryPolicy(exit_codes=(75,)), RESET, True),
        (
            RetryPolicy(exit_codes=(75,), give_up_on=("CommandFailed",)),
            Failure("CommandFailed", "", exit_code=75),
            False,
        ),
    ],
)
def test_what_comes_again(policy: RetryPolicy, error: Failure, *, again: bool) -> None:
    """Conformance 28: by type along the MRO, by exit code for commands; mistakes in the code are not tried in vain."""
    assert is_retryable(policy, error) is again


def ended(code: int) -> Failure:
    return Failure("CommandFailed", "ended", exit_code=code, mro=("CommandFailed", "LrwfError", "Exception"))


def test_exit_codes_say_what_is_retried() -> None:
    """Conformance 28: by exit code for commands, and no others; a signal by its number, or as a shell has it."""
    policy = RetryPolicy(exit_codes=(1, 137, -15))
    assert [code for code in (1, 2, 75, 128, -9, -15, -1) if is_retryable(policy, ended(code))] == [1, -9, -15]
    assert is_retryable(policy, Failure("ValueError", "no"))
    assert is_retryable(RetryPolicy(), ended(1))


def test_75_asks_for_a_retry() -> None:
    """Conformance 28: a command may ask for it, whatever `retry_on` names; `give_up_on` and `exit_codes` win."""
    assert is_retryable(RetryPolicy(retry_on=("ConnectionError",)), ended(75))
    assert not is_retryable(RetryPolicy(retry_on=("ConnectionError",)), ended(1))
    assert not is_retryable(RetryPolicy(give_up_on=("CommandFailed",)), ended(75))
    assert not is_retryable(RetryPolicy(exit_codes=(1,)), ended(75))
