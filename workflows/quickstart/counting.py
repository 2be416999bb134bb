"""The executors of the quickstart: list the texts, count each in three ways at once, add everything up.

Nothing here counts on finishing: after a kill, what is committed is not counted again, and what was under way
is. Reading a file twice does no harm, so nothing more is needed.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lrwf_cli import WorkflowContext, executor


@dataclass(frozen=True)
class Folder:
    """The run's input."""

    folder: str


@dataclass(frozen=True)
class Text:
    """One of `of` texts."""

    path: Path
    of: int


@dataclass(frozen=True)
class Count:
    """What one counter found in one text: a number, or a number for each word."""

    text: Text
    found: Any


@dataclass(frozen=True)
class Counted:
    """All counts of one text."""

    text: Text
    words: int
    lines: int
    vocabulary: dict[str, int]


@dataclass(frozen=True)
class Sums:
    """What has been added up so far."""

    texts: int = 0
    words: int = 0
    lines: int = 0
    vocabulary: dict[str, int] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Return the sums, with the five commonest words in the place of all of them."""
        often = sorted(self.vocabulary.items(), key=lambda each: (-each[1], each[0]))
        return {
            "texts": self.texts,
            "words": self.words,
            "lines": self.lines,
            "distinct": len(often),
            "commonest": dict(often[:5]),
        }


@executor
def list_texts(where: Folder, ctx: WorkflowContext[Text]) -> None:
    """Send each text of the folder on its way."""
    paths = sorted(Path(where.folder).glob("*.txt"))
    if not paths:
        raise ValueError(f"no *.txt in {where.folder}")
    for path in paths:
        ctx.send_message(Text(path, of=len(paths)))


@executor
def words(text: Text) -> Count:
    """Count as `wc -w` does."""
    return Count(text, len(text.path.read_bytes().split()))


@executor
def lines(text: Text) -> Count:
    """Count as `wc -l` does."""
    return Count(text, text.path.read_bytes().count(b"\n"))


@executor
def vocabulary(text: Text) -> Count:
    r"""Count each word as `tr -cs A-Za-z '\n' | tr A-Z a-z | sort | uniq -c` does."""
    found = re.findall(rb"[a-z]+", text.path.read_bytes().lower())
    return Count(text, dict(Counter(word.decode() for word in found)))


@executor
def one_text(counts: list[Count]) -> Counted:
    """Join the counts of one text: they come in the order in which the edge names the counters."""
    words, lines, vocabulary = counts
    return Counted(words.text, words.found, lines.found, vocabulary.found)


@executor
def all_texts(counted: Counted, ctx: WorkflowContext[None, dict[str, Any]]) -> None:
    """Add a text to those that have come so far; the last one makes the sum the run's output.

    Which text comes last does not matter, and none is added twice: state counts when the handler ends, or not at all.
    """
    sums = ctx.get_state("sums", Sums())
    sums = Sums(
        texts=sums.texts + 1,
        words=sums.words + counted.words,
        lines=sums.lines + counted.lines,
        vocabulary=dict(Counter(sums.vocabulary) + Counter(counted.vocabulary)),
    )
    ctx.set_state("sums", sums)
    if sums.texts == counted.text.of:
        ctx.yield_output(sums.report())
