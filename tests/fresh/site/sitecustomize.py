"""Switches the mode on in a process that a test starts: when the engine is imported, and not before."""  # noqa: INP001 - Python imports it by its plain name

# mypy: ignore-errors
# Without annotations: an idle tick loads no `typing`, and is measured with this too.
import os
import sys


class _WhenImported:
    """Finds one module as ever, and changes it once it is loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != "lrwf_cli.engine.passes":
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        spec.loader.exec_module = _then_switched_on(spec.loader.exec_module)
        return spec


def _then_switched_on(execute):
    def executed(module) -> None:
        execute(module)
        from tests.fresh.resuming import switch_on

        switch_on()

    return executed


if os.environ.get("LRWF_FRESH"):
    sys.meta_path.insert(0, _WhenImported())
