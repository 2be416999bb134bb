"""Secrets made unreadable wherever text leaves for a log, an error or a result, before it is kept. Best effort.

Found are a secret itself, each of its lines, and the forms in which programs like to print it: JSON, `repr`, URL,
base64. Not found is what is cut in pieces, hashed or encrypted.
"""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator

from lrwf_cli.core.model import Json

__all__ = ["MASK", "SHORTEST", "Mask"]

MASK = "***"

SHORTEST = 4
"""Characters that a secret must have to be masked: what is shorter would be found in everything."""

_SHORTEST_FORM = 8  # of what base64 makes of a secret: less may come up by chance


class Mask:
    """Masks some secrets. With none it changes nothing, at no cost."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._found = re.compile("|".join(map(re.escape, self._forms))) if self._forms else None
        self._longest = len(self._forms[0]) if self._forms else 0

    def text(self, text: str) -> str:
        """Return `text` with `***` where a secret was."""
        return self._found.sub(MASK, text) if self._found is not None else text

    def value(self, value: Json) -> Json:
        """Return a JSON value with its texts masked, keys too; a number that shows a secret becomes `***`."""
        if self._found is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.value(each) for each in value]
        return MASK if type(value) in (int, float) and self._found.search(str(value)) else value

    def boundary(self, text: str, end: int) -> int:
        """Return where to cut `text`, which goes on: the last place up to `end` that no secret may lie across."""
        for start in range(max(len(text) - self._longest + 1, 0), min(end, len(text))) if self._longest else ():
            if any(form.startswith(text[start:]) for form in self._forms):
                end = start
                break
        for found in self._found.finditer(text) if self._found is not None else ():
            if found.start() < end < found.end():
                return found.start()
        return end


def _forms(secret: str) -> Iterator[str]:
    from urllib.parse import quote, quote_plus

    if len(secret) < SHORTEST:
        return
    lines = [line for line in secret.splitlines() if len(line) >= SHORTEST]
    for text in (secret, *lines):
        yield text
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield repr(text)[1:-1]
        yield from (quote(text, safe=safe, errors="surrogateescape") for safe in ("", "/"))
        yield quote_plus(text, errors="surrogateescape")
    yield from _base64(secret.encode(errors="surrogateescape"))


def _base64(secret: bytes) -> Iterator[str]:
    """Yield what is always the same in the base64 of something that contains `secret`, wherever in it that begins."""
    for before in range(3):
        whole = slice((before * 8 + 5) // 6, (before + len(secret)) * 8 // 6)
        for encode in (b64encode, urlsafe_b64encode):
            form = encode(b"\0" * before + secret).decode()[whole]
            if len(form) >= _SHORTEST_FORM:
                yield form
