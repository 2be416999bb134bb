# Plain paths: thousands of folders are laid out here, and pathlib would be half of what that costs.
# ruff: noqa: PTH102, PTH112, PTH123, PTH208
"""The content of a folder as a value, laid out on disk and looked at."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["Tree", "lay_out", "look_at"]

Tree = Mapping[str, bytes | None]
"""A folder's content: relative path to a file's bytes, or `None` for a folder. Parents come before children."""


def lay_out(tree: Tree, folder: Path) -> None:
    """Make `folder`, with the content of `tree`."""
    os.mkdir(folder, 0o700)
    for path, content in tree.items():
        if content is None:
            os.mkdir(f"{folder}/{path}", 0o700)
        else:
            fd = os.open(f"{folder}/{path}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(fd, content)
            os.close(fd)


def look_at(folder: Path) -> Tree:
    """Return what is in `folder`."""
    return dict(_found(str(folder), ""))


def _found(folder: str, above: str) -> Iterator[tuple[str, bytes | None]]:
    for name in sorted(os.listdir(folder)):
        path = f"{folder}/{name}"
        if os.path.isdir(path):
            yield f"{above}{name}", None
            yield from _found(path, f"{above}{name}/")
        else:
            with open(path, "rb") as file:
                yield f"{above}{name}", file.read()
