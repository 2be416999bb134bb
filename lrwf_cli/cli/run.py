"""`lrwf run`: begin a run, or find the one that `--id` names, and stay with it as long as asked."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.options import DURATION, jobs_option
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.render import duration_text, safe
from lrwf_cli.cli.session import Session
from lrwf_cli.cli.standing import full_view
from lrwf_cli.cli.story import value_text
from lrwf_cli.core.model import Json
from lrwf_cli.core.plain import plain
from lrwf_cli.core.run import Run
from lrwf_cli.errors import RunConflict, UsageError

if TYPE_CHECKING:  # what drives is imported only when something is driven
    from lrwf_cli.cli.driving import Patience
    from lrwf_cli.local.begin import Prepared

__all__ = ["command"]


class _Wishes(NamedTuple):
    """How a run is to be begun and how long to stay with it."""

    run_id: str | None
    wait: bool
    timeout: timedelta | None
    detach: bool
    exit_status: bool
    dry_run: bool
    jobs: int | None


@make("run")
@click.argument("flow", metavar="FLOW")
@click.option("--input", "assignments", multiple=True, metavar="KEY=VALUE", help="An input of the run; repeatable.")
@click.option("--input-file", metavar="FILE", help="Inputs as a JSON or YAML object; `-` reads them from stdin.")
@click.option("--id", "run_id", metavar="ID", help="The run's id. If there is such a run with the same input, show it.")
@click.option("--wait", is_flag=True, help="Stay until the run has finished, also while it waits, unless for people.")
@click.option("--timeout", type=DURATION, metavar="D", help="Stay at most this long; then exit with 124.")
@click.option("--detach", is_flag=True, help="Begin it in the background, and print its id.")
@click.option("--exit-status", is_flag=True, help="Exit with 4 if the run waits, with 5 if it was cancelled.")
@click.option("--dry-run", is_flag=True, help="Check everything and begin nothing.")
@jobs_option
def command(session: Session, flow: str, *, assignments: tuple[str, ...], input_file: str | None, **wishes: Any) -> int:
    """Start a run of a workflow and drive it until it has finished or waits.

    FLOW is a flow file, or `module:attribute` of a workflow built in Python. The outputs go to stdout, a JSON value a
    line; what is happening goes to stderr.
    """
    from lrwf_cli.cli.files import read_object
    from lrwf_cli.local.begin import new_run_id
    from lrwf_cli.local.prepare import prepare

    asked = _checked(_Wishes(**wishes))
    prepared = prepare(flow)
    data = None if input_file is None else read_object(input_file, "--input-file")
    run_input = prepared.input_from(assignments, data)
    if asked.dry_run:
        return _show_plan(session, prepared, run_input)
    if asked.run_id is not None:
        return _begin_once(session, prepared, run_input, asked.run_id, asked)
    return _begin(session, prepared, run_input, new_run_id(prepared.name), asked)


def _checked(asked: _Wishes) -> _Wishes:
    from lrwf_cli.store.names import checked_run_id

    if asked.run_id is not None:
        checked_run_id(asked.run_id)
    if asked.detach and (asked.wait or asked.timeout is not None):
        raise UsageError("`--detach` does not stay with the run", hint="leave out --wait and --timeout, or --detach")
    return asked


def _show_plan(session: Session, prepared: "Prepared", run_input: Json) -> int:
    """Print what would begin."""
    workflow = prepared.workflow
    if session.as_json:
        executors = list(workflow.executors)
        plan = {"workflow": workflow.name, "start": workflow.start, "executors": executors, "input": plain(run_input)}
        session.put_json(plan)
    else:
        session.put(f"{safe(workflow.name)} would begin at {safe(workflow.start)} with {value_text(run_input)}")
        session.say("nothing was written")
    return exits.DONE


def _begin_once(session: Session, prepared: "Prepared", run_input: Json, run_id: str, asked: _Wishes) -> int:
    """Begin the run of that id, or show the one there is. Two processes that ask at once get one run."""
    from lrwf_cli.local.begin import same_run

    found = same_run(session.store, run_id, run_input)
    if found is None:
        try:
            return _begin(session, prepared, run_input, run_id, asked)
        except RunConflict:
            found = same_run(session.store, run_id, run_input)
            if found is None:
                raise
    return _show_existing(session, found, asked)


def _show_existing(session: Session, run: Run, asked: _Wishes) -> int:
    from lrwf_cli.cli.driving import stay_with
    from lrwf_cli.cli.ending import show_end

    session.say(f"{run.id} began {duration_text(session.now() - run.started_at)} ago, with the same input")
    if asked.wait and not run.is_final:
        return stay_with(session, run, jobs=asked.jobs, patience=_patience(session, asked))
    if asked.detach:
        return _show_id(session, run)
    show_end(session, run)
    return exits.code_of_run(run, exact=asked.exit_status or asked.wait)


def _begin(session: Session, prepared: "Prepared", run_input: Json, run_id: str, asked: _Wishes) -> int:
    from lrwf_cli.local.begin import begin

    patience = _patience(session, asked)
    held, assembly = begin(session.writable_store, prepared, run_id, run_input, session.clock)
    session.run_id = session.driving = run_id
    if asked.detach:
        held.release()
        return _detach(session, held.run, asked.jobs)
    from lrwf_cli.cli.driving import drive

    session.say(f"{run_id} began")
    exact = asked.exit_status or asked.wait
    return drive(
        session,
        held.run,
        lambda engine: engine.begin(held, assembly),
        jobs=asked.jobs,
        patience=patience,
        exact=exact,
    )


def _patience(session: Session, asked: _Wishes) -> "Patience":
    from lrwf_cli.cli.driving import Patience

    return Patience(asked.wait, None if asked.timeout is None else session.now() + asked.timeout)


def _detach(session: Session, run: Run, jobs: int | None) -> int:
    """Have a tick drive the run in the background, and print its id."""
    from lrwf_cli.cli.driving import default_jobs
    from lrwf_cli.cli.groups import leave_to_tick

    leave_to_tick(session, run.id, jobs=default_jobs(jobs))
    return _show_id(session, run)


def _show_id(session: Session, run: Run) -> int:
    if session.as_json:
        session.put_json(full_view(session, run))
    else:
        session.put(run.id)
    return exits.DONE
