"""The order in which lanes went on: a handler that comes by again has its lanes go on in the same one.

What a handler does after an await may depend on what its other lanes did before. So from the second lane on every
await that returns is counted, and on the way back it returns when all before it have. What returns for the first time
comes after all that is kept.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

__all__ = ["Turns"]


class Turns:
    """Those that are kept and have not come by yet, and the number of the next new one."""

    def __init__(self, kept: Iterable[int]) -> None:
        self._next = deque(sorted(turn for turn in kept if turn))
        self._last = self._next[-1] if self._next else 0
        self._gates: dict[int, asyncio.Future[None]] = {}
        self._after_all: list[asyncio.Future[None]] = []

    @property
    def are_left(self) -> bool:
        """Whether something that was kept has not come by yet."""
        return bool(self._next)

    def new(self) -> int:
        """Return the turn of what returns for the first time."""
        self._last += 1
        return self._last

    def take(self, turn: int) -> None:
        """Go on, or never: who was cancelled before its turn has had it.

        Whose turn is next goes on as soon as this lane has to wait for something.
        """
        if not turn or not self._next or (turn != self._next[0] and turn not in self._gates):
            return
        self._gates.pop(turn, None)
        self._next.remove(turn)  # the first one, but for who was cancelled
        if not self._next:
            for gate in self._after_all:
                _open(gate)
        elif self._next[0] in self._gates:
            _open(self._gates[self._next[0]])

    def gate(self, turn: int) -> "asyncio.Future[None] | None":
        """Return what opens when it is the turn of what is kept as `turn`; `None`: it is."""
        if not turn or not self._next or self._next[0] >= turn:
            return None
        gate = self._gates[turn] = asyncio.get_running_loop().create_future()
        return gate

    def gate_after_all(self) -> "asyncio.Future[None] | None":
        """Return what opens when all that is kept has come by; `None`: it has."""
        if not self._next:
            return None
        gate = asyncio.get_running_loop().create_future()
        self._after_all.append(gate)
        return gate


def _open(gate: "asyncio.Future[None]") -> None:
    if not gate.done():
        gate.set_result(None)
