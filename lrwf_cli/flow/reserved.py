"""Keys that flow files will have and this version has not built. They are refused as such, never as unknown.

For each: what can be done in the meantime.
"""

from collections.abc import Mapping

__all__ = ["RESERVED"]

_ALONE = "remove it: this version starts nothing in the background"
_ASK = "remove it, and name who may answer in 'allowed_users'"

_EXECUTOR = {
    "workflow": "write 'uses: module:name', or start the other flow with 'run: lrwf run FLOW --wait'",
    "agent": "write 'uses: module:name', with a handler that calls the agent",
    "foreach": "remove it, and go through the list in the executor, or send a message for each",
    "background": "remove it: this version waits for every executor",
    "on_run_end": _ALONE,
    "restart": _ALONE,
    "if_late": "remove it: this version runs what is late as soon as it can",
}

RESERVED: Mapping[str, Mapping[str, str]] = {
    "": {
        "schedule": "remove it, and call 'lrwf run' from cron",
        "concurrency": "remove it, and give runs of one kind the same '--id'",
        "if_late": _EXECUTOR["if_late"],
    },
    "executors": _EXECUTOR,
    "executors.ask": {
        "remind": "remove it, and look with 'lrwf requests'",
        "need": "remove it: the first answer counts",
        "from": _ASK,
        "not_by_starter": _ASK,
    },
    "notify": {
        "reminded": "remove it: this version reminds nobody",
        "late": "remove it: this version has no schedules",
    },
}
"""From the part of the file (a path for `lrwf schema`) to its reserved keys, each with a hint."""
