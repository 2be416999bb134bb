"""The console script, started as a user starts it: a process of its own with an environment of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.modes.settings import settings

__all__ = ["ROOT", "environment", "lrwf"]

ROOT = Path(__file__).parents[1]


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment in which `lrwf` is this one, its state is below `home`, and nothing is coloured."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "120",
        "NO_COLOR": "1",
        **settings(),
        **more,
    }


def lrwf(
    *arguments: str, home: Path, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run `lrwf` with `home` as home and working directory; `env` comes on top of `environment(home)`."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("lrwf")), *arguments],
        cwd=home,
        env={**environment(home), **(env or {})},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
