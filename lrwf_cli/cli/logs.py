"""`lrwf logs`: what the handlers of a run have printed, and with `-f` what they go on to print."""

import sys
from time import sleep

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.options import run_argument
from lrwf_cli.cli.render import safe, safe_lines
from lrwf_cli.cli.session import Session
from lrwf_cli.core.run import Run
from lrwf_cli.errors import UsageError

__all__ = ["command"]

_LOOK_EVERY_S = 0.5


@make("logs")
@run_argument
@click.argument("executor", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has finished and nobody drives it.")
def command(session: Session, run: str, executor: str | None, *, follow: bool) -> int:
    """Show what the handlers of a run have printed."""
    if follow and session.as_json:
        raise UsageError("`--follow` has no end that JSON could have", hint="leave one of --follow and --json out")
    found = session.load(run)
    chosen = _chosen(found, executor)
    if session.as_json:
        session.put_json([{"executor": each, "text": session.store.log_of(found.id, each)} for each in chosen])
        return exits.DONE
    labelled = executor is None and len(chosen) > 1
    shown = dict.fromkeys(chosen, 0)
    while True:
        is_last_look = not follow or _has_ended(session, found.id)
        _show(session, found.id, shown, labelled=labelled, whole=is_last_look)
        if is_last_look:
            return exits.DONE
        sys.stdout.flush()
        sleep(_LOOK_EVERY_S)


def _has_ended(session: Session, run_id: str) -> bool:
    return session.store.load(run_id).is_final and not session.store.is_busy(run_id)


def _show(session: Session, run_id: str, shown: dict[str, int], *, labelled: bool, whole: bool) -> None:
    """Print what is new since `shown` characters of each log; half a line only if this is `whole` of it."""
    for executor, start in shown.items():
        text = session.store.log_of(run_id, executor)
        end = len(text) if whole else text.rfind("\n") + 1
        label = f"{safe(executor)} | " if labelled else ""
        for line in safe_lines(text[start:end].removesuffix("\n")) if end > start else ():
            session.put(f"{label}{line}")
        shown[executor] = max(start, end)


def _chosen(run: Run, executor: str | None) -> tuple[str, ...]:
    if executor is None:
        return run.executors
    if executor in run.executors:
        return (executor,)
    from difflib import get_close_matches

    near = get_close_matches(executor, run.executors, n=1)
    names = ", ".join(f"`{each}`" for each in run.executors)
    hint = f"did you mean `{near[0]}`?" if near else f"it has {names}"
    raise UsageError(f"run `{run.id}` has no executor `{executor}`", hint=hint)
