"""One request in full: what is asked, what an answer has to be, until when, who may give it, and what to type."""

from collections.abc import Iterator
from datetime import datetime

from lrwf_cli.cli.expecting import answer_text, respond_command, value_text
from lrwf_cli.cli.render import instant_text, json_line, safe, safe_lines
from lrwf_cli.core.model import Json
from lrwf_cli.core.outside import request_status
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Ask, Request
from lrwf_cli.flow.answers import described, fields_of
from lrwf_cli.flow.kinds import Declared

__all__ = ["INDENT", "about", "in_full"]

_LABEL = 12
INDENT = _LABEL + 2
"""How far the lines hang that are too long."""


def in_full(run: Run, request: Request, data: Json, now: datetime) -> Iterator[str]:
    """Yield the lines on a request of `run`; `data` is what was asked besides the prompt."""
    status, ask = request_status(run, request), request.ask
    yield safe(request.id) if status == "open" else f"{safe(request.id)}  {status}"
    for label, lines in (
        ("asks", safe_lines(ask.prompt)),
        ("about", [] if data is None else [value_text(data)]),
        ("asked", [instant_text(request.opened_at, now)]),
        ("expires", [_expiry(ask, now)] if status == "open" else []),
        ("answer", [answer_text(request, request.answer, now)] if request.answer else [described(ask)]),
        ("fields", [] if request.answer else [about(name, each) for name, each in fields_of(ask).items()]),
        ("who may", [", ".join(map(safe, ask.allowed_users))] if ask.allowed_users else []),
        ("next", [respond_command(run, request)] if status == "open" else []),
    ):
        for number, line in enumerate(lines):
            yield f"  {label if number == 0 else '':{_LABEL}}{line}"


def _expiry(ask: Ask, now: datetime) -> str:
    if ask.expires_at is None:
        return "never"
    then = f"; then it is {value_text(ask.default)}" if ask.has_default else "; then it fails"
    return instant_text(ask.expires_at, now) + then


def about(name: str, declared: Declared) -> str:
    """Return what a field is called, what it has to be, what it is for, and in brackets what it is if left out."""
    from msgspec import UNSET

    what = f" - {safe(declared.description)}" if isinstance(declared.description, str) else ""
    default = "" if declared.default is UNSET else f" [{json_line(declared.default, readable=True)}]"
    return f"{safe(name)} ({declared.type}){what}{default}"
