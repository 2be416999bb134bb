"""The two Python environments: this one, which has lrwf, and one of the peers' own, made when it is missing.

Both have their byte code compiled before anything is measured: whether somebody's installer did so is nobody's merit.
"""

import subprocess
import sys
import sysconfig
import tomllib
from functools import cache
from pathlib import Path

from benchmarks.process import Command
from lrwf_cli.errors import LrwfError

__all__ = ["ROOT", "lrwf", "peer", "peer_packages", "peer_python", "python"]

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: the folder that has `benchmarks/` in it."""

_PEERS = ROOT / ".venv-bench"


def python(folder: Path, *arguments: str) -> Command:
    """Return a call of this environment's interpreter, in `folder`, with this checkout's modules at hand."""
    _compile_ours()
    return Command((sys.executable, *arguments), folder, {"PYTHONPATH": str(ROOT)})


def lrwf(folder: Path, *arguments: str) -> Command:
    """Return a call of the installed program `lrwf` in `folder`; its state directory is `state` in there."""
    _compile_ours()
    program = Path(sys.executable).with_name("lrwf")
    if not program.exists():
        raise LrwfError(f"no program `lrwf` beside {sys.executable}", hint="install it: python -m pip install -e .")
    return Command((str(program), *arguments), folder, {"LRWF_STATE_DIR": str(folder / "state")})


def peer(folder: Path, module: str, *arguments: str) -> Command:
    """Return a call of one of the peers' programs, a module of `benchmarks.peers`, in `folder`."""
    argv = (str(peer_python()), "-m", f"benchmarks.peers.{module}", *arguments)
    return Command(argv, folder, {"PYTHONPATH": str(ROOT)})


@cache
def peer_python() -> Path:
    """Return the peers' interpreter; their environment is made and filled by pip when it is missing."""
    interpreter = _PEERS / "bin" / "python"
    if not (_PEERS / "complete").exists():
        _call(sys.executable, "-m", "venv", "--clear", str(_PEERS))
        _call(str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer_packages())
        _compile(_PEERS / "lib")
        (_PEERS / "complete").touch()
    return interpreter


def peer_packages() -> list[str]:
    """Return the packages that lrwf is compared with: the extra `bench` of pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return list(project["project"]["optional-dependencies"]["bench"])


@cache
def _compile_ours() -> None:
    _compile(ROOT / "lrwf_cli", ROOT / "benchmarks", Path(sysconfig.get_path("purelib")))


def _compile(*folders: Path) -> None:
    """Write the byte code of all modules below `folders`. One that cannot be compiled is no module that anyone uses."""
    argv = [sys.executable, "-m", "compileall", "-q", *map(str, folders)]
    subprocess.run(argv, check=False, stdout=subprocess.DEVNULL)


def _call(*argv: str) -> None:
    print(f"$ {' '.join(argv)}", file=sys.stderr)
    subprocess.run(argv, check=True)
