"""The process in which a function of a flow is called in the background: the command that does it.

What to call is on stdin, one line of JSON; how it ended goes to $LRWF_OUTPUT. What the function prints is its log. The
flow is put together as a tick does, from what the run is pinned to, and nothing else is written here.
"""

import asyncio
import inspect
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from lrwf_cli.core.background import Outcome
from lrwf_cli.core.failure import Failure
from lrwf_cli.executors.failures import described, failed
from lrwf_cli.local.assemble import parts_of
from lrwf_cli.store.files import FileStore

__all__ = ["main"]


def main() -> NoReturn:
    """Call the function and end; exits with 0 whatever it raised, as that is told."""
    job = msgspec.json.decode(sys.stdin.buffer.readline())
    outcome = _called(job)
    Path(os.environ["LRWF_OUTPUT"]).write_bytes(msgspec.json.encode(outcome))
    sys.stdout.flush()
    os._exit(0)  # threads that it has left must not keep the process


def _called(job: Any) -> Outcome:
    try:
        store = FileStore.open(job["home"])
        run = store.load(job["run"])
        parts = parts_of(store, run, store.definition(run.id))
        function = parts.function(job["function"])
        args, kwargs = parts.codec.decode(job["args"]), parts.codec.decode(job["kwargs"])
        result = function(*args, **kwargs)
        value = asyncio.run(_awaited(result)) if inspect.isawaitable(result) else result
        return Outcome(parts.codec.encode(value, "result"), exit_code=0)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is how the function ended
        sys.stderr.write(described(error))
        told = failed(error, os.environ.get("LRWF_EXECUTOR", ""), 1).error
        message = f"`{job['function'].partition(':')[2]}` failed: {told.type}: {told.message}"
        return Outcome(error=Failure("CommandFailed", message, told.executor, hint=told.hint))


async def _awaited(result: Any) -> Any:
    return await result
