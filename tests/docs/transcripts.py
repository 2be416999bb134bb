"""The blocks of a document, and what it takes to play them.

- Blocks of `yaml` and `python` begin with a comment that is a file's name (`# hello.yaml`); the file is written.
- Blocks of `console` are transcripts: a line after `$ ` is a command (a backslash at its end continues it), what
  follows is what it prints, stdout and stderr together. A line that is `...` stands for any lines, and `...` within
  a line for any text.
- A block under an HTML comment that ends in `command` (`<!-- the test command -->`) is not played.
- A block under `<!-- beside: COMMAND -->` is played while that runs, begun when it has printed its first line.
- Neither is any other kind of block: `text`, `cron` and so on.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.program import ROOT, environment

__all__ = ["Block", "Step", "blocks", "command_under", "matches", "play", "steps"]

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n+)?^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
_END = "\x1e"

_FILTERS = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "<instant>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "<instant>"),
    (r"\d{8}T\d{6}Z", "<instant>"),
    (r"\b\d+(\.\d+)? ?(ms|s|seconds?)\b( ago)?", "<duration>"),
    (r"\b[0-9a-f]{8,64}\b", "<hex>"),
    (r"""(?<="pid":)\d+|(?<=process )\d+""", "<pid>"),
    (r"\b\d\d:\d\d:\d\dZ", "<time>"),
    (r"(?<=<instant>  )\S+(?= (began a run|retried|paused|resumed|copied|went back))", "<user>"),
    (r"^bash: (line \d+: +)?\d+ Killed .*$", "Killed"),
)


class Block(NamedTuple):
    """A fenced block; `line` is where its text begins, `mark` the comment above it."""

    line: int
    kind: str
    text: str
    mark: str


class Step(NamedTuple):
    """A command of a transcript, and what it is said to print."""

    line: int
    command: str
    expected: str


def blocks(document: Path) -> Iterator[Block]:
    text = document.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        yield Block(line, found[2], found[3], found[1] or "")


def command_under(document: Path, mark: str) -> str:
    """Return the one command of the block under `<!-- mark -->`."""
    (block,) = [block for block in blocks(document) if block.mark == mark]
    (step,) = steps(block)
    return step.command


def steps(block: Block) -> Iterator[Step]:
    begin, command, expected = 0, "", list[str]()
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            if command:
                yield Step(begin, command, "\n".join(expected))
            begin, command, expected = number, line[2:], []
        elif command.endswith("\\"):
            command = f"{command[:-1]}{line.strip()}"
        else:
            expected.append(line)
    yield Step(begin, command, "\n".join(expected))


def play(document: Path, home: Path) -> Iterator[tuple[Step, str]]:
    """Write a document's files and play its transcripts, in a folder that is like a checkout; yield what came out."""
    shutil.copytree(ROOT / "workflows", home / "workflows", ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for block in blocks(document):
        if block.mark.endswith("command"):
            continue
        if block.kind in {"yaml", "python"}:
            _write(block, home, document)
        elif block.kind == "console":
            with _beside(block, home):
                yield from _played(list(steps(block)), home)


def _write(block: Block, home: Path, document: Path) -> None:
    first = block.text.splitlines()[0]
    name = re.fullmatch(r"# (\S+\.(?:py|yaml))\b.*", first)
    assert name, f"{document}:{block.line}: a block of {block.kind} begins with the name of its file: {first}"
    (home / name[1]).write_text(block.text, encoding="utf-8")


@contextmanager
def _beside(block: Block, home: Path) -> Iterator[None]:
    """Run what a block is to be played beside of, if there is such a thing."""
    _, is_there, command = block.mark.partition("beside: ")
    if not is_there:
        yield
        return
    with subprocess.Popen(
        shlex.split(command), cwd=home, env=environment(home), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline(), f"{command} says nothing"
            yield
        finally:
            process.kill()


def _played(transcript: list[Step], home: Path) -> Iterator[tuple[Step, str]]:
    """Play a block in one shell, so that `$?` and `cd` do what they do for its reader."""
    script = "".join(f"{step.command}\n__code=$?; printf '{_END}'; (exit $__code)\n" for step in transcript)
    shell = subprocess.run(
        ["timeout", "60", "bash", "-c", script],  # which ends all that the block has started
        stdin=subprocess.DEVNULL,
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    printed = shell.stdout.split(_END)
    assert len(printed) == len(transcript) + 1, shell.stdout
    for step, text in zip(transcript, printed, strict=False):
        yield step, text.replace(str(home), "/home/me")


def matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what was expected, ids, instants and durations aside."""
    lines = (re.escape(line).replace(r"\.\.\.", ".*") for line in _filtered(expected).splitlines())
    pattern = "".join(r"(?:.*\n)*?" if line == ".*" else f"{line}\n" for line in lines)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _filtered(printed).splitlines())) is not None


def _filtered(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.strip("\n").splitlines())
    for pattern, word in _FILTERS:
        lines = re.sub(pattern, word, lines, flags=re.MULTILINE)
    return lines
