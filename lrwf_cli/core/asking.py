"""Questions to people and programs outside: how they are named, opened, answered and withdrawn. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace

from lrwf_cli.core.invocation_events import RequestAnswered
from lrwf_cli.core.lineage import delivery_id
from lrwf_cli.core.model import Workflow
from lrwf_cli.core.run import Delivery, Invocation, Run
from lrwf_cli.core.suspended import Answer, Ask, Request, Wait

__all__ = ["addressed", "answered", "ask_anew", "expired", "expiring", "is_asking", "opened", "withdraw"]


def opened(
    workflow: Workflow, run: Run, invocation: Invocation, asks: Iterable[Ask], now: datetime
) -> tuple[Request, ...]:
    """Return the requests for those of `asks` that are new. Who may answer, the workflow says where they do not.

    What is asked from a place where a request is open is that request. What an earlier start of the handler asked from
    there, and somebody has answered, is it only in the same words.
    """
    delivery = invocation.delivery
    known = [r for r in run.requests.values() if r.delivery == delivery.id and not r.withdrawn]
    new = [ask for ask in asks if not any(_is_same(ask, request) for request in known)]
    return tuple(
        Request(
            id=delivery.executor if number == 1 else f"{delivery.executor}.{number}",
            executor=delivery.executor,
            delivery=delivery.id,
            ask=replace(ask, allowed_users=ask.allowed_users or workflow.allowed_users),
            opened_at=now,
            superstep=delivery.superstep,
            path=delivery.path,
        )
        for number, ask in enumerate(new, run.asked.get(delivery.executor, 0) + 1)
    )


def _is_same(ask: Ask, request: Request) -> bool:
    before = request.ask
    return (ask.lane, ask.path) == (before.lane, before.path) and (
        request.is_open or (ask.prompt, ask.choices) == (before.prompt, before.choices)
    )


def addressed(run: Run, invocation: Invocation, waits: Iterable[Wait], new: tuple[Request, ...]) -> tuple[Wait, ...]:
    """Return `waits` with the ids of the requests that they wait for, or whose answer ends them before their time."""
    mine = [r for r in (*run.requests.values(), *new) if r.delivery == invocation.delivery.id and not r.withdrawn]
    by_place = {(r.ask.lane, r.ask.path): r.id for r in mine}
    still_open = tuple(r.id for r in mine if r.is_open)

    def with_ids(wait: Wait) -> Wait:
        if wait.kind == "request":
            return replace(wait, request=by_place.get((wait.lane, wait.path)))
        if wait.kind == "timer":  # one that was answered meanwhile is heard all the same
            return replace(wait, hears=tuple(dict.fromkeys((*wait.hears, *still_open))))
        return wait

    return tuple(map(with_ids, waits))


def answered(run: Run, request: str, answer: Answer) -> tuple[RequestAnswered, ...]:
    """Return what follows from an answer; nothing if the request is not open."""
    found = run.requests.get(request)
    if found is None or not found.is_open:
        return ()
    return (RequestAnswered(request, answer, _brought(run, found, answer) if found.ask.calls else None),)


def _brought(run: Run, request: Request, answer: Answer) -> Delivery:
    """Return the answer as a delivery.

    Its id comes from where it was asked, not from when, nor from its name; and from how often what was asked from there
    has been answered, if an attempt that failed has asked something else.
    """
    place = request.ask.lane, request.ask.path
    before = [r for r in run.requests.values() if r.delivery == request.delivery and (r.ask.lane, r.ask.path) == place]
    number = sum(each.ask.calls and each.answer is not None for each in before)
    again = f":{number + 1}" if number else ""
    return Delivery(
        id=delivery_id((request.delivery,), f"answer:{request.ask.lane}:{request.ask.path}{again}"),
        executor=request.executor,
        superstep=request.superstep + 1,
        message=answer.value,
        source=request.executor,
        path=request.path,
        answers=request.id,
    )


def is_asking(run: Run) -> bool:
    """Whether an answer is to come that nobody waits for by name, so that the run has not ended yet."""
    return any(request.is_open and request.ask.calls for request in run.requests.values())


def expiring(run: Run, now: datetime) -> Iterator[Request]:
    """Yield the requests whose time is up; none of a run that is held, ending, or has failed: those are frozen."""
    if run.status not in {"running", "waiting"} or run.error is not None or run.ending is not None:
        return
    for request in run.requests.values():
        if request.is_open and request.ask.expires_at is not None and request.ask.expires_at <= now:
            yield request


def expired(request: Request, now: datetime) -> Answer:
    """Return what stands for the answer of a request that nobody answered in time."""
    return Answer(at=now, value=request.ask.default if request.ask.has_default else None, expired=True)


def withdraw(run: Run, delivery: str, *, but: Iterable[str | None] = ()) -> None:
    """Close the open requests of an invocation that nobody waits for any more. For `apply`: it owns the run.

    Those whose answer is a call stay open.
    """
    still = set(but)
    for request in [r for r in run.requests.values() if r.delivery == delivery and r.is_open]:
        if request.id not in still and not request.ask.calls:
            run.requests[request.id] = replace(request, withdrawn=True)


def ask_anew(run: Run, delivery: str) -> None:
    """Have the next start of an invocation ask anew what nobody has answered. For `apply`: it owns the run."""
    for request in [r for r in run.requests.values() if r.delivery == delivery]:
        expired = request.answer is not None and request.answer.expired and not request.ask.calls
        if request.is_open or expired:
            run.requests[request.id] = replace(request, withdrawn=True)
