"""Polls: one check per due instant, one entry however long, and what is raised when it takes too long."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lrwf_cli.context import WorkflowContext
from lrwf_cli.core.backoff import ExponentialBackoff
from lrwf_cli.core.suspended import Wait
from lrwf_cli.errors import LrwfError, PollTimeoutError, SuspensionRefused, UsageError
from lrwf_cli.executors.context.polls import IN_A_ROW
from tests.executors.keeping import START, Stay

EVEN = ExponentialBackoff(initial=10, multiplier=1, jitter=0)


@dataclass
class Job:
    state: str


class Service:
    """A job server: each look at the job is noted, with the status that it says, or raises."""

    def __init__(self, statuses: Iterable[Any]) -> None:
        self.statuses = iter(statuses)
        self.looks: list[float] = []
        self.clock: Any = None

    def status(self) -> Any:
        self.looks.append((self.clock.now() - START).total_seconds())
        status = next(self.statuses)
        if isinstance(status, BaseException):
            raise status
        return status

    async def later(self) -> Any:
        await asyncio.sleep(0)
        return self.status()


def polling(service: Service, **how: Any) -> Stay:
    async def handle(message: Any, ctx: WorkflowContext) -> Any:
        facts: dict[str, Any] = {"check": service.later, "is_complete": lambda s: s == "done", "backoff": EVEN}
        return await ctx.poll_until_complete(**(facts | how))

    stay = Stay(handle)
    service.clock = stay.clock
    return stay


def end(stay: Stay) -> Any:
    return asyncio.run(stay.end())


def wait_of(stay: Stay) -> Wait:
    (wait,) = stay.waits.values()
    return wait


def failure(stay: Stay, kind: type[BaseException] = PollTimeoutError) -> Any:
    with pytest.raises(kind) as caught:
        end(stay)
    return caught.value


@pytest.mark.parametrize(
    "check",
    [
        lambda service: service.later,
        lambda service: service.status,
        lambda service: lambda: service.later(),  # noqa: PLW0108 - what authors write
        lambda service: lambda: service.status(),  # noqa: PLW0108 - what authors write
    ],
    ids=["async", "plain", "lambda of a coroutine", "lambda"],
)
def test_one_check_per_due_instant(check: Callable[[Service], Any]) -> None:
    """Conformance 35: it checks at once, then once each time it is due, and returns the status that was complete."""
    service = Service(["queued", "running", "done"])
    stay = polling(service, check=check(service))
    assert end(stay) == "done"
    assert service.looks == [0, 10, 20]
    assert stay.entries == 3


def test_a_status_that_is_true_is_complete_by_default() -> None:
    """Design 6: without `is_complete` a poll waits for something."""
    service = Service([None, [], 0, "", {"id": 7}])
    stay = polling(service, is_complete=bool)
    assert end(stay) == {"id": 7}


def test_is_complete_may_be_async() -> None:
    """A coroutine is true: taken at its face it would end every poll at once."""

    async def is_done(status: str) -> bool:
        return status == "done"

    assert end(polling(Service(["queued", "done"]), is_complete=is_done)) == "done"


def test_an_entry_before_its_time_checks_nothing() -> None:
    """Conformance 35: what else the handler waits for may wake it; the poll is not asked out of turn."""
    service = Service(["queued", "done"])
    stay = polling(service)
    asyncio.run(stay.enter())
    first = wait_of(stay)
    stay.clock.jump(timedelta(seconds=9))
    assert asyncio.run(stay.enter()) == (False, None)
    assert (wait_of(stay), service.looks) == (first, [0])


def test_a_clock_that_jumps_delays_and_never_repeats() -> None:
    """Conformance 33: set back, the next check is later; set forward by days, it is one check and not many."""
    service = Service(["queued"] * 3 + ["done"])
    stay = polling(service)
    asyncio.run(stay.enter())
    stay.clock.jump(timedelta(hours=-1))
    asyncio.run(stay.enter())
    assert service.looks == [0]
    stay.clock.jump(timedelta(days=3))
    asyncio.run(stay.enter())
    assert len(service.looks) == 2
    assert wait_of(stay).due_at == stay.clock.now() + timedelta(seconds=10)


@given(st.integers(0, 400), st.integers(1, 600), st.integers(1, 100))
def test_past_its_time_there_is_one_last_check(longest: int, initial: int, late: int) -> None:
    """Conformance 35: the last check is at the end of `max_duration`, or later if nobody ticked; then it raises."""
    service = Service(["running"] * 1000)
    stay = polling(service, max_duration=longest, backoff=ExponentialBackoff(initial=initial, max=600, jitter=0))
    error = failure(stay)
    assert service.looks[-1] == longest
    assert [look for look in service.looks if look == longest] == [longest]
    assert (error.status, error.checks, error.elapsed_s) == ("running", len(service.looks), longest)
    asleep = Service(["running"] * 1000)
    stay = polling(asleep, max_duration=longest)
    asyncio.run(stay.enter()) if longest else failure(stay)
    stay.clock.jump(timedelta(seconds=longest + late))
    if longest:
        assert failure(stay).elapsed_s == longest + late
        assert asleep.looks == [0, longest + late]


def test_a_status_that_is_complete_at_the_last_check_counts() -> None:
    """Conformance 35: three hours late, but done: that is no timeout."""
    service = Service(["running", "done"])
    stay = polling(service, max_duration=timedelta(minutes=1))
    asyncio.run(stay.enter())
    stay.clock.jump(timedelta(hours=3))
    assert end(stay) == "done"


def test_a_timeout_says_what_was_last_seen() -> None:
    """Conformance 35: PollTimeoutError has the last status, how many checks there were, and for how long."""
    error = failure(polling(Service([Job("QUEUED"), Job("RUNNING")]), max_duration=10))
    assert error.message == "not complete after 2 checks in 0:00:10: the last status is `RUNNING`"
    assert error.hint
    assert issubclass(PollTimeoutError, TimeoutError)
    failing = Service(["up", *[ConnectionResetError("reset")] * 2])
    message = failure(polling(failing, max_duration=20)).message
    assert message.endswith("`up`, and the last check failed: ConnectionResetError: reset")
    assert "there was no status" in failure(polling(Service([TimeoutError()]), max_duration=0)).message


@pytest.mark.parametrize("days", [1, 100, 3650])
def test_a_poll_of_years_keeps_one_entry(days: int) -> None:
    """Conformance 35: all it knows stands in its wait, which does not grow; the value is kept at the end."""
    checks = days // 10 + 1
    service = Service([f"day {n}" for n in range(checks)] + ["done"])
    stay = polling(service, backoff=ExponentialBackoff(initial=864_000, max=864_000, jitter=0))
    assert end(stay) == "done"
    assert stay.kept == {"1": ("done", None)}
    wait = wait_of(stay)
    assert (wait.count, wait.detail, wait.data) == (
        checks,
        f"day {checks - 1}",
        {"failures": 0, "status": f"day {checks - 1}"},
    )


def test_live_status_is_short_and_safe() -> None:
    """Conformance 60: what people are shown of a status has one line, is short, and prints."""

    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError

    shown = []
    for status in (Job("RUNNING"), {"status": "queued\x1b[2J\nnow"}, "x" * 300, Rude(), 17, None, {"a": 1}):
        stay = polling(Service([status]))
        asyncio.run(stay.enter())
        shown.append(wait_of(stay).detail)
    assert shown[:2] == ["RUNNING", "queued [2J now"]
    assert len(str(shown[2])) == 80
    assert shown[3:] == ["a Rude (RuntimeError in its repr)", "17", "None", "{'a': 1}"]


def test_errors_that_are_tolerated_are_counted_and_the_fifth_in_a_row_is_raised() -> None:
    """Conformance 35: connection errors and timeouts are no status; a good check starts the count anew."""
    four: list[Any] = [ConnectionRefusedError("no")] * (IN_A_ROW - 1)
    service = Service([*four, "running", *four, "done"])
    assert end(polling(service)) == "done"
    assert len(service.looks) == 10
    stay = polling(Service([*four, TimeoutError("late"), "done"]))
    assert str(failure(stay, TimeoutError)) == "late"


def test_an_error_that_is_not_tolerated_is_raised_at_once() -> None:
    """Conformance 35: a mistake in the check is no bad weather."""
    service = Service([KeyError("id"), "done"])
    failure(polling(service), KeyError)
    assert len(service.looks) == 1
    failure(polling(Service([ConnectionError()]), tolerate=()), ConnectionError)


def test_errors_are_tolerated_by_class_or_name() -> None:
    """Conformance 35: with their subclasses, as `retry_on` does; a library's own class goes by its name."""

    class Flaky(Exception): ...

    class ConnectError(Flaky): ...

    statuses: list[Any] = [ConnectError(), KeyError(), "done"]
    assert end(polling(Service(statuses), tolerate=[Flaky, "KeyError"])) == "done"
    assert end(polling(Service(statuses), tolerate=["Flaky", LookupError])) == "done"


