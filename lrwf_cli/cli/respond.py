"""`lrwf respond`: answer what a run asks. Everything is checked before anything is changed; the first answer stands."""

import os
from secrets import token_hex
from typing import Any, NamedTuple

import click
from msgspec.structs import replace

from lrwf_cli.cli import exits
from lrwf_cli.cli.expecting import answer_text, respond_command
from lrwf_cli.cli.options import advance_option, jobs_option, run_argument
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.render import instant_text, safe
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import resolver
from lrwf_cli.cli.steering import show_change
from lrwf_cli.core.model import Json
from lrwf_cli.core.outside import open_requests, request_status
from lrwf_cli.core.person import Person
from lrwf_cli.core.run import Run
from lrwf_cli.core.state import same
from lrwf_cli.core.suspended import Answer, Request
from lrwf_cli.errors import RequestClosed, ResponseRefused, UnknownRequest
from lrwf_cli.flow.answers import Given, described, fitted
from lrwf_cli.store.base import Letter

__all__ = ["command"]


class _Words(NamedTuple):
    """What was said on the command line."""

    value: str | None
    data: Json
    comment: str | None

    @property
    def has_answer(self) -> bool:
        return self.value is not None or self.data is not None


@make("respond")
@run_argument
@click.argument("request", metavar="REQUEST")
@click.argument("value", metavar="[VALUE]", required=False)
@click.option("--data", metavar="JSON", help="An object beside the value, or alone; `@FILE` reads it, `@-` from stdin.")
@click.option("--comment", metavar="TEXT", help="What you have to say on it.")
@click.option("--as", "name", metavar="NAME", help="Your name, if it is not the user's.")
@advance_option
@jobs_option
def command(session: Session, run: str, request: str, *, name: str | None, jobs: int | None, **said: Any) -> int:
    """Answer what a run asks.

    The first answer stands. Without a VALUE it is asked for, on a terminal. The run then goes on.
    """
    found = session.load(run)
    asked = _find(found, request)
    words = _Words(said["value"], _data(said["data"]), said["comment"] or None)
    if _is_given_already(session, found, asked, words):
        session.say(f"{safe(asked.id)} was answered so already")
        show_change(session, found.id)
        return exits.DONE
    person = _person(asked, name)
    given, comment = _answer(session, found, asked, words)
    _give(session, found, asked, Answer(session.now(), given.value, given.data, comment, person))
    session.say(f"{safe(asked.id)} is answered")
    return _go_on(session, found.id, jobs, advance=not said["no_advance"])


def _go_on(session: Session, run_id: str, jobs: int | None, *, advance: bool) -> int:
    if session.store.is_busy(run_id):
        session.say(f"{run_id} is at work; the process that drives it takes the answer up")
    elif advance:
        from lrwf_cli.cli.driving import go_on

        return go_on(session, run_id, jobs=jobs)
    show_change(session, run_id)
    return exits.DONE


def _find(run: Run, request_id: str) -> Request:
    if request_id in run.requests:
        return run.requests[request_id]
    from difflib import get_close_matches

    near = get_close_matches(request_id, run.requests, n=3, cutoff=0.5)
    known = near or [request.id for request in open_requests(run)][:5] or list(run.requests)[:5]
    names = ", ".join(f"`{safe(each)}`" for each in known)
    hint = f"did you mean {names}?" if near else f"it asks {names}" if known else "it has asked nothing so far"
    raise UnknownRequest(f"run `{run.id}` has no request `{request_id}`", hint=hint)


def _data(text: str | None) -> Json:
    """Return the object in `--data`. Raises ResponseRefused, InputError."""
    if text is None:
        return None
    from lrwf_cli.cli.files import read_object

    if text.startswith("@"):
        return read_object(text[1:], "--data")
    import msgspec

    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        hint = """write it as JSON: '{"key": "value"}'"""
        raise ResponseRefused(f"--data is no JSON: {error}", hint=hint) from None
    if not isinstance(value, dict):
        raise ResponseRefused("--data must be an object", hint="give a bare value as VALUE")
    return value


