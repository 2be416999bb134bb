"""How a run stands: the whole of it for `status`, and what a person can do about it, for whoever ends with a run."""

import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from lrwf_cli.cli import exits
from lrwf_cli.cli.complain import guarded
from lrwf_cli.cli.expecting import answer_text, glance, question, respond_command, waits
from lrwf_cli.cli.layout import clip, columns
from lrwf_cli.cli.render import instant_text, json_line, safe, safe_lines, status_text
from lrwf_cli.cli.session import Session
from lrwf_cli.core.model import Json
from lrwf_cli.core.outside import expected, open_requests, request_status
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Run
from lrwf_cli.core.view import outputs, status_view
from lrwf_cli.core.waking import wake_at

__all__ = ["detail", "full_view", "next_steps", "portrait", "resolver", "show", "show_at_once"]

_LABEL = 12
_LONGEST = 400
_MANY = 20
_LINES = 12


def show(session: Session, text: str) -> int:
    """Print how the run stands that `text` means: what `lrwf status` does."""
    run = session.load(text)
    if session.as_json:
        session.put_json(full_view(session, run))
    else:
        for line in portrait(session, run):
            session.put(line, hang=_LABEL + 2)
    return exits.DONE


def show_at_once(text: str, path: str, *, as_json: bool) -> int:
    """Do what `lrwf status` does, errors and exit code included, without having parsed a command line."""
    session = Session(lambda: path)
    session.as_json = as_json
    return guarded(session, lambda: show(session, text))


def resolver(session: Session, run: Run) -> Callable[[Json], Json]:
    """Return what reads those values of `run` that are kept beside its journal."""
    return lambda value: session.store.resolve(run.id, value)


def full_view(session: Session, run: Run) -> dict[str, Any]:
    """Return the object that `status --json` and `run --json` print."""
    return {
        **status_view(run, resolver(session, run), lambda executor: session.store.progress_of(run.id, executor)),
        "driven": is_driven(session, run),
        "code_changed": code_has_changed(run),
    }


def is_driven(session: Session, run: Run) -> bool:
    """Whether a process drives the run now; a finished one is driven by nobody."""
    return not run.is_final and session.store.is_busy(run.id)


def code_has_changed(run: Run) -> bool:
    """Whether the modules beside the flow are others now than those the run works with, as far as it matters."""
    if run.origin.code is None or run.status == "completed":
        return False
    from lrwf_cli.local.code import code_has_changed

    return code_has_changed(run)


def portrait(session: Session, run: Run) -> Iterator[str]:
    """Yield the lines that `status` shows."""
    now = session.now()
    driven, changed = is_driven(session, run), code_has_changed(run)
    yield f"{run.id}  {status_text(run.status, sys.stdout)}"
    for label, lines in (
        ("workflow", [f"{safe(run.workflow)}, from {safe(run.origin.flow)}"]),
        ("began", [instant_text(run.started_at, now), *_forked(run)]),
        ("ended", [instant_text(run.finished_at, now)] if run.finished_at else []),
        ("updated", [] if run.finished_at else [instant_text(run.updated_at, now)]),
        ("ending", _ending(run)),
        ("waits for", list(waits(run, now))),
        ("requests", list(_requests(run, now))),
        ("executors", columns(_executor_row(each) for each in status_view(run)["executors"])),
        ("outputs", list(_values(outputs(run), resolver(session, run)))),
        (
            "dropped",
            [f"{safe(d.source)} sent {_value_text(d.message)}, which no edge takes" for d in run.dropped][:_MANY],
        ),
        ("conflicts", [f"{safe(key)}, written {count}x after another had" for key, count in run.conflicts.items()]),
        ("error", list(_error(run))),
        ("reason", safe_lines(run.reason) if run.reason else []),
        ("not told", list(_not_told(run, now))),
        ("code", list(_code(run)) if changed else []),
        ("next", list(next_steps(run, now, driven=driven))),
    ):
        for number, line in enumerate(lines):
            yield f"  {label if number == 0 else '':{_LABEL}}{line}"


