"""Commands of a moment: what polls ask, and what tells the news. They end with their caller, however that ends."""

import asyncio
import os
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from lrwf_cli.errors import CommandFailed
from lrwf_cli.executors import threads
from lrwf_cli.executors.commands import check
from lrwf_cli.executors.commands.check import MAX_OUTPUT, CheckCommand, Checked, check_command
from lrwf_cli.executors.commands.environment import Secret, Surroundings
from lrwf_cli.executors.commands.masking import Mask
from tests.executors.commands.commanding import Job, until, until_async


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "LRWF_IDEMPOTENCY_KEY": uuid4().hex}


def alive(env: dict[str, str]) -> list[int]:
    return Job(Path(), "", key=env["LRWF_IDEMPOTENCY_KEY"]).alive()


def checked(folder: Path, command: Any, **options: Any) -> Checked:
    return asyncio.run(check_command(command, str(folder), options.pop("env", None) or environment(), **options))


def test_how_it_ended(tmp_path: Path) -> None:
    """Exit code, both outputs, and stdout as a result: JSON if all of it parses, else text."""
    got = checked(tmp_path, 'cat; echo "$0" >&2; pwd >&2; exit 69', stdin=b'{"a": [1]}')
    assert got == Checked(69, '{"a": [1]}', f"/bin/sh\n{tmp_path}\n", {"a": [1]})
    assert checked(tmp_path, ["echo", "two words"]).result == "two words"
    assert checked(tmp_path, "kill -9 $$").exit_code == -9
    assert checked(tmp_path, ["sh", "-c", "kill $$"]).exit_code == -15
    assert checked(tmp_path, "nonsense-42").exit_code == 127


def test_a_large_message_and_much_output(tmp_path: Path) -> None:
    """Neither fills a pipe that nobody reads; what is too much is refused."""
    assert checked(tmp_path, "wc -c", stdin=b"x" * 3_000_000).result == 3_000_000
    assert checked(tmp_path, "exec <&-; echo done", stdin=b"x" * 3_000_000).result == "done"
    assert len(checked(tmp_path, f"yes | head -c {MAX_OUTPUT}").stdout) == MAX_OUTPUT
    with pytest.raises(CommandFailed, match="printed more than 1 MiB"):
        checked(tmp_path, "yes >&2")


def test_its_time_is_bounded(tmp_path: Path) -> None:
    """Past its limit it is ended, with all that it has started."""
    env = environment()
    with pytest.raises(CommandFailed, match="took longer than"):
        checked(tmp_path, "sleep 600 & setsid sleep 600 & sleep 600", limit=timedelta(seconds=0.2), env=env)
    assert alive(env) == []


def test_one_that_is_stubborn_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM first, SIGKILL after the grace."""
    monkeypatch.setattr(check, "GRACE", timedelta(seconds=0.1))
    env = environment()
    begun_at = time.monotonic()
    with pytest.raises(CommandFailed):
        checked(tmp_path, "trap '' TERM; while :; do sleep 0.01; done", limit=timedelta(seconds=0.1), env=env)
    assert time.monotonic() - begun_at >= 0.2
    assert alive(env) == []


def test_nothing_of_it_is_left(tmp_path: Path) -> None:
    """What it leaves in the background is ended with it, and not waited for."""
    env = environment()
    assert checked(tmp_path, "sleep 600 & (sleep 600 &) ; echo done", env=env).result == "done"
    assert alive(env) == []


def test_cancelling_ends_it(tmp_path: Path) -> None:
    """Whoever cancels it gets it back when nothing of it runs any more."""
    env = environment()

    async def scenario() -> None:
        work = asyncio.create_task(check_command("touch up; sleep 600", str(tmp_path), env))
        await until_async((tmp_path / "up").exists)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work

    asyncio.run(scenario())
    assert alive(env) == []


def test_it_dies_with_its_caller(tmp_path: Path) -> None:
    """kill -9 of whoever asks ends the command, and what it has started, at once: even if it heeds nothing."""
    env = environment()
    pid = os.fork()
    if pid == 0:
        threads._idle.clear()
        begin = "trap '' TERM HUP; sleep 600 & setsid sleep 600 & "
        checked(tmp_path, f"{begin} touch up; while :; do sleep 0.01; done", env=env)
        os._exit(1)
    until((tmp_path / "up").exists)
    assert alive(env)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    until(lambda: alive(env) == [])


def test_secrets_are_masked(tmp_path: Path) -> None:
    """Nothing that a check returns shows a secret."""
    got = checked(tmp_path, "cat; cat >&2 <&- ; echo secret-1 >&2", stdin=b'"secret-1"', mask=Mask(["secret-1"]))
    assert (got.stdout, got.result) == ('"***"', "***")
    assert "secret-1" not in got.stderr


def test_what_a_poll_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check sees the message and its environment; 69 is not yet; its result is what is sent."""
    monkeypatch.setenv("TOKEN_HERE", "secret-1")
    around = Surroundings(str(tmp_path), secrets={"TOKEN": Secret(env="TOKEN_HERE")})
    asked = CheckCommand(
        'cat; printf "$TOKEN" >&2; exit "$CODE"', around, {"CODE": lambda seen: seen["message"]["code"]}
    )
    status = ask(asked, {"code": "3"})
    assert {**status, "status": ""} == {
        "exit_code": 3,
        "stdout": '{"code":"3"}\n',
        "result": {"code": "3"},
        "status": "",
    }
    waiting = ask(asked, {"code": "69"})
    assert asked.names(waiting) is None
    done = ask(asked, {"code": "0"})
    assert asked.names(done) == done
    assert asked.result(done) == {"code": "0"}
    with pytest.raises(CommandFailed, match="`work` ended with exit code 127"):
        ask(CheckCommand("nonsense-42", around), {})


def ask(asked: CheckCommand, message: Any) -> Any:
    """Ask once, from a handler."""
    job = Job(Path(), "", message)

    class Scene:
        call = job.call()
        codec = None

    return asyncio.run(asked.ask(message, Scene()))  # type: ignore[arg-type] # all of a context that it looks at


def test_what_cannot_be_started_leaves_nothing(tmp_path: Path) -> None:
    """An environment that no process can have is an error of the call, and no descriptor stays open."""
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - names are wanted
    for env in ({"A": "x" * 3_000_000}, {"A": "a\0b"}):
        with pytest.raises((OSError, ValueError)):
            checked(tmp_path, "true", env=env)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208 - the same
