"""What a handler does again when it wakes: everything that is not awaited. Warnings, never errors.

Only awaits are kept. A handler that suspends is run again from its top, so that a call into a library, a look at the
clock, a draw of luck or a write to `self` before a suspension happens again. This reads the source of the flow's own
modules: it sees what is written there, and knows neither types nor what other functions do.
"""

import ast
from collections.abc import Collection, Iterator, Mapping

import msgspec

from lrwf_cli.core.handlers import Problem
from lrwf_cli.executors.loading.sources import Function, Module, Step, comes_before, dotted, paths, read_module

__all__ = ["MAX_SHOWN", "repeats"]

MAX_SHOWN = 50

_SUSPENDS = frozenset({"schedule_resume", "poll_until_complete", "ask", "wait_background"})
_CLOCK = frozenset(
    f"{module}.{name}"
    for module, names in {
        "time": ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "localtime", "gmtime", "strftime"),
        "datetime.datetime": ("now", "utcnow", "today"),
        "datetime.date": ("today",),
    }.items()
    for name in names
)
_LUCK = ("random.", "secrets.", "numpy.random.", "uuid.uuid1", "uuid.uuid4", "os.urandom")
_ONLY_COMPUTE = """
abc ast asyncio base64 binascii bisect calendar cmath collections colorsys contextlib contextvars copy
dataclasses datetime decimal difflib enum fnmatch fractions functools graphlib hashlib heapq hmac html inspect
itertools json keyword logging lrwf_cli math msgspec numbers operator os.environ os.fsdecode os.fsencode
os.fspath os.getenv os.getpid os.path pathlib pprint pydantic re reprlib shlex statistics string struct sys
textwrap traceback types typing typing_extensions unicodedata urllib.parse uuid warnings weakref zlib zoneinfo
"""
_HARMLESS = frozenset(_ONLY_COMPUTE.split())
_TOUCH_FILES = """
builtins.open mkdir open read_bytes read_text rename replace rmdir symlink_to touch unlink write_bytes write_text
"""
_FILES = frozenset(_TOUCH_FILES.split())


class _Found(msgspec.Struct, frozen=True):
    line: int
    message: str
    hint: str


def repeats(files: Mapping[str, bytes], names: Mapping[str, str], own: Collection[str]) -> list[Problem]:
    """Return what handlers of these modules would do again, each with `path:line` and what to do instead.

    `names` says how a file is called in messages. A file that cannot be read as Python is left to whoever imports it.
    """
    modules = []
    for path, source in files.items():
        try:
            modules.append(read_module(source, names[path], own))
        except (SyntaxError, ValueError, RecursionError):
            continue
    suspending = _suspending([function for module in modules for function in module.functions])
    found: list[Problem] = [
        (f"{module.filename}:{each.line}: {each.message}", each.hint)
        for module in modules
        for function in module.functions
        for each in sorted(_Reader(module, function, suspending).found(), key=lambda each: each.line)
    ]
    return list(dict.fromkeys(found))[:MAX_SHOWN]


def _suspending(functions: list[Function]) -> frozenset[str]:
    """Return the names under which something is called that suspends: what `ctx` offers, and who calls that."""
    names: frozenset[str] = frozenset()
    while True:
        found = frozenset(f.name for f in functions if any(_is_suspension(node, f, names) for node, _ in paths(f.node)))
        if found == names:
            return names
        names = found


def _is_suspension(node: ast.AST, function: Function, suspending: Collection[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Attribute) and called.attr in _SUSPENDS:
        return _is_context(called.value, function)
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name in suspending


def _is_context(node: ast.expr, function: Function) -> bool:
    """Whether this is what a handler is given, by its name: a parameter, or something that is called a context."""
    written = ast.unparse(node)
    parameters = {each.arg for each in (*function.node.args.args, *function.node.args.kwonlyargs)} - {"self", "cls"}
    return written in parameters or written.endswith(("ctx", "context"))


class _Reader:
    """Looks at one function."""

    def __init__(self, module: Module, function: Function, suspending: Collection[str]) -> None:
        self._module = module
        self._function = function
        self._nodes = list(paths(function.node))
        self._suspensions = [way for node, way in self._nodes if _is_suspension(node, function, suspending)]
        self._awaited = {id(node.value) for node, _ in self._nodes if isinstance(node, ast.Await)}
        self._sets = {
            ast.unparse(target)
            for node, _ in self._nodes
            if isinstance(node, ast.Assign) and _is_set(node.value, frozenset())
            for target in node.targets
        }

    def found(self) -> Iterator[_Found]:
        """Yield what this function does again; nothing if it never suspends."""
        for node, way in self._nodes if self._suspensions else ():
            if isinstance(node, ast.Call) and id(node) not in self._awaited:
                if (found := self._call(node)) and self._is_before(way):
                    yield found
            elif isinstance(node, ast.For | ast.comprehension) and _is_set(node.iter, self._sets):
                if self._is_before(way) or any(way == each[: len(way)] for each in self._suspensions):
                    yield self._iteration(node.iter)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del):
                yield from self._write(node)

    def _is_before(self, way: tuple[Step, ...]) -> bool:
        return any(comes_before(way, each) for each in self._suspensions)

    def _call(self, node: ast.Call) -> _Found | None:
        name = dotted(node.func, self._module.imports, self._function.made)
        if name is None and isinstance(node.func, ast.Name) and node.func.id in ("open", "input"):
            name = f"builtins.{node.func.id}"
        if name is None:
            return None
        written = f"`{ast.unparse(node.func)}`"
        if name in _CLOCK:
            what, hint = f"{written} tells another time", "take `ctx.now()`, which is kept"
        elif name.startswith(_LUCK):
            what, hint = f"{written} draws something else", "take `ctx.random()` or `ctx.uuid4()`, which are kept"
        elif _is_harmless(name):
            return None
        else:
            step = "function_of_yours" if name.rpartition(".")[2] in _FILES else ast.unparse(node.func)
            what, hint = f"{written} is called again", f"write `await ctx.step({step}, ...)`"
        return _Found(node.lineno, f"{what} whenever `{self._function.full_name}` wakes", hint)

    def _iteration(self, node: ast.expr) -> _Found:
        message = f"a set comes in another order whenever `{self._function.full_name}` wakes"
        return _Found(node.lineno, message, f"iterate over `sorted({ast.unparse(node)})`")

    def _write(self, node: ast.Attribute) -> Iterator[_Found]:
        first = next(iter(self._function.node.args.args), None)
        if self._function.owner and first and isinstance(node.value, ast.Name) and node.value.id == first.arg:
            message = f"`{ast.unparse(node)}` is written in `{self._function.full_name}`, which suspends"
            hint = "it lives as long as a process: use a local variable, `ctx.set_state` or `on_checkpoint_save`"
            yield _Found(node.lineno, message, hint)


def _is_set(node: ast.expr, sets: Collection[str]) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
    return isinstance(node, ast.Set | ast.SetComp) or ast.unparse(node) in sets


def _is_harmless(name: str) -> bool:
    """Whether calling it again changes nothing: what only computes, and what makes an object of a class."""
    parts = name.split(".")
    if any(".".join(parts[:count]) in _HARMLESS for count in (1, 2)):
        return not (parts[0] == "pathlib" and parts[-1] in _FILES)
    return parts[-1][:1].isupper()
