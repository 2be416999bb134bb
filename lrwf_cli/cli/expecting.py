"""What a run expects from outside, in words: what it waits for, what it asks, and what was answered. Safe to print."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from lrwf_cli.cli.layout import clip
from lrwf_cli.cli.render import duration_text, instant_text, json_line, safe
from lrwf_cli.core.model import Json
from lrwf_cli.core.outside import Expected, expected, open_requests
from lrwf_cli.core.person import Person
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Answer, Request

__all__ = [
    "answer_text",
    "glance",
    "is_up_to_people",
    "name_of",
    "question",
    "respond_command",
    "value_text",
    "waits",
]

_LONGEST_PROMPT = 200
_LONGEST_CHOICES = 60
_LONGEST_VALUE = 100
_MANY = 20
_SOON = timedelta(minutes=1)
_UNTIL = {"request": "expires", "poll": "next", "retry": "due", "timer": "until"}


def waits(run: Run, now: datetime) -> Iterator[str]:
    """Yield what a run waits for, soonest first, a line each."""
    found = expected(run)
    for each in found[:_MANY]:
        is_late = each.request is not None and each.due_at is not None and each.due_at <= now
        until = "expired" if is_late else _UNTIL.get(each.kind, "due")
        due = f"{until} {instant_text(each.due_at, now)}" if each.due_at else ""
        yield f"{safe(each.id if each.request else each.executor)}: {_joined(_what(each), due)}"
    if len(found) > _MANY:
        yield f"and {len(found) - _MANY} more"


def glance(each: Expected, now: datetime) -> str:
    """Return in a few words what is waited for, without its name."""
    if each.due_at is None:
        due = ""
    elif each.due_at <= now:
        due = "now"
    elif each.kind == "poll":
        due = f"next {each.due_at:%H:%M:%S}Z"
    elif each.kind == "request":
        due = f"expires in {duration_text(each.due_at - now)}"
    else:
        due = f"in {duration_text(each.due_at - now)}"
    return _joined(_what(each), due)


def _what(each: Expected) -> str:
    if each.request:
        return question(each.request)
    what = safe(each.detail or "")
    if each.kind in {"background", "child"}:
        return f"{each.kind} {what}".rstrip()
    return what


def _joined(*parts: str) -> str:
    return ", ".join(filter(None, parts)) or "-"


def question(request: Request) -> str:
    """Return what is asked, with the choices, on one line."""
    choices = clip("/".join(map(safe, request.ask.choices)), _LONGEST_CHOICES)
    return clip(safe(request.ask.prompt), _LONGEST_PROMPT) + (f" [{choices}]" if choices else "")


def answer_text(request: Request, answer: Answer, now: datetime | None = None) -> str:
    """Return what was answered, by whom, and how long ago if `now` is given."""
    when = f" {duration_text(now - answer.at)} ago" if now else ""
    comment = f": {safe(answer.comment)}" if answer.comment else ""
    if answer.expired:
        default = f", so it is {value_text(answer.value)}" if request.ask.has_default else ""
        return f"nobody answered in time{default}"
    given = [value_text(each) for each in (answer.value, answer.data) if each is not None]
    return f"{' with '.join(given) or 'null'}, by {name_of(answer.by) or '?'}{when}{comment}"


def name_of(person: Person | None) -> str:
    """Return what a person is called; empty if nothing is known."""
    name = person and (person.name or person.user or person.uid)
    return "" if name is None else safe(str(name))


def value_text(value: Json) -> str:
    """Return a value on one short line; of a large one, that is kept beside the journal, only its size."""
    if isinstance(value, dict) and "$blob" in value:
        return f"a value of {value.get('size', 'many')} bytes"
    return clip(json_line(plain(value), readable=True), _LONGEST_VALUE)


def is_up_to_people(run: Run, now: datetime) -> bool:
    """Whether `run` waits for answers and for nothing else, and will go on waiting for more than a minute."""
    if run.status != "waiting" or not open_requests(run):
        return False
    return all(each.request and (each.due_at is None or each.due_at - now > _SOON) for each in expected(run))


def respond_command(run: Run, request: Request) -> str:
    """Return what to type to answer: it asks for the value."""
    from shlex import quote

    return f"lrwf respond {run.id} {quote(safe(request.id))}"
