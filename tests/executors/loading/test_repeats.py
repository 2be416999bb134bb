"""What a handler would do again when it wakes, as `lrwf validate` warns of it (design 6, rule one)."""

from textwrap import dedent

import pytest

from lrwf_cli.executors.loading.repeats import MAX_SHOWN, repeats


def warned(source: str, **others: str) -> list[str]:
    """Return the warnings of a module beside `helper` and others, without their hints."""
    files = {"tasks.py": dedent(source).encode()} | {
        f"{name}.py": dedent(text).encode() for name, text in others.items()
    }
    names = {path: path for path in files}
    return [message for message, _ in repeats(files, names, {path.removesuffix(".py") for path in files} | {"helper"})]


def handler(*lines: str, imports: str = "import requests") -> str:
    """Return a module with a handler of these lines."""
    body = "\n".join(f"        {line}" for line in lines)
    return f"{imports}\nclass A(Executor):\n    @handler\n    async def run(self, m: dict, ctx):\n{body}\n"


NAP = "await ctx.schedule_resume(after=60)"


@pytest.mark.parametrize(
    ("line", "imports", "expected"),
    [
        ("job = requests.post('x')", "import requests", "`requests.post` is called again whenever `A.run` wakes"),
        ("job = post('x')", "from requests import post", "`post` is called again whenever `A.run` wakes"),
        ("job = r.post('x')", "import requests as r", "`r.post` is called again whenever `A.run` wakes"),
        ("at = time.time()", "import time", "`time.time` tells another time whenever `A.run` wakes"),
        (
            "at = datetime.now()",
            "from datetime import datetime",
            "`datetime.now` tells another time whenever `A.run` wakes",
        ),
        ("x = random.random()", "import random", "`random.random` draws something else whenever `A.run` wakes"),
        ("x = uuid4()", "from uuid import uuid4", "`uuid4` draws something else whenever `A.run` wakes"),
        ("x = os.urandom(8)", "import os", "`os.urandom` draws something else whenever `A.run` wakes"),
        ("open('x').read()", "", "`open` is called again whenever `A.run` wakes"),
        (
            "Path('x').write_text('y')",
            "from pathlib import Path",
            "`Path('x').write_text` is called again whenever `A.run` wakes",
        ),
        ("self.n += 1", "", "`self.n` is written in `A.run`, which suspends"),
        ("del self.n", "", "`self.n` is written in `A.run`, which suspends"),
        ("for x in {1, 2}: print(x)", "", "a set comes in another order whenever `A.run` wakes"),
        ("y = [x for x in set(m)]", "", "a set comes in another order whenever `A.run` wakes"),
    ],
)
def test_what_happens_again_is_told_with_its_line(line: str, imports: str, expected: str) -> None:
    """Libraries, the clock, luck, files, sets and `self`: each by what is written there."""
    assert warned(handler(line, NAP, imports=imports)) == [f"tasks.py:5: {expected}"]


@pytest.mark.parametrize(
    ("lines", "imports"),
    [
        (["await ctx.step(requests.get, 'x')", NAP], "import requests"),
        (["await requests.get('x')", NAP], "import requests"),
        (["await self.submit(m)", NAP], "import requests"),
        (["json.dumps(m); math.sqrt(2); timedelta(hours=1)", NAP], "import json, math\nfrom datetime import timedelta"),
        (["client = httpx.AsyncClient()", NAP], "import httpx"),
        (["look = lambda: requests.get('x')", NAP], "import requests"),
        (["helper.get('x')", NAP], "import helper"),
        (["from helper import get", "get('x')", NAP], ""),
        ([NAP, "requests.get('x')"], "import requests"),
        (["requests.get('x')"], "import requests"),
        (["if m:", "    requests.get('x')", "    return", NAP], "import requests"),
        (["if m:", "    requests.get('x')", "else:", f"    {NAP}"], "import requests"),
        (["x = os.environ.get('X') or os.path.join('a', 'b')", NAP], "import os"),
        (["for x in sorted({1, 2}): print(x)", NAP], ""),
        (["ctx.set_state('x', 1)", NAP], ""),
    ],
)
def test_what_does_not_happen_again_is_not_told(lines: list[str], imports: str) -> None:
    """What is awaited is kept, what only computes does no harm, and what comes after the last suspension runs once."""
    assert warned(handler(*lines, imports=imports)) == []


def test_in_a_loop_everything_comes_before_the_next_suspension() -> None:
    """The line after a suspension is the line before the next one."""
    source = handler("while True:", f"    {NAP}", "    requests.get('x')")
    assert warned(source) == ["tasks.py:7: `requests.get` is called again whenever `A.run` wakes"]


def test_who_awaits_what_suspends_suspends() -> None:
    """A helper that suspends, in another module too, makes its callers suspend; any other is kept as a whole."""
    source = """
        import requests
        from other import nap, submit
        async def run(m, ctx):
            requests.get("again")
            await submit(m)
            await nap(ctx)
    """
    other = """
        import requests
        async def nap(ctx):
            await ctx.ask("go on?")
        async def submit(m):
            requests.post("kept with all of submit")
    """
    assert warned(source, other=other) == ["tasks.py:5: `requests.get` is called again whenever `run` wakes"]


def test_what_a_library_has_made_is_of_the_library() -> None:
    """A session in a global, an attribute or a local name: calling it is calling the library."""
    source = """
        import requests
        SESSION = requests.Session()
        class A(Executor):
            def __init__(self):
                self.api = requests.Session()
            async def run(self, m: dict, ctx):
                SESSION.get("x")
                self.api.get("x")
                api = requests.Session()
                api.get("x")
                await ctx.poll_until_complete(check=lambda: api.get("fine"))
    """
    found = [line.partition("`")[2].partition("`")[0] for line in warned(source)]
    assert found == ["SESSION.get", "self.api.get", "api.get"]


def test_a_file_that_is_no_python_is_left_to_whoever_imports_it() -> None:
    """Warnings never fail a check."""
    assert warned("def (", other=handler("open('x')", NAP)) == [
        "other.py:5: `open` is called again whenever `A.run` wakes"
    ]


def test_very_many_warnings_are_cut_off() -> None:
    """They must not bury what else there is to say."""
    assert len(warned(handler(*(f"requests.get({n})" for n in range(99)), NAP))) == MAX_SHOWN


def test_each_warning_says_what_to_do_instead() -> None:
    """A hint names the way that is kept."""
    ((_, hint),) = repeats({"t.py": handler("requests.get('x')", NAP).encode()}, {"t.py": "t.py"}, {"t"})
    assert hint == "write `await ctx.step(requests.get, ...)`"
