"""Names and places that come from where a delivery descends from, never from clocks or luck.

The same message in the same place of the same run has the same id after a retry, a crash or a
restart, and in whatever order other branches happened to finish.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b, sha256

__all__ = ["MAX_DEPTH", "child_path", "delivery_id", "idempotency_key", "joined_path"]

MAX_DEPTH = 32
"""How many branchings a place remembers. Deeper siblings of one superstep are told apart by id only:
a loop that branches on every round would else carry its whole history in every delivery."""


def delivery_id(parents: Sequence[str], index: str) -> str:
    """Return the id of what `parents` caused: 16 hexadecimal digits.

    `index` names the place among everything they caused: lane, ordinal and target.
    """
    return blake2b("\0".join((*parents, index)).encode(), digest_size=8).hexdigest()


def idempotency_key(run_id: str, epoch: int, delivery: str) -> str:
    """Return what stays the same over all attempts of one delivery: 32 hexadecimal digits.

    The attempt is left out, so a service that is called again can tell; a rewind raises the epoch,
    because what is done anew on purpose is another thing. (Stripe's idempotency keys, RFC draft
    `idempotency-key-header`.)
    """
    return sha256(f"{run_id}\0{epoch}\0{delivery}".encode()).hexdigest()[:32]


def child_path(parent: tuple[int, ...], position: int, siblings: int) -> tuple[int, ...]:
    """Return the place of child `position` of `siblings`; an only child stands where its parent stood."""
    if siblings == 1 or len(parent) >= MAX_DEPTH:
        return parent
    return (*parent, position)


def joined_path(paths: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    """Return the place of what is made of what stands at `paths`: where all of them come from.

    What came together from one place in several rounds stands below it in the order of the first one's messages:
    its place with the branch left out that sets it apart from the others. So a loop through a fan-in does not grow.
    """
    first, *others = paths
    length = len(first)
    for other in others:
        length = min(length, len(other))
        while first[:length] != other[:length]:
            length -= 1
    return (*first[:length], *first[length + 1 :])
