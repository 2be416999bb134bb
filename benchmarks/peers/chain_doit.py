"""A chain of tasks with doit: `python -m benchmarks.peers.chain_doit N FOLDER`.

Tasks are Python actions that hand their value on by `getargs`, which doit keeps in its database (dbm, its default).
It is written once, when all is over, and not synced: a kill in the middle loses all of it.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from doit.cmd_base import ModuleTaskLoader
from doit.doit_cmd import DoitMain


def step(total: int = 0) -> dict[str, int]:
    """Add one to what the task before came to."""
    return {"total": total + 1}


def tasks(steps: int) -> Iterator[dict[str, Any]]:
    """Yield the chain's tasks, and one that prints what it came to."""
    yield {"name": "1", "actions": [step]}
    for number in range(2, steps + 1):
        yield {"name": str(number), "actions": [step], **_after(number - 1)}
    yield {"name": "end", "actions": [_report], "verbosity": 2, **_after(steps)}


def _after(number: int) -> dict[str, Any]:
    return {"task_dep": [f"step:{number}"], "getargs": {"total": (f"step:{number}", "total")}}


def _report(total: int) -> None:
    print(json.dumps({"outputs": [total]}))


def main(steps: int, folder: Path) -> int:
    """Run `doit` with these tasks; its database is in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"dep_file": str(folder / "doit.db"), "outfile": str(folder / "doit.log")}
    members = {"DOIT_CONFIG": config, "task_step": lambda: tasks(steps)}
    return int(DoitMain(ModuleTaskLoader(members)).run(["run"]))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
