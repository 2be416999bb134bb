"""Virtual time: timers jump, work outside of the loop does not, and nothing hangs."""

import asyncio
import sys
import threading
import time
from asyncio import sleep
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.executors.threads import in_thread
from lrwf_cli.testing import VirtualClock, play
from lrwf_cli.testing.clock import VirtualRunner
from lrwf_cli.testing.loop import Stalled

START = datetime(2026, 1, 1, tzinfo=UTC)


def test_time_jumps_when_nothing_is_ready() -> None:
    """A sleep of a year takes no time, and the clock shows that it has passed, to the millisecond."""
    clock = VirtualClock(START)
    began = time.perf_counter()
    play(clock, clock.sleep(timedelta(days=365, milliseconds=7)))
    assert clock.now() == START + timedelta(days=365, milliseconds=7)
    assert time.perf_counter() - began < 5


@given(st.lists(st.integers(0, 10**9), max_size=30))
def test_timers_fire_in_the_order_of_their_instants_each_at_its_own(delays_ms: list[int]) -> None:
    """However timers lie, each fires when it is due, and not a millisecond off."""
    clock = VirtualClock(START)
    fired: list[int] = []

    async def wait(delay_ms: int) -> None:
        await clock.sleep(timedelta(milliseconds=delay_ms))
        assert clock.now() == START + timedelta(milliseconds=delay_ms)
        fired.append(delay_ms)

    async def main() -> None:
        await asyncio.gather(*map(wait, delays_ms))

    play(clock, main())
    assert fired == sorted(delays_ms)


def test_a_timeout_is_virtual() -> None:
    """What would take an hour is cut off after two minutes, at once."""
    clock = VirtualClock(START)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(120):
                await sleep(3600)

    play(clock, main())
    assert clock.now() == START + timedelta(minutes=2)


@pytest.mark.parametrize("begin", [asyncio.to_thread, in_thread], ids=["to_thread", "in_thread"])
def test_a_thread_takes_no_time(begin: object) -> None:
    """While a thread works the clock stands still, although a timer is set: its work is done before that is due."""
    clock = VirtualClock(START)
    order: list[str] = []

    async def timer() -> None:
        await sleep(3)
        order.append("timer")

    async def main() -> None:
        waiting = asyncio.create_task(timer())
        await asyncio.sleep(0)
        await begin(lambda: threading.Event().wait(0.01))  # type: ignore[operator]  # either of two
        order.append("thread")
        assert clock.now() == START
        await waiting

    play(clock, main())
    assert order == ["thread", "timer"]


@pytest.mark.slow
def test_a_thread_that_hangs_is_cut_off_when_the_next_timer_would_really_be_due() -> None:
    """Conformance 30: a timeout ends a wait for a thread that never ends, after as long as it would really take."""
    clock, ended = VirtualClock(START), threading.Event()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await in_thread(ended.wait)

    play(clock, main())
    ended.set()
    assert clock.now() == START + timedelta(milliseconds=50)


def test_a_process_takes_no_time() -> None:
    """A process of the machine is waited for; the clock stands still."""
    clock = VirtualClock(START)

    async def main() -> tuple[bytes, int | None]:
        async with asyncio.timeout(60):
            process = await asyncio.create_subprocess_exec(sys.executable, "-c", "print(7)", stdout=-1)
            output, _ = await process.communicate()
        return output, process.returncode

    assert play(clock, main()) == (b"7\n", 0)
    assert clock.now() == START


def test_a_connection_takes_no_time() -> None:
    """Somebody at the other end of a socket is waited for; the clock stands still."""
    clock = VirtualClock(START)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def main() -> bytes:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server, asyncio.timeout(60):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            line = await reader.readline()
            writer.close()
            return line

    assert play(clock, main()) == b"hello\n"
    assert clock.now() == START


def test_waiting_for_what_nobody_does_is_an_error() -> None:
    """Where no timer, thread, process or connection is left, the loop does not hang: it says so."""
    with pytest.raises(Stalled, match="nobody will ever do"):
        play(VirtualClock(), asyncio.Event().wait())


def test_somebody_is_asked_before_that() -> None:
    """Whoever wants to do something about it is called first, once."""
    event = asyncio.Event()
    assert play(VirtualClock(), event.wait(), on_stall=event.set) is True


def test_a_task_that_never_ends_is_left() -> None:
    """A task that swallows its cancellation for ever keeps nobody."""
    clock = VirtualClock(START)

    async def stubborn() -> None:
        while True:
            try:
                await sleep(1)
            except asyncio.CancelledError:
                continue

    async def main() -> str:
        main.task = asyncio.create_task(stubborn())  # type: ignore[attr-defined]  # so that it is not collected
        await sleep(5)
        return "done"

    runner = VirtualRunner(clock)
    assert runner.run(main()) == "done"
    assert runner.run(asyncio.sleep(0, "next")) == "next"
    runner.close()
    assert clock.now() == START + timedelta(seconds=5)
