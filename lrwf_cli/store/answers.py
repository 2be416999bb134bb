"""The answers to a run's requests: `responses/<request>.json`, linked into place, so that the first one stands.

A person, a program and the driver (whose expiry is an answer too) may all answer at once, with the lock or without: the
file system decides. An answer is durable under a temporary name before it gets its own, so one that has its name is
whole. Whether that name is durable is seen to again by whoever is going to act on it: a process that was killed may
have left it in memory only. An epoch has its own answers, because after a rewind a request is asked anew.
"""

from contextlib import suppress

import msgspec

from lrwf_cli.core.suspended import Answer
from lrwf_cli.errors import FrameTooLarge, JournalCorrupt
from lrwf_cli.store.disk import Disk
from lrwf_cli.store.mail import MAX_LETTER
from lrwf_cli.store.reading import read_file
from lrwf_cli.store.rundir import RunFolder

__all__ = ["MAX_ANSWER", "Answers", "packed"]

MAX_ANSWER = MAX_LETTER
"""Bytes that an answer may have."""

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Answer)


def packed(answer: Answer) -> bytes:
    """Return what is in the file of `answer`. Raises FrameTooLarge."""
    data = _encoder.encode(answer)
    if len(data) >= MAX_ANSWER:
        raise FrameTooLarge(
            f"the answer has {len(data)} bytes, and {MAX_ANSWER} is the most",
            hint="keep what is large in a file, and answer with its path",
        )
    return data + b"\n"


class Answers:
    """The answers of one run. Needs no lock. Raises OSError."""

    def __init__(self, disk: Disk, folder: RunFolder) -> None:
        self._disk = disk
        self._folder = folder

    def give(self, request: str, epoch: int, data: bytes) -> Answer:
        """Have what was `packed` be the answer unless there is one; return the one that stands, durably.

        Raises JournalCorrupt if that one cannot be read.
        """
        if standing := self.settled(request, epoch):
            return standing
        self._disk.make_folder(self._folder.responses)
        with suppress(FileExistsError):  # somebody was faster
            self._link(data, self._folder.response(request, epoch))
        if standing := self.settled(request, epoch):
            return standing
        raise self._damaged(request, epoch, "it is gone")

    def _link(self, data: bytes, path: str) -> None:
        temporary = self._disk.temporary(self._folder.responses)
        try:
            self._disk.write_new(temporary, data)
            self._disk.link(temporary, path)
        finally:
            self._disk.discard(temporary)

    def settled(self, request: str, epoch: int) -> Answer | None:
        """Return the answer that stands, made durable if it was not; `None`: there is none yet. Raises as `give`."""
        answer = self.standing(request, epoch)
        if answer is not None:
            self._disk.settle(self._folder.responses, self._folder.path)
        return answer

    def standing(self, request: str, epoch: int) -> Answer | None:
        """Return the answer that stands, which may not be durable yet; `None`: there is none. Raises as `give`."""
        try:
            return _decoder.decode(read_file(self._folder.response(request, epoch), MAX_ANSWER))
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, RecursionError) as error:
            raise self._damaged(request, epoch, str(error)) from error

    def _damaged(self, request: str, epoch: int, why: str) -> JournalCorrupt:
        path = self._folder.response(request, epoch)
        return JournalCorrupt(
            f"the answer to request `{request}` of run `{self._folder.run_id}` cannot be read: `{path}`: {why}",
            hint="move the file away, and answer again",
        )
