"""Names and places that come from where a delivery descends from, never from clocks or luck.

The same message in the same place of the same run has the same id after a retry, a crash or a
restart, and in whatever order other branches happened to finish.
"""

from collections.abc import Sequence
from hashlib import blake2b, sha256

__all__ = ["MAX_DEPTH", "child_path", "delivery_id", "idempotency_key", "joined_path", "work_name"]

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


def work_name(key: str, start: int) -> str:
    """Return under which name a command works for a delivery with that idempotency key, from one start of it on.

    Entries that go on from one another have it in common; so who comes by later knows whose it is.
    """
    return f"{key}-{start}"


def child_path(parent: tuple[int, ...], position: int, siblings: int) -> tuple[int, ...]:
    """Return the place of child `position` of `siblings`; an only child stands where its parent stood."""
    if siblings == 1 or len(parent) >= MAX_DEPTH:
        return parent
    return (*parent, position)


def joined_path(paths: Sequence[tuple[int, ...]], number: int) -> tuple[int, ...]:
    """Return the place of what round `number` of a fan-in made of what stands at `paths`.

    That is where all of them come from, if they are siblings: a loop through a fan-out and a fan-in does not grow.
    Others stand below it in the order of their rounds, which is that of their sources' messages.
    """
    first, *others = paths
    length = len(first)
    for other in others:
        length = min(length, len(other))
        while first[:length] != other[:length]:
            length -= 1
    are_siblings = all(len(path) <= length + 1 for path in paths)
    return first[:length] if are_siblings or length >= MAX_DEPTH else (*first[:length], number)
