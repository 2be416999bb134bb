"""A run that began earlier, put together again from what it is pinned to: its definition and its code."""

from lrwf_cli.clock import Clock
from lrwf_cli.core.run import Run
from lrwf_cli.core.view import instant
from lrwf_cli.engine.given import Assembly
from lrwf_cli.executors.loading.modules import CodeSnapshot
from lrwf_cli.flow.load import parse_flow
from lrwf_cli.local.begin import Parts, assembly, home_of
from lrwf_cli.local.parts import FlowParts
from lrwf_cli.store.base import Held, Store

__all__ = ["Assembler", "assemble", "parts_of"]

_KNOWN = 32
"""How many definitions are remembered: a tick has many runs of few flows."""


class Assembler:
    """Puts runs of one store together. Those that are pinned to the same share what is not a single run's own.

    `clock` is what handlers and expressions ask for the time, if it is not the machine's.
    """

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[tuple[str | None, ...], Parts] = {}

    def __call__(self, held: Held, definition: str) -> Assembly:
        """Return what it takes to drive a held run. Raises CodeMissing, NeedsItsProgram, FlowError."""
        origin = held.run.origin
        pinned = (definition, origin.flow, origin.folder, origin.code, origin.built, origin.script)
        parts = self._known.pop(pinned, None) or parts_of(self._store, held.run, definition, clock=self._clock)
        self._known[pinned] = parts
        if len(self._known) > _KNOWN:
            del self._known[next(iter(self._known))]
        return _assembly(parts, held, self._store, self._clock)


def assemble(store: Store, held: Held, definition: str) -> Assembly:
    """Return what it takes to drive a held run. Raises CodeMissing, NeedsItsProgram, FlowError."""
    return _assembly(parts_of(store, held.run, definition), held, store, None)


def _assembly(parts: Parts, held: Held, store: Store, clock: Clock | None) -> Assembly:
    run = held.run
    about = {"id": run.id, "workflow": run.workflow, "started_at": instant(run.started_at)}
    executors = parts.executors(held.resolve(run.input), about, run.origin)
    return assembly(parts, executors, held, clock=clock, home=home_of(store))


def parts_of(store: Store, run: Run, definition: str, *, clock: Clock | None = None) -> Parts:
    """Return the workflow and the code that a run is pinned to. Raises as `assemble`."""
    origin = run.origin
    files = store.code(origin.code) if origin.code else {}
    snapshot = CodeSnapshot(files, origin.code or "")
    if origin.built is not None:
        from lrwf_cli.local.built_parts import pinned_parts

        return pinned_parts(origin, snapshot)
    return FlowParts(parse_flow(definition, origin.flow), snapshot, origin.folder, clock=clock)