def test_an_error_of_is_complete_is_a_mistake() -> None:
    """Conformance 35: only the check is out in the weather."""

    def broken(status: Any) -> bool:
        raise ConnectionError(status)

    failure(polling(Service(["up"]), is_complete=broken), ConnectionError)


def test_pauses_grow_and_their_jitter_comes_from_the_delivery() -> None:
    """Conformance 27: initial, multiplier, maximum, jitter; a replay sees the same instants."""

    def pauses(delivery: str) -> list[float]:
        service = Service([None] * 6 + ["done"])
        stay = polling(service, backoff=ExponentialBackoff(initial=10, max=60, jitter=0.5))
        stay.call["delivery"] = stay.context().call.delivery.__class__(delivery, "a", 1)
        end(stay)
        return [later - look for look, later in zip(service.looks, service.looks[1:], strict=False)]

    first = pauses("d1")
    assert first == pauses("d1") != pauses("d2")
    assert all(
        plain / 2 <= pause <= min(plain * 1.5, 60) for plain, pause in zip((10, 20, 40, 60, 60, 60), first, strict=True)
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_duration": -1}, "`max_duration` of a poll is negative: -1"),
        ({"max_duration": timedelta(days=36500)}, "`max_duration` of a poll is longer than ten years"),
        ({"backoff": ExponentialBackoff(initial=0)}, "a poll without pauses"),
        ({"backoff": 10}, "`backoff` of a poll is 10"),
        ({"check": "service.status"}, "`check` of a poll cannot be called"),
        ({"is_complete": "done"}, "`is_complete` of a poll cannot be called"),
        ({"tolerate": [3]}, "`tolerate` of a poll has what is no error: 3"),
    ],
)
def test_an_absurd_poll_is_refused_at_the_call(wrong: dict[str, Any], said: str) -> None:
    """Negative and absurd durations, and what is no check, are told before anything is asked."""
    service = Service(["done"])
    error: LrwfError = failure(polling(service, **wrong), UsageError)
    assert said in error.message
    assert error.hint
    assert service.looks == []


def test_a_thread_cannot_wait() -> None:
    """A plain `def` has no place to come back to: what waits is refused, and never silently left out."""

    def handle(message: Any, ctx: WorkflowContext) -> None:
        ctx.poll_until_complete(check=lambda: True)  # type: ignore[unused-coroutine]  # it is refused

    async def in_a_thread() -> None:
        ctx: Any = Stay(handle).context()  # type: ignore[arg-type]  # a plain one
        for wait in (
            lambda: handle(None, ctx),
            lambda: ctx.schedule_resume(after=1),
            lambda: ctx.ask("ok?"),
            lambda: ctx.step(print),
        ):
            with pytest.raises(SuspensionRefused, match=r"`ctx\.\w+` cannot wait in `handle`") as caught:
                await asyncio.to_thread(wait)
            assert "async def" in str(caught.value.hint)

    asyncio.run(in_a_thread())
