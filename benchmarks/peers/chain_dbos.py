"""A chain of steps with DBOS on SQLite: `python -m benchmarks.peers.chain_dbos N FOLDER`.

A step is a function, the chain a workflow that calls it N times, as its documentation has it. SQLite is left as DBOS
sets it up: each step is a synced commit.
"""

import json
import sys
from pathlib import Path

from dbos import DBOS


@DBOS.step()
def step(total: int) -> int:
    """Add one to what the step before came to."""
    return total + 1


@DBOS.workflow()
def chain(steps: int) -> int:
    """Call the steps one after another."""
    total = 0
    for _ in range(steps):
        total = step(total)
    return total


def main(steps: int, folder: Path) -> None:
    """Launch, run the chain and shut down, as a script of a user's does."""
    folder.mkdir(parents=True, exist_ok=True)
    database = f"sqlite:///{folder / 'dbos.sqlite'}"
    DBOS(config={"name": "chain", "system_database_url": database, "run_admin_server": False, "log_level": "ERROR"})
    DBOS.launch()
    print(json.dumps({"outputs": [chain(steps)]}))
    DBOS.destroy()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
