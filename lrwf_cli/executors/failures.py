"""What an author's code raised: as a plain value, as text for a log, in one line."""

import importlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from lrwf_cli.core.model import RetryPolicy
from lrwf_cli.core.run import Failure
from lrwf_cli.errors import (
    CommandFailed,
    CommandLost,
    ExecutorTimeoutError,
    LrwfError,
    PollTimeoutError,
    RequestExpired,
)
from lrwf_cli.executors.base import Failed

if TYPE_CHECKING:
    from traceback import TracebackException

__all__ = ["MAX_MESSAGE", "described", "failed", "summary"]

MAX_MESSAGE = 10_000
"""Characters of an exception's text that are kept in the journal; all of it is in the log."""

_OURS = str(Path(__file__).parents[1])
_KEEPERS = str(Path(__file__).parent / "kept")
_MACHINERY = str(Path(importlib.__file__).parent)
_OUTCOMES = (CommandFailed, CommandLost, ExecutorTimeoutError, PollTimeoutError, RequestExpired)
"""Errors of ours that tell of the world. All others are refusals: trying again cannot help, whatever a policy says."""


def failed(error: BaseException, executor: str, attempt: int, policy: RetryPolicy | None = None) -> Failed:
    """Return the failure of an attempt. Our own refusals are not worth another; all else is for the policy to say.

    `policy` is the handler's own, where its executor's may not be found by the message.
    """
    failure = Failure(
        type=type(error).__name__,
        message=_text(error),
        executor=executor,
        attempt=attempt,
        exit_code=error.exit_code if isinstance(error, CommandFailed) else None,
        hint=error.hint if isinstance(error, LrwfError) else None,
        mro=tuple(cls.__name__ for cls in type(error).__mro__ if cls is not object),
    )
    is_refusal = isinstance(error, LrwfError) and not isinstance(error, _OUTCOMES)
    return Failed(
        failure,
        retryable=not is_refusal,
        crashed=isinstance(error, CommandLost),
        counted=not (isinstance(error, CommandLost) and error.rebooted),
        policy=policy,
    )


def described(error: BaseException) -> str:
    """Return the traceback with the author's lines only; of a refusal that no code of theirs caused, its text.

    Where we have raised what is no refusal, our lines are there too: it may be our mistake.
    """
    from traceback import TracebackException

    shown = TracebackException.from_exception(error)
    _cut(shown, error, set())
    return _printable("".join(shown.format()))


def _cut(shown: "TracebackException", error: BaseException, seen: set[int]) -> None:
    """Take our frames out of a traceback, and of those of what caused it, or is in it."""
    if id(shown) in seen:
        return
    seen.add(id(shown))
    theirs = [place for place, frame in enumerate(shown.stack) if not frame.filename.startswith(_OURS)]
    last = len(shown.stack) if isinstance(error, LrwfError) else max(theirs, default=-1)
    shown.stack[:] = [
        frame
        for place, frame in enumerate(shown.stack)
        if not frame.filename.startswith(_OURS if place < last else _KEEPERS)
    ]
    if not shown.stack:
        shown.stack = None  # type: ignore[assignment]  # then there is no headline without lines
    others = [(shown.__cause__, error.__cause__), (shown.__context__, error.__context__)]
    if isinstance(error, BaseExceptionGroup):
        others += zip(shown.exceptions or (), error.exceptions, strict=False)
    for inner, cause in others:
        if inner is not None and cause is not None:
            _cut(inner, cause, seen)


def summary(error: BaseException, files: Collection[str] = ()) -> str:
    """Return `file:line: Type: text` of an error, with the author's line: the innermost of `files`, if it has one."""
    import traceback

    what = f"{type(error).__name__}: {_text(error)}"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}:{error.offset or 1}: {type(error).__name__}: {error.msg}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_foreign(frame.filename)]
    mine = [frame for frame in frames if frame.filename in files] or frames[:1]
    return f"{mine[-1].filename}:{mine[-1].lineno}: {what}" if mine else what


def _is_foreign(filename: str) -> bool:
    """Whether a frame is lrwf's or the import machinery's."""
    return filename.startswith((_OURS, "<frozen", _MACHINERY))


def _text(error: BaseException) -> str:
    """Return the error's text in a form that can be kept, whatever `__str__` does."""
    try:
        text = str(error)
    except Exception as broken:  # noqa: BLE001 - the author's `__str__` may raise anything
        text = f"(its text cannot be read: {type(broken).__name__})"
    text = _printable(text)
    return text if len(text) <= MAX_MESSAGE else f"{text[: MAX_MESSAGE - 1]}…"


def _printable(text: str) -> str:
    """Return `text` with what has no UTF-8 form escaped."""
    return text.encode(errors="backslashreplace").decode()