def next_steps(run: Run, now: datetime, *, driven: bool = False) -> Iterator[str]:
    """Yield what there is to do about a run, a line each; nothing for one that is done or at work."""
    asked = [each for each in open_requests(run) if each.ask.expires_at is None or each.ask.expires_at > now]
    for request in asked[:_MANY]:
        yield respond_command(run, request)
    if driven:
        yield "a process drives it now"
    elif run.status == "running":
        yield "lrwf tick goes on with it"
    elif run.status == "waiting":
        if wake_at(run) is not None:
            yield "lrwf tick goes on with it when that is due"
    elif run.status == "paused":
        yield f"lrwf resume {run.id}"
    elif run.status != "completed" and not (run.error and "lrwf " in (run.error.hint or "")):
        yield f"lrwf retry {run.id}"
    if any(invocation.stuck for line in run.ready.values() for invocation in line):
        yield f"lrwf resume {run.id} --restart-handler"
    if run.status in {"failed", "blocked"} and run.error is not None and run.error.executor:
        yield f"lrwf logs {run.id} {safe(run.error.executor)}"


def detail(run: Run, now: datetime) -> str:
    """Return why a run is not done: its error, else what somebody is asked, else what it waits for next."""
    if run.error is not None:
        return f"{safe(run.error.type)}: {safe(run.error.message)}"
    found = expected(run)
    if not found:
        return ""
    shown = next((each for each in found if each.request), found[0])
    name = shown.id if shown.request else shown.executor
    others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{safe(name)}: {glance(shown, now)}{others}"


def _forked(run: Run) -> list[str]:
    return [f"as a copy of {run.forked_from[0]} at its checkpoint {run.forked_from[1]}"] if run.forked_from else []


def _ending(run: Run) -> list[str]:
    if run.ending is None:
        return []
    return [f"{run.ending.verdict.replace('_', ' ')}, when what is to be done after that is done"]


def _requests(run: Run, now: datetime) -> Iterator[str]:
    """Yield the requests that cannot be answered any more, or not now; the newest, if there are many."""
    closed = [request for request in run.requests.values() if request_status(run, request) != "open"]
    for request in closed[-_MANY:]:
        status = request_status(run, request)
        what = answer_text(request, request.answer, now) if request.answer else question(request)
        yield f"{safe(request.id)} {status}: {what}"


def _not_told(run: Run, now: datetime) -> Iterator[str]:
    """Yield the news that `notify` commands could not be told so far."""
    for notice in list(run.notices.values())[:_MANY]:
        if notice.tries:
            what = " ".join(filter(None, (notice.event, notice.request)))
            yield f"{safe(what)}: tried {notice.tries}x, again {instant_text(notice.due_at, now)}"
            yield f"lrwf logs {run.id} notify.{notice.event}"


def _executor_row(executor: dict[str, Any]) -> tuple[str, str, str]:
    done, failed, attempt = executor["completed"], executor["failed"], executor["attempt"]
    facts = [f"{done} done"] if done else []
    facts += [f"{failed} failed"] if failed else []
    facts += [f"attempt {attempt}"] if attempt > 1 and executor["state"] != "completed" else []
    return safe(executor["id"]), executor["state"], ", ".join(facts)


def _values(values: list[Json], resolve: Callable[[Json], Json]) -> Iterator[str]:
    for value in values[:_MANY]:
        yield _value_text(resolve(value))
    if len(values) > _MANY:
        yield f"and {len(values) - _MANY} more"


def _value_text(value: Json) -> str:
    return clip(json_line(plain(value), readable=True), _LONGEST)


def _code(run: Run) -> Iterator[str]:
    reopens = run.is_final or run.status == "blocked"
    yield "has changed since the run began; " + ("a retry takes the new" if reopens else "it goes on with the old")


def _error(run: Run) -> Iterator[str]:
    if run.error is None:
        return
    where = f", in {safe(run.error.executor)}" if run.error.executor else ""
    attempt = f", attempt {run.error.attempt}" if run.error.attempt else ""
    yield f"{safe(run.error.type)}{where}{attempt}"
    yield from safe_lines(run.error.message)[:_LINES]
    if run.error.hint:
        yield f"hint: {safe(run.error.hint)}"
