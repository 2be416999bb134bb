"""Runs that ask something, made without a handler that does: what a command line shows of them, and takes."""

import os
from datetime import timedelta
from typing import Any

from lrwf_cli.clock import SystemClock
from lrwf_cli.core import commands as c
from lrwf_cli.core.apply import apply, begin
from lrwf_cli.core.decide import decide
from lrwf_cli.core.run import Run
from lrwf_cli.core.suspended import Ask, Suspension, Wait
from lrwf_cli.core.waking import wake_at
from lrwf_cli.local.begin import begin as begin_run
from lrwf_cli.local.prepare import prepare
from lrwf_cli.store.base import Held
from lrwf_cli.store.files import FileStore

__all__ = ["asking", "commit", "held_run", "store"]

CLOCK = SystemClock()


def store() -> FileStore:
    """Return this test's state directory, as a store."""
    return FileStore.open(os.environ["LRWF_STATE_DIR"], create=True)


def asking(run_id: str, *questions: dict[str, Any], flow: str = "ask.yaml") -> Run:
    """Begin a run of `flow` and have it wait for answers to `questions`, each the fields of an `Ask`.

    `expires` is how long a question may be answered: `timedelta`.
    """
    prepared = prepare(flow)
    held, _ = begin_run(store(), prepared, run_id, prepared.input_from(), CLOCK)
    commit(held, c.Take(1, "boot"), c.Advance(1))
    (delivery,) = held.run.started
    now = CLOCK.now()
    asks = tuple(_ask(number, now, **each) for number, each in enumerate(questions, 1))
    waits = tuple(Wait("request", ask.lane, ask.path, "ask", now, ask.expires_at) for ask in asks if not ask.calls)
    timer = () if waits else (Wait("timer", "", "0", "sleep", now, now + timedelta(days=1)),)
    commit(held, c.Suspend(delivery, Suspension((), (*waits, *timer), asks)))
    held.wake_at(wake_at(held.run))
    held.release()
    return held.run


def _ask(number: int, now: Any, *, expires: timedelta | None = None, **fields: Any) -> Ask:
    prompt = fields.pop("prompt", "Ship m-42?")
    return Ask("", str(number), prompt, expires_at=None if expires is None else now + expires, **fields)


def commit(held: Held, *commands: c.Command) -> Run:
    """Have something happen to a held run."""
    workflow = prepare("ask.yaml").workflow
    for command in commands:
        begin(held.run, held.run.seq + 1, CLOCK.now())
        events = decide(workflow, held.run, command, CLOCK.now())
        for event in events:
            held.run = apply(held.run, event)
        held.append(held.lighten(events), held.run.updated_at)
    held.checkpoint(held.run)
    return held.run


def held_run(run_id: str) -> Held:
    """Take a run up, as another process would."""
    return store().hold(run_id)
