"""Modules beside a flow, loaded from pinned bytes under names of their own; and what `uses:` names in them.

Nothing is put on `sys.path`: a `json.py` beside a flow is that flow's `json` and nobody else's. This is also the
door of the package for whoever puts runs together: `code` reads folders, `make` makes executors, `inputs`
converts a run's input.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakSet

from lrwf_cli.core.codec import Codec
from lrwf_cli.core.registry import PLAIN_NAME
from lrwf_cli.errors import FlowError
from lrwf_cli.executors.api import Executor
from lrwf_cli.executors.failures import summary
from lrwf_cli.executors.inputs import convert_input
from lrwf_cli.executors.loading.code import CodeSnapshot, read_code, snapshot_of
from lrwf_cli.executors.loading.compiled import compile_module, execute
from lrwf_cli.executors.loading.installed import import_compiled
from lrwf_cli.executors.loading.make import make_executor, nearest

__all__ = ["CodeSnapshot", "FlowModules", "convert_input", "make_executor", "read_code", "snapshot_of"]

_flows: dict[str, "FlowModules"] = {}
"""The flows of this process, by the package under which their modules are loaded."""


class FlowModules:
    """The modules of one snapshot, found under `root` in tracebacks. The same snapshot and root load once a process.

    `pinned` is the folder of the pinned copy, for tracebacks of files that have changed since; `None` if there is
    none.
    """

    def __init__(self, snapshot: CodeSnapshot, root: Path | str, pinned: Path | None = None) -> None:
        self.files = snapshot.files
        self.digest = snapshot.digest
        self.root = Path(root)
        self.own = frozenset(path.partition("/")[0].removesuffix(".py") for path in self.files if path.endswith(".py"))
        self._pinned = pinned
        self._installed: dict[str, ModuleType] = {}
        self.package = self._free_name(f"lrwf_flow_{snapshot.digest}")
        twin = _flows.get(self.package)  # for another run of this process: what it loads, both know
        self.codecs: WeakSet[Codec] = twin.codecs if twin else WeakSet()
        _flows[self.package] = self
        if _finder not in sys.meta_path:
            sys.meta_path.insert(0, _finder)

    def _free_name(self, name: str) -> str:
        """Return `name`, or a variant if a copy of this code elsewhere has it: `__file__` tells where data lies."""
        number, free = 1, name
        while free in _flows and _flows[free].root != self.root:
            number += 1
            free = f"{name}_{number}"
        return free

    def resolve(self, uses: str) -> Any:
        """Return what `module:name` names: an executor class, or an executor. Imports the module.

        Raises FlowError if there is no such module or name, if the import raises, or if it is no executor.
        """
        module_name, _, path = uses.partition(":")
        module = self.imported(module_name)
        found: Any = module
        for part in path.split("."):
            if not hasattr(found, part):
                raise _no_such_name(module_name, path, found)
            found = getattr(found, part)
        is_class = isinstance(found, type) and issubclass(found, Executor)
        if not is_class and not isinstance(found, Executor):
            raise _no_executor(uses, found)
        self._note_home(found)
        return found

    def loaded(self) -> Iterator[tuple[ModuleType, str]]:
        """Yield the flow's modules that are loaded by now, each with the name that its types are kept under."""
        prefix = f"{self.package}."
        for name, module in sys.modules.copy().items():  # in one go: collecting garbage may take modules out
            if name.startswith(prefix):
                yield module, name.removeprefix(prefix)
        for name, module in self._installed.items():
            yield module, name

    def register_types(self, codec: Codec) -> None:
        """Let `codec` keep the types of all modules that are loaded by now, and of each as it is loaded later."""
        self.codecs.add(codec)
        for module, name in self.loaded():
            codec.register_module_types(module, name)

    def _note_home(self, found: Any) -> None:
        """Count the installed module that defines an executor among the flow's: its types are to be kept."""
        home = getattr(found, "__module__", None)
        if home in sys.modules and not home.startswith(f"{self.package}."):
            self._note(home)

    def _note(self, name: str) -> None:
        self._installed[name] = sys.modules[name]
        for codec in self.codecs:
            codec.register_module_types(sys.modules[name], name)

    def imported(self, name: str) -> ModuleType:
        """Return a module beside the flow, or an installed one. Raises FlowError if that fails."""
        is_own = name.partition(".")[0] in self.own
        full = f"{self.package}.{name}" if is_own else name
        try:
            with redirect_stdout(sys.stderr):  # what a module prints is talk: stdout is for data
                module = importlib.import_module(full) if is_own else import_compiled(full)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if isinstance(error, ModuleNotFoundError) and _is_of(error.name, full):
                raise self._no_module(name) from error
            raise self._broken(name, error) from error
        if not is_own:
            self._note(name)
        return module

    def _no_module(self, name: str) -> FlowError:
        paths = [path for path in self.files if path.endswith(".py")]
        names = sorted(path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".") for path in paths)
        near = nearest(name, names)
        beside = f"beside the flow there are: {', '.join(names[:8])}" if names else f"put a `{name}.py` beside the flow"
        hint = f"did you mean `{near}`?" if near else beside
        return FlowError((f"no module `{name}` beside the flow, and none installed", hint))

    def _broken(self, name: str, error: BaseException) -> FlowError:
        what = summary(error, {self.filename(path) for path in self.files})
        hint = "mend it: importing a module must not fail"
        if isinstance(error, ModuleNotFoundError) and error.name:
            missing = error.name.removeprefix(f"{self.package}.")
            hint = f"put `{missing}` beside the flow, or install it for {sys.executable}"
        return FlowError((f"module `{name}` cannot be imported: {what}".replace(f"{self.package}.", ""), hint))

    def filename(self, path: str) -> str:
        """Return where the source of a module can be read: in its folder, if it is still the same there."""
        for folder in (self.root, self._pinned):
            if folder is not None and _has(folder / path, self.files[path]):
                return str(folder / path)
        return f"<pinned {self.digest[:8]}>/{path}"  # no such file: `linecache` asks the loader

    def path_of(self, name: str) -> str | None:
        """Return the file of the module `name`; a package wins over a module, as in Python. `None`: there is none."""
        base = name.replace(".", "/")
        return next((path for path in (f"{base}/__init__.py", f"{base}.py") if path in self.files), None)

    def executed(self, module: ModuleType, path: str) -> None:
        """Run the code of the file at `path` in `module`."""
        name = module.__name__.removeprefix(f"{self.package}.")
        vars(module)[PLAIN_NAME] = name
        code = compile_module(self.files[path], self.filename(path), package=self.package, own=self.own)
        execute(code, vars(module))
        for codec in self.codecs:
            codec.register_module_types(module, name)


