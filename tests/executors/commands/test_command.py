"""Commands at work: what they read, what they see, what their end means."""

import asyncio
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.commands import Effects
from lrwf_cli.errors import StateFull
from lrwf_cli.executors.commands.environment import Secret
from tests.executors.commands.commanding import COUNTED, Job, until, until_async

HOSTILE = {
    "quotes": "'\"`; touch oops; #",
    "substitution": "$(touch oops) ${HOME} `touch oops`",
    "lines": "a\nb\r\n\ttouch oops\n",
    "nul": "a\0b",
    "option": "-rf --",
    "escape": "\x1b[2J\x9b \u202e",
    "unicode": "zażółć 🙂",
    "$key": [1, 2.5, True, None],
}


@pytest.mark.parametrize("as_list", [False, True])
def test_a_message_is_read_from_stdin_as_json(tmp_path: Path, as_list: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Whatever a message holds is inert: it is data on stdin, and in no shell line."""
    job = Job(tmp_path, ["cat"] if as_list else "cat", Codec().encode(HOSTILE))
    assert Codec().decode(job.result()) == HOSTILE
    assert not (tmp_path / "oops").exists()


def test_a_message_is_plain_json(tmp_path: Path) -> None:
    """A command gets a date as text and a set as a list, and one line that ends."""
    message = Codec().encode({"at": timedelta(seconds=90), "names": {"a"}})
    job = Job(tmp_path, ["cat", "-A"], message)
    assert job.result() == '{"at":90.0,"names":["a"]}$' or job.result().endswith("}$")


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]\n\n", [1, 2]),
        ("12", 12),
        ('"text"\n', "text"),
        ("two words\n", "two words"),
        ("line\nline\n\n", "line\nline\n"),
        ('{"a": 1} and more\n', '{"a": 1} and more'),
        ("", None),
        ("\n", None),
        ("NaN\n", "NaN"),
        ("null", None),
        ("[" * 5000, "[" * 5000),
        ("crlf\r\n", "crlf"),
    ],
)
def test_what_a_result_is(tmp_path: Path, printed: str, expected: Any) -> None:
    """Design 9: stdout as JSON if all of it parses, else text less one newline; empty is null."""
    (tmp_path / "printed").write_bytes(printed.encode())
    assert Job(tmp_path, ["cat", "printed"]).result() == expected


def test_a_file_wins_over_stdout(tmp_path: Path) -> None:
    """Design 9: `$LRWF_OUTPUT` if it is not empty, and then stdout is only talk."""
    assert Job(tmp_path, 'echo talk; echo \'{"a": 1}\' >"$LRWF_OUTPUT"').result() == {"a": 1}
    assert Job(tmp_path, 'echo talk; : >"$LRWF_OUTPUT"').result() == "talk"
    assert Job(tmp_path, 'echo talk; rm "$LRWF_OUTPUT"').result() == "talk"
    assert Job(tmp_path, 'echo x >other; mv other "$LRWF_OUTPUT"').result() == "x"


@pytest.mark.parametrize("made", ["ln -s /etc/passwd", "mkfifo", "mkdir"])
def test_what_stands_for_the_file_is_not_followed(tmp_path: Path, made: str) -> None:
    """A link, a pipe or a folder in place of `$LRWF_OUTPUT` is refused, and nothing hangs."""
    job = Job(tmp_path, f'rm "$LRWF_OUTPUT"; {made} "$LRWF_OUTPUT"')
    assert job.failure().error.message.startswith("`work` ended well, but $LRWF_OUTPUT cannot be read: ")


def test_nothing_is_sent_on_too(tmp_path: Path) -> None:
    """A command that says nothing sends null: what comes after it is called all the same."""
    effects = Job(tmp_path, "true").run()
    assert isinstance(effects, Effects)
    assert [send.value for send in effects.sends] == [None]


def test_bytes_that_are_no_text_are_kept(tmp_path: Path) -> None:
    """Binary output neither fails a command nor is it changed: a handler gets the bytes back, as of file names."""
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    job = Job(tmp_path, ["cat", "bytes"])
    assert os.fsencode(Codec().decode(job.result())) == bytes(range(256))
    assert "\\xff" in job.text


@pytest.mark.parametrize(
    ("command", "code", "how"),
    [
        ("echo talk; echo one >&2; echo 'two  ' >&2; echo >&2; exit 3", 3, "with exit code 3: two"),
        ("exit 1", 1, "with exit code 1"),
        ("kill -SEGV $$", -11, "by SIGSEGV"),
        ("kill -KILL $$", -9, "by SIGKILL"),
        ("exit 200", 200, "with exit code 200"),
        (["sh", "-c", "kill $PPID; kill $$"], -15, "by SIGTERM"),
    ],
)
def test_how_a_command_failed(tmp_path: Path, command: Any, code: int, how: str) -> None:
    """Non-zero is CommandFailed, with the code and the last line of stderr; a signal is shown by its name."""
    error = Job(tmp_path, command).failure().error
    assert (error.type, error.exit_code, error.message) == ("CommandFailed", code, f"`work` ended {how}")


@pytest.mark.parametrize("command", ["nonsense-42 x", ["nonsense-42", "x"]])
def test_a_command_that_is_not_there(tmp_path: Path, command: Any) -> None:
    """What cannot be found is named, with the remedy."""
    error = Job(tmp_path, command).failure().error
    assert error.exit_code == 127
    assert "nonsense-42" in error.message
    assert str(error.hint).startswith("install it")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A command whose folder is gone does not run anywhere else."""
    error = Job(tmp_path, "touch oops", folder=tmp_path / "gone").failure().error
    assert "gone" in error.message
    assert not Path("oops").exists()
    assert not (tmp_path / "oops").exists()


def test_what_a_command_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design 9: PATH, HOME, USER, TMPDIR, what is declared, and LRWF_*; nothing else of the driver's environment."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("TMPDIR", "/tmp/mine")
    monkeypatch.setenv("PASSED", "on")
    monkeypatch.setenv("USER", "me")
    job = Job(
        tmp_path,
        ["env", "-0"],
        values={"REGION": lambda seen: f"eu-{seen['message']}", "LRWF_ATTEMPT": lambda _: "mine"},
        passed=("PASSED", "NOT_SET"),
        message=7,
    )
    seen = dict(line.split("=", 1) for line in job.result(attempt=3, maybe_done=True).split("\0") if line)
    assert seen.pop("LRWF_OUTPUT") == job.task().path("output")
    assert seen.pop("LRWF_TASK") == job.task().mark
    assert seen.pop("PATH") == os.environ["PATH"]
    assert seen.pop("HOME") == os.environ["HOME"]
    assert seen == {
        "USER": "me",
        "TMPDIR": "/tmp/mine",
        "PWD": str(tmp_path),
        "PASSED": "on",
        "REGION": "eu-7",
        "LRWF_CWD": "/begun/here",
        "LRWF_STATE_DIR": "/state",
        "LRWF_RUN_ID": "run-1",
        "LRWF_WORKFLOW": "flow",
        "LRWF_EXECUTOR": "work",
        "LRWF_ATTEMPT": "3",
        "LRWF_MAYBE_DONE": "1",
        "LRWF_IDEMPOTENCY_KEY": job.key,
    }


def test_what_a_command_has_open(tmp_path: Path) -> None:
    """A command has stdin, stdout and stderr, default signals, a session of its own, and nothing more."""
    job = Job(tmp_path, ["sh", "-c", "ls /proc/self/fd; grep -E '^Sig(Ign|Blk)' /proc/self/status; ps -o sid= $$"])
    *fds, ignored, blocked, session = job.result().split("\n")
    assert fds == ["0", "1", "2", "3"]  # the last is the folder that `ls` lists
    assert {int(line.split()[1], 16) & 0x7FFFFFFF for line in (ignored, blocked)} == {0}  # libc keeps 32 and 33
    assert int(session) != os.getsid(0)


def test_a_command_starts_in_the_flows_folder(tmp_path: Path) -> None:
    """Design 9: commands start beside the flow file."""
    assert Job(tmp_path, ["pwd"]).result() == str(tmp_path)
    assert Job(tmp_path, "touch here").result() is None
    assert (tmp_path / "here").exists()


def test_stdin_may_be_left_unread(tmp_path: Path) -> None:
    """A command that closes its stdin, or reads a part of a large message, does no harm to anyone."""
    job = Job(tmp_path, "exec <&-; echo done", "x" * 5_000_000)
    assert job.result() == "done"
    assert Job(tmp_path, "head -c 3", "x" * 5_000_000).result() == '"xx'


def test_output_comes_while_it_runs(tmp_path: Path) -> None:
    """A line appears in the log within a second, while the command goes on."""
    job = Job(tmp_path, "echo first; while [ ! -e go ]; do sleep 0.01; done; echo last >&2; echo half | tr -d '\\n'")

    async def scenario() -> None:
        work = asyncio.create_task(job.invoke())
        await until_async(lambda: "first\n" in job.text, patience_s=10)
        assert not work.done()
        (tmp_path / "go").touch()
        await work

    asyncio.run(scenario())
    assert sorted(job.text.splitlines()) == ["first", "half", "last"]
    assert job.text.endswith("\n")


def test_what_it_leaves_behind_lives_on(tmp_path: Path) -> None:
    """A command that leaves something running has ended when it has, and its result is whole; the rest is its own."""
    job = Job(tmp_path, "sleep 600 & echo $!; yes | head -c 60000")
    pid, _, rest = job.result().partition("\n")
    try:
        assert len(rest) == 59_999
        assert int(pid) in job.alive()
    finally:
        os.kill(int(pid), 9)
    until(lambda: not job.alive())


def test_secrets_are_not_to_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret reaches the command, and neither log, result, error nor any file of lrwf's."""
    monkeypatch.setenv("TOKEN_HERE", 'canary"5\\é/1')
    (tmp_path / "key").write_text("first-line\nsecond-line\n")
    secrets = {"TOKEN": Secret(env="TOKEN_HERE"), "KEY": Secret(file="key")}
    shows = 'printf \'%s\\n\' "$TOKEN" "$KEY"; printf \'%s\' "user:$TOKEN" | base64 -w0;'
    job = Job(
        tmp_path, f"{shows} test \"$KEY\" = 'first-line\nsecond-line' && {{ {shows} }} >&2; exit 1", secrets=secrets
    )
    failed = job.failure()
    assert failed.error.exit_code == 1
    for hidden in ("canary", "first-line", "second-line", "Y2FuYXJ5"):
        assert hidden not in job.text + str(failed)
    assert job.text.count("***") >= 6
    quotes = 'printf \'{"a": ["%s", 12345678], "%s": 1}\' "$PIN" "$PIN"'
    monkeypatch.setenv("PIN_HERE", "12345678")
    shown = Job(tmp_path, quotes, secrets={"PIN": Secret(env="PIN_HERE")}).result()
    assert shown == {"a": ["***", "***"], "***": 1}


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        (Secret(env="NOT_SET_42"), "the environment has no `NOT_SET_42`"),
        (Secret(file="absent"), "No such file or directory"),
        (Secret(file="empty"), "is empty"),
    ],
)
def test_a_secret_that_is_missing(tmp_path: Path, secret: Secret, why: str) -> None:
    """Nothing runs without a secret that it needs, and the secret is named."""
    (tmp_path / "empty").touch()
    result = Job(tmp_path, f"{COUNTED} true", secrets={"TOKEN": secret}).run()
    assert not (tmp_path / "runs").exists()
    error = result.error  # type: ignore[union-attr] # it is a failure, or the run is blocked
    assert error.type == "SecretMissing"
    assert "`TOKEN`" in error.message
    assert why in error.message


