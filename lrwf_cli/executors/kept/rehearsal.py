"""A stretch is run a second time, from nothing but what it has kept, and must do the same: a mode for tests.

It finds what a handler does by other means than its awaits: a look at the clock, luck, the order of a set, what it left
in its executor. Nothing outside is done a second time: what was not kept is not begun.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lrwf_cli.core.commands import Effects
from lrwf_cli.core.keeping import keep
from lrwf_cli.core.suspended import Kept, Suspension
from lrwf_cli.errors import LrwfError, ReplayDiverged
from lrwf_cli.executors.base import Call
from lrwf_cli.executors.kept.outcomes import Outcome

__all__ = ["Nobody", "Performance", "difference", "kept_in"]


class Nobody:
    """A desk at which nobody sits: what is said there a second time is not heard."""

    async def keep(self, kept: Sequence[Kept]) -> None:
        """As `Desk` says, for nobody."""

    def progress(self, current: float | None, total: float | None, message: str | None) -> None:
        """As `Desk` says, for nobody."""


class Performance(NamedTuple):
    """What a handler came to, and what it has done by then."""

    came_to: Outcome | Suspension | LrwfError
    effects: Effects


def kept_in(call: Call, entries: list[Kept]) -> dict[str, list[Kept]]:
    """Return all that is kept after a stretch which began with `call`."""
    log = {lane: list(known) for lane, known in call.kept.items()}
    for entry in entries:
        keep(log, entry)
    return log


def difference(handler: str, first: Performance, second: Performance) -> LrwfError | None:
    """Return what is wrong if a handler that was run twice did not do the same twice."""
    for what, one, other in (
        ("came to", _end(first), _end(second)),
        ("sent", first.effects.sends, second.effects.sends),
        ("yielded", first.effects.outputs, second.effects.outputs),
        ("wrote", first.effects.writes, second.effects.writes),
        ("asked", first.effects.asks, second.effects.asks),
    ):
        if one != other:
            both = f"{what} {_shown(other)} instead of {_shown(one)}"
            return ReplayDiverged(
                f"`{handler}` was run twice from the same kept awaits, and {both}",
                hint="what happens between two awaits must depend on nothing but what was awaited",
            )
    return None


def _end(performance: Performance) -> Any:
    came_to = performance.came_to
    if isinstance(came_to, Suspension):
        return sorted((wait.lane, wait.path, wait.what) for wait in came_to.waits)
    error = came_to.error if isinstance(came_to, Outcome) else came_to
    if error is not None:
        return f"{type(error).__name__}: {error}"
    return repr(came_to.value) if isinstance(came_to, Outcome) else None


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 300 else f"{text[:299]}…"
