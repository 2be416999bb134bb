"""Random small programs: what a handler may look like, as text. Each thing that one does has a name of its own."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from hypothesis import strategies as st

__all__ = ["programs", "text_of"]

LEAVES = ["do", "do", "pause", "pause", "note", "step", "fail", "raise", "return", "break", "continue", "comprehension"]
FORMS = [
    "if",
    "for",
    "try",
    "try",
    "with",
    "async with",
    "helper",
    "helper",
    "fills",
    "closure",
    "generator",
    "gather",
    "group",
    "object",
    "rebinds",
    "shares",
]

leaf = st.sampled_from(LEAVES).map(lambda kind: (kind,))


def _formed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    block = st.lists(inner, min_size=1, max_size=3)
    return st.tuples(st.sampled_from(FORMS), block, block, block)


programs = st.lists(st.recursive(leaf, _formed, max_leaves=12), min_size=1, max_size=5)
"""Lists of statements: a kind, and blocks of statements inside."""


def text_of(program: Any) -> str:
    """Return a module with the handler `Handler`, of the class `KIND`, that runs a program."""
    writer = _Writer()
    body = writer.block(program, 2, in_loop=False)
    lines = [
        *writer.functions,
        "class Handler(KIND):",
        "    @handler",
        "    async def handle(self, n: None, ctx: WorkflowContext):",
        "        got, tag = [], 'h'",
        *body,
        "        return got",
    ]
    return "\n".join(lines) + "\n"


class _Writer:
    def __init__(self) -> None:
        self.functions: list[str] = []
        self._names = count()

    def block(self, block: Any, depth: int, *, in_loop: bool) -> list[str]:
        """Return the lines of a block. `got` is what it has, `tag` what tells this run of it from others."""
        return ["    " * depth + line for statement in block for line in self._lines(statement, in_loop=in_loop)]

    def _lines(self, statement: Any, *, in_loop: bool) -> Iterator[str]:  # noqa: C901, PLR0912, PLR0915 - one for each kind
        kind, *blocks = statement
        name = f"{{tag}}.{next(self._names)}"
        inner = [self.block(block, 1, in_loop=in_loop) for block in blocks]
        match kind:
            case "do":
                yield f"got.append(await do(f'{name}'))"
            case "pause":
                yield "got.append(await pause(ctx))"
            case "note":
                yield "got.append(round(ctx.random(), 6))"
            case "step":
                yield f"got.append(await ctx.step(do, f'{name}'))"
            case "fail":
                yield f"await fail(f'{name}')"
            case "raise":
                yield f"raise ValueError(f'{name}')"
            case "return":
                yield "return got"
            case "break" | "continue":
                yield kind if in_loop else "pass"
            case "comprehension":
                yield f"got.append([await do(f'{name}.{{i}}') for i in range(2)])"
            case "if":
                yield "if len(got) % 2:"
                yield from inner[0]
                yield "else:"
                yield from inner[1]
            case "for":
                variable = f"i{next(self._names)}"
                yield f"for {variable} in range(2):"
                yield f"    outer_tag, tag = tag, f'{{tag}}-{{{variable}}}'"
                yield from self.block(blocks[0], 1, in_loop=True)
                yield "    tag = outer_tag"
            case "try":
                yield "try:"
                yield from inner[0]
                yield "except ValueError as error:"
                yield "    got.append(str(error))"
                yield from inner[1]
                yield "finally:"
                yield from self.block(blocks[2], 1, in_loop=False)
            case "with":
                yield "with Manager('m'):"
                yield from inner[0]
            case "async with":
                yield "async with Client('m'):"
                yield from inner[0]
            case "helper":
                yield f"got.append(await {self._function(blocks[0])}(ctx, [], f'{name}'))"
            case "fills":
                yield f"await {self._function(blocks[0])}(ctx, got, f'{name}')"
            case "closure":
                function = f"f{next(self._names)}"
                yield f"async def {function}(tag):"
                yield from self.block(blocks[0], 1, in_loop=False)
                yield f"await {function}(f'{name}')"
            case "generator":
                function = self._function(blocks[0], yields=True)
                yield f"async for x in {function}(ctx, [], f'{name}'):"
                yield "    got.append(x)"
                yield from self.block(blocks[1], 1, in_loop=True)
            case "gather":
                calls = ", ".join(f"{self._function(each)}(ctx, [], f'{name}|{n}')" for n, each in enumerate(blocks))
                yield f"got.append([repr(x) for x in await asyncio.gather({calls}, return_exceptions=True)])"
            case "group":
                yield "tasks = []"
                yield "async with asyncio.TaskGroup() as group:"
                for n, each in enumerate(blocks):
                    yield f"    tasks.append(group.create_task(quiet({self._function(each)}(ctx, [], f'{name}|{n}'))))"
                yield "got.append([task.result() for task in tasks])"

            case "object":
                yield f"it = {self._class(blocks[0])}([])"
                yield f"got.append(await it.go(ctx, f'{name}'))"
                yield from inner[1]
                yield f"await it.go(ctx, f'{name}-again')"
                yield "got.append([*it.got])"
            case "rebinds":
                total, function = f"n{next(self._names)}", f"f{next(self._names)}"
                yield f"{total} = 0"
                yield f"async def {function}(got, tag):"
                yield f"    nonlocal {total}"
                yield f"    {total} += 1"
                yield from inner[0]
                yield f"    {total} += len(got)"
                yield f"await {function}([], f'{name}')"
                yield from inner[1]
                yield f"await {function}([], f'{name}-again')"
                yield f"got.append({total})"
            case "shares":
                shared, function = f"l{next(self._names)}", f"f{next(self._names)}"
                yield f"{shared} = []"
                yield f"async def {function}(call, tag):"
                yield f"    {shared}.append(tag + ' in')"
                yield "    await call(ctx, [], tag)"
                yield f"    {shared}.append(tag + ' out')"
                calls = ", ".join(f"{function}({self._function(each)}, f'{name}|{n}')" for n, each in enumerate(blocks))
                yield f"await asyncio.gather({calls}, return_exceptions=True)"
                yield f"got.append(sorted({shared}))"

    def _class(self, block: Any) -> str:
        """Write a class whose method `go` runs a block; return its name."""
        name = f"C{next(self._names)}"
        lines = self.block(block, 2, in_loop=False)
        head = [
            "@dataclass",
            f"class {name}:",
            "    got: list",
            "    async def go(self, ctx, tag):",
            "        got = self.got",
        ]
        self.functions += [*head, *lines, "        return got", ""]
        return name

    def _function(self, block: Any, *, yields: bool = False) -> str:
        """Write a function of the module; return its name."""
        name = f"f{next(self._names)}"
        lines = self.block(block, 1, in_loop=False)
        if yields:
            lines = [line.replace("return got", "return") for line in lines]
        end = "    for each in [*got]:\n        yield each" if yields else "    return got"
        self.functions += [f"async def {name}(ctx, got, tag):", *lines, end, ""]
        return name
