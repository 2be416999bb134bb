"""What the operating system complains of, as errors for people: what is wrong with which file, and what to do."""

import errno
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from lrwf_cli.errors import StateDirectoryError, StateFull, StateUnwritable
from lrwf_cli.store.disk import FULL, SyncFailed

__all__ = ["explain", "not_begun", "told"]

_UNWRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE})

P = ParamSpec("P")
T = TypeVar("T")


class _Placed(Protocol):
    """Something whose errors are about a place, if they do not say which."""

    @property
    def path(self) -> str:
        """Where it is."""


S = TypeVar("S", bound=_Placed)


def explain(error: OSError, where: str) -> StateDirectoryError:
    """Return the error to raise for `error`; `where` is what it is about if it does not say so itself."""
    path = error.filename if isinstance(error.filename, str) else where
    reason = error.strerror or str(error)
    if isinstance(error, SyncFailed):
        return StateDirectoryError(
            f"cannot make `{path}` durable: {reason}",
            hint="check the disk, then run `lrwf tick`: all that was acknowledged before is kept",
        )
    if error.errno in FULL:
        return StateFull(
            f"no room to write `{path}`: {reason}", hint="make room, then run `lrwf tick`: nothing is lost"
        )
    if error.errno in _UNWRITABLE:
        return StateUnwritable(
            f"no permission to use `{path}`: {reason}",
            hint="check owner, mode and mount of the state directory, or name another one with --state-dir",
        )
    if error.errno in _TOO_MANY:
        return StateDirectoryError(f"cannot open `{path}`: {reason}", hint="raise `ulimit -n`, or use fewer --jobs")
    return StateDirectoryError(
        f"cannot use `{path}`: {reason}", hint="check the disk and what stands at that path, then run `lrwf tick`"
    )


def not_begun(error: OSError, run_id: str, where: str) -> StateDirectoryError:
    """Return the error to raise for `error` where run `run_id` was to begin: there is nothing to go on with then."""
    if error.errno in FULL and not isinstance(error, SyncFailed):
        reason = error.strerror or str(error)
        return StateFull(f"no room for run `{run_id}` in `{where}`: {reason}", hint="make room, then run it again")
    return explain(error, where)


def told(method: Callable[Concatenate[S, P], T]) -> Callable[Concatenate[S, P], T]:
    """Have a method raise our errors instead of OSError."""

    @wraps(method)
    def telling(self: S, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except OSError as error:
            raise explain(error, self.path) from error

    return telling
