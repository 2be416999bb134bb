"""What a command finds around it: known, short, and the same under cron."""

import os
import pwd
from pathlib import Path

import pytest

from lrwf_cli.errors import SecretMissing
from lrwf_cli.executors.commands.environment import Secret, Surroundings


def test_the_same_under_cron(monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH and locale are those of where the run began; HOME is the user's where nobody says."""
    for name in ("HOME", "USER", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/cron")
    monkeypatch.setenv("LANG", "C")
    around = Surroundings("/flow", cwd="/begun", path="/mine/bin", locale={"LANG": "pl_PL", "TZ": "Europe/Warsaw"})
    assert around.variables({}, {}, {}) == {
        "PATH": "/mine/bin",
        "LANG": "pl_PL",
        "TZ": "Europe/Warsaw",
        "HOME": pwd.getpwuid(os.getuid()).pw_dir,
        "LRWF_CWD": "/begun",
    }


def test_a_user_without_a_name_has_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's uid may be nobody's."""
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 987_654)
    assert Surroundings("/flow").variables({}, {}, {})["HOME"] == "/"


def test_who_wins() -> None:
    """What is declared wins over what is there, a secret over that, and what lrwf says over all."""
    around = Surroundings("/flow", path="/bin", locale={"LANG": "C"})
    seen = around.variables(
        {"PATH": "declared", "LANG": "declared", "A": "declared", "LRWF_RUN_ID": "declared"},
        {"A": "secret"},
        {"LRWF_RUN_ID": "r"},
    )
    assert [seen[name] for name in ("PATH", "LANG", "A", "LRWF_RUN_ID")] == ["declared", "declared", "secret", "r"]


@pytest.mark.parametrize(
    ("content", "secret"), [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("a\nb\n\n", "a\nb\n")]
)
def test_a_secret_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, secret: str) -> None:
    """A file's text, less one newline; its path is as seen from the flow, or from home."""
    (tmp_path / "key").write_bytes(content.encode())
    monkeypatch.setenv("HOME", str(tmp_path))
    for path in ("key", "~/key", str(tmp_path / "key")):
        assert Surroundings(str(tmp_path), secrets={"A": Secret(file=path)}).read_secrets() == {"A": secret}


@pytest.mark.parametrize("name", ["folder", "pipe", "absent", "nul"])
def test_what_is_no_secret_hangs_nobody(tmp_path: Path, name: str) -> None:
    """A folder, a pipe that nobody writes to, or a file that is no text is refused at once, by name."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nul").write_bytes(b"a\0b")
    with pytest.raises(SecretMissing, match="`TOKEN`"):
        Surroundings(str(tmp_path), secrets={"TOKEN": Secret(file=name)}).read_secrets()
