"""What a call of `lrwf` in this process gives."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

__all__ = ["Lrwf", "Said"]


class Said(NamedTuple):
    """What a command did: its exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What is on stdout, which must be one JSON value in ASCII."""
        assert self.out.isascii()
        return msgspec.json.decode(self.out)


Lrwf = Callable[..., Said]
