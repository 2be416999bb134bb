"""`lrwf schema`: the JSON Schema of flow files, for editors and for people who look for a key."""

import click

from lrwf_cli.cli import exits
from lrwf_cli.cli.options import command as make
from lrwf_cli.cli.session import Session

__all__ = ["command"]


@make("schema")
@click.argument("path", required=False, metavar="[DOTTED.PATH]")
def command(session: Session, path: str | None) -> int:
    """Print the JSON Schema of flow files, or a part of it.

    A part is named by its keys: `lrwf schema executors.retry`.
    """
    from lrwf_cli.flow.jsonschema import json_schema

    session.put_json(json_schema(path or ""))
    return exits.DONE
