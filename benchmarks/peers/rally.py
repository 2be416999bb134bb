"""The workload of the ping-pong, the same for all who play it: what every stroke does with the shared state.

The scenarios: `small`, no state; `document`, a text that is written once and read at each stroke; `history`, a list
that grows by an entry at each stroke, without any thought for the engine; `rewritten`, a text that is another one at
each stroke.

Imports nothing of any engine: each brings its own `get_state` and `set_state`.
"""

from collections.abc import Callable
from typing import Any

__all__ = ["DOCUMENT", "ENTRY", "touch"]

Getter = Callable[[str, Any], Any]
Setter = Callable[[str, Any], None]

DOCUMENT = 100 * 1024
"""Characters of the document that is kept in the state."""

ENTRY = 1024
"""Characters by which a history grows at each stroke."""


def touch(
    scenario: str, left: int, get_state: Callable[[str, Any], Any], set_state: Callable[[str, Any], None]
) -> None:
    """Do what one stroke does besides sending the ball back; `left` counts down to 1.

    Raises AssertionError if the state is not what the strokes before have left.
    """
    if scenario == "history":
        history = get_state("history", [])
        history.append(_text(left, ENTRY))
        set_state("history", history)
    elif scenario == "document":
        if get_state("document", None) is None:
            set_state("document", _text(left, DOCUMENT))
        assert len(get_state("document", "")) == DOCUMENT, "the document is not what was written"
    elif scenario == "rewritten":
        assert len(get_state("document", "") or " " * DOCUMENT) == DOCUMENT, "the document is not what was written"
        set_state("document", _text(left, DOCUMENT))


def _text(number: int, length: int) -> str:
    """Return a text that is another one for each number, so that nobody can keep two of them as one."""
    line = f"entry {number:06} of a text that grows or changes, "
    return (line * (length // len(line) + 1))[:length]
