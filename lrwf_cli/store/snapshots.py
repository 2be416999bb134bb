"""Pinned code: the modules that a run began with, kept once per digest and shared by runs.

`code/<digest>/files/` has them as they were, and `code/<digest>/manifest.json` the hash of each, so that one that
was changed or lost is seen. A snapshot is built under a temporary name and appears whole.
"""

import errno
from collections.abc import Mapping

import msgspec

from lrwf_cli.errors import CodeMissing, UsageError
from lrwf_cli.store.blobs import digest_of
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.names import is_digest, is_relative_path
from lrwf_cli.store.reading import changed_at, is_folder, names_in, read_file

__all__ = ["Snapshots"]

_STALE_S = 3600
_TAKEN = frozenset({errno.ENOTEMPTY, errno.EEXIST})
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, str])


class Snapshots:
    """The pinned code in a state directory. Raises OSError."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._folder = f"{path}/code"

    def keep(self, digest: str, files: Mapping[str, bytes]) -> None:
        """Keep `files`, from relative path to content, under `digest`; durable on return, idempotent.

        A snapshot that stands already stays if it is whole, else it is made anew. Raises UsageError for a path that
        leads elsewhere.
        """
        if not is_digest(digest):
            raise ValueError(f"not a digest: {digest!r}")
        for path in files:
            if not is_relative_path(path):
                raise UsageError(f"no path that code can be pinned under: {path!r}")
        if not self._is_whole(digest):
            self._make(digest, files)
        self._disk.settle(self._folder)

    def read(self, digest: str) -> dict[str, bytes]:
        """Return what was kept. Raises CodeMissing if any of it is gone or changed."""
        folder = f"{self._folder}/{digest}"
        hint = "`lrwf retry` goes on with today's code"
        if not is_digest(digest):
            raise CodeMissing(f"not a digest of pinned code: {digest[:80]!r}", hint=hint)
        try:
            manifest = _decoder.decode(read_file(f"{folder}/manifest.json"))
            found = {path: read_file(f"{folder}/files/{path}") for path in manifest if is_relative_path(path)}
        except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError) as error:
            raise CodeMissing(f"the pinned code is not whole: `{folder}`: {error}", hint=hint) from error
        for path, wanted in manifest.items():
            if path not in found or digest_of(found[path]) != wanted:
                raise CodeMissing(f"the pinned code was changed: `{folder}/files/{path}`", hint=hint)
        return found

    def _is_whole(self, digest: str) -> bool:
        try:
            self.read(digest)
        except CodeMissing:
            return False
        return True

    def _make(self, digest: str, files: Mapping[str, bytes]) -> None:
        built = self._disk.unpublished(self._folder, digest)
        self._fill(built, files)
        self._remove_stale(changed_at(built))
        target = f"{self._folder}/{digest}"
        if is_folder(target):  # and it is not whole: nobody can use it
            broken = self._disk.unpublished(self._folder, digest)
            self._disk.rename(target, broken)
            self._disk.discard_tree(broken)
        try:
            self._disk.rename(built, target)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            self._disk.discard_tree(built)  # another process was faster, with the same

    def _fill(self, built: str, files: Mapping[str, bytes]) -> None:
        root = f"{built}/files"
        folders = [built, root]
        for path in sorted(files):
            parts = path.split("/")[:-1]
            folders.extend(f"{root}/{'/'.join(parts[: n + 1])}" for n in range(len(parts)))
        for folder in dict.fromkeys(folders):
            self._disk.mkdir(folder)
        for path, content in files.items():
            self._disk.write_new(f"{root}/{path}", content)
        manifest = {path: digest_of(content) for path, content in sorted(files.items())}
        self._disk.write_new(f"{built}/manifest.json", _encoder.encode(manifest) + b"\n")
        self._disk.settle(*dict.fromkeys(folders))

    def _remove_stale(self, now: float) -> None:
        """Remove what processes left that died while they made a snapshot; `now` is the file system's time."""
        for name in names_in(self._folder):
            path = f"{self._folder}/{name}"
            if self._disk.is_unpublished(name) and now - changed_at(path) > _STALE_S:
                self._disk.discard_tree(path)
