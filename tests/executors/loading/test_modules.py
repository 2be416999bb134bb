"""Code beside a flow: read, pinned, loaded under names of its own; what `uses:` names in it."""

import asyncio
import importlib
import json
import linecache
import os
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lrwf_cli.core.codec import Codec
from lrwf_cli.errors import FlowError
from lrwf_cli.executors.api import check_executor
from lrwf_cli.executors.loading import code
from lrwf_cli.executors.loading.modules import FlowModules, make_executor, read_code, snapshot_of

TASKS = """\
from dataclasses import dataclass
from lrwf_cli import Executor, WorkflowContext, executor, handler

@dataclass
class Order:
    n: int

class Counter(Executor):
    @handler
    async def count(self, order: Order, ctx: WorkflowContext[Order]) -> None:
        raise ValueError(order.n)

@executor
def double(n: int) -> int:
    return 2 * n

def plain(n): ...
class Plain: ...
number = 3
"""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def flow(folder: Path, files: Mapping[str, str] | None = None) -> FlowModules:
    return FlowModules(read_code(write(folder, files or {"tasks.py": TASKS})), folder)


def refusal(made: FlowModules, uses: str) -> FlowError:
    with pytest.raises(FlowError) as caught:
        made.resolve(uses)
    return caught.value


# -- reading


def test_modules_and_packages_are_read(tmp_path: Path) -> None:
    """What can be imported from the folder is kept, recursively; nothing else is."""
    files = ["a.py", "pkg/__init__.py", "pkg/b.py", "pkg/sub/__init__.py", "pkg/sub/c.py"]
    others = ["flow.yaml", "not-a-module.py", "data/d.py", "pkg/notes.txt", ".venv/__init__.py", "pkg/deep/e.py"]
    write(tmp_path, dict.fromkeys([*files, *others], "x = 1\n"))
    assert list(read_code(tmp_path).files) == files
    assert list(read_code(tmp_path, extra=["flow.yaml"]).files) == [*files[:1], "flow.yaml", *files[1:]]


def test_the_digest_is_that_of_paths_and_bytes(tmp_path: Path) -> None:
    """The same code has the same digest wherever it lies; a moved byte, or one in another file, is another one."""
    one, other = {"a.py": b"1", "b.py": b"2"}, {"b.py": b"2", "a.py": b"1"}
    assert snapshot_of(one) == snapshot_of(other)
    digests = {snapshot_of(files).digest for files in (one, {"a.py": b"12", "b.py": b""}, {"a.py": b"1"}, {})}
    assert len(digests) == 4
    assert all(len(digest) == 32 for digest in digests)
    write(tmp_path, {"x/a.py": "1", "y/a.py": "1"})
    assert read_code(tmp_path / "x") == read_code(tmp_path / "y")


def test_links_stay_inside(tmp_path: Path) -> None:
    """A link to elsewhere would bring code that the run does not keep; one inside the folder is read."""
    folder, out = tmp_path / "flow", tmp_path / "out"
    write(tmp_path, {"flow/a.py": "1", "out/b.py": "2", "out/pkg/__init__.py": ""})
    (folder / "same.py").symlink_to("a.py")
    assert read_code(folder).files == {"a.py": b"1", "same.py": b"1"}
    for name, target in (("b.py", out / "b.py"), ("pkg", out / "pkg")):
        (folder / name).symlink_to(target)
        with pytest.raises(FlowError, match=f"{name}: it leads out of the flow's folder") as caught:
            read_code(folder)
        assert "copy" in str(caught.value.hint)
        (folder / name).unlink()
    with pytest.raises(FlowError, match="leads out"):
        read_code(folder, extra=["../out/b.py"])


def test_a_package_that_contains_itself_is_refused(tmp_path: Path) -> None:
    """A loop of links ends in an error and not in an endless walk."""
    write(tmp_path, {"pkg/__init__.py": ""})
    (tmp_path / "pkg" / "again").symlink_to(".")
    with pytest.raises(FlowError, match="a link into itself"):
        read_code(tmp_path)


def test_what_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    """A pipe would block for ever, a broken link is a mistake, a missing folder too: each is named."""
    os.mkfifo(tmp_path / "pipe.py")
    with pytest.raises(FlowError, match=r"pipe\.py: not a file"):
        read_code(tmp_path)
    (tmp_path / "pipe.py").unlink()
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    with pytest.raises(FlowError, match="cannot be read: No such file"):
        read_code(tmp_path)
    with pytest.raises(FlowError, match="cannot be read"):
        read_code(tmp_path / "missing")


