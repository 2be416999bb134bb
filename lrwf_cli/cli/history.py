"""`lrwf history`: what has happened in a run, one line an event, from the journal and nothing else."""

from collections.abc import Iterator
from typing import Any

import msgspec

from lrwf_cli.cli import exits
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.options import run_argument
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.story import Story
from lrwf_cli.core.events import name_of
from lrwf_cli.core.view import instant

__all__ = ["command"]


@make("history")
@run_argument
def command(session: Session, run: str) -> int:
    """Tell what has happened in a run."""
    run_id = session.find(run)
    if session.as_json:
        session.put_json_list(lambda: _objects(session, run_id))
        return exits.DONE
    story = Story()
    for frame in session.store.frames(run_id):
        for _, words in story.tell(frame):
            when = f"{frame.seq:>5}  {frame.at:%Y-%m-%d %H:%M:%S}Z  "
            session.put(f"{when}{words}", hang=len(when))
    return exits.DONE


def _objects(session: Session, run_id: str) -> Iterator[dict[str, Any]]:
    story = Story()
    for frame in session.store.frames(run_id):
        for event, words in story.tell(frame):
            yield {
                "seq": frame.seq,
                "at": instant(frame.at),
                "type": name_of(event),
                "text": words,
                "event": msgspec.to_builtins(event),
            }
