"""Following a run while it is driven here: a live picture on a terminal, else plain lines; nothing with `--json`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from lrwf_cli.cli.session import Session
from lrwf_cli.cli.story import Story
from lrwf_cli.core.events import AwaitsKept, DriverStarted, MailTaken, NoticeDelivered, NoticesPosted
from lrwf_cli.core.run import Run
from lrwf_cli.store.base import Frame

__all__ = ["Observing", "observing"]

_DETAILS = (AwaitsKept, DriverStarted, MailTaken, NoticeDelivered, NoticesPosted)


class Observing(Protocol):
    """What is called after each frame of a run, when it is durable."""

    def __call__(self, frame: Frame, run: Run) -> None:
        """Take note of a frame. Never raises for what it prints to."""

    def meet(self, run: Run) -> None:
        """Take note of a run that others have driven meanwhile."""


class _Lines:
    """Says each event in a line."""

    def __init__(self, session: Session, run: Run) -> None:
        self._session = session
        self._story = Story(run)

    def __call__(self, frame: Frame, run: Run) -> None:  # noqa: ARG002  (the engine calls it so)
        for event, words in self._story.tell(frame):
            self._session.say(f"{frame.at:%H:%M:%S}Z  {words}", level=1 if isinstance(event, _DETAILS) else 0)

    def meet(self, run: Run) -> None:
        self._story = Story(run)


class _Nothing:
    def __call__(self, frame: Frame, run: Run) -> None: ...

    def meet(self, run: Run) -> None: ...


@contextmanager
def observing(session: Session, run: Run) -> Iterator[Observing]:
    """Follow `run` from how it is now until the end of the context, which leaves a terminal as it was."""
    if session.verbosity < session.as_json:
        yield _Nothing()
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from lrwf_cli.cli.live import picture

        with picture(run) as board:
            yield board
    else:
        yield _Lines(session, run)
