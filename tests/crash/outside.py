"""The world outside of handlers that lrwf compiles: what they do to it goes to the history of their life.

This module is not compiled, so that what a flow awaits here is foreign to it, as a client of some service would be.
"""

from contextvars import ContextVar
from datetime import timedelta

from lrwf_cli.executors.base import Call
from tests.crash.witness import WitnessDesk
from tests.crash.worlds import START

__all__ = ["do", "here", "job"]

here: ContextVar[tuple[WitnessDesk, Call]] = ContextVar("here")
"""The desk and the call of the handler that is at work."""

JOB_TAKES = timedelta(seconds=30)


async def do(what: str, after: str | None = None, *, lasts: bool = False) -> str:
    """Do something, and return what it was; see `WitnessDesk.did`."""
    desk, _ = here.get()
    desk.did(what, after=after, lasts=lasts)
    return what


def job() -> str:
    """Say how a job is that was begun with the world."""
    _, call = here.get()
    return "DONE" if call.started_at - START >= JOB_TAKES else "RUNNING"
