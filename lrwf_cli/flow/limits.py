"""Whether the durations of a flow file fit together: no limit of nothing, none that another one makes useless.

Looks at what was written, so that it can tell what is wrong beside other mistakes; what is no duration at all is told
where it is read.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from lrwf_cli.errors import UsageError
from lrwf_cli.flow.durations import format_duration, parse_duration
from lrwf_cli.flow.problems import Mark, Problems, quoted
from lrwf_cli.flow.tree import Node

__all__ = ["check_limits"]

_POSITIVE = ("timeout", "deadline", "idle_timeout")
_RETRY = {"initial": timedelta(seconds=1), "max": timedelta(minutes=5)}
_POLL = {"initial": timedelta(seconds=10), "max": timedelta(minutes=5)}
"""What a backoff has where nothing is said."""

_HINTS = {"initial": "give it some: between two checks there is a pause"}


def check_limits(root: Node, problems: Problems) -> None:
    """Add every limit of time that cannot be meant."""
    _check_positive(root, ("timeout",), "", problems)
    defaults = root.get("defaults") or Node({}, root.mark)
    _check_owner(defaults, Node({}, root.mark), "'defaults'", problems)
    for name, node in (root.get("executors") or Node({}, root.mark)).entries().items():
        _check_owner(node, defaults, f"executor {quoted(name)}", problems)
        if poll := node.get("poll"):
            _check_positive(poll, ("initial", "max_duration"), f"'poll' of executor {quoted(name)}", problems)
            _check_backoff(poll, None, f"'poll' of executor {quoted(name)}", _POLL, problems)
        if ask := node.get("ask"):
            _check_positive(ask, ("expires",), f"'ask' of executor {quoted(name)}", problems)


def _check_owner(node: Node, defaults: Node, name: str, problems: Problems) -> None:
    """Check the limits and the retries of one executor, or of all."""
    _check_positive(node, _POSITIVE, name, problems)
    _check_deadline(node, defaults, name, problems)
    if retry := node.get("retry"):
        _check_backoff(retry, defaults.get("retry"), f"'retry' of {name}", _RETRY, problems)


def _check_positive(node: Node, keys: tuple[str, ...], name: str, problems: Problems) -> None:
    for key in keys:
        child = node.get(key)
        if child is not None and _duration(child) == timedelta(0):
            what = f"{quoted(key)} in {name}" if name else quoted(key)
            hint = _HINTS.get(key, "give it some, or remove the key: then there is no limit")
            problems.add(child.mark, f"{what} leaves no time at all", hint)


def _check_deadline(node: Node, defaults: Node, name: str, problems: Problems) -> None:
    timeout, deadline = (node.get(key) or defaults.get(key) for key in ("timeout", "deadline"))
    own = [child for key in ("timeout", "deadline") if (child := node.get(key))]
    if timeout is None or deadline is None or not own:
        return
    stretch, whole = _duration(timeout), _duration(deadline)
    if stretch and whole and whole < stretch:
        message = (
            f"'deadline' in {name} is {format_duration(whole)}, and one stretch may take {format_duration(stretch)}"
        )
        hint = "raise 'deadline', or lower 'timeout': a deadline holds for all of it, retries and suspensions too"
        problems.add(own[-1].mark, message, hint)


class _Said(NamedTuple):
    """A duration and where it comes from; the place only if that is here."""

    duration: timedelta
    mark: Mark | None
    whence: str

    def __str__(self) -> str:
        return f"{format_duration(self.duration)}{self.whence}"


def _check_backoff(
    node: Node, default: Node | None, name: str, usual: Mapping[str, timedelta], problems: Problems
) -> None:
    """Check that the first pause is not longer than the longest, if one of the two is said here."""
    initial, longest = (_said(key, node, default) or _Said(usual[key], None, ", as always") for key in usual)
    mark = longest.mark or initial.mark
    if initial.duration > longest.duration and mark is not None:
        message = f"'initial' in {name} is {initial}, and 'max' is {longest}"
        problems.add(mark, message, "raise 'max', or lower 'initial'")


def _said(key: str, node: Node, default: Node | None) -> _Said | None:
    for place, whence in ((node, ""), (default, ", as in 'defaults'")):
        child = place.get(key) if place else None
        if child is not None and (duration := _duration(child)) is not None:
            return _Said(duration, None if whence else child.mark, whence)
    return None


def _duration(node: Node) -> timedelta | None:
    try:
        return parse_duration(str(node.value))
    except UsageError:
        return None
