"""Starting: what is imported, where the state is, which commands there are."""

import gc
import json
import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import platformdirs
import pytest

from lrwf_cli.__main__ import default_state_dir, main
from lrwf_cli.cli.app import COMMANDS
from lrwf_cli.cli.examples import EXAMPLES
from lrwf_cli.cli.session import Session
from tests.cli.said import Lrwf
from tests.modes.settings import settings
from tests.program import ROOT, environment
from tests.program import lrwf as program

LOADED = "import sys; from lrwf_cli.__main__ import main; code = main(sys.argv[1:]); print(code, *sorted(sys.modules))"


def loaded_by(home: Path, *arguments: str) -> tuple[int, set[str]]:
    """Return the exit code of a command in a fresh interpreter, and what it has imported."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOADED, *arguments],
        env=environment(home),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    code, *modules = done.stdout.splitlines()[-1].split()
    return int(code), set(modules)


@pytest.mark.parametrize("switches", [(), ("-q",), ("--json",), ("-v", "--jobs", "3"), ("--jobs=3",)])
def test_an_idle_tick_imports_next_to_nothing(tmp_path: Path, switches: tuple[str, ...]) -> None:
    """Conformance 58: cron calls it every minute; with nothing due it loads what reads file names, and no more."""
    bare = subprocess.run(
        [sys.executable, "-P", "-c", "import os, sys, time; print(*sys.modules)"],
        env={**os.environ, **settings()},
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = loaded_by(tmp_path, "tick", *switches)
    ours = {"lrwf_cli", "lrwf_cli.__main__", "lrwf_cli.store", "lrwf_cli.store.idle"}
    assert (code, modules - set(bare.stdout.split())) == (0, ours)


def test_an_idle_tick_touches_the_heartbeat_and_nothing_else(lrwf: Lrwf) -> None:
    """Conformance 58: a tick with nothing due changes no run."""
    assert lrwf("run", "later.yaml", "-q", "--id", "later").code == 0
    state = Path(os.environ["LRWF_STATE_DIR"])
    heartbeat = state / "heartbeat"
    before = _files(state)
    assert lrwf("tick") == (0, "", "")
    assert heartbeat.exists()
    os.utime(heartbeat, (1, 1))
    assert lrwf("tick", "--state-dir", str(state)).out == ""
    assert heartbeat.stat().st_mtime > 1
    assert {name: content for name, content in _files(state).items() if name != "heartbeat"} == before


def _files(folder: Path) -> dict[str, tuple[int, bytes]]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


def test_a_tick_without_a_state_directory_is_idle(lrwf: Lrwf) -> None:
    """Nothing was ever run: there is nothing to do, and nothing is made."""
    assert lrwf("tick") == (0, "", "")
    assert lrwf("tick", "--json").json == {"due": 0, "advanced": 0, "busy": 0, "failed": 0, "runs": []}
    assert not Path(os.environ["LRWF_STATE_DIR"]).exists()


def test_the_two_ways_of_an_idle_tick_print_the_same(lrwf: Lrwf) -> None:
    """What is printed by hand before anything is imported is what the command prints."""
    assert lrwf("tick", "--json").out == lrwf("tick", "--json", "-qq").out


@pytest.mark.parametrize("json", [(), ("--json",)])
def test_status_does_without_what_is_slow(lrwf: Lrwf, tmp_path: Path, json: tuple[str, ...]) -> None:
    """A look at a run loads no parser, no terminal, no event loop and no YAML."""
    assert lrwf("run", "fail.yaml", "-q", "--id", "bad").code == 1
    code, modules = loaded_by(tmp_path, "status", "bad", "--state-dir", os.environ["LRWF_STATE_DIR"], *json)
    assert code == 0
    slow = ("rich", "asyncio", "yaml", "click", "filelock", "simpleeval", "platformdirs", "json", "concurrent")
    assert not modules.intersection(slow)
    assert not [name for name in modules if name.startswith(("lrwf_cli.engine", "lrwf_cli.flow"))]


@pytest.mark.parametrize(("command", "most"), [("status", 56), ("run", 220)])
def test_commands_keep_to_their_budget_of_modules(tmp_path: Path, command: str, most: int) -> None:
    """Starting is importing: what a run of one Python step has no use for is loaded by those who have."""
    flow = str(Path(__file__).parent / "flows" / "greet.yaml")
    code, modules = loaded_by(tmp_path, "run", flow, "-q", "--id", "one")
    assert code == 0
    if command == "status":
        code, modules = loaded_by(tmp_path, "status", "one")
    needless = {"rich", "simpleeval", "platformdirs", "json", "tempfile", "lrwf_cli.executors.isolate"}
    assert (code, modules & needless) == (0, set())
    assert not [name for name in modules if name.startswith(("lrwf_cli.testing", "lrwf_cli.executors.commands.out"))]
    assert len([name for name in modules if name.startswith("lrwf_cli")]) <= most


LOOKS = """
import gc
from lrwf_cli import executor

