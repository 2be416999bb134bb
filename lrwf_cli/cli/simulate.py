"""`lrwf simulate`: what would happen when, played on a clock that jumps. Nothing is written, no command is run."""

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.session import Session

__all__ = ["command"]


@make("simulate")
@click.argument("flow", metavar="FLOW")
@click.option("--scenario", metavar="FILE", help="A YAML file: what people answer, what commands do, what polls find.")
@click.option("--input", "assignments", multiple=True, metavar="KEY=VALUE", help="An input of the run; repeatable.")
@click.option("--input-file", metavar="FILE", help="Inputs as a JSON or YAML object; `-` reads them from stdin.")
def command(
    session: Session, flow: str, *, scenario: str | None, assignments: tuple[str, ...], input_file: str | None
) -> int:
    """Play a run in virtual time, and tell what would happen when.

    FLOW is a flow file, or `module:attribute` of a workflow built in Python. Without a scenario nobody answers, and
    every command succeeds; no command is ever run. Python executors that the scenario does not name are. Exits with 4
    if the run ends up waiting for a person.
    """
    from lrwf_cli.cli.files import read_object
    from lrwf_cli.cli.garbage import handlers_begin
    from lrwf_cli.testing.simulation import Rehearsal

    rehearsal = Rehearsal(flow)
    data = None if input_file is None else read_object(input_file, "--input-file")
    run_input = rehearsal.prepared.input_from(assignments, data)
    handlers_begin()
    played = rehearsal.play(run_input, rehearsal.scenario(scenario))
    if session.as_json:
        session.put_json(played.agenda.plain())
    else:
        for line in played.agenda.lines():
            session.put(line, hang=played.agenda.indent)
    return exits.DONE if played.run.is_final else exits.WAITING
