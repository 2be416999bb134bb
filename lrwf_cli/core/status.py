"""The statuses of a run and the events that lead from one to another: the whole table.

`apply` moves a run by this table and by nothing else; the diagram in the documentation is drawn from it.
`running` and `waiting` are told apart by what the run holds, not by an event of their own: a run that has
something in flight, or lacks only its verdict, is running; one that waits for time or people is waiting.
"""

from collections.abc import Mapping
from types import MappingProxyType

from lrwf_cli.core.asking import is_asking
from lrwf_cli.core.looking_after import is_awaited
from lrwf_cli.core.run import FINAL, Run, Status
from lrwf_cli.errors import WrongStatus

__all__ = ["ENDS", "TRANSITIONS", "diagram", "moved", "settled"]

ENDS: dict[str, Status] = {
    "run_completed": "completed",
    "run_failed": "failed",
    "run_timed_out": "timed_out",
    "run_cancelled": "cancelled",
}
"""Where a verdict leads."""

_AT_WORK: dict[str, Status] = {
    **ENDS,
    "run_paused": "paused",
    "run_blocked": "blocked",
    "run_ending": "running",
    "run_rewound": "running",
}
_HELD: dict[str, Status] = {
    "run_resumed": "running",
    "run_rewound": "running",
    **ENDS,
    "run_ending": "running",
}
_REOPENED: dict[str, Status] = {"run_retried": "running", "run_rewound": "running"}

TRANSITIONS: Mapping[Status, Mapping[str, Status]] = MappingProxyType(
    {
        "running": _AT_WORK,
        "waiting": _AT_WORK,
        "paused": {**_HELD, "run_blocked": "blocked"},
        "blocked": {**_HELD, "run_retried": "running"},
        "completed": {"run_rewound": "running"},
        "failed": _REOPENED,
        "timed_out": _REOPENED,
        "cancelled": _REOPENED,
    }
)
"""Where an event leads from a status. What is not in it cannot happen."""


def moved(status: Status, event: str) -> Status:
    """Return where `event` leads from `status`; raises WrongStatus if it leads nowhere."""
    try:
        return TRANSITIONS[status][event]
    except KeyError:
        raise WrongStatus(f"a run that is {status} cannot have `{event}`") from None


def settled(run: Run) -> Status:
    """Return `running` or `waiting`, whichever is true, for a run that has one of the two statuses."""
    if run.status not in {"running", "waiting"}:
        return run.status
    waits = run.waiting or is_asking(run) or is_awaited(run)
    return "waiting" if waits and not run.in_flight and run.ending is None else "running"


def diagram() -> str:
    """Return the table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    [*] --> running: run_started"]
    lines += ["    running --> waiting: nothing in flight", "    waiting --> running: something due"]
    for status, leads in TRANSITIONS.items():
        lines += [f"    {status} --> {target}: {event}" for event, target in leads.items()]
    lines += [f"    {status} --> [*]" for status in sorted(FINAL)]
    return "\n".join(lines)
