"""Which modes are on, and what has them on in a process that a test starts. Imports nothing of lrwf."""

import os
from pathlib import Path

__all__ = ["FRESH", "IS_FRESH", "IS_TWICE", "NEXT", "TWICE", "settings"]

FRESH = "LRWF_FRESH"
TWICE = "LRWF_TWICE"
NEXT = "LRWF_FRESH_NEXT"
"""Set for a process that goes on with a run once: what is due after that is for the next one."""

IS_FRESH = bool(os.environ.get(FRESH))
"""As of when the suite began: tests take such variables out of their environment."""

IS_TWICE = bool(os.environ.get(TWICE))


def settings(*, fresh: bool = IS_FRESH, twice: bool = IS_TWICE) -> dict[str, str]:
    """Return what is to be added to the environment of a process; nothing if no mode is to be on."""
    modes = {FRESH: "1"} if fresh else {}
    modes |= {TWICE: "1"} if twice else {}
    if not modes:
        return {}
    here = Path(__file__).parent
    return {**modes, "PYTHONPATH": os.pathsep.join([str(here / "site"), str(here.parents[1])])}