def test_code_is_bounded(tmp_path: Path) -> None:
    """A flow in a home folder is a mistake that must not copy the home folder."""
    write(tmp_path, {f"many/m{n}.py": "" for n in range(code.MAX_FILES + 1)})
    with pytest.raises(FlowError, match="more than 2000 files") as caught:
        read_code(tmp_path / "many")
    assert "a folder of its own" in str(caught.value.hint)
    write(tmp_path, {"large/a.py": "1", "large/b.py": ""})
    os.truncate(tmp_path / "large" / "b.py", code.MAX_BYTES)
    with pytest.raises(FlowError, match="more than 32 MiB"):
        read_code(tmp_path / "large")


# -- loading


def test_modules_import_one_another_by_plain_name(tmp_path: Path) -> None:
    """Design 7: every way to import finds the files beside the flow, inside functions and packages too."""
    made = flow(
        tmp_path,
        {
            "tasks.py": "import helpers, os as system\nimport pkg.sub\nimport pkg.sub as short\n"
            "from pkg.sub import twice, up\nfrom pkg import other\nfrom helpers import *\n"
            "from lrwf_cli import executor\n"
            "@executor\ndef run(n: int) -> list:\n    import late\n    from pkg.sub import twice as again\n"
            "    return [helpers.h, pkg.sub.twice(n), short is pkg.sub, again is twice, late.l, star, up, other.o,\n"
            "            system.sep]\n",
            "helpers.py": "h = 'helper'\nstar = 'star'\n",
            "late.py": "import tasks\nl = tasks.helpers.h\n",
            "pkg/__init__.py": "",
            "pkg/sub.py": "from . import other\nfrom .other import o as up\nimport helpers\n"
            "def twice(n):\n    return 2 * n\n",
            "pkg/other.py": "from pkg import __name__ as name\no = 'other'\n",
        },
    )
    assert made.resolve("tasks:run")(2) == ["helper", 4, True, True, "helper", "star", "other", "other", "/"]


def test_two_flows_may_have_modules_of_the_same_name(tmp_path: Path) -> None:
    """Design 7: `tasks.py` of one flow is not that of another, in one process, nor is it anybody else's."""
    before = list(sys.path)
    text = (
        "from lrwf_cli import executor\nimport helpers\n@executor\ndef run(n: int) -> str:\n    return helpers.name\n"
    )
    made = [
        flow(tmp_path / name, {"tasks.py": text, "helpers.py": f"name = {name!r}\n"}).resolve("tasks:run")
        for name in ("one", "two")
    ]
    assert [each(1) for each in made] == ["one", "two"]
    assert sys.path == before
    assert not {"tasks", "helpers"} & set(sys.modules)


def test_the_same_code_elsewhere_is_loaded_apart(tmp_path: Path) -> None:
    """`__file__` is the file in the flow's own folder, so that data beside it is found; the same flow loads once."""
    files = {"tasks.py": TASKS + "import pathlib\nhome = pathlib.Path(__file__).parent\n"}
    one, other, again = (flow(tmp_path / name, files) for name in ("one", "two", "one"))
    classes = [made.resolve("tasks:Counter") for made in (one, other, again)]
    assert classes[0] is classes[2] is not classes[1]
    assert {name for _, name in one.loaded()} == {"tasks"}
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"{one.package}.nothing")
    homes = [sys.modules[cls.__module__].home for cls in classes[:2]]
    assert homes == [tmp_path / "one", tmp_path / "two"]


def test_a_file_beside_the_flow_wins_and_hides_nothing_from_others(tmp_path: Path) -> None:
    """reliability T5: a `json.py` beside a flow is the flow's `json`, and lrwf's stays the standard one."""
    made = flow(
        tmp_path,
        {
            "json.py": "mine = True\n",
            "sys.py": "raise SystemError('built-in modules win, as in Python')\n",
            "tasks.py": "import json, sys\nfrom lrwf_cli import executor\n"
            "@executor\ndef run(n: int) -> bool:\n    return json.mine and sys.path is not None\n",
        },
    )
    assert made.resolve("tasks:run")(1) is True
    assert json.loads("1") == 1
    assert sys.modules["json"] is json


