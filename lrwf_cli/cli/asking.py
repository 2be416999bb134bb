"""Asking the person at the terminal for an answer: the choices with their numbers, fields one by one, a comment.

What is typed is checked line by line, so that nobody types ten fields to hear that the first one was wrong.
"""

import sys

from msgspec import UNSET

from lrwf_cli.cli.inquiry import about
from lrwf_cli.cli.render import instant_text, safe, safe_lines
from lrwf_cli.cli.session import Session
from lrwf_cli.core.model import Json
from lrwf_cli.core.suspended import Ask
from lrwf_cli.errors import ResponseRefused
from lrwf_cli.flow.answers import Fields, fields_of, read_field, whole
from lrwf_cli.flow.inputs import misfit
from lrwf_cli.flow.kinds import Declared

__all__ = ["ask_for_answer", "ask_for_comment", "can_ask"]


def can_ask(session: Session) -> bool:
    """Whether there is a person at the terminal."""
    return not session.as_json and sys.stdin.isatty() and sys.stderr.isatty()


def ask_for_answer(session: Session, ask: Ask) -> tuple[str | None, Json]:
    """Return what a person answers: a text, and an object beside it or alone. Raises ResponseRefused for Ctrl-D."""
    for line in safe_lines(ask.prompt):
        session.complain(line, hang=0)
    if ask.expires_at is not None:
        session.complain(f"(until {instant_text(ask.expires_at, session.now())})")
    fields = fields_of(ask)
    if ask.choices:
        return _chosen(session, ask.choices), _filled(session, fields) if fields else None
    if fields:
        return None, _filled(session, fields)
    declared = whole(ask)
    if declared is None:
        return _typed("Answer: "), None
    return _value(session, f"Answer ({declared.type})", declared), None


def ask_for_comment() -> str | None:
    """Return what a person has to say on it."""
    return _typed("Comment, if any: ").strip() or None


def _chosen(session: Session, choices: tuple[str, ...]) -> str:
    for number, choice in enumerate(choices, 1):
        session.complain(f"  {number}. {safe(choice)}")
    while True:
        typed = _typed(f"Which, 1 to {len(choices)}: ").strip()
        if typed in choices:
            return typed
        if typed.isascii() and typed.isdigit() and 1 <= int(typed[:9]) <= len(choices):
            return choices[int(typed) - 1]
        session.complain("  type its number, or the choice itself")


def _filled(session: Session, fields: Fields) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for name, declared in fields.items():
        text = _field(session, name, declared)
        if text is not None:
            found[name] = read_field(safe(name), declared, text)
    return found


def _field(session: Session, name: str, declared: Declared) -> str | None:
    """Return the text of a field that fits; `None` if it is left out, or left as it is."""
    may_be_left_out = not declared.required or declared.default is not UNSET
    return _value(session, about(name, declared), declared, or_nothing=may_be_left_out)


def _value(session: Session, label: str, declared: Declared, *, or_nothing: bool = False) -> str | None:
    while True:
        typed = _typed(f"{label}: ")
        if not typed and or_nothing:
            return None
        try:
            why = misfit(declared, read_field("it", declared, typed))
        except ResponseRefused as error:
            why = error.message
        if why is None:
            return typed
        session.complain(f"  {safe(why.removeprefix('it '))}")


def _typed(label: str) -> str:
    sys.stderr.write(label)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        sys.stderr.write("\n")
        raise ResponseRefused("no answer was given", hint="nothing was changed; answer when you are ready")
    return line.rstrip("\r\n")