class _Finder:
    """Finds the modules of all flows; stands first on `sys.meta_path` and minds nothing but their prefix."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:  # noqa: ARG002 - Python's signature
        package, _, rest = name.partition(".")
        flow = _flows.get(package)
        if flow is None:
            return None
        if not rest:
            return spec_from_loader(name, _loader(flow, None), is_package=True)
        found = flow.path_of(rest)
        if found is None:
            return None
        spec = spec_from_loader(
            name, _loader(flow, found), origin=str(flow.root / found), is_package=found.endswith("/__init__.py")
        )
        if spec is not None:
            spec.has_location = True
        return spec


class _Loader:
    """Loads one module, or the package that holds all of a flow's.

    Not derived from `importlib.abc.Loader`: importing that brings `importlib.resources` and `tempfile` along.
    """

    def __init__(self, flow: FlowModules, path: str | None) -> None:
        self._flow = flow
        self._path = path

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python."""

    def exec_module(self, module: ModuleType) -> None:
        if self._path is not None:
            self._flow.executed(module, self._path)

    def get_data(self, path: str) -> bytes:
        """Return a file as it was pinned, for `pkgutil.get_data(__name__, "prompts/a.txt")`. Raises OSError."""
        relative = path.removeprefix(f"{self._flow.root}/")
        if relative not in self._flow.files:
            raise OSError(f"it is not pinned: {path}")
        return self._flow.files[relative]

    def get_source(self, name: str) -> str | None:  # noqa: ARG002 - Python's signature
        """Return the source, for tracebacks."""
        from importlib.util import decode_source

        return None if self._path is None else decode_source(self._flow.files[self._path])


def _loader(flow: FlowModules, path: str | None) -> Any:
    return _Loader(flow, path)


_finder: Any = _Finder()


def _is_of(missing: str | None, wanted: str) -> bool:
    """Whether a module was not found because `wanted` is not there, and not because of something it imports."""
    return missing is not None and (missing == wanted or wanted.startswith(f"{missing}."))


def _has(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _no_such_name(module: str, path: str, holder: Any) -> FlowError:
    names = [name for name, item in vars(holder).items() if isinstance(item, Executor) or _is_executor_class(item)]
    near = nearest(path.rpartition(".")[2], names)
    listed = f"it has: {', '.join(names[:8])}" if names else "define it there"
    return FlowError((f"module `{module}` has no `{path}`", f"did you mean `{near}`?" if near else listed))


def _is_executor_class(item: Any) -> bool:
    return isinstance(item, type) and issubclass(item, Executor) and item.__module__ != Executor.__module__


def _no_executor(uses: str, found: Any) -> FlowError:
    if isinstance(found, type):
        hint = "derive it from `lrwf_cli.Executor`"
    elif callable(found):
        hint = "decorate it with `@executor`"
    else:
        hint = "name a class derived from `lrwf_cli.Executor`, or a function decorated with `@executor`"
    kind = "class" if isinstance(found, type) else type(found).__name__
    return FlowError((f"`{uses}` is not an executor but a {kind}", hint))
