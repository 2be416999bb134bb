"""Switches the modes on that the environment names: what they change is changed when it is imported, and not before."""

# mypy: ignore-errors
# Without annotations, and nothing imported that is not needed: an idle tick is measured with this too.
import os
import sys

__all__ = ["switch_on"]

_CHANGES = {
    "LRWF_FRESH": {
        "lrwf_cli.engine.passes": "tests.modes.fresh:change_engines",
        "lrwf_cli.executors.context.timers": "tests.modes.timers:change_timers",
        "lrwf_cli.local.parts": "tests.modes.anew:change_flows",
        "lrwf_cli.local.built_parts": "tests.modes.anew:change_programs",
    },
    "LRWF_TWICE": {"lrwf_cli.executors.invoke": "tests.modes.twice:change_invokers"},
}


class _WhenImported:
    """Finds the modules that are to be changed as ever, and has each changed once it is loaded."""

    def __init__(self, changes) -> None:
        self.changes = changes

    def find_spec(self, name, path=None, target=None):
        if name not in self.changes:
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        spec.loader.exec_module = _then_changed(spec.loader.exec_module, self.changes[name])
        return spec


def _then_changed(execute, change):
    def executed(module) -> None:
        execute(module)
        _make(change)

    return executed


def _make(change) -> None:
    from importlib import import_module

    module, _, function = change.partition(":")
    getattr(import_module(module), function)()


def switch_on() -> None:
    """Change this process as the modes that are on want it; once."""
    changes = {name: each for mode in _CHANGES if os.environ.get(mode) for name, each in _CHANGES[mode].items()}
    if not changes:
        return
    sys.meta_path.insert(0, _WhenImported(changes))
    for name in changes.keys() & sys.modules.keys():
        _make(changes[name])
