"""The executors of the review: one finds, one mends, and they hand the draft to one another."""

from dataclasses import dataclass

from prose import Finding, findings, mended

from lrwf_cli import Executor, executor, handler


@dataclass(frozen=True)
class Draft:
    """A text and what has been done to it; the run's input is one that nobody has touched."""

    text: str
    revisions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Review:
    """A draft, and what there is to be mended in it."""

    draft: Draft
    findings: tuple[Finding, ...]


class Reviewer(Executor):
    """Finds what is to be mended."""

    def __init__(self, width: int, longest_sentence: int) -> None:
        self.width = width
        self.longest_sentence = longest_sentence

    @handler
    def review(self, draft: Draft) -> Review:
        """Send the draft on with all that is to be mended in it."""
        found = findings(draft.text, width=self.width, longest_sentence=self.longest_sentence)
        return Review(draft, tuple(found))


class Reviser(Executor):
    """Mends one thing, and leaves it to the reviewer to say what is next."""

    def __init__(self, width: int) -> None:
        self.width = width

    @handler
    def revise(self, review: Review) -> Draft:
        """Send the draft back with its first finding mended."""
        first = review.findings[0]
        text = mended(review.draft.text, first, width=self.width)
        return Draft(text, (*review.draft.revisions, first.rule))


@executor
def publish(review: Review) -> str:
    """Return the text: no edge leads on from here, so it is the run's output."""
    return review.draft.text
