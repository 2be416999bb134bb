"""The executors of the backup: plain functions, each of which may be killed at any instant and called again.

Two habits make that safe. Names are settled, and kept by the run, before anything is written under them: the
archive's name has the delivery's idempotency key in it, which is the same in every attempt. And a file is written
beside its place, synced, and renamed into it: under its name there is all of it or nothing.
"""

import os
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, BinaryIO

from lrwf_cli import WorkflowContext, executor


@dataclass(frozen=True)
class Request:
    """The run's input."""

    folder: str
    destination: str
    keep: int


@dataclass(frozen=True)
class Backup:
    """What is to be backed up under which name, and what is known of the archive so far."""

    folder: Path
    archive: Path
    keep: int
    digests: dict[str, str] = field(default_factory=dict)
    files: int = 0
    sha256: str = ""


@executor
def plan(asked: Request, ctx: WorkflowContext[Backup]) -> Backup:
    """Settle the archive's name. Nothing is written yet, so it does no harm that another try settles another."""
    folder, destination = Path(asked.folder), Path(asked.destination)
    if not folder.is_dir():
        raise ValueError(f"not a folder: {folder}")
    if destination.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"the destination lies in the folder itself: {destination}")
    if asked.keep < 1:
        raise ValueError(f"keep at least one archive, not {asked.keep}")
    name = f"{folder.name}-{ctx.now():%Y%m%dT%H%M%SZ}-{ctx.idempotency_key[:8]}.tar.gz"
    return Backup(folder, destination / name, asked.keep)


@executor
def pack(backup: Backup) -> Backup:
    """Write the archive, and remember the digest of each file as it was read."""
    digests: dict[str, str] = {}

    def write(file: BinaryIO) -> None:
        with tarfile.open(fileobj=file, mode="w:gz") as archive:
            for path in _below(backup.folder):
                name = str(path.relative_to(backup.folder))
                if digest := _add(archive, path, name):
                    digests[name] = digest

    backup.archive.parent.mkdir(parents=True, exist_ok=True)
    _replace(backup.archive, write)
    return replace(backup, digests=digests)


@executor
def checksum(backup: Backup) -> Backup:
    """Write the archive's checksum beside it."""
    with backup.archive.open("rb") as file:
        digest = _digest_of(file)
    line = f"{digest}  {backup.archive.name}\n".encode()
    _replace(_checksum_of(backup.archive), lambda file: file.write(line))
    return replace(backup, sha256=digest)


@executor
def verify(backup: Backup) -> Backup:
    """Read the archive back and compare each file with what was read from the folder."""
    found = {}
    with tarfile.open(backup.archive) as archive:
        for member in archive:
            if (file := archive.extractfile(member)) and member.isreg():
                found[member.name] = _digest_of(file)
    if wrong := sorted(dict(found.items() ^ backup.digests.items())):
        raise ValueError(f"{backup.archive} does not hold what was packed: {', '.join(wrong)}")
    return replace(backup, digests={}, files=len(found))


@executor
def rotate(backup: Backup) -> dict[str, object]:
    """Remove the oldest archives: the checksum first, so that after a kill the archive is found once more."""
    mine = re.compile(re.escape(backup.folder.name) + r"-\d{8}T\d{6}Z-[0-9a-f]{8}\.tar\.gz")
    archives = sorted(path for path in backup.archive.parent.iterdir() if mine.fullmatch(path.name))
    for old in archives[: -backup.keep]:
        _checksum_of(old).unlink(missing_ok=True)
        old.unlink(missing_ok=True)
    return {
        "archive": str(backup.archive),
        "sha256": backup.sha256,
        "files": backup.files,
        "kept": len(archives[-backup.keep :]),
    }


def _below(folder: Path) -> Iterator[Path]:
    """Yield all that is in the folder, in an order that stays. Raises OSError for what cannot be read: no gaps."""

    def fail(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=fail):
        folders.sort()
        yield from (Path(parent, name) for name in sorted([*folders, *files]))


def _digest_of(file: IO[bytes]) -> str:
    digest = sha256()
    while chunk := file.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def _checksum_of(archive: Path) -> Path:
    return archive.with_name(f"{archive.name}.sha256")


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Have `write` write the file at `path`: after a kill or a power loss all of it is there, or nothing."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _add(archive: tarfile.TarFile, path: Path, name: str) -> str | None:
    """Add `path` to the archive; return its digest as it was read, `None` if it is not a file with content of its own.

    Sockets cannot be packed and are left out, as tar does.
    """
    member = archive.gettarinfo(path, arcname=name)
    if member is None:
        return None
    if not member.isreg():
        archive.addfile(member)
        return None
    with path.open("rb") as file:
        digesting = _Digesting(file)
        archive.addfile(member, digesting)
    return digesting.sha256.hexdigest()


class _Digesting:
    """A file that digests what is read of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Read, as a file does."""
        read = self._file.read(size)
        self.sha256.update(read)
        return read
