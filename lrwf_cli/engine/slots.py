"""How many handlers may be at work in this process, over all runs that it drives."""

from collections.abc import Callable

__all__ = ["Slots"]


class Slots:
    """A number of places that drivers share. For one event loop: not thread-safe, never blocks.

    Whoever finds no place registers with `when_free` and is called once when one becomes free.
    """

    def __init__(self, places: int) -> None:
        self.free = places
        self.places = places
        self._waiting: list[Callable[[], None]] = []

    @property
    def in_use(self) -> int:
        """How many handlers are at work."""
        return self.places - self.free

    def take(self, count: int) -> None:
        """Occupy `count` places; the caller has seen that they are free."""
        self.free -= count

    def give(self, count: int = 1) -> None:
        """Free `count` places and call those who wait for one."""
        self.free += count
        waiting, self._waiting = self._waiting, []
        for call in waiting:
            call()

    def when_free(self, call: Callable[[], None]) -> None:
        """Have `call` called once, as soon as a place becomes free."""
        self._waiting.append(call)
