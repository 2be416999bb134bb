"""Objects in files that are named on the command line; `-` is stdin."""

import sys
from pathlib import Path

from lrwf_cli.core.model import Json
from lrwf_cli.errors import InputError
from lrwf_cli.flow.inputs import read_input

__all__ = ["read_object"]

_LONGEST = 64 * 1024 * 1024


def read_object(path: str, option: str) -> dict[str, Json]:
    """Return the JSON or YAML object in a file. Raises InputError if it cannot be read or is none."""
    if not path:
        raise InputError("the name of a file is missing", hint=f"check {option}")
    name = "stdin" if path == "-" else path
    try:
        with sys.stdin.buffer if path == "-" else Path(path).open("rb") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise InputError(f"{name}: {(error.strerror or str(error)).lower()}", hint=f"check {option}") from error
    if len(text) > _LONGEST:
        raise InputError(f"{name}: longer than {_LONGEST >> 20} MiB", hint="give the path of the data instead")
    try:
        return read_input(text.decode(), name)
    except UnicodeDecodeError as error:
        raise InputError(f"{name}: not UTF-8 at byte {error.start}", hint="save it as UTF-8") from None
