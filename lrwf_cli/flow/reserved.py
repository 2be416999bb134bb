"""Keys that flow files will have and this version has not built. They are refused as such, never as unknown.

For each: what can be done in the meantime.
"""

from collections.abc import Mapping

__all__ = ["RESERVED"]

_PYTHON = "in this version every executor is Python: write 'uses: module:name'"
_SUSPEND = f"{_PYTHON}, and nothing can wait for the world yet"
_LIMIT = "remove it: this version sets no limits of time"
_AFTER = "remove it: this version does nothing after the verdict, so look with 'lrwf status'"
_SECRETS = "remove it, and have the executor read its own environment"

_EXECUTOR = {
    "run": _PYTHON,
    "poll": _SUSPEND,
    "wait": _SUSPEND,
    "ask": _SUSPEND,
    "workflow": f"{_PYTHON}, and children are to come",
    "agent": f"{_PYTHON}, which may call the agent",
    "foreach": "remove it, and go through the list in the executor, or send a message for each",
    "background": "remove it: this version waits for every executor",
    "on_run_end": "remove it: this version starts nothing in the background",
    "restart": "remove it: this version starts nothing in the background",
    "timeout": _LIMIT,
    "deadline": _LIMIT,
    "idle_timeout": _LIMIT,
    "grace": _LIMIT,
    "on_error": "remove it: this version fails the run, and 'lrwf retry' goes on",
    "on_crash": "remove it: this version tries again after a crash",
    "max_crashes": "remove it: this version gives up after 3 crashes",
    "max_parallel": "remove it: this version handles one message after the other in an executor",
    "ordered": "remove it: this version handles messages in the order they came",
    "env": _SECRETS,
    "secrets": _SECRETS,
    "isolation": "remove it: this version runs executors in its own process",
    "if_late": "remove it: this version has no timers",
    **dict.fromkeys(("allowed_users", "remind", "not_by_starter", "need", "from"), "remove it: nobody is asked yet"),
}

RESERVED: Mapping[str, Mapping[str, str]] = {
    "": {
        "timeout": _LIMIT,
        "grace": _LIMIT,
        "on_failure": _AFTER,
        "on_timeout": _AFTER,
        "on_cancel": _AFTER,
        "on_exit": _AFTER,
        "notify": _AFTER,
        "pin": "remove it: this version keeps the Python modules beside the flow file, and nothing else",
        "schedule": "remove it, and call 'lrwf run' from cron",
        "concurrency": "remove it, and give runs of one kind the same '--id'",
        "max_crashes": _EXECUTOR["max_crashes"],
        "max_parallel": _EXECUTOR["max_parallel"],
        "isolation": _EXECUTOR["isolation"],
        "if_late": _EXECUTOR["if_late"],
        "allowed_users": _EXECUTOR["allowed_users"],
        "env": _SECRETS,
        "secrets": _SECRETS,
    },
    "defaults": {
        key: _EXECUTOR[key]
        for key in ("timeout", "deadline", "idle_timeout", "grace", "on_error", "on_crash", "max_crashes", "env")
    },
    "executors": _EXECUTOR,
    "executors.retry": {"exit_codes": "remove it: there are no commands yet, so nothing has an exit code"},
}
"""From the part of the file (a path for `lrwf schema`) to its reserved keys, each with a hint."""