def test_lrwf_is_not_hijacked_by_files_of_the_working_directory(tmp_path: Path) -> None:
    """reliability T5: what lies in the working directory and beside the flow is not imported by lrwf itself."""
    names = ["json", "dataclasses", "difflib", "inspect", "ast", "msgspec", "typing", "helpers"]
    write(tmp_path, {f"{name}.py": "raise SystemError('hijacked')\n" for name in names})
    write(tmp_path, {"tasks.py": "from lrwf_cli import executor\n@executor\ndef run(n: int) -> int:\n    return n\n"})
    program = (
        "import sys; from lrwf_cli.executors.loading.modules import *; "
        "from lrwf_cli.executors.api import check_executor; "
        f"made = FlowModules(read_code({str(tmp_path)!r}), {str(tmp_path)!r}); "
        "assert check_executor(make_executor(made.resolve('tasks:run'), 'run')) == []; "
        "sys.stdout.write('ready')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "ready"


def test_installed_modules_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Design 7: `uses: mypackage.tasks:Thing` works for what is installed; its types are known by their own name."""
    site = write(tmp_path / "site", {"lrwf_test_installed/__init__.py": "", "lrwf_test_installed/tasks.py": TASKS})
    monkeypatch.syspath_prepend(site)
    made, codec = flow(tmp_path / "flow"), Codec()
    made.register_types(codec)
    found = made.resolve("lrwf_test_installed.tasks:Counter")
    home = sys.modules[found.__module__]
    assert ("lrwf_test_installed.tasks", True) in [(name, module is home) for module, name in made.loaded()]
    assert codec.encode(home.Order(1)) == {"$type": "lrwf_test_installed.tasks:Order", "value": {"n": 1}}


def test_types_are_known_as_they_are_loaded(tmp_path: Path) -> None:
    """Conformance 47, 49: a type's name on disk is the module's own, the same for every version of the code."""
    files = {"tasks.py": TASKS, "late.py": "from enum import Enum\nclass E(Enum):\n    A = 1\n"}
    made, codec = flow(tmp_path, files), Codec()
    made.register_types(codec)
    order = sys.modules[made.resolve("tasks:Counter").__module__].Order(1)
    encoded = codec.encode(order)
    assert encoded == {"$type": "tasks:Order", "value": {"n": 1}}
    assert codec.decode(encoded) == order
    refusal(made, "late:E")
    assert codec.encode(sys.modules[f"{made.package}.late"].E.A) == {"$type": "late:E", "value": "A"}
    assert {name for _, name in made.loaded()} == {"tasks", "late"}
    changed = flow(tmp_path, {"tasks.py": f"{TASKS}\n# changed\n"})
    other = Codec()
    changed.resolve("tasks:Counter")
    changed.register_types(other)
    assert other.encode(other.decode(encoded)) == encoded


def test_two_runs_of_the_same_code_know_what_either_loads(tmp_path: Path) -> None:
    """Runs of one flow share its modules in a process: a late import by one gives its types to both."""
    files = {"tasks.py": TASKS, "late.py": "from enum import Enum\nclass E(Enum):\n    A = 1\n"}
    flows, codecs = [flow(tmp_path, files) for _ in range(2)], [Codec(), Codec()]
    for made, codec in zip(flows, codecs, strict=True):
        made.register_types(codec)
    refusal(flows[0], "late:E")
    member = sys.modules[f"{flows[0].package}.late"].E.A
    assert [codec.decode(codec.encode(member)) for codec in codecs] == [member, member]


def frames_of(made: FlowModules) -> list[traceback.FrameSummary]:
    target = make_executor(made.resolve("tasks:Counter"), "c")
    order: Any = sys.modules[type(target).__module__].Order(1)
    try:
        asyncio.run(target.count(order, None))  # type: ignore[attr-defined]
    except ValueError as error:
        linecache.checkcache()
        return traceback.extract_tb(error.__traceback__)
    raise AssertionError


def test_tracebacks_show_the_authors_file(tmp_path: Path) -> None:
    """Lines and names are those of the file in the flow's folder, as long as it is what the run is pinned to."""
    frame = frames_of(flow(tmp_path))[-1]
    assert (frame.filename, frame.lineno) == (str(tmp_path / "tasks.py"), 11)
    assert frame.line == "raise ValueError(order.n)"


def test_tracebacks_of_changed_files_show_what_runs(tmp_path: Path) -> None:
    """Conformance 49: when the file has changed since, the pinned copy is shown; without one, the pinned bytes."""
    snapshot = read_code(write(tmp_path / "flow", {"tasks.py": TASKS}))
    write(tmp_path, {"flow/tasks.py": "# all other\n" * 20, "pinned/tasks.py": TASKS})
    frame = frames_of(FlowModules(snapshot, tmp_path / "flow", tmp_path / "pinned"))[-1]
    assert (frame.filename, frame.line) == (str(tmp_path / "pinned" / "tasks.py"), "raise ValueError(order.n)")
    frame = frames_of(FlowModules(snapshot, tmp_path / "elsewhere"))[-1]
    assert frame.line == "raise ValueError(order.n)"
    assert "pinned" in frame.filename


def test_what_modules_print_is_talk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stdout is for data: what a module prints when it is imported goes to stderr."""
    flow(tmp_path, {"tasks.py": f"print('hello')\n{TASKS}"}).resolve("tasks:Counter")
    assert capsys.readouterr() == ("", "hello\n")


# -- what `uses:` names


def test_problems_of_a_class_are_told_with_the_authors_line(tmp_path: Path) -> None:
    """Conformance 10: the place of a wrong handler is in the file in the flow's folder."""
    text = "from lrwf_cli import Executor, handler\nclass Odd(Executor):\n    @handler\n    def f(self, m): ...\n"
    ((message, _),) = check_executor(flow(tmp_path, {"tasks.py": text}).resolve("tasks:Odd"))
    assert message.startswith(f"{tmp_path / 'tasks.py'}:3: handler `Odd.f`")
    bare = flow(tmp_path, {"bare.py": "from lrwf_cli import Executor\n\nclass Bare(Executor): ...\n"})
    assert check_executor(bare.resolve("bare:Bare"))[0][0].startswith(f"{tmp_path / 'bare.py'}:3: ")


@pytest.mark.parametrize(
    ("uses", "message", "hint"),
    [
        ("taks:Counter", "no module `taks` beside the flow, and none installed", "did you mean `tasks`?"),
        ("zzz.y:X", "no module `zzz.y`", "beside the flow there are: tasks"),
        ("tasks.sub:X", "no module `tasks.sub`", "did you mean `tasks`?"),
        ("tasks:Conter", "module `tasks` has no `Conter`", "did you mean `Counter`?"),
        ("tasks:Zebra", "module `tasks` has no `Zebra`", "it has: Counter, double"),
        ("tasks:Order", "`tasks:Order` is not an executor but a class", "derive it from `lrwf_cli.Executor`"),
        ("tasks:plain", "`tasks:plain` is not an executor but a function", "decorate it with `@executor`"),
        ("tasks:number", "`tasks:number` is not an executor but a int", "name a class derived from"),
        ("os.path:join", "`os.path:join` is not an executor", "decorate it"),
    ],
)
def test_what_cannot_be_named_is_told(tmp_path: Path, uses: str, message: str, hint: str) -> None:
    """An unknown module or name, or one that is no executor, is named, with the nearest right one."""
    error = refusal(flow(tmp_path), uses)
    assert message in error.message
    assert hint in str(error.hint)


def test_a_flow_without_code_says_where_to_put_it(tmp_path: Path) -> None:
    """The first mistake of all: no module there yet."""
    assert "put a `tasks.py` beside the flow" in str(refusal(flow(tmp_path, {"readme.txt": ""}), "tasks:Counter").hint)
    empty = flow(tmp_path, {"empty.py": ""})
    assert refusal(empty, "empty:X").hint == "define it there"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import os\nfoo(\n", "bad.py:2:4: SyntaxError: '(' was never closed"),
        ("\n\nundefined\n", "bad.py:3: NameError: name 'undefined' is not defined"),
        ("import sys\nsys.exit(3)\n", "bad.py:2: SystemExit: 3"),
        ("import worse\n", "worse.py:2: ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", "bad.py:2: JSONDecodeError"),
        ("x = '\0'\n", "null bytes"),
    ],
)
def test_a_module_that_cannot_be_imported_names_the_authors_line(tmp_path: Path, text: str, message: str) -> None:
    """Conformance 59: whatever an import raises is one message with file and line, and no traceback."""
    error = refusal(flow(tmp_path, {"bad.py": text, "worse.py": "\n1 / 0\n"}), "bad:X")
    assert error.message.startswith("module `bad` cannot be imported: ")
    assert message in error.message
    assert error.hint


def test_a_missing_dependency_says_what_to_install(tmp_path: Path) -> None:
    """A module that is not there but imported is another matter than a wrong `uses:`."""
    error = refusal(flow(tmp_path, {"tasks.py": "import lrwf_nowhere\n"}), "tasks:X")
    assert "tasks.py:1: ModuleNotFoundError: No module named 'lrwf_nowhere'" in error.message
    assert f"install it for {sys.executable}" in str(error.hint)


def test_ctrl_c_during_an_import_is_ctrl_c(tmp_path: Path) -> None:
    """Conformance 57: it is not blamed on the module."""
    with pytest.raises(KeyboardInterrupt):
        flow(tmp_path, {"tasks.py": "raise KeyboardInterrupt\n"}).resolve("tasks:X")


def test_the_base_class_is_no_candidate(tmp_path: Path) -> None:
    """`Executor` itself, imported by every module, is not what somebody meant."""
    text = "from lrwf_cli import Executor\n"
    assert refusal(flow(tmp_path, {"tasks.py": text}), "tasks:Executer").hint == "define it there"
