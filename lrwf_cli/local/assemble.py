"""A run that began earlier, put together again from what it is pinned to: its definition and its code."""

from lrwf_cli.core.view import instant
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.modules import CodeSnapshot
from lrwf_cli.flow.load import parse_flow
from lrwf_cli.local.begin import Parts, assembly
from lrwf_cli.local.parts import FlowParts
from lrwf_cli.store.base import Held, Store

__all__ = ["assemble", "parts_of"]


def assemble(store: Store, held: Held, definition: str) -> Assembly:
    """Return what it takes to drive a held run. Raises CodeMissing, NeedsItsProgram, FlowError."""
    run = held.run
    parts = parts_of(store, held, definition)
    about = {"id": run.id, "workflow": run.workflow, "started_at": instant(run.started_at)}
    return assembly(parts, parts.executors(held.resolve(run.input), about), held)


def parts_of(store: Store, held: Held, definition: str) -> Parts:
    """Return the workflow and the code that a run is pinned to."""
    origin = held.run.origin
    files = store.code(origin.code) if origin.code else {}
    snapshot = CodeSnapshot(files, origin.code or "")
    if origin.built is not None:
        from lrwf_cli.local.built_parts import pinned_parts

        return pinned_parts(origin, snapshot)
    return FlowParts(parse_flow(definition, origin.flow), snapshot, origin.folder)
