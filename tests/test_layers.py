"""The table of layers, which keeps the core pure and the adapters apart, and forbids import cycles."""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lrwf_cli"

CORE, PORT, ADAPTER, ENGINE, TOP = range(5)
LAYERS = {"core": CORE, "errors": CORE, "version": CORE, "clock": PORT, "context": PORT, "engine": ENGINE}
LAYERS |= dict.fromkeys(["store.base", "executors.base", "executors.api"], PORT)
LAYERS |= dict.fromkeys(["flow", "store", "executors"], ADAPTER)
LAYERS |= dict.fromkeys(["local", "cli", "testing", "__main__", ""], TOP)
MAY_IMPORT = {CORE: {CORE}, PORT: {CORE, PORT}, ADAPTER: {CORE, PORT, ADAPTER}, ENGINE: {CORE, PORT, ENGINE}}

HOMES = {name: {"cli", "__main__"} for name in ("click", "rich", "platformdirs")}
HOMES |= {"yaml": {"flow"}, "simpleeval": {"flow"}, "filelock": {"store"}}
DATA_MODULES = {
    "binascii",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "difflib",
    "enum",
    "fractions",
}
DATA_MODULES |= {"functools", "hashlib", "inspect", "itertools", "json", "math", "re", "types", "typing", "zoneinfo"}
DATA_MODULES |= {"msgspec"}
IMPURE = {"open", "print", "input", "exec", "compile", "__import__", "now", "utcnow", "today", "exit"}


def modules_of(package: Path) -> dict[str, str]:
    """Return the text of each module below `package`, by its dotted name; a package goes by its own."""
    paths = {".".join(path.relative_to(package).with_suffix("").parts): path for path in package.rglob("*.py")}
    return {name.removesuffix("__init__").rstrip("."): path.read_text("utf-8") for name, path in paths.items()}


def imported(text: str) -> Iterator[str]:
    """Yield the dotted names that a module imports, lazily or not; of `from a import b` it is `a.b`."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def layer_of(module: str) -> int:
    """Return the layer of a module: its own, or that of the first part of its name."""
    return LAYERS[module] if module in LAYERS else LAYERS[module.partition(".")[0]]


def ours(name: str, modules: Mapping[str, str]) -> str | None:
    """Return the module of ours that an imported name is in, or `None`."""
    root, _, inner = name.partition(".")
    while inner and inner not in modules:
        inner = inner.rpartition(".")[0]
    return inner if root == "lrwf_cli" else None


def offences(modules: Mapping[str, str]) -> Iterator[str]:
    """Yield what is against the table, each with its module."""
    graph: dict[str, set[str]] = {}
    for module, text in modules.items():
        names = sorted(set(imported(text)))
        graph[module] = {target for name in names if (target := ours(name, modules)) is not None} - {module}
        yield from (
            f"{module or 'lrwf_cli'} {offence}" for offence in (*_inner(module, graph[module]), *_outer(module, names))
        )
        if layer_of(module) == CORE:
            yield from (f"{module} calls {name}, and core is pure" for name in _called(text) & IMPURE)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield f"an import cycle: {' -> '.join(error.args[1])}"


def _inner(module: str, targets: set[str]) -> Iterator[str]:
    mine, package = layer_of(module), module.partition(".")[0]
    for target in sorted(targets):
        theirs = layer_of(target)
        if mine != TOP and theirs not in MAY_IMPORT[mine]:
            yield f"imports {target} of a layer that it may not know"
        elif mine == theirs == ADAPTER and target.partition(".")[0] != package:
            yield f"imports its sibling {target}"


def _outer(module: str, names: list[str]) -> Iterator[str]:
    package = module.partition(".")[0]
    for name in names:
        root = name.partition(".")[0]
        if name.startswith("."):
            yield f"imports {name} by a relative name"
        elif package not in HOMES.get(root, {package}):
            yield f"imports {root}, whose home is {' or '.join(sorted(HOMES[root]))}"
        elif name == "sys.exit" or (layer_of(module) == CORE and root not in DATA_MODULES | {"lrwf_cli"}):
            yield f"imports {name}, which is no matter of data"


def _called(text: str) -> set[str]:
    calls = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return {
        call.id if isinstance(call, ast.Name) else call.attr
        for call in calls
        if isinstance(call, ast.Name | ast.Attribute)
    }


def exits(modules: Mapping[str, str]) -> list[str]:
    """Return the modules that end the process."""
    return [module for module, text in modules.items() if "sys.exit(" in text or "raise SystemExit" in text]


def test_the_layers_hold() -> None:
    """Each module imports only from layers above its own, no adapter its sibling, and core is pure."""
    assert list(offences(modules_of(PACKAGE))) == []


def test_only_the_command_line_ends_the_process() -> None:
    """`sys.exit` is at home in `cli/` and in `__main__`."""
    assert {module.partition(".")[0] for module in exits(modules_of(PACKAGE))} <= {"cli", "__main__"}


PLANTED = {
    "core.decide": {
        "from lrwf_cli.store import base": "core.decide imports store.base of a layer that it may not know",
        "import lrwf_cli.engine.driver": "core.decide imports engine.driver of a layer that it may not know",
        "from .run import Run": "core.decide imports .run.Run by a relative name",
        "from uuid import uuid4": "core.decide imports uuid.uuid4, which is no matter of data",
        "def f():\n    import os.path": "core.decide imports os.path, which is no matter of data",
        "open('x')": "core.decide calls open, and core is pure",
        "at = datetime.now()": "core.decide calls now, and core is pure",
        "import yaml": "core.decide imports yaml, whose home is flow",
    },
    "errors": {"import asyncio": "errors imports asyncio, which is no matter of data"},
    "store.base": {"import lrwf_cli.store.files": "store.base imports store.files of a layer that it may not know"},
    "store.files": {
        "import lrwf_cli.flow.load": "store.files imports its sibling flow.load",
        "from lrwf_cli import engine": "store.files imports engine of a layer that it may not know",
        "import rich.table": "store.files imports rich, whose home is __main__ or cli",
        "from sys import exit": "store.files imports sys.exit, which is no matter of data",
    },
    "engine.driver": {
        "from lrwf_cli.store.files import X": "engine.driver imports store.files of a layer that it may not know",
        "import lrwf_cli.local.drive": "engine.driver imports local.drive of a layer that it may not know",
        "import lrwf_cli": "engine.driver imports  of a layer that it may not know",
    },
    "local.drive": {"import click": "local.drive imports click, whose home is __main__ or cli"},
}
FAKES = dict.fromkeys(["", *PLANTED, "engine", "flow.load", "executors.api", "core.run"], "import json")


@pytest.mark.parametrize(("module", "line"), [(module, line) for module, lines in PLANTED.items() for line in lines])
def test_what_is_planted_is_found(module: str, line: str) -> None:
    """The test of the layers proves itself: each kind of offence is found where it is put."""
    assert list(offences(FAKES)) == []
    assert list(offences({**FAKES, module: line})) == [PLANTED[module][line]]


def test_a_planted_cycle_is_found() -> None:
    """A cycle is found however lazy its imports are."""
    around = {"core.run": "def f():\n    import lrwf_cli.core.decide", "core.decide": "from lrwf_cli.core.run import f"}
    (cycle,) = offences({**FAKES, **around})
    assert cycle.startswith("an import cycle: core.")


def test_a_planted_exit_is_found() -> None:
    """Both ways of ending the process are found."""
    assert exits({**FAKES, "store.files": "sys.exit(1)", "flow.load": "raise SystemExit"}) == [
        "store.files",
        "flow.load",
    ]
