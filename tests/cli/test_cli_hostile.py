"""Hostile text in everything that a workflow can name, print, raise or yield, through every command that shows it."""

from pathlib import Path

import msgspec
import pytest

from tests.cli.processes import on_terminal
from tests.cli.said import Lrwf

FORBIDDEN = {*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)} - {0x0A}
COMMANDS = ("status", "history", "checkpoints", "logs")


def is_safe(text: str) -> bool:
    """Whether there is no character in `text` that a terminal would act on, but newlines."""
    return not FORBIDDEN.intersection(map(ord, text))


@pytest.mark.parametrize("fail", ["false", "true"])
def test_no_command_prints_a_control_character(lrwf: Lrwf, fail: str) -> None:
    """Conformance 60: outputs, messages, state keys, errors and logs are shown, and act on no terminal."""
    begun = lrwf("run", "evil.yaml", "--id", "evil", "--input", f"fail={fail}", "-v")
    for said in (begun, lrwf("list"), *(lrwf(command, "evil") for command in COMMANDS)):
        assert is_safe(said.out)
        assert is_safe(said.err)
    for said in (lrwf("list", "--json"), *(lrwf(command, "evil", "--json") for command in COMMANDS)):
        assert said.out.isascii()
        assert is_safe(said.out)
        assert said.json
    assert "\\x1b[2J" in lrwf("logs", "evil").out


def test_what_is_hostile_comes_out_of_json_as_it_was(lrwf: Lrwf) -> None:
    """Conformance 60: everything that a person can see a program can read: JSON escapes, and loses nothing."""
    assert lrwf("run", "evil.yaml", "-q", "--id", "evil").code == 0
    (output,) = lrwf("status", "evil", "--json").json["outputs"]
    ((key, value),) = output.items()
    assert key == value == "\x1b[2J\x1b]0;title\x07\x9b1m\r\u202e[red]rich[/]\x7f"
    assert msgspec.json.decode(lrwf("run", "evil.yaml", "-q", "--id", "evil").out) == output


def test_a_hostile_command_line_is_shown_safely(lrwf: Lrwf) -> None:
    """What a person mistyped, or pasted, comes back in the error, and acts on no terminal."""
    for arguments in (
        ("\x1b[2J",),
        ("status", "\x1b[2J"),
        ("run", "\x1b[2J.yaml"),
        ("run", "greet.yaml", "--input", "\x1b[2J=\x9b"),
        ("run", "greet.yaml", "--\x1b[2J"),
        ("run", "greet.yaml", "--timeout", "\x1b[2J"),
        ("run", "greet.yaml", "--input-file", "\x1b[2J"),
        ("schema", "\x1b[2J"),
        ("logs", "x\n"),
    ):
        said = lrwf(*arguments)
        assert said.code == 2, arguments
        assert said.err.startswith("error: ")
        assert is_safe(said.err), arguments


@pytest.mark.slow
def test_a_terminal_gets_no_sequence_but_ours(flows: Path) -> None:
    """Threat T9: on a terminal, too, nothing of a workflow's reaches it as it was: rich lets ESC pass, we do not."""
    code, written = on_terminal("run", "evil.yaml", "--id", "evil", "--input", "fail=true")
    assert code == 1
    for sequence in ("\x1b[2J", "\x1b]0;", "\x9b", "\u202e"):
        assert sequence not in written
    assert "\\x1b[2J" in written
