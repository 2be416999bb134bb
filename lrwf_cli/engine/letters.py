"""What a letter asks for, as a command. A kind that is not known here is none; its taking is journaled.

The `data` of a `resume` may have `restart`, that of a `cancel` `grace` in seconds.
"""

from collections.abc import Callable
from datetime import timedelta

from lrwf_cli.core.commands import Cancel, Pause, Resume
from lrwf_cli.core.model import Json
from lrwf_cli.store.base import Letter

__all__ = ["MAX_GRACE_S", "command_in"]

MAX_GRACE_S = 86_400
"""The longest grace that a cancel may give."""

_COMMANDS: dict[str, Callable[[Letter], Pause | Resume | Cancel]] = {
    "pause": lambda letter: Pause(letter.by, letter.reason),
    "resume": lambda letter: Resume(letter.by, _data(letter).get("restart") is True),
    "cancel": lambda letter: Cancel(letter.by, letter.reason, _seconds(_data(letter).get("grace"))),
}


def command_in(letter: Letter) -> Pause | Resume | Cancel | None:
    """Return the command in `letter`."""
    make = _COMMANDS.get(letter.kind)
    return make(letter) if make else None


def _data(letter: Letter) -> dict[str, Json]:
    return letter.data if isinstance(letter.data, dict) else {}


def _seconds(value: Json) -> timedelta | None:
    return timedelta(seconds=value) if isinstance(value, int | float) and 0 <= value <= MAX_GRACE_S else None
