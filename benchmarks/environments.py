"""The two Python environments in `.venv-bench`, made when they are missing: lrwf's and its peers'.

lrwf has one of its own too, with what its users get and nothing else: a developer's environment has packages that
others import if they are there, and hooks that run at every start. Byte code is compiled in both before anything is
measured: whether somebody's installer does so is nobody's merit.
"""

import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.process import Command

__all__ = ["ROOT", "lrwf", "peer", "peer_packages", "python", "versions"]

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: the folder that has `benchmarks/` in it."""

_ENVIRONMENTS = ROOT / ".venv-bench"
_VERSIONS = (
    "from importlib.metadata import distributions; "
    "print(*sorted(f'{d.name} {d.version}' for d in distributions()), sep='\\n')"
)


def python(folder: Path, *arguments: str) -> Command:
    """Return a call of the interpreter that runs lrwf, in `folder`, with this checkout's modules at hand."""
    return Command((str(_ours() / "bin" / "python"), *arguments), folder, {"PYTHONPATH": str(ROOT)})


def lrwf(folder: Path, *arguments: str) -> Command:
    """Return a call of the installed program `lrwf` in `folder`; its state directory is `state` in there."""
    return Command((str(_ours() / "bin" / "lrwf"), *arguments), folder, {"LRWF_STATE_DIR": str(folder / "state")})


def peer(folder: Path, module: str, *arguments: str) -> Command:
    """Return a call of one of the peers' programs, a module of `benchmarks.peers`, in `folder`."""
    argv = (str(_theirs() / "bin" / "python"), "-m", f"benchmarks.peers.{module}", *arguments)
    return Command(argv, folder, {"PYTHONPATH": str(ROOT)})


def versions() -> tuple[dict[str, str], dict[str, str]]:
    """Return what is installed, by name: beside lrwf, and beside its peers."""
    return _installed(_ours()), _installed(_theirs())


def peer_packages() -> list[str]:
    """Return the packages that lrwf is compared with: the extra `bench` of pyproject.toml."""
    return list(_project()["optional-dependencies"]["bench"])


@cache
def _ours() -> Path:
    place = _made("lrwf", "--editable", str(ROOT), *_project()["dependencies"])
    _compile(ROOT / "lrwf_cli", ROOT / "benchmarks")
    return place


@cache
def _theirs() -> Path:
    return _made("peers", *peer_packages())


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _made(name: str, *requirements: str) -> Path:
    """Return an environment with `requirements`, made anew if they have changed or its making was cut short."""
    place, wanted = _ENVIRONMENTS / name, "\n".join(requirements)
    done = place / "requirements.txt"
    if not done.exists() or done.read_text(encoding="utf-8") != wanted:
        _call(sys.executable, "-m", "venv", "--clear", str(place))
        pip = (str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        _call(*pip, *requirements)
        _compile(place / "lib")
        done.write_text(wanted, encoding="utf-8")
    return place


def _compile(*folders: Path) -> None:
    """Write the byte code of all modules below `folders`. One that cannot be compiled is no module that anyone uses."""
    argv = [sys.executable, "-m", "compileall", "-q", *map(str, folders)]
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL)


def _call(*argv: str) -> None:
    print(f"$ {' '.join(argv)}", file=sys.stderr)
    subprocess.run(argv, check=True)


def _installed(place: Path) -> dict[str, str]:
    argv = [str(place / "bin" / "python"), "-I", "-c", _VERSIONS]
    lines = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines)
