"""A chain of tasks with Luigi's local scheduler: `python -m benchmarks.peers.chain_luigi N FOLDER`.

Each task writes its target, a file, from that of the task before: a target is what Luigi knows of what is done.
It is written to a temporary file and renamed; nothing is synced.
"""

import json
import sys
from pathlib import Path

import luigi


class Step(luigi.Task):
    """Adds one to what the task before came to."""

    number = luigi.IntParameter()
    folder = luigi.Parameter()

    def requires(self) -> list["Step"]:
        """Return the task before, if there is one."""
        return [Step(self.number - 1, self.folder)] if self.number > 1 else []

    def output(self) -> luigi.LocalTarget:
        """Return the file that says that this task is done."""
        return luigi.LocalTarget(Path(self.folder) / f"{self.number:06}")

    def run(self) -> None:
        """Read, add, write."""
        total = 0
        for before in self.input():
            with before.open() as file:
                total = int(file.read())
        with self.output().open("w") as file:
            file.write(str(total + 1))


def main(steps: int, folder: Path) -> None:
    """Build the last task, and so all before it."""
    folder.mkdir(parents=True, exist_ok=True)
    last = Step(steps, str(folder))
    luigi.build([last], local_scheduler=True, log_level="WARNING")
    print(json.dumps({"outputs": [int(Path(last.output().path).read_text(encoding="utf-8"))]}))


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
