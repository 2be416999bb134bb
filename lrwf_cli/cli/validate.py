"""`lrwf validate`: everything that `run` checks before it writes anything. Runs the imports of the workflow's code."""

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.complain import error_lines
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.render import safe
from lrwf_cli.cli.session import Session
from lrwf_cli.core.model import targets_of

__all__ = ["command"]


@make("validate")
@click.argument("flow", metavar="FLOW")
def command(session: Session, flow: str) -> int:
    """Check a workflow without running it.

    FLOW is a flow file, or `module:attribute` of a workflow built in Python.
    What handlers that suspend would do again is a warning, and no error.
    """
    from lrwf_cli.local.prepare import prepare

    prepared = prepare(flow)
    workflow, warnings = prepared.workflow, prepared.warnings
    edges = sum(len(targets_of(group)) for group in workflow.edges)
    if session.as_json:
        session.put_json(
            {
                "flow": flow,
                "workflow": workflow.name,
                "start": workflow.start,
                "executors": list(workflow.executors),
                "edges": edges,
                "warnings": [{"message": message, "hint": hint} for message, hint in warnings],
            }
        )
    else:
        for message, hint in warnings:
            for line in error_lines(message, hint, word="warning", colour="33"):
                session.say(line)
        counts = f"{_counted(len(workflow.executors), 'executor')}, {_counted(edges, 'edge')}"
        session.put(f"{safe(flow)}: ok: {safe(workflow.name)} has {counts} and starts at {safe(workflow.start)}")
    return exits.DONE


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" + ("" if count == 1 else "s")
