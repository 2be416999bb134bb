"""Looking after background work: how it is named, when somebody looks at it, what becomes of it. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from hashlib import sha256

from msgspec.structs import replace

from lrwf_cli.core import background_events as e
from lrwf_cli.core.background import Background, Begin, Outcome
from lrwf_cli.core.invocation_events import InvocationFailed
from lrwf_cli.core.run import Invocation, Run
from lrwf_cli.core.suspended import Wait

__all__ = [
    "addressed_to",
    "asked_for",
    "dues",
    "ended",
    "first_look",
    "folder_name",
    "forsaken",
    "is_awaited",
    "is_ending",
    "looked",
    "told",
    "told_at_end",
    "unfinished",
    "works_of",
]

_FIRST_LOOK, _LAST_PAUSE = timedelta(minutes=1), timedelta(minutes=15)


def asked_for(run: Run, invocation: Invocation, begins: Iterable[Begin], now: datetime) -> tuple[Background, ...]:
    """Return the background work for those of `begins` that are new: what was asked for at a place is that."""
    delivery = invocation.delivery
    known = {place_of(each) for each in works_of(run, invocation)}
    new = [begin for begin in begins if (begin.lane, begin.path) not in known]
    before = sum(each.executor == delivery.executor for each in run.background.values())
    return tuple(
        Background(
            id=delivery.executor if number == 1 else f"{delivery.executor}.{number}",
            executor=delivery.executor,
            delivery=delivery.id,
            start=invocation.start,
            begin=begin,
            asked_at=now,
        )
        for number, begin in enumerate(new, before + 1)
    )


def addressed_to(
    run: Run, invocation: Invocation, waits: Iterable[Wait], new: Iterable[Background]
) -> tuple[Wait, ...]:
    """Return `waits` with the ids of the background work that they wait for."""
    mine = {place_of(each): each.id for each in (*run.background.values(), *new) if _is_of(each, invocation)}
    return tuple(replace(wait, task=mine.get(wait.begun_at)) if wait.begun_at is not None else wait for wait in waits)


def told(run: Run, invocation: Invocation, places: Iterable[tuple[str, str]]) -> tuple[e.BackgroundTold, ...]:
    """Return what follows when a handler wants the work to end that it has asked for at these places."""
    wanted = set(places)
    mine = [each for each in works_of(run, invocation) if place_of(each) in wanted]
    tasks = tuple(each.id for each in mine if not each.is_over and each.state != "ending")
    return (e.BackgroundTold(tasks),) if tasks else ()


def place_of(work: Background) -> tuple[str, str]:
    """Return where it was asked for: a lane and a path."""
    return work.begin.lane, work.begin.path


def _is_of(work: Background, invocation: Invocation) -> bool:
    return (work.delivery, work.start) == (invocation.delivery.id, invocation.start)


def works_of(run: Run, invocation: Invocation) -> tuple[Background, ...]:
    """Return what this start of an invocation has asked for."""
    return tuple(each for each in run.background.values() if _is_of(each, invocation)) if run.background else ()


def folder_name(work: Background) -> str:
    """Return the name under which it is done: of each of its beginnings another, and no other command has it."""
    return f"background-{sha256(f'{work.id}~{work.begun}'.encode()).hexdigest()[:16]}"


def unfinished(run: Run) -> list[Background]:
    """Return what is not over yet."""
    return [each for each in run.background.values() if not each.is_over]


def is_awaited(run: Run) -> bool:
    """Whether the run has not ended before some background work has."""
    return any(each.state == "ending" or each.begin.on_run_end == "wait" for each in unfinished(run))


def is_ending(run: Run) -> bool:
    """Whether some background work was told to end, and has not yet."""
    return any(each.state == "ending" for each in run.background.values())


def told_at_end(run: Run, *, is_well: bool) -> tuple[str, ...]:
    """Return what is to be told to end with the run. Of a run that ended badly nothing goes on but what is left."""
    stays = {"leave", "wait"} if is_well else {"leave"}
    return tuple(each.id for each in unfinished(run) if each.begin.on_run_end not in stays and each.state != "ending")


def forsaken(run: Run, events: Iterable[object]) -> tuple[e.BackgroundTold, ...]:
    """Return what follows for the work of attempts that have failed: the next one asks for its own."""
    failed = {event.delivery for event in events if isinstance(event, InvocationFailed)}
    told = tuple(
        each.id
        for each in (unfinished(run) if failed else ())
        if each.delivery in failed and each.state != "ending" and each.begin.on_run_end != "leave"
    )
    return (e.BackgroundTold(told),) if told else ()


def ended(run: Run, task: str, begun: int, outcome: Outcome) -> tuple[e.BackgroundEnded | e.BackgroundBegunAnew, ...]:
    """Return what follows from an end that was found; nothing if it is known already."""
    work = run.background.get(task)
    if work is None or work.is_over or work.begun != begun:
        return ()
    if outcome.lost and work.begin.restart and work.state != "ending" and not run.is_final:
        return (e.BackgroundBegunAnew(task),)
    return (e.BackgroundEnded(task, outcome),)


def next_look(work: Background) -> datetime | None:
    """Return when somebody must see to it: at once if it is to be begun or ended, else to look; `None`: never."""
    if work.state in {"asked", "ending"}:
        return work.asked_at
    return work.look_at if work.state == "running" else None


def looked(run: Run, now: datetime) -> tuple[e.BackgroundLookedAfter, ...]:
    """Return what follows from having looked at all that runs, and found it at work: the next look, later each time."""
    due = {each.id: _later(each, now) for each in unfinished(run) if each.look_at is not None and each.look_at <= now}
    return (e.BackgroundLookedAfter(due),) if due else ()


def _later(work: Background, now: datetime) -> datetime:
    return now + min(_FIRST_LOOK * (1 << min(work.looks + 1, 8)), _LAST_PAUSE)


def first_look(now: datetime) -> datetime:
    """Return when to look at what has just begun."""
    return now + _FIRST_LOOK


def dues(run: Run) -> Iterator[datetime]:
    """Yield when somebody must do something about background work."""
    for work in run.background.values():
        at = next_look(work)
        if at is not None and not (run.is_final and work.state == "running"):
            yield at