def _is_given_already(session: Session, run: Run, request: Request, words: _Words) -> bool:
    """Whether the answer that stands is the same. Raises RequestClosed if it is another, or if none is taken."""
    standing = request.answer or session.store.answered(run.id, request.id, run.epoch)
    if standing is not None:
        if not _is_same(session, run, request, standing, words):
            _wake(session, run, request)
            raise _answered(session, request, standing)
        return request.answer is not None
    status = request_status(run, request)
    if status == "withdrawn":
        hint = f"the handler that asked has ended or asks something else: lrwf requests {run.id}"
        raise RequestClosed(f"nobody waits for an answer to `{request.id}` any more", hint=hint)
    if status == "frozen":
        verdict = run.status if run.is_final else "ending"
        hint = f"`lrwf retry {run.id}` thaws it" + ("" if run.is_final else ", when the run has ended")
        raise RequestClosed(f"`{request.id}` is frozen: run `{run.id}` is {verdict.replace('_', ' ')}", hint=hint)
    if request.ask.expires_at is not None and request.ask.expires_at <= session.now():
        when = instant_text(request.ask.expires_at, session.now())
        raise RequestClosed(f"`{request.id}` expired at {when}", hint="the next tick takes note of it: lrwf tick")
    return False


def _wake(session: Session, run: Run, request: Request) -> None:
    """See to it that an answer which no driver has taken up yet will be: who gave it may have died over it."""
    if request.answer is None and not any(due.run_id == run.id for due in session.store.due(session.now())):
        session.writable_store.post(_letter(session, run, request, None))


def _letter(session: Session, run: Run, request: Request, by: Person | None) -> Letter:
    data = {"request": request.id}
    return Letter(token_hex(8), run.id, "answered", session.now(), run.epoch, by, data=data)


def _answered(session: Session, request: Request, standing: Answer) -> RequestClosed:
    what = answer_text(request, standing, session.now())
    verb = "has expired" if standing.expired else "is answered already"
    return RequestClosed(f"`{request.id}` {verb}: {what}", hint="the first answer stands")


def _is_same(session: Session, run: Run, request: Request, standing: Answer, words: _Words) -> bool:
    """Whether what was said is the answer that stands; an expiry is nobody's answer."""
    if standing.expired or not words.has_answer:
        return False
    try:
        given = _fitted(run, request, words)
    except ResponseRefused:
        return False
    resolve = resolver(session, run)
    return same(given.value, resolve(standing.value)) and same(given.data, resolve(standing.data))


def _fitted(run: Run, request: Request, words: _Words) -> Given:
    return fitted(request.ask, words.value, words.data, cwd=os.getcwd(), folder=run.origin.folder)  # noqa: PTH109


def _person(request: Request, name: str | None) -> Person:
    """Return who answers. Raises ResponseRefused if they may not: what counts is the user, not the name given."""
    from lrwf_cli.local.machine import caller

    person = caller()
    allowed = request.ask.allowed_users
    if allowed and not {person.user, str(person.uid), person.name}.intersection(allowed):
        raise ResponseRefused(
            f"`{person.name or person.user or person.uid}` may not answer `{request.id}`",
            hint=f"these may: {', '.join(map(safe, allowed))}",
        )
    return replace(person, name=name) if name else person


def _answer(session: Session, run: Run, request: Request, words: _Words) -> tuple[Given, str | None]:
    """Return the answer and the comment, asked for where none is given. Raises ResponseRefused."""
    from lrwf_cli.local.responses import check

    if not words.has_answer:
        words = _asked_for(session, run, request, words)
    given = _fitted(run, request, words)
    check(session.store, run, request.ask, given)
    return given, words.comment


def _asked_for(session: Session, run: Run, request: Request, words: _Words) -> _Words:
    from lrwf_cli.cli import asking

    if not asking.can_ask(session):
        hint = f"give {described(request.ask)}: {respond_command(run, request)} ..."
        raise ResponseRefused(f"an answer to `{request.id}` is missing", hint=hint)
    value, data = asking.ask_for_answer(session, request.ask)
    comment = words.comment or asking.ask_for_comment()
    _is_given_already(session, session.store.load(run.id), request, words)  # it may have been closed meanwhile
    return _Words(value, data, comment)


def _give(session: Session, run: Run, request: Request, answer: Answer) -> None:
    """Have the answer stand, durably. Raises RequestClosed if another was faster."""
    standing = session.writable_store.answer(_letter(session, run, request, answer.by), request.id, answer)
    if not (same(standing.value, answer.value) and same(standing.data, answer.data)) or standing.expired:
        raise _answered(session, request, standing)
