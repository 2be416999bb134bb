"""Telling people the news: the commands of `notify:` (design 9)."""

import asyncio
import json
import os
import select
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core.run import Failure, Notice, Origin, Run
from lrwf_cli.executors.commands import news
from lrwf_cli.executors.commands.environment import Secret, Surroundings
from lrwf_cli.executors.commands.news import NewsCommands

AT = datetime(2026, 1, 1, tzinfo=UTC)
RUN = Run("demo-1", "demo", Origin("f", "/", "/", "python"), ("a",), AT, AT)


class Told:
    """Somebody who is told, and what the commands print."""

    def __init__(self, folder: Path, command: Any, secrets: Mapping[str, Secret] | None = None) -> None:
        self.logged: list[tuple[str, str]] = []
        self.commands = NewsCommands(
            {"failed": command},
            Surroundings(folder=str(folder), cwd="/begun/here", path=os.environ["PATH"], secrets=secrets or {}),
            values={"HI": lambda _: "hello"},
            log=lambda executor, text: self.logged.append((executor, text)),
            facts={"LRWF_STATE_DIR": "/state"},
        )

    def tell(self, notice_id: str = "failed@1") -> Failure | None:
        error = Failure("ValueError", "no", "a", 2, hint="mend it")
        notice = Notice(notice_id, "failed", AT, AT, "a", error=error)
        return asyncio.run(self.commands(RUN, notice))


def test_the_news_are_one_json_object_on_stdin(tmp_path: Path) -> None:
    """Design 9: `{event, run_id, workflow, executor, request, error, at}`, in the flow's folder."""
    assert Told(tmp_path, "cat > news.json").tell() is None
    assert json.loads((tmp_path / "news.json").read_text()) == {
        "event": "failed",
        "run_id": "demo-1",
        "workflow": "demo",
        "executor": "a",
        "request": None,
        "error": {"type": "ValueError", "message": "no", "executor": "a", "attempt": 2},
        "at": "2026-01-01T00:00:00.000Z",
    }


def test_the_same_news_have_the_same_key(tmp_path: Path) -> None:
    """Told at least once, perhaps twice: whoever is told can find that out."""
    told = Told(tmp_path, 'echo "$LRWF_IDEMPOTENCY_KEY $HI $LRWF_STATE_DIR $LRWF_CWD $LRWF_RUN_ID $LRWF_EVENT" >> keys')
    for notice in ("failed@1", "failed@1", "failed@2"):
        assert told.tell(notice) is None
    first, again, other = (tmp_path / "keys").read_text().splitlines()
    assert first == again != other
    assert first.partition(" ")[2] == "hello /state /begun/here demo-1 failed"
    assert len(first.partition(" ")[0]) == 32


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("echo oh >&2; exit 3", ("CommandFailed", "`notify.failed` ended with exit code 3: oh", 3)),
        ("kill -9 $$", ("CommandFailed", "`notify.failed` ended by SIGKILL", -9)),
    ],
)
def test_what_could_not_be_told_says_why(tmp_path: Path, command: Any, expected: tuple[str, str, int | None]) -> None:
    """A failure is a value: it is tried again, and is no fault of the run."""
    failure = Told(tmp_path, command).tell()
    assert failure
    assert (failure.type, failure.message, failure.exit_code) == expected


def test_a_command_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    """The remedy is that of any command."""
    failure = Told(tmp_path, ["no-such-program"]).tell()
    assert failure
    assert (failure.exit_code, failure.hint) == (127, "install it, or name it by its path as seen from the flow file")


def test_secrets_are_read_then_and_masked(tmp_path: Path) -> None:
    """A secret reaches the command and nothing that is kept; one that is missing is a failure."""
    (tmp_path / "key").write_text("hunter2hunter2\n")
    told = Told(tmp_path, 'echo "with $T" >&2; exit 1', {"T": Secret(file="key")})
    failure = told.tell()
    assert failure
    assert failure.message == "`notify.failed` ended with exit code 1: with ***"
    assert told.logged == [("notify.failed", "with ***\n")]
    (tmp_path / "key").unlink()
    missing = told.tell()
    assert missing
    assert missing.type == "SecretMissing"


def test_whoever_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Telling ends by itself: a command that hangs is ended, and is tried again later."""
    monkeypatch.setattr(news, "MAY_TAKE", timedelta(seconds=0.2))
    failure = Told(tmp_path, "sleep 60").tell()
    assert failure
    assert (failure.type, failure.message) == ("CommandFailed", "a command was ended: it took longer than 0.2 s")


def test_whoever_is_told_to_stop_leaves_nothing_behind(tmp_path: Path) -> None:
    """A driver that ends takes what it has started along: the next one tells the news again."""
    os.mkfifo(tmp_path / "pid")
    told = Told(tmp_path, "echo $$ > pid; exec sleep 60")

    async def cut_off() -> int:
        telling = asyncio.ensure_future(told.commands(RUN, Notice("n", "failed", AT, AT)))
        process = os.pidfd_open(int(await asyncio.to_thread((tmp_path / "pid").read_text)))
        telling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await telling
        return process

    ended, _, _ = select.select([asyncio.run(cut_off())], [], [], 30)
    assert ended
