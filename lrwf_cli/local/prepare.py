"""From what `lrwf run` is given to a workflow that is right: a flow file, or `module:attribute` of a built one."""

import os
from pathlib import Path
from typing import Any

from lrwf_cli.clock import Clock
from lrwf_cli.executors.loading.code import matching, read_code
from lrwf_cli.flow.inputs import Declarations
from lrwf_cli.flow.load import LoadedFlow, load_flow
from lrwf_cli.flow.problems import Problems, quoted
from lrwf_cli.local.begin import Prepared
from lrwf_cli.local.machine import origin
from lrwf_cli.local.parts import FlowParts

__all__ = ["prepare"]


def prepare(target: str, *, clock: Clock | None = None) -> Prepared:
    """Return what `lrwf run TARGET` would run: a flow file, or `module:attribute` of a workflow built in Python.

    `clock` is what expressions ask with `now()`, if it is not the machine's. Runs the author's imports; writes nothing.
    Raises FlowError with all problems.
    """
    if _is_built(target):
        from lrwf_cli.local.built_parts import prepare_built

        return prepare_built(target)
    loaded = load_flow(target)
    path = Path(target).resolve()
    pins = tuple(loaded.flow.pin) if isinstance(loaded.flow.pin, list) else ()
    snapshot = read_code(path.parent, _pinned(loaded, path.parent))
    code = snapshot.digest if snapshot.files else None
    where = origin(flow=str(path), folder=str(path.parent), code=code, pins=pins)
    return Prepared(
        FlowParts(loaded, snapshot, str(path.parent), clock=clock),
        definition=loaded.text,
        declared=_declared(loaded.flow.input),
        snapshot=snapshot,
        origin=where,
    )


def _pinned(loaded: LoadedFlow, folder: Path) -> list[str]:
    """Return the files that a flow pins besides its modules. Raises FlowError for a pattern that matches none."""
    problems, found = Problems(loaded.path), dict[str, None]()
    for number, pattern in enumerate(loaded.flow.pin if isinstance(loaded.flow.pin, list) else []):
        paths = matching(folder, pattern)
        found |= dict.fromkeys(paths)
        if not paths:
            mark = loaded.root.place(("pin", number))
            problems.add(mark, f"{quoted(pattern)} matches no file in {folder}", "mend the pattern, or remove it")
    problems.raise_if_any()
    return list(found)


def _is_built(target: str) -> bool:
    module, colon, attribute = target.partition(":")
    return bool(colon) and attribute.isidentifier() and not os.path.lexists(target) and "/" not in module


def _declared(declared: Any) -> Declarations:
    return declared if isinstance(declared, dict) else None
