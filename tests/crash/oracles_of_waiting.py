"""What has to be true of awaits, answers and news, whoever dies meanwhile: sentences for whatever is not.

As in `oracles`, the marks are what was seen outside, over all lives and in order. What is true of any run is there.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from lrwf_cli.core.events import (
    AwaitsKept,
    InvocationSuspended,
    NoticeDelivered,
    NoticesPosted,
    RequestAnswered,
    RunRewound,
)
from lrwf_cli.core.suspended import Kept
from lrwf_cli.store.base import Frame
from tests.crash.recorder import Did, Mark

__all__ = ["left_untold", "taken_twice", "wrong_with_awaits", "wrong_with_people"]


def wrong_with_awaits(marks: Sequence[Mark]) -> Iterator[str]:
    """Yield what was done again although it was kept, durably, and what was done before it might be.

    Kept is what stands in an acknowledged frame, and what was handed to a handler that came by again.
    """
    starts: dict[str, int] = {}
    kept: set[tuple[str, int, str]] = set()
    for mark in marks:
        if mark.kind == "entered":
            delivery, start, handed = mark.about
            starts[delivery] = start
            kept |= _keys(delivery, start, handed)
        elif mark.kind == "did":
            yield from _wrong_with(mark.about, kept)
        elif mark.kind == "frame":
            for event in mark.about[2].events:
                if isinstance(event, AwaitsKept | InvocationSuspended):
                    kept |= _keys(event.delivery, starts.get(event.delivery, 1), event.kept)


def _keys(delivery: str, start: int, entries: Sequence[Kept]) -> set[tuple[str, int, str]]:
    """Return what awaits are called by: place, and what was returned, each in their start; 0 if it is for all."""
    names = [(0 if each.lasts else start, name) for each in entries for name in (each.path, each.value)]
    return {(delivery, start, name) for start, name in names if isinstance(name, str)}


def _wrong_with(did: Did, kept: set[tuple[str, int, str]]) -> Iterator[str]:
    if (did.delivery, did.start, did.place) in kept:
        yield f"await {did.place} of `{did.delivery}` was kept and ran again"
    if did.after is not None and kept.isdisjoint((did.delivery, start, did.after) for start in (0, did.start)):
        yield f"`{did.delivery}` went on to {did.place} before {did.after} was durable"


def wrong_with_people(marks: Sequence[Mark]) -> Iterator[str]:
    """Yield what people were told that was not so: an answer that does not stand, news that are none of theirs."""
    answers: dict[Any, Any] = {}
    told: set[str] = set()
    for mark in marks:
        if mark.kind == "asked" and mark.about in answers:
            yield f"the answer to {mark.about} was acknowledged, and is asked for again"
        elif mark.kind == "answered":
            about, value = mark.about
            if answers.setdefault(about, value) != value:
                yield f"to {about} both {answers[about]} and {value} were said to stand"
        elif mark.kind == "told":
            told.add(mark.about)
        elif mark.kind == "frame":
            run_id, epoch, frame = mark.about
            yield from _untrue(frame, told)
            yield from _otherwise(frame, (run_id, epoch), answers)


def _untrue(frame: Frame, told: set[str]) -> Iterator[str]:
    delivered = {event.notice for event in frame.events if isinstance(event, NoticeDelivered)}
    if missing := delivered - told:
        yield f"nobody was told of {sorted(missing)}, which is said to be delivered"


def _otherwise(frame: Frame, run: tuple[str, int], answers: dict[Any, Any]) -> Iterator[str]:
    for event in frame.events:
        if isinstance(event, RequestAnswered):
            acknowledged = answers.get((*run, event.request), event.answer.value)
            if acknowledged != event.answer.value:
                yield f"{acknowledged} was acknowledged, and {event.answer.value} is what the run got"


def left_untold(marks: Sequence[Mark]) -> Iterator[str]:
    """Yield the news that nobody was ever told of, at the end of all."""
    frames = [mark.about[2] for mark in marks if mark.kind == "frame"]
    posted = {each.id for frame in frames for event in frame.events for each in _posted(event)}
    if missing := posted - {mark.about for mark in marks if mark.kind == "told"}:
        yield f"nobody was ever told of {sorted(missing)}"


def _posted(event: object) -> Sequence[Any]:
    return event.notices if isinstance(event, NoticesPosted) else ()


def taken_twice(frames: Sequence[Frame]) -> Iterator[str]:
    """Yield what is twice in a journal and may be there once: an answer, the end of a piece of news."""
    seen: Counter[tuple[int, str, str]] = Counter()
    epoch = 0
    for frame in frames:
        for event in frame.events:
            if isinstance(event, RunRewound):
                epoch += 1
            elif isinstance(event, RequestAnswered):
                seen[epoch, "the answer to", event.request] += 1
            elif isinstance(event, NoticeDelivered):
                seen[epoch, "the delivery of", event.notice] += 1
    yield from (
        f"{what} {which} is in the journal {times} times" for (_, what, which), times in seen.items() if times > 1
    )
