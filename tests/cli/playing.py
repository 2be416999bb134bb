"""Playing transcripts: files of commands with what they print, held against what they do print.

A line after `$ ` is a command; `lrwf` is called in this process, anything else in a shell. Below it stand its lines on
stdout as they are, its lines on stderr after `! `, and its exit code in brackets. Lines of `#` are notes.
With UPDATE_TRANSCRIPTS=1 the files are written anew: then read the difference.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.cli.said import Said

__all__ = ["filtered", "play", "scenes"]

Call = Callable[..., Said]

_FILTERS = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z", "<instant>"),
    (r"\b\d\d:\d\d:\d\dZ", "<time>"),
    (r"\b(\d+[dhm] )?\d+(\.\d+)?[dhms]\b(?= ago|$|\n)", "<duration>"),
    (r"(?<= in )\d+[dhms]( \d+[hms])?", "<duration>"),
    (r"(?<=process )\d+", "<pid>"),
    (r"\b(?=[0-9a-f]*\d)[0-9a-f]{12,64}\b", "<hex>"),
    (r"\S+ (?=(began a run|went back|copied run|(paused|resumed|retried|cancelled) the run)\b)", "<user> "),
    (r" *<duration> ago", " <duration> ago"),
    (r"(?<=is to be cancelled by )[^\s:;]+", "<user>"),
)


def scenes(path: Path) -> Iterator[tuple[list[str], str, str]]:
    """Yield the notes before each command of a transcript, the command, and what is said to come out."""
    notes, command, expected = list[str](), "", list[str]()
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith(("$ ", "#")) and command:
            yield notes, command, "\n".join(expected).strip("\n")
            notes, command, expected = [], "", []
        if line.startswith("$ "):
            command = line[2:]
        elif line.startswith("#"):
            notes.append(line)
        elif command:
            expected.append(line)
    yield notes, command, "\n".join(expected).strip("\n")


def play(path: Path, folder: Path, call: Call) -> Iterator[tuple[str, str, str]]:
    """Play a transcript in `folder`; yield each command with what was expected and what came out."""
    played = []
    for notes, command, expected in scenes(path):
        code, out, err = call(*shlex.split(command)[1:]) if command.startswith("lrwf") else _shell(command, folder)
        found = filtered(_shown(code, out, err), folder)
        played += ["", *notes, f"$ {command}", *([found] if found else [])]
        yield command, expected, found
    if os.environ.get("UPDATE_TRANSCRIPTS"):
        path.write_text("\n".join(played).lstrip("\n") + "\n", encoding="utf-8")


def _shell(command: str, folder: Path) -> Said:
    done = subprocess.run(["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def _shown(code: int, out: str, err: str) -> str:
    lines = [*out.splitlines(), *(f"! {line}".rstrip() for line in err.splitlines())]
    return "\n".join([*lines, *([f"[{code}]"] if code else [])])


def filtered(text: str, folder: Path) -> str:
    """Return `text` without what differs from one time to the next."""
    text = text.replace(str(folder), "<flows>").replace(os.environ["LRWF_STATE_DIR"], "<state>")
    text = text.replace(sys.executable, "<python>")
    for pattern, name in _FILTERS:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text