@executor
def look(message: dict) -> dict:
    return {"threshold": list(gc.get_threshold()), "set_aside": gc.get_freeze_count()}
"""


def test_handlers_find_the_collector_of_garbage_as_usual(tmp_path: Path) -> None:
    """Hardly any garbage is looked for while a command loads; what handlers leave behind is, as in other programs."""
    (tmp_path / "looks.py").write_text(LOOKS)
    (tmp_path / "flow.yaml").write_text("name: looks\nexecutors: {look: {uses: looks:look}}\n")
    said = program("run", "flow.yaml", "-q", home=tmp_path)
    found = json.loads(said.stdout)
    assert found["threshold"] == list(gc.get_threshold())
    assert found["set_aside"] > 10_000


def test_help_imports_no_command(tmp_path: Path) -> None:
    """`lrwf --help` lists all commands from a table: none of their modules is loaded for it."""
    code, modules = loaded_by(tmp_path, "--help")
    assert code == 0
    assert not {f"lrwf_cli.cli.{name}" for name in COMMANDS} & modules


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_of_commands_says_what_each_says_itself(name: str, lrwf: Lrwf) -> None:
    """The line in `lrwf --help` is the first of the command's own help, which lists the common options too."""
    said = lrwf(name, "--help")
    assert said.code == 0
    assert f"  {COMMANDS[name]}\n" in said.out
    for option in ("--state-dir", "--json", "--quiet", "--verbose"):
        assert option in said.out
    assert name in lrwf("--help").out


@pytest.mark.parametrize(("name", "line"), [(name, line) for name in EXAMPLES for line, _ in EXAMPLES[name]])
def test_what_a_help_text_says_can_be_typed(name: str, line: str, lrwf: Lrwf) -> None:
    """Each example stands whole in its command's help, and the command understands it."""
    program, called, *arguments = shlex.split(line)
    assert (program, called) == ("lrwf", name)
    assert f"  {line}\n" in lrwf(name, "--help").out
    command = import_module(f"lrwf_cli.cli.{name}").command
    command.make_context(name, arguments, obj=Session(lambda: "nowhere"))


def test_every_command_has_an_example() -> None:
    """Help texts say what to type."""
    assert list(EXAMPLES) == list(COMMANDS)


def test_common_options_stand_before_or_after_the_command(lrwf: Lrwf, tmp_path: Path) -> None:
    """`lrwf --json list` is `lrwf list --json`; the one after the command wins where there can be only one."""
    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    assert lrwf("--state-dir", here, "run", "greet.yaml", "-q", "--id", "x").code == 0
    assert [run["run_id"] for run in lrwf("--json", "--state-dir", here, "list").json] == ["x"]
    assert lrwf("--state-dir", here, "list", "--state-dir", there, "--json").json == []


def test_the_version(lrwf: Lrwf) -> None:
    """`lrwf --version` says the installed one."""
    assert lrwf("--version").out.startswith("lrwf 0.")


def test_without_a_command_the_help_is_an_error(lrwf: Lrwf) -> None:
    """A script that calls `lrwf $NOTHING` notices."""
    said = lrwf()
    assert (said.code, said.out) == (2, "")
    assert "Commands:" in said.err


@pytest.mark.parametrize(
    "settings",
    [
        {"HOME": "/home/me"},
        {"HOME": "/home/me/"},
        {"HOME": "/"},
        {"HOME": "/home/me", "XDG_STATE_HOME": ""},
        {"HOME": "/home/me", "XDG_STATE_HOME": "/var/state"},
        {"HOME": "/home/me", "XDG_STATE_HOME": "/var/state/"},
        {"HOME": "/home/me", "XDG_STATE_HOME": "relative"},
        {"HOME": ""},
        {},
    ],
    ids=str,
)
def test_the_state_is_where_platformdirs_says(settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without LRWF_STATE_DIR runs are in the user's place for state; the fast way there is no other way."""
    for name in ("HOME", "XDG_STATE_HOME", "LRWF_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert default_state_dir() == platformdirs.user_state_dir("lrwf")
    monkeypatch.setenv("LRWF_STATE_DIR", "/elsewhere")
    assert default_state_dir() == "/elsewhere"


def test_the_module_is_the_program() -> None:
    """`python -m lrwf_cli` is `lrwf`."""
    done = subprocess.run([sys.executable, "-P", "-m", "lrwf_cli", "--version"], capture_output=True, check=True)
    assert done.stdout.startswith(b"lrwf ")
    assert main(["tick"]) == 0
