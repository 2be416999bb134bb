"""Workflows of DBOS on SQLite that sleep: `python -m benchmarks.peers.sleepers_dbos begin|resume N FOLDER`.

`begin` starts N workflows, and ends at once, as if it was killed, when all of them sleep. `resume` launches DBOS, which
recovers what was pending, and waits for all of them: to be called when the sleep is over. As its documentation has it,
and SQLite as DBOS sets it up.
"""

import json
import os
import sqlite3
import sys
import time
from pathlib import Path

from dbos import DBOS

SLEEP_S = 90
_ASLEEP = "SELECT count(*) FROM operation_outputs WHERE function_name = 'DBOS.sleep'"
_DONE = "SELECT count(*) FROM workflow_status WHERE status = 'SUCCESS'"


@DBOS.workflow()
def sleeper(number: int) -> int:
    """Sleep for a while, and then add one."""
    DBOS.sleep(SLEEP_S)
    return number + 1


def launch(folder: Path) -> Path:
    """Launch as a script of a user's does; return where the database is."""
    folder.mkdir(parents=True, exist_ok=True)
    database = folder / "dbos.sqlite"
    url = f"sqlite:///{database}"
    DBOS(config={"name": "sleepers", "system_database_url": url, "run_admin_server": False, "log_level": "ERROR"})
    DBOS.launch()
    return database


def counted(query: str, database: Path) -> int:
    """Return what a query counts."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)
    try:
        return int(connection.execute(query).fetchone()[0])
    finally:
        connection.close()


def wait_for(many: int, query: str, database: Path) -> None:
    """Return when a query counts so many."""
    while counted(query, database) < many:
        time.sleep(0.02)


def begin(many: int, folder: Path) -> None:
    """Start the workflows and leave when all of them sleep; fail if some are awake again by then."""
    database = launch(folder)
    for number in range(many):
        DBOS.start_workflow(sleeper, number)
    wait_for(many, _ASLEEP, database)
    os._exit(min(1, counted(_DONE, database)))  # nobody is waited for, nothing is cleaned up: they stay pending


def resume(many: int, folder: Path) -> None:
    """Go on with them, and print how long that took from the launch."""
    began = time.perf_counter()
    database = launch(folder)
    wait_for(many, _DONE, database)
    print(json.dumps({"seconds": time.perf_counter() - began, "outputs": [many]}))
    sys.stdout.flush()
    os._exit(0)  # its background threads take a second to end, which is nobody's work


if __name__ == "__main__":
    {"begin": begin, "resume": resume}[sys.argv[1]](int(sys.argv[2]), Path(sys.argv[3]))
