"""What a letter asks for, as a command. A kind that is not known here is none; its taking is journaled.

The `data` of a `resume` may have `restart`, that of a `cancel` `grace` in seconds, and that of an `end_background` has
the `tasks` that are to end. A letter of the kind `background` asks for nothing: it says that some has ended.
"""

from collections.abc import Callable
from datetime import timedelta

from lrwf_cli.core.commands import Cancel, Pause, Resume, Tell
from lrwf_cli.core.model import Json
from lrwf_cli.store.base import Letter

__all__ = ["BACKGROUND", "MAX_GRACE_S", "command_in"]

BACKGROUND = "background"
"""The kind of the letter that background work leaves when it ends."""

MAX_GRACE_S = 86_400
"""The longest grace that a cancel may give."""

_COMMANDS: dict[str, Callable[[Letter], Pause | Resume | Cancel | Tell]] = {
    "pause": lambda letter: Pause(letter.by, letter.reason),
    "resume": lambda letter: Resume(letter.by, _data(letter).get("restart") is True),
    "cancel": lambda letter: Cancel(letter.by, letter.reason, _seconds(_data(letter).get("grace"))),
    "end_background": lambda letter: Tell(_texts(_data(letter).get("tasks")), letter.by),
}


def command_in(letter: Letter) -> Pause | Resume | Cancel | Tell | None:
    """Return the command in `letter`."""
    make = _COMMANDS.get(letter.kind)
    return make(letter) if make else None


def _data(letter: Letter) -> dict[str, Json]:
    return letter.data if isinstance(letter.data, dict) else {}


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _seconds(value: Json) -> timedelta | None:
    return timedelta(seconds=value) if isinstance(value, int | float) and 0 <= value <= MAX_GRACE_S else None
