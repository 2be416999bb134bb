"""Names that become parts of paths. They are checked here before any file is touched, also those read from files."""

from lrwf_cli.errors import InvalidRunId
from lrwf_cli.store.idle import is_run_id

__all__ = ["checked_run_id", "file_name", "is_digest", "is_letter_id", "is_relative_path"]

_HEXADECIMAL = frozenset("0123456789abcdef")
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
_LONGEST = 200


def checked_run_id(run_id: str) -> str:
    """Return `run_id`. Raises InvalidRunId."""
    if is_run_id(run_id):
        return run_id
    raise InvalidRunId(
        f"not a run id: {run_id[:80]!r}",
        hint="use 1 to 64 small letters, digits, `-` and `_`, the first one a letter or digit",
    )


def is_letter_id(name: str) -> bool:
    """Whether `name` may be the id of a letter."""
    return 0 < len(name) <= 128 and name[0] != "." and _PLAIN.issuperset(name)


def is_digest(name: str) -> bool:
    """Whether `name` is what a hash looks like: 8 to 128 hexadecimal digits."""
    return 8 <= len(name) <= 128 and _HEXADECIMAL.issuperset(name)


def is_relative_path(path: str) -> bool:
    """Whether `path` stays below the folder that it is joined to."""
    return "\0" not in path and "\\" not in path and all(part not in ("", ".", "..") for part in path.split("/"))


def file_name(name: str) -> str:
    """Return `name` as a file's name: plain characters stay, others become `%` and their bytes in hexadecimal digits.

    Different names give different files; those that come out too long end in a hash of the whole.
    """
    safe = "".join(c if c in _PLAIN else "".join(f"%{byte:02x}" for byte in _bytes(c)) for c in name)
    if safe.startswith("."):
        safe = f"%2e{safe[1:]}"
    if 0 < len(safe) <= _LONGEST:
        return safe
    from hashlib import sha256

    return f"{safe[:_LONGEST]}%{sha256(_bytes(name)).hexdigest()[:16]}"


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
