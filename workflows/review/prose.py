"""What there is to find in a text, and how it is mended. Rules only: nothing here knows of workflows.

A finding quotes the text it is about, so that mending is replacing. What a rule cannot mend it leaves as it is:
it will be found again.
"""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

PLAIN = {
    "a large number of": "many",
    "at this point in time": "now",
    "due to the fact that": "because",
    "in order to": "to",
    "in spite of the fact that": "although",
    "in the event that": "if",
    "is able to": "can",
    "make use of": "use",
    "until such time as": "until",
    "with regard to": "about",
}


@dataclass(frozen=True)
class Finding:
    """A rule, and the piece of text that breaks it."""

    rule: str
    quote: str


def findings(text: str, *, width: int, longest_sentence: int) -> Iterator[Finding]:
    """Yield what is to be mended, the smallest things first: mending them changes the larger ones."""
    yield from (Finding("doubled word", found[0]) for found in re.finditer(r"\b(\w+)\s+\1\b", text))
    yield from (Finding("wordy", found[0]) for phrase in PLAIN for found in _anywhere(phrase).finditer(text))
    paragraphs = re.split(r"\n{2,}", text)
    for paragraph in paragraphs:
        for sentence in re.split(r"(?<=[.!?])\s+", paragraph):
            if len(sentence.split()) > longest_sentence:
                yield Finding("long sentence", sentence)
    for paragraph in paragraphs:
        if any(len(line) > width for line in paragraph.splitlines()):
            yield Finding("long line", paragraph)


def mended(text: str, finding: Finding, *, width: int) -> str:
    """Return the text with the first place of this finding mended, if that can be done."""
    match finding.rule:
        case "doubled word":
            better = finding.quote.split()[0]
        case "wordy":
            better = _plain(finding.quote)
        case "long sentence":
            better = _in_two(finding.quote)
        case _:
            better = textwrap.fill(finding.quote, width)
    return text.replace(finding.quote, better, 1)


def _anywhere(phrase: str) -> re.Pattern[str]:
    """Return a pattern that finds the phrase in any case and over a line's end."""
    return re.compile(r"\b" + r"\s+".join(phrase.split()) + r"\b", re.IGNORECASE)


def _plain(quote: str) -> str:
    plain = PLAIN[" ".join(quote.lower().split())]
    return plain.capitalize() if quote[0].isupper() else plain


def _in_two(sentence: str) -> str:
    """Return the sentence as two, split at the joint that is nearest to its middle; as it is if it has none."""
    joints = list(re.finditer(r";\s+|,\s+(?:and|but|so)\s+", sentence))
    if not joints:
        return sentence
    joint = min(joints, key=lambda each: abs(each.start() - len(sentence) / 2))
    rest = sentence[joint.end() :]
    return f"{sentence[: joint.start()]}. {rest[0].upper()}{rest[1:]}"
