"""What a letter asks for, as a command. A kind that is not known here is none; its taking is journaled."""

from collections.abc import Callable

from lrwf_cli.core.commands import Cancel, Pause, Resume
from lrwf_cli.store.base import Letter

__all__ = ["command_in"]

_COMMANDS: dict[str, Callable[[Letter], Pause | Resume | Cancel]] = {
    "pause": lambda letter: Pause(letter.by, letter.reason),
    "resume": lambda letter: Resume(letter.by),
    "cancel": lambda letter: Cancel(letter.by, letter.reason),
}


def command_in(letter: Letter) -> Pause | Resume | Cancel | None:
    """Return the command in `letter`."""
    make = _COMMANDS.get(letter.kind)
    return make(letter) if make else None
