"""The code beside a flow file, as bytes: what a run is pinned to. Nothing is imported or compiled here."""

import stat
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

import msgspec

from lrwf_cli.errors import FlowError

__all__ = ["MAX_BYTES", "MAX_FILES", "CodeSnapshot", "matching", "read_code", "snapshot_of"]

MAX_FILES = 2000
MAX_BYTES = 32 * 1024 * 1024
"""What a folder of code may come to: a run keeps all of it, and a flow put into a home folder is a mistake."""


class CodeSnapshot(msgspec.Struct, frozen=True):
    """Files by their relative path (with `/`), and a digest that is the same for the same paths and bytes."""

    files: Mapping[str, bytes]
    digest: str


def snapshot_of(files: Mapping[str, bytes]) -> CodeSnapshot:
    """Return a snapshot of `files`. Its digest is 32 hexadecimal digits of SHA-256, whatever order they come in."""
    digest = sha256()
    for path in sorted(files):
        name = path.encode(errors="surrogateescape")
        digest.update(b"%d %d\0%b%b" % (len(name), len(files[path]), name, files[path]))
    return CodeSnapshot(dict(sorted(files.items())), digest.hexdigest()[:32])


def read_code(folder: Path | str, extra: Iterable[str] = ()) -> CodeSnapshot:
    """Return the modules and packages of `folder`, and the `extra` files named by their relative paths.

    A package is a folder with an `__init__.py`. Raises FlowError for links that lead out of the folder, for what
    cannot be read, and beyond MAX_FILES or MAX_BYTES.
    """
    root = Path(folder).resolve()
    files: dict[str, bytes] = {}
    total = 0
    for path in dict.fromkeys((*_modules(root, ""), *extra)):
        files[path] = _read(root, path, MAX_BYTES - total)
        total += len(files[path])
        if len(files) > MAX_FILES:
            raise _too_much(root, f"more than {MAX_FILES} files")
    return snapshot_of(files)


def matching(folder: Path | str, pattern: str) -> list[str]:
    """Return the relative paths of the files of `folder` that a pattern matches, sorted; `**` is any depth.

    What Python makes of modules for itself is left out. Raises ValueError for a pattern that leads out of the folder.
    """
    root = Path(folder).resolve()
    if not pattern or pattern.startswith("/") or ".." in pattern.split("/"):
        raise ValueError(pattern)
    found = root.glob(f"{pattern}/*" if pattern.endswith("**") else pattern)
    relative = (path.relative_to(root) for path in found if path.is_file())
    return sorted(path.as_posix() for path in relative if "__pycache__" not in path.parts)


def _modules(root: Path, prefix: str) -> Iterator[str]:
    """Yield the relative paths of what can be imported from `root/prefix`, sorted."""
    folder = root / prefix
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from error
    for name in names:
        if name.endswith(".py") and name[:-3].isidentifier():
            yield f"{prefix}{name}"
        elif name.isidentifier() and (folder / name / "__init__.py").is_file():
            real = _resolved(root, f"{prefix}{name}")
            if real in (folder.resolve(), *folder.resolve().parents):
                raise FlowError((f"{folder / name}: the package is a link into itself", "remove the link"))
            yield from _modules(root, f"{prefix}{name}/")


def _resolved(root: Path, path: str) -> Path:
    """Return where `path` leads; nowhere out of the folder."""
    real = (root / path).resolve()
    if not real.is_relative_to(root):
        raise FlowError(
            (
                f"{root / path}: it leads out of the flow's folder",
                "copy the code into the folder: a run keeps what is there, and nothing else",
            )
        )
    return real


def _read(root: Path, path: str, room: int) -> bytes:
    full = _resolved(root, path)
    try:
        facts = full.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise FlowError((f"{full}: not a file", "remove it, or rename it"))
        if facts.st_size > room:
            raise _too_much(root, f"more than {MAX_BYTES // 1024 // 1024} MiB")
        return full.read_bytes()
    except OSError as error:
        raise _unreadable(full, error) from error


def _too_much(root: Path, what: str) -> FlowError:
    return FlowError((f"{root}: the code beside the flow comes to {what}", "give the flow a folder of its own"))


def _unreadable(path: Path, error: OSError) -> FlowError:
    return FlowError((f"{path}: cannot be read: {error.strerror}", "make it readable, or remove it"))
