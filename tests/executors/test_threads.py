"""Threads of handlers: they return what they should, and never keep a process from ending."""

import asyncio
import subprocess
import sys

import pytest

from lrwf_cli.executors.threads import DaemonThreads

HANGS = """
import asyncio, threading
from lrwf_cli.executors.threads import DaemonThreads

async def main():
    asyncio.get_running_loop().set_default_executor(DaemonThreads())
    hung = asyncio.ensure_future(asyncio.to_thread(threading.Event().wait))
    await asyncio.sleep(0)
    hung.cancel()

asyncio.run(main())
print("ended")
"""


@pytest.mark.slow
def test_a_thread_that_hangs_does_not_keep_the_process() -> None:
    """Conformance 30: what a timed-out handler left in `asyncio.to_thread` is left to itself."""
    ended = subprocess.run([sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")


def test_what_a_thread_returns_or_raises_comes_back() -> None:
    """`asyncio.to_thread` is the same as with any other executor."""

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(DaemonThreads())
        assert await asyncio.to_thread(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)

    asyncio.run(main())
