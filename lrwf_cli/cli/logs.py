"""`lrwf logs`: what the handlers of a run have printed, and with `-f` what they go on to print.

What `notify` commands have printed is there too, under `notify.<event>`.
"""

import sys
from time import sleep

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.options import run_argument
from lrwf_cli.cli.render import safe, safe_lines
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.wait import Watcher
from lrwf_cli.core.notices import EVENTS
from lrwf_cli.core.run import Run
from lrwf_cli.errors import UsageError

__all__ = ["command"]

_LOOK_EVERY_S = 0.5
_NEWS = tuple(f"notify.{event}" for event in EVENTS)


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
    news = [each for each in _NEWS if executor is None and each not in chosen]
    if session.as_json:
        texts = {each: session.store.log_of(found.id, each) for each in (*chosen, *news)}
        session.put_json([{"executor": each, "text": texts[each]} for each in texts if texts[each] or each in chosen])
        return exits.DONE
    logs = [_Log(session, found.id, each, labelled=executor is None and len(chosen) > 1) for each in chosen]
    logs += [_Log(session, found.id, each, labelled=True) for each in news]
    watcher = Watcher(session, found.id)
    while True:
        found = watcher.look() or found
        is_last_look = not follow or (found.is_final and not session.store.is_busy(found.id))
        for log in logs:
            log.show(whole=is_last_look)
        if is_last_look:
            return exits.DONE
        sys.stdout.flush()
        sleep(_LOOK_EVERY_S)


class _Log:
    """What one executor printed, as far as it was shown."""

    def __init__(self, session: Session, run_id: str, executor: str, *, labelled: bool) -> None:
        self._session = session
        self._run_id = run_id
        self._executor = executor
        self._label = f"{safe(executor)} | " if labelled else ""
        self._shown = 0

    def show(self, *, whole: bool) -> None:
        """Print what is new; a line that has no end yet only if this is the `whole` of it."""
        while True:
            text, end = self._session.store.log_since(self._run_id, self._executor, self._shown)
            if not text or not (whole or text.endswith("\n")):
                return
            self._shown = end
            for line in safe_lines(text.removesuffix("\n")):
                self._session.put(f"{self._label}{line}")


def _chosen(run: Run, executor: str | None) -> tuple[str, ...]:
    if executor is None:
        return run.executors
    if executor in run.executors or executor in _NEWS:
        return (executor,)
    from difflib import get_close_matches

    near = get_close_matches(executor, run.executors, n=1)
    names = ", ".join(f"`{each}`" for each in run.executors)
    hint = f"did you mean `{near[0]}`?" if near else f"it has {names}"
    raise UsageError(f"run `{run.id}` has no executor `{executor}`", hint=hint)
