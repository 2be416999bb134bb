"""How the pauses between attempts, or between checks, grow: as authors write it. The arithmetic is in `retry`."""

from datetime import timedelta
from typing import Any

from lrwf_cli.core.model import RetryPolicy
from lrwf_cli.core.retry import delay
from lrwf_cli.core.spans import Span, span_of
from lrwf_cli.errors import UsageError

__all__ = ["ExponentialBackoff"]


class ExponentialBackoff:
    """The first pause is `initial`, each later one `multiplier` times as long, none longer than `max`.

    Durations are timedeltas, or seconds. Up to the share `jitter` (0 to 1) of each is added or taken away, never beyond
    `max`: the same at every replay. With the defaults: 1 s, 2 s, 4 s and so on up to 5 minutes, each within a tenth.
    Raises UsageError for negative or absurd values.
    """

    __slots__ = ("policy",)

    def __init__(
        self,
        initial: Span = 1,
        multiplier: float = 2,
        max: Span = 300,  # noqa: A002 - the field's word
        jitter: float = 0.1,
    ) -> None:
        first, longest = span_of(initial, "`initial` of a backoff"), span_of(max, "`max` of a backoff")
        if longest < first:
            hint = "give a `max` that is at least as long"
            raise UsageError(f"`max` of a backoff is shorter than its `initial`: {longest} < {first}", hint=hint)
        self.policy = RetryPolicy(
            initial=first,
            max=longest,
            multiplier=_number(multiplier, "multiplier", "of at least 1", 1, 1e9),
            jitter=_number(jitter, "jitter", "from 0 to 1", 0, 1),
        )

    def delay(self, number: int, seed: str) -> timedelta:
        """Return pause number `number`, from 1; the jitter comes from `seed`."""
        return delay(self.policy, number, seed)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExponentialBackoff) and other.policy == self.policy

    def __hash__(self) -> int:
        return hash(self.policy)

    def __repr__(self) -> str:
        first, longest = (each.total_seconds() for each in (self.policy.initial, self.policy.max))
        more = f"multiplier={self.policy.multiplier:g}, max={longest:g}, jitter={self.policy.jitter:g}"
        return f"ExponentialBackoff(initial={first:g}, {more})"


def _number(value: Any, what: str, bounds: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        hint = f"give a number {bounds}"
        raise UsageError(f"`{what}` of a backoff must be a number {bounds}, not {value!r:.60}", hint=hint)
    return float(value)
