"""What is wrong with a flow file, gathered so that a person sees all of it at once.

A problem is a place, a sentence and a remedy. No rule about flow files lives here.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from lrwf_cli.errors import FlowError, NotYet

__all__ = ["MAX_SHOWN", "Mark", "Problems", "listed", "listing", "nearest", "quoted", "suggestion"]

MAX_SHOWN = 20
"""Problems that are shown at once; a file with more has one cause, and the rest would bury it."""


class Mark(NamedTuple):
    """A place in a text: line and column, counted from 1, in characters."""

    line: int
    col: int


class _Problem(msgspec.Struct, frozen=True):
    mark: Mark
    message: str
    hint: Callable[[], str | None]
    is_reserved: bool


class Problems:
    """The problems of the file `path`, in any order; shown in the file's order."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._found: dict[tuple[Mark, str], _Problem] = {}
        self._added = 0

    def __len__(self) -> int:
        """Return how many have been added; what stands in an alias counts each time, although it is shown once."""
        return self._added

    def add(
        self,
        mark: Mark,
        message: str,
        hint: str | Callable[[], str | None] | None = None,
        *,
        is_reserved: bool = False,
    ) -> None:
        """Note a problem, once.

        A hint that costs a search comes as a function, called only if the problem is shown. `is_reserved`:
        the file is right, but this version cannot do that yet.
        """
        self._added += 1
        remedy = hint if callable(hint) else lambda: hint
        self._found.setdefault((mark, message), _Problem(mark, message, remedy, is_reserved))

    def error(self) -> FlowError:
        """Return the problems as one error: `NotYet` if there is nothing but reserved keys."""
        found = sorted(self._found.values(), key=lambda problem: problem.mark)
        shown = [(f"{self.path}:{p.mark.line}:{p.mark.col}: {p.message}", p.hint()) for p in found[:MAX_SHOWN]]
        if len(found) > MAX_SHOWN:
            shown.append((f"{self.path}: {len(found) - MAX_SHOWN} more problems", "mend the ones above first"))
        kind = NotYet if all(problem.is_reserved for problem in found) else FlowError
        return kind(*shown)

    def raise_if_any(self) -> None:
        """Raise the problems as one FlowError, if there are any."""
        if self._found:
            raise self.error()


def quoted(value: object) -> str:
    """Return a value of the file for a message: in quotes, shortened, without control characters."""
    text = value if isinstance(value, str) else str(value)
    return repr(text if len(text) <= 60 else f"{text[:57]}...")


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return `'a', 'b' and 'c'`; after eight words, how many more there are."""
    all_of_them = list(words)
    shown = [quoted(word) for word in all_of_them[:8]]
    if len(all_of_them) > 8:
        return f"{', '.join(shown)} and {len(all_of_them) - 8} more"
    return f" {last} ".join([", ".join(shown[:-1]), shown[-1]] if shown[1:] else shown)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the word of `known` that was probably meant; case, `-` and `_` do not count. `None`: none is near."""
    import difflib

    plain = {_plain(each): each for each in reversed(list(known))}
    close = difflib.get_close_matches(_plain(word[:100]), plain, n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")


def suggestion(word: str, known: Iterable[str], what: str) -> str:
    """Return the hint for an unknown word: the nearest known one, else all of them (`what` names them)."""
    words = list(known)
    return f"did you mean {quoted(near)}?" if (near := nearest(word, words)) else listing(words, what)


def listing(words: list[str], what: str) -> str:
    """Return `what: a, b, c`, at most twelve of them."""
    return f"{what}: {', '.join(words[:12]) or 'none'}{', ...' if len(words) > 12 else ''}"
