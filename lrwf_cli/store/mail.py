"""Letters: files that anyone may leave for a run, `mail/<run>~<id>.json`; the name says that the run is due.

What stands there was written by other processes, so it is read with care: a pipe, a huge file, or one whose
content is not the letter that its name says is put aside under a name that readers skip, and stays there to be
looked at.
"""

from collections.abc import Iterator

import msgspec

from lrwf_cli.errors import FrameTooLarge
from lrwf_cli.store.base import Letter
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.idle import addressee
from lrwf_cli.store.names import is_letter_id
from lrwf_cli.store.reading import is_there, names_in, read_file

__all__ = ["MAX_LETTER", "Mail"]

MAX_LETTER = 1024 * 1024
"""Bytes that a letter may have."""

_ASIDE = ".aside-"
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Letter)


class Mail:
    """The letters in a state directory. Raises OSError."""

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._folder = f"{path}/mail"

    def post(self, letter: Letter) -> None:
        """Leave a letter; durable on return. Raises FrameTooLarge, and ValueError if its id cannot be a file's name."""
        data, path = self.prepared(letter)
        if len(data) >= MAX_LETTER:
            raise FrameTooLarge(
                f"a letter for run `{letter.run_id}` has {len(data)} bytes, and {MAX_LETTER} is the most",
                hint="keep what is large in a file, and send its path",
            )
        self._disk.replace(path, data)

    def prepared(self, letter: Letter) -> tuple[bytes, str]:
        """Return what `post` would write, and where. Raises ValueError if its id cannot be a file's name."""
        if not is_letter_id(letter.id):
            raise ValueError(f"not a letter's id: {letter.id!r}")
        return _encoder.encode(letter) + b"\n", self._path(letter.run_id, letter.id)

    def stands(self, letter: Letter) -> bool:
        """Whether nobody has taken a letter yet."""
        return is_there(self._path(letter.run_id, letter.id))

    def letters(self, run_id: str) -> list[Letter]:
        """Return the letters for a run, the oldest first; those that cannot be read are put aside."""
        names = [name for name in names_in(self._folder) if addressee(name) == run_id]
        letters = [letter for name in names if (letter := self._read(name, run_id))]
        return sorted(letters, key=lambda letter: (letter.at, letter.id))

    def burn(self, run_id: str, letter_id: str) -> None:
        """Remove a letter; not durable: its id is in the journal, and it is burnt again if it comes back."""
        if is_letter_id(letter_id):
            self._disk.discard(self._path(run_id, letter_id))

    def addressees(self) -> Iterator[tuple[str, str]]:
        """Yield the run and the path of each letter that stands, unread."""
        for name in names_in(self._folder):
            if run_id := addressee(name):
                yield run_id, f"{self._folder}/{name}"

    def _read(self, name: str, run_id: str) -> Letter | None:
        path = f"{self._folder}/{name}"
        try:
            letter = _decoder.decode(read_file(path, MAX_LETTER))
        except FileNotFoundError:  # taken meanwhile
            return None
        except (OSError, msgspec.MsgspecError, RecursionError):
            letter = None
        if letter and f"{run_id}~{letter.id}.json" == name and letter.run_id == run_id and is_letter_id(letter.id):
            return letter
        self._disk.rename(path, f"{self._folder}/{_ASIDE}{name}")
        return None

    def _path(self, run_id: str, letter_id: str) -> str:
        return f"{self._folder}/{run_id}~{letter_id}.json"
