"""`lrwf checkpoints`: every frame of a run, since any can be gone back to by `rewind` and `fork`."""

import sys
from collections.abc import Iterator
from typing import NamedTuple

from lrwf_cli.cli import exits
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.options import run_argument
from lrwf_cli.cli.render import status_text
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.story import Story
from lrwf_cli.core.apply import fold
from lrwf_cli.core.run import Run
from lrwf_cli.core.view import instant

__all__ = ["command"]


class _Checkpoint(NamedTuple):
    seq: int
    at: str | None
    status: str
    iteration: int
    epoch: int
    text: str


@make("checkpoints")
@run_argument
def command(session: Session, run: str) -> int:
    """List the points of a run that can be gone back to."""
    run_id = session.find(run)
    if session.as_json:
        session.put_json_list(lambda: (each._asdict() for each in _checkpoints(session, run_id)))
        return exits.DONE
    for each in _checkpoints(session, run_id):
        status = status_text(f"{each.status:9}", sys.stdout)
        session.put(f"{each.seq:>5}  {each.at}  {status}  iteration {each.iteration:<4} {each.text}")
    return exits.DONE


def _checkpoints(session: Session, run_id: str) -> Iterator[_Checkpoint]:
    """Yield what each frame left behind; the run is folded once, as it goes."""
    story = Story()
    run: Run | None = None
    for frame in session.store.frames(run_id):
        text = "; ".join(words for _, words in story.tell(frame))
        run = fold(run, (frame,))
        if run is not None:
            yield _Checkpoint(frame.seq, instant(frame.at), run.status, run.iteration, run.epoch, text)
