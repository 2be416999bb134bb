"""Instants as people write them: `2026-12-01T09:00`, with a zone or without. Nothing else lives here."""

import re
from datetime import datetime

from lrwf_cli.errors import UsageError

__all__ = ["parse_instant"]

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
_ZONE = r"Z|[-+][0-9]{2}:?[0-9]{2}"
_HINT = "write it as 2026-12-01T09:00, or with its zone as 2026-12-01T09:00Z"


def parse_instant(text: str) -> datetime:
    """Return the instant that `text` says: naive if it names no zone; a day alone begins at midnight.

    Raises UsageError (without a place) for anything else.
    """
    word = text.strip() if len(text) <= 64 else ""
    if not re.fullmatch(rf"{_DATE}(?:[T ]{_TIME}(?: ?(?:{_ZONE}))?)?", word):
        raise UsageError(f"not a date and a time: {text[:64]!r}", hint=_HINT)
    try:
        return datetime.fromisoformat(re.sub(rf" ?({_ZONE})$", r"\1", word) if ":" in word else word)
    except ValueError as error:
        raise UsageError(f"no such date: {text[:64]!r}: {error}", hint=_HINT) from None
