"""The arithmetic of retries: whether a failed attempt comes again, and after how long. Pure."""

from datetime import timedelta
from hashlib import sha256

from lrwf_cli.core.model import RetryPolicy
from lrwf_cli.core.run import Failure

__all__ = ["ASKS_FOR_RETRY", "NEVER_BY_DEFAULT", "delay", "is_retryable"]

NEVER_BY_DEFAULT = frozenset({"TypeError", "NameError", "AttributeError"})
"""Mistakes in the code: trying again cannot help, unless somebody says so. Matched along the MRO.

Our own refusals are not here: whoever reports them says that they are never to be retried.
"""


ASKS_FOR_RETRY = 75
"""The exit code of a command that asks to be run again: EX_TEMPFAIL of sysexits.h."""


def is_retryable(policy: RetryPolicy, error: Failure) -> bool:
    """Whether `policy` lets an attempt that ended with `error` come again, attempts aside.

    A command that asks for it does, whatever `retry_on` says. The code of a signal is also known by what a shell makes
    of it: -9 as 137.
    """
    names = {error.type, *error.mro}
    if names & set(policy.give_up_on):
        return False
    code = error.exit_code
    if policy.exit_codes is not None and code is not None:
        return code in policy.exit_codes or (code < 0 and 128 - code in policy.exit_codes)
    if code == ASKS_FOR_RETRY:
        return True
    if policy.retry_on is not None:
        return bool(names & set(policy.retry_on))
    return not names & NEVER_BY_DEFAULT


def delay(policy: RetryPolicy, failures: int, seed: str) -> timedelta:
    """Return how long to wait after failure number `failures` (from 1).

    `initial * multiplier ** (failures - 1)`, at most `max`; then up to `jitter` of it is added or taken
    away, never beyond `max`. With the defaults: 1 s, 2 s, 4 s, each within a tenth. The jitter comes from
    `seed` (a delivery's id) and the count, not from luck: a replay sees the same instants. A power that is
    too large for a float is `max`.
    """
    try:
        seconds = policy.initial.total_seconds() * policy.multiplier ** (failures - 1)
    except OverflowError:
        return policy.max
    ceiling = policy.max.total_seconds()
    spread = 1 + policy.jitter * (2 * _fraction(f"{seed}\0{failures}") - 1)
    return timedelta(milliseconds=round(min(min(seconds, ceiling) * spread, ceiling) * 1000))


def _fraction(seed: str) -> float:
    """Return a number in [0, 1) that depends on `seed` only."""
    return int.from_bytes(sha256(seed.encode()).digest()[:6], "big") / 2**48
