"""What the source of a flow's modules says without being run: its imports, its functions, what is called in them.

Facts of syntax only; what they mean for a handler that suspends is in `repeats`.
"""

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

__all__ = ["Function", "Module", "Step", "comes_before", "dotted", "inner", "read_module"]

_OWN_SCOPE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)

Step = tuple[ast.AST, str, int]
"""One step down a tree: the node, and the field and the place in it where the way leads on."""


class Function(msgspec.Struct, frozen=True):
    """An `async def` of a module. `owner` is its class, if it is a method; `made` what names in it were made of."""

    name: str
    node: ast.AsyncFunctionDef
    owner: str | None
    made: Mapping[str, str]

    @property
    def full_name(self) -> str:
        """Its name as people say it."""
        return f"{self.owner}.{self.name}" if self.owner else self.name


class Module(msgspec.Struct, frozen=True):
    """A module of a flow. `imports` are the names that it has from installed modules, each with what it stands for."""

    filename: str
    imports: Mapping[str, str]
    functions: Sequence[Function]


def read_module(source: bytes, filename: str, own: Collection[str]) -> Module:
    """Return what a module says. `own` are the top-level modules of the flow. Raises SyntaxError, ValueError."""
    tree = ast.parse(source, filename)
    imports = dict(_imports(tree, own))
    of_module = _made(tree.body, imports)
    functions = []
    for owner, node in _functions(tree):
        of_class = _made(owner.body, imports, "self.") if owner else {}
        names = {**of_module, **of_class, **_made(node.body, imports)}
        functions.append(Function(node.name, node, owner.name if owner else None, names))
    return Module(filename, imports, functions)


def _imports(tree: ast.Module, own: Collection[str]) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] not in own:
                    top = alias.name.partition(".")[0]
                    yield alias.asname or top, alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and not node.level and str(node.module).partition(".")[0] not in own:
            yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)


def _functions(tree: ast.Module) -> Iterator[tuple[ast.ClassDef | None, ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef):
            yield None, node
        elif isinstance(node, ast.ClassDef):
            yield from ((node, each) for each in node.body if isinstance(each, ast.AsyncFunctionDef))


def _made(body: Sequence[ast.stmt], imports: Mapping[str, str], prefix: str = "") -> dict[str, str]:
    """Return the names that are set to what an installed module has made, each with the call that made it.

    With the prefix `self.` these are attributes, wherever in a class they are set.
    """
    nodes = (node for statement in body for node in (ast.walk(statement) if prefix else (statement, *inner(statement))))
    made = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            origin = dotted(node.value.func, imports, {})
            for target in node.targets if origin else ():
                name = ast.unparse(target)
                if name.startswith(prefix) and ("." in name) == bool(prefix):
                    made[name] = f"{origin}()"
    return made


def dotted(node: ast.expr, imports: Mapping[str, str], made: Mapping[str, str]) -> str | None:
    """Return what of an installed module is named, as `requests.get`; `None` if it is not known to be of one.

    What a call returns is named `requests.Session()`.
    """
    if (written := ast.unparse(node)) in made:
        return made[written]
    if isinstance(node, ast.Name):
        return imports.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value, imports, made)
        return f"{owner}.{node.attr}" if owner else None
    if isinstance(node, ast.Call):
        owner = dotted(node.func, imports, made)
        return f"{owner}()" if owner else None
    return None


def inner(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is below a node and runs with it: not what functions and classes in it do when they are called."""
    for child in ast.iter_child_nodes(node):
        yield child
        if not isinstance(child, _OWN_SCOPE):
            yield from inner(child)


def paths(function: ast.AST) -> Iterator[tuple[ast.AST, tuple[Step, ...]]]:
    """Yield each node that runs with a function, with the way that leads to it."""
    rest: list[tuple[ast.AST, tuple[Step, ...]]] = [(function, ())]
    while rest:
        node, way = rest.pop()
        if way:
            yield node, way
        if way and isinstance(node, _OWN_SCOPE):
            continue
        for field, value in ast.iter_fields(node):
            children = value if isinstance(value, list) else [value]
            rest += [
                (child, (*way, (node, field, place)))
                for place, child in enumerate(children)
                if isinstance(child, ast.AST)
            ]


def comes_before(one: tuple[Step, ...], other: tuple[Step, ...]) -> bool:
    """Whether what is at `one` may have run when `other` is reached, by their ways from the function down."""
    common = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    around = zip(one[: common + 1], other, strict=False)
    if any(
        isinstance(node, _LOOPS) and field == other_field == "body" for (node, field, _), (_, other_field, _) in around
    ):
        return True  # in the next round
    if common == len(one) or common == len(other):
        return common == len(other)  # what is inside of an await runs before it
    (node, field, place), (_, other_field, other_place) = one[common], other[common]
    if _excludes(node, field, other_field) or any(_ends(*step) for step in one[common + 1 :]):
        return False
    fields = node._fields
    return (fields.index(field), place) < (fields.index(other_field), other_place)


def _excludes(node: ast.AST, field: str, other: str) -> bool:
    """Whether only one of two parts of a statement runs."""
    if isinstance(node, ast.If | ast.IfExp):
        return {field, other} == {"body", "orelse"}
    return (isinstance(node, ast.Match) and field == other == "cases") or (
        isinstance(node, ast.Try) and field == other == "handlers"
    )


def _ends(node: ast.AST, field: str, _: int) -> bool:
    """Whether a block always leaves the function."""
    block = getattr(node, field)
    return isinstance(block, list) and bool(block) and isinstance(block[-1], ast.Return | ast.Raise)
