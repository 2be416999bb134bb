"""Whether the mode is on, and what has it on in a process that a test starts. Imports nothing of lrwf."""

import os
from pathlib import Path

__all__ = ["ALONE", "FRESH", "IS_ON", "settings"]

FRESH = "LRWF_FRESH"
ALONE = "LRWF_FRESH_ALONE"
"""Set for a process that goes on with a run once: what is due soon after that is for the next one."""

IS_ON = bool(os.environ.get(FRESH))
"""As of when the suite began: tests take such variables out of their environment."""


def settings() -> dict[str, str]:
    """Return what is to be added to the environment of a process; nothing if the mode is off."""
    if not IS_ON:
        return {}
    here = Path(__file__).parent
    return {FRESH: "1", "PYTHONPATH": os.pathsep.join([str(here / "site"), str(here.parents[1])])}
