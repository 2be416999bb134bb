"""`@retry`: when a failed attempt at a handler's message comes again. It only leaves its policy on the function.

The delays are timers and the attempts are counted in the journal, so that both survive a reboot: see `core.retry`.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from msgspec.structs import replace

from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.model import RetryPolicy
from lrwf_cli.core.signatures import RETRY
from lrwf_cli.errors import UsageError
from lrwf_cli.executors.api import FunctionExecutor

__all__ = ["ErrorName", "names_of", "retry"]

F = TypeVar("F", bound=Callable[..., Any])

ErrorName = type[BaseException] | str
"""A class of exceptions, or the bare name of one."""


@overload
def retry(max_attempts: F, /) -> F: ...
@overload
def retry(
    max_attempts: int = 3,
    backoff: ExponentialBackoff | None = None,
    retry_on: ErrorName | Iterable[ErrorName] | None = None,
    give_up_on: ErrorName | Iterable[ErrorName] = (),
) -> Callable[[F], F]: ...
def retry(
    max_attempts: Any = 3,
    backoff: ExponentialBackoff | None = None,
    retry_on: ErrorName | Iterable[ErrorName] | None = None,
    give_up_on: ErrorName | Iterable[ErrorName] = (),
) -> Any:
    """Let a failed attempt come again, `max_attempts` times in all. Under or over `@handler` or `@executor`.

    The same message is handled anew, from the top, after a pause of `backoff` (default: 1 s, 2 s, 4 s and so on up to
    5 minutes). `retry_on` are the errors that come again, classes or names, with their subclasses: by default all but
    TypeError, NameError and AttributeError; `give_up_on` are those that never do. What `lrwf` itself refuses is not
    retried whatever they say. A `retry:` in the flow file, for this executor, goes before all of this.
    Raises UsageError for what is no number of attempts, no backoff, or no error.
    """
    if callable(max_attempts):
        return retry()(max_attempts)
    if isinstance(max_attempts, bool) or not isinstance(max_attempts, int) or max_attempts < 1:
        hint = "give a number of at least 1; the first attempt counts"
        raise UsageError(f"`max_attempts` of `@retry` is {max_attempts!r:.60}", hint=hint)
    if backoff is not None and not isinstance(backoff, ExponentialBackoff):
        raise UsageError(f"`backoff` of `@retry` is {backoff!r:.60}", hint="give an `ExponentialBackoff(...)`")
    policy = replace(
        (backoff or ExponentialBackoff()).policy,
        max_attempts=max_attempts,
        retry_on=None if retry_on is None else names_of(retry_on, "`retry_on` of `@retry`"),
        give_up_on=names_of(give_up_on, "`give_up_on` of `@retry`"),
    )
    return lambda function: _marked(function, policy)


def names_of(errors: ErrorName | Iterable[ErrorName], what: str) -> tuple[str, ...]:
    """Return the names of classes of exceptions, which go for subclasses too. Raises UsageError for anything else."""
    listed = [errors] if isinstance(errors, str | type) else list(errors)
    for each in listed:
        if not (isinstance(each, str) and each) and not (isinstance(each, type) and issubclass(each, BaseException)):
            raise UsageError(f"{what} has what is no error: {each!r:.60}", hint="give classes of exceptions, or names")
    return tuple(each if isinstance(each, str) else each.__name__ for each in listed)


def _marked(target: Any, policy: RetryPolicy) -> Any:
    function = target.function if isinstance(target, FunctionExecutor) else target
    if isinstance(function, type) or not hasattr(function, "__dict__"):
        raise UsageError(f"`@retry` cannot be on `{target!r:.60}`", hint="put it on a method or a function")
    vars(function)[RETRY] = policy
    return target
