"""A keeper for handlers whose awaits are not kept: what they see is what there is, and they cannot wait."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from lrwf_cli.clock import Clock
from lrwf_cli.core.model import Json
from lrwf_cli.errors import SuspensionRefused
from lrwf_cli.executors.keeper import Place, Step

__all__ = ["Unkept"]


class Unkept:
    """Implements `Keeper`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def now(self) -> datetime:
        """As `Keeper` says."""
        return self._clock.now()

    async def own(self, what: str, args: tuple[Any, ...], step: Step) -> NoReturn:  # noqa: ARG002 - as in Keeper
        """Refuse."""
        raise SuspensionRefused(f"`ctx.{what}` cannot wait here", hint="make the handler `async def`")

    def note(self, what: str, make: Callable[[Place | None], Json]) -> Json:  # noqa: ARG002 - as in Keeper
        """Return what `make` returns."""
        return make(None)

    async def once(
        self,
        what: str,
        function: Callable[..., Any],  # noqa: ARG002 - as in Keeper
        args: tuple[Any, ...],  # noqa: ARG002 - as in Keeper
        kwargs: Mapping[str, Any],  # noqa: ARG002 - as in Keeper
    ) -> NoReturn:
        """Refuse."""
        raise SuspensionRefused(f"`ctx.{what}` keeps nothing here", hint="make the handler `async def`")
