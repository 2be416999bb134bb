"""What holds for an executor: the flow file's word on it, else its code's, else that of `defaults`, else lrwf's.

Retries go key by key: an executor that says how often may leave to `defaults` how long apart.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import UNSET

from lrwf_cli.core.model import ExecutorSpec, Json, RetryPolicy
from lrwf_cli.flow.kinds import Retry
from lrwf_cli.flow.load import LoadedFlow
from lrwf_cli.flow.schema import Defaults, Executor

__all__ = ["LIMITS", "ExecutorFacts", "specs_of"]

LIMITS = ("timeout", "deadline", "idle_timeout")
"""The limits of time that the code of an executor may have an opinion on."""

_MAX_ATTEMPTS = 3
"""Attempts of an executor with a `retry:` that does not say how many."""


class ExecutorFacts(msgspec.Struct, frozen=True):
    """What the code of an executor says of itself: see `ExecutorSpec`.

    Its retries and limits hold where the flow file says nothing of this executor; they go before the file's `defaults`.
    """

    accepts: Callable[[Json], bool] | None = None
    handles: tuple[str, ...] = ()
    retry_for: Callable[[Json], RetryPolicy | None] | None = None
    timeout: timedelta | None = None
    deadline: timedelta | None = None
    idle_timeout: timedelta | None = None
    max_parallel: int = 1
    harvests: bool = False


def specs_of(loaded: LoadedFlow, facts: Mapping[str, ExecutorFacts]) -> dict[str, ExecutorSpec]:
    """Return the core's view of each executor; one that `facts` leaves out takes every message."""
    defaults, nothing = loaded.flow.defaults, ExecutorFacts()
    handled = {link.source_ids[0]: link.target_ids[0] for link in loaded.outline.links if link.kind == "on_error"}
    return {
        name: _spec(name, executor, defaults, facts.get(name, nothing), handled.get(name))
        for name, executor in loaded.flow.executors.items()
    }


def _spec(
    name: str, executor: Executor, defaults: Defaults, facts: ExecutorFacts, on_error: str | None
) -> ExecutorSpec:
    said: dict[str, Any] = {key: _first(executor, key, getattr(facts, key), defaults) for key in LIMITS}
    said |= {key: _first(executor, key, None, defaults) for key in ("grace", "on_crash", "max_crashes")}
    said |= {key: getattr(executor, key) for key in ("max_parallel", "ordered")}
    said["max_parallel"] = facts.max_parallel if said["max_parallel"] is UNSET else said["max_parallel"]
    return ExecutorSpec(
        name,
        facts.accepts,
        facts.handles,
        _policy(executor.retry, defaults.retry),
        retry_for=facts.retry_for if executor.retry is UNSET else None,
        on_error=on_error,
        harvests=facts.harvests,
        **{key: value for key, value in said.items() if value is not UNSET},
    )


def _first(executor: Executor, key: str, of_code: object, defaults: Defaults) -> object:
    """Return what is said first: in the file of this executor, in its code, in the file of all; else `UNSET`."""
    own = getattr(executor, key)
    if own is not UNSET:
        return own
    return of_code if of_code is not None else getattr(defaults, key)


def _policy(own: Retry | msgspec.UnsetType, default: Retry | msgspec.UnsetType) -> RetryPolicy:
    """Return the policy that files say: the executor's own keys, then those of `defaults`, then lrwf's."""
    said = [retry for retry in (default, own) if isinstance(retry, Retry)]
    values: dict[str, object] = {"max_attempts": _MAX_ATTEMPTS} if said else {}
    for retry in said:
        for field in retry.__struct_fields__:
            value = getattr(retry, field)
            if value is not UNSET:
                values[field] = tuple(value) if isinstance(value, list) else value
    return RetryPolicy(**values)  # type: ignore[arg-type] # the fields have the same names and types