def test_75_asks_for_a_retry(tmp_path: Path) -> None:
    """Design 9: 75 is a failure that may pass, and the policy is asked."""
    failed = Job(tmp_path, "exit 75").failure()
    assert (failed.retryable, failed.error.exit_code) == (True, 75)


def test_an_environment_of_json(tmp_path: Path) -> None:
    """A value of `env:` is data too: nothing of it is run."""
    job = Job(tmp_path, ["sh", "-c", 'printf %s "$X"'], values={"X": lambda _: json.dumps("$(touch oops)\n")})
    assert job.result() == "$(touch oops)\n"
    assert not (tmp_path / "oops").exists()


def test_too_much_for_a_message(tmp_path: Path) -> None:
    """More than 16 MiB is no result; with a file of results, what is printed does not matter, however much it is."""
    much = "yes | head -c 20000000"
    error = Job(tmp_path, much).failure().error
    assert (error.type, error.exit_code) == ("CommandFailed", 0)
    assert "more than 16 MiB to stdout" in error.message
    assert "more than 16 MiB to $LRWF_OUTPUT" in Job(tmp_path, f'{much} >"$LRWF_OUTPUT"').failure().error.message
    talkative = Job(tmp_path, f'{much}; yes | head -c 9000000 >&2; echo done >"$LRWF_OUTPUT"')
    assert talkative.result() == "done"
    assert "of stderr left out here" in talkative.text
    assert len(talkative.text) < 11_000_000


def test_output_that_could_not_be_kept(tmp_path: Path) -> None:
    """If the disk was full while it printed, that is said, and no part of it is taken for the result."""
    job = Job(tmp_path, "echo part; pkill -KILL -s 0 -x cat; sleep 0.1; echo rest")
    assert "not all that it printed could be kept" in job.failure().error.message


def test_a_full_disk_fails_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without room for its files a command does not run, and its run is left as it is: StateFull ends the driver."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateFull):
        Job(tmp_path, COUNTED).run()
    assert not (tmp_path / "runs").exists()
