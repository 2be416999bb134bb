"""What the disk can do at all: `python -m benchmarks.peers.floor append|replace BYTES N FOLDER`.

`append` adds a line to a file and syncs its data, N times: what a journal cannot do without. `replace` writes a
new file, syncs it, renames it over the old one and syncs the folder: what one file per checkpoint cannot do without.
Nothing else is done, so this is a bound and no engine.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter


def append(folder: Path, line: bytes, times: int) -> None:
    """Append `line`, each time durable before the next."""
    fd = os.open(folder / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for _ in range(times):
        os.write(fd, line)
        os.fdatasync(fd)
    os.close(fd)


def replace(folder: Path, line: bytes, times: int) -> None:
    """Replace a file's content by `line`, each time durable before the next."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(times):
        fd = os.open(folder / "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, line)
        os.fsync(fd)
        os.close(fd)
        (folder / "new").rename(folder / "kept")
        os.fsync(directory)
    os.close(directory)


WAYS: dict[str, Callable[[Path, bytes, int], None]] = {"append": append, "replace": replace}


def main(way: str, size: int, times: int, folder: Path) -> None:
    """Do it and print how long it took."""
    folder.mkdir(parents=True, exist_ok=True)
    line = b"x" * (size - 1) + b"\n"
    began = perf_counter()
    WAYS[way](folder, line, times)
    print(json.dumps({"seconds": perf_counter() - began, "outputs": [times]}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]))
