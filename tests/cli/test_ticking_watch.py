"""The tick that stays: what it hears, whom it leaves alone and for how long, and clocks that are set meanwhile."""

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from lrwf_cli.cli import standby
from lrwf_cli.cli.bell import Bell
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standby import _wait, _Watch
from lrwf_cli.clock import ManualClock, SystemClock
from lrwf_cli.store.held import FileHeld
from tests.cli.processes import begun, eventually
from tests.cli.said import Lrwf

HOUR = timedelta(hours=1)
LONG_S = 30.0


@pytest.fixture
def bell() -> Iterator[Bell]:
    """A bell that hears SIGUSR1; what this process did with signals before is what it does afterwards."""
    numbers = (signal.SIGUSR1, signal.SIGCHLD, signal.SIGIO)
    before = {number: signal.getsignal(number) for number in numbers}
    yield Bell((signal.SIGUSR1,))
    signal.set_wakeup_fd(-1)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def session() -> Session:
    """A session whose clock stands still at the present until it is moved."""
    made = Session(lambda: os.environ["LRWF_STATE_DIR"])
    made.clock = ManualClock(SystemClock().now())  # type: ignore[assignment]  # any clock will do
    return made


@pytest.fixture
def held(lrwf: Lrwf, session: Session) -> Iterator[FileHeld]:
    """A run that waits for an hour, in this process's hands."""
    assert lrwf("run", "later.yaml", "-q", "--id", "later").code == 0
    held = session.writable_store.hold("later")
    yield held
    held.release()


def due(session: Session) -> list[str]:
    return [each.run_id for each in session.store.due(session.now())]


def startable(watch: _Watch, session: Session) -> list[str]:
    return list(watch._startable(due(session)))


def test_a_signal_ends_a_wait_and_none_is_lost(bell: Bell) -> None:
    """Whether it comes before or during the wait, at once; several between two waits are all heard, in their order."""
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert bell.wait(LONG_S)
    assert set(bell.heard) == {signal.SIGUSR1}
    assert not bell.wait(0)


def test_a_file_that_comes_to_stand_ends_a_wait(bell: Bell, tmp_path: Path) -> None:
    """Made or renamed into place, as letters are; it is no signal that anybody asked for."""
    bell.listen(str(tmp_path / "not yet"))
    (tmp_path / "mail").mkdir()
    bell.listen(str(tmp_path / "mail"))
    bell.listen(str(tmp_path / "mail"))
    (tmp_path / "mail" / "letter.tmp").touch()
    assert bell.wait(LONG_S)
    (tmp_path / "mail" / "letter.tmp").rename(tmp_path / "mail" / "letter.json")
    assert bell.wait(LONG_S)
    assert bell.heard == []
    (tmp_path / "mail" / "letter.json").unlink()
    assert not bell.wait(0)


def test_letters_in_quick_succession_are_for_one_tick(
    bell: Bell, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first letter ends the wait at once; after a tick was started, others wait until half a second is over."""
    monkeypatch.setattr(standby, "_LOOK_EVERY_S", 0.2)
    watch = _Watch(session, 1)
    os.kill(os.getpid(), signal.SIGCHLD)
    begun_at = monotonic()
    _wait(bell, watch)
    assert monotonic() - begun_at < 0.15
    watch.soonest_s = (begun_at := monotonic()) + 0.1
    os.kill(os.getpid(), signal.SIGCHLD)
    _wait(bell, watch)
    assert 0.1 <= monotonic() - begun_at < 0.19


def test_what_another_process_drives_is_taken_up_as_soon_as_it_is_due(held: FileHeld, session: Session) -> None:
    """Beside cron: while others drive a run it is left to them, and not left alone for any longer after that."""
    watch = _Watch(session, 1)
    held.wake_at(session.now())
    for _ in range(9):
        assert (due(session), startable(watch, session)) == (["later"], [])
    held.release()
    assert startable(watch, session) == ["later"]


@pytest.mark.slow
def test_a_run_of_which_nothing_comes_is_let_alone_for_longer_and_longer(held: FileHeld, session: Session) -> None:
    """What cannot be driven costs a tick now and then, by a clock that nobody sets; what moves is never let alone."""
    watch = _Watch(session, 1)
    held.wake_at(session.now())
    held.release()
    runs = watch._startable(due(session))
    tick = watch._start({})
    tick.runs = runs
    tick.process.wait()
    delays = []
    for _ in range(10):
        watch._judge(tick, due(session))
        assert startable(watch, session) == []
        delays.append(watch._rests["later"].delay_s)
    assert delays == [0.25, 0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    session.clock.jump(-HOUR)  # type: ignore[attr-defined]  # the fixture's
    assert 59 < watch._rests["later"].until_s - monotonic() <= 60
    session.clock.jump(HOUR)  # type: ignore[attr-defined]  # the same
    tick.runs = {"later": "another stamp"}
    watch._judge(tick, due(session))
    assert startable(watch, session) == ["later"]


def test_a_clock_that_is_set_is_noticed_at_the_next_look(held: FileHeld, session: Session) -> None:
    """Conformance 33: forward, as after a sleep of the machine: due at once; back: not due, and no wait is longer."""
    watch = _Watch(session, 1)
    held.wake_at(session.now() + HOUR)
    held.release()
    for jump, expected in ((-HOUR, []), (2 * HOUR, ["later"]), (-HOUR, []), (HOUR, ["later"])):
        session.clock.jump(jump)  # type: ignore[attr-defined]  # the fixture's
        assert startable(watch, session) == expected
        assert watch.pause_s() <= 0.5
    session.clock.jump(timedelta(milliseconds=-200))  # type: ignore[attr-defined]  # the fixture's
    assert watch.pause_s() == pytest.approx(0.2, abs=0.002)


@pytest.mark.slow
def test_it_takes_an_answer_beside_other_ticks(lrwf: Lrwf) -> None:
    """Design 8: `--watch` wakes when mail arrives; cron's ticks beside it do no harm, and what is due is done once."""
    assert lrwf("run", "ask.yaml", "-q", "--id", "a").code == 0
    with begun("tick", "--watch", "-q") as watch:
        eventually(Path(os.environ["LRWF_STATE_DIR"], "heartbeat").exists)
        assert lrwf("respond", "a", "approve", "ship", "--no-advance", "-q").code == 0
        eventually(lambda: lrwf("status", "a", "--json").json["status"] == "completed" or lrwf("tick").code)
        watch.terminate()
        assert watch.wait() == 0
    assert lrwf("history", "a").out.count("decide began") == 1
